/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "base/mkv-clock.h"
#include "bus/mkv-sandbox-private.h"

G_BEGIN_DECLS

/* What the bus and the kernel say of who has a unique name. */
typedef struct
{
  guint uid;
  MkvSandbox sandbox;
  char *app_id; /* NULL unless it is a Flatpak's */
} MkvCaller;

void mkv_caller_free (MkvCaller *self);

/* Asks for @name, NULL for the other end of a connection without a bus. Its
 * sandbox is looked for if @look is set; without it, it is MKV_SANDBOX_UNKNOWN. */
void mkv_caller_look_up (GDBusConnection *connection, const char *name, gboolean look, MkvClock *clock,
                         GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
MkvCaller *mkv_caller_look_up_finish (GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvCaller, mkv_caller_free)

G_END_DECLS
