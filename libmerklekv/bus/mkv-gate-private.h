/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

/* Who may do what. */
typedef struct _MkvGate MkvGate;

typedef enum
{
  MKV_GATE_READ,
  MKV_GATE_WRITE,
  MKV_GATE_MANAGE,
} MkvGateAction;

typedef void (*MkvGateFunc) (GDBusMethodInvocation *invocation, gpointer user_data);

/* @guarded: nobody may do anything that is not allowed to them in so many words. */
MkvGate *mkv_gate_new (GDBusConnection *connection, gboolean guarded);
void mkv_gate_free (MkvGate *self);

/* Calls @func if the caller of @invocation may do @action with all of @names,
 * keys or prefixes of keys, NULL for everything: at once where that is known
 * already. Otherwise it answers with MKV_ERROR_FORBIDDEN, and does not call it. */
void mkv_gate_pass (MkvGate *self, GDBusMethodInvocation *invocation, MkvGateAction action,
                    const char *const *names, MkvGateFunc func, gpointer user_data);

G_END_DECLS
