/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "observe/mkv-observer-private.h"

G_BEGIN_DECLS

/* Who may do what: every call but those that nobody can do harm with passes here.
 * The rules are in doc/security.md. */
typedef struct _MkvGate MkvGate;

typedef enum
{
  MKV_GATE_READ,
  MKV_GATE_WRITE,
  MKV_GATE_MANAGE,
  MKV_GATE_OWN, /* the caller's own affair: everybody may, in their turn */
} MkvGateAction;

typedef void (*MkvGateFunc) (GDBusMethodInvocation *invocation, gpointer user_data);

/* @guarded: nobody but root and the node's own user may do anything that polkit
 * does not grant. */
MkvGate *mkv_gate_new (GDBusConnection *connection, MkvClock *clock, MkvObserver *observer, gboolean guarded);

/* Answers calls that still wait with MKV_ERROR_UNAVAILABLE. */
void mkv_gate_free (MkvGate *self);

/* Calls @func if the caller of @invocation may do @action with all of @names,
 * keys or prefixes of keys, NULL for everything: at once where that is known
 * already. Otherwise it answers with MKV_ERROR_FORBIDDEN, and does not call it.
 * What waits for one answer goes on in the order in which it came. */
void mkv_gate_pass (MkvGate *self, GDBusMethodInvocation *invocation, MkvGateAction action,
                    const char *const *names, MkvGateFunc func, gpointer user_data);

G_END_DECLS
