/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* polkit, as the bus shows it. */
typedef struct _MkvAuthority MkvAuthority;

typedef void (*MkvAuthorityFunc) (gpointer user_data);

/* @changed is called whenever earlier answers may be wrong by now. */
MkvAuthority *mkv_authority_new (GDBusConnection *connection, MkvAuthorityFunc changed, gpointer user_data);
void mkv_authority_free (MkvAuthority *self);

/* Asks whether the caller of that unique name may do @action. An @interactive
 * question may wait for a person as long as it takes; where @cancellable is
 * cancelled, the dialog goes away. */
void mkv_authority_check (MkvAuthority *self, const char *name, const char *action, gboolean interactive,
                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/* FALSE without an error: no. */
gboolean mkv_authority_check_finish (GAsyncResult *result, GError **error);

G_END_DECLS
