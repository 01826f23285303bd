/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "model/mkv-entry.h"
#include "model/mkv-response.h"
#include "model/mkv-sync-node.h"
#include "model/mkv-sync-operation.h"
#include "model/mkv-sync-prefix.h"

G_BEGIN_DECLS

#define MKV_TYPE_SYNC_MESSAGE (mkv_sync_message_get_type ())

typedef struct _MkvSyncMessage MkvSyncMessage;

MKV_API
GType mkv_sync_message_get_type (void);

MKV_API
MkvSyncMessage *mkv_sync_message_new (MkvSyncOperation operation, const char *id);

MKV_API
MkvSyncMessage *mkv_sync_message_ref (MkvSyncMessage *self);

MKV_API
void mkv_sync_message_unref (MkvSyncMessage *self);

MKV_API
MkvSyncOperation mkv_sync_message_get_operation (const MkvSyncMessage *self);

MKV_API
const char *mkv_sync_message_get_id (const MkvSyncMessage *self);

/* Every message. */

MKV_API
const char *mkv_sync_message_get_from (const MkvSyncMessage *self);

MKV_API
void mkv_sync_message_set_from (MkvSyncMessage *self, const char *from);

MKV_API
gint64 mkv_sync_message_get_timestamp (const MkvSyncMessage *self);

MKV_API
gint64 mkv_sync_message_get_horizon (const MkvSyncMessage *self);

MKV_API
GBytes *mkv_sync_message_get_root (const MkvSyncMessage *self);

MKV_API
gint64 mkv_sync_message_get_count (const MkvSyncMessage *self);

MKV_API
void mkv_sync_message_set_state (MkvSyncMessage *self, gint64 timestamp, gint64 horizon, GBytes *root,
                                 gint64 count);

/* ROOT. */

MKV_API
const char *mkv_sync_message_get_node_id (const MkvSyncMessage *self);

MKV_API
GBytes *mkv_sync_message_get_cell (const MkvSyncMessage *self);

MKV_API
void mkv_sync_message_set_announcement (MkvSyncMessage *self, const char *node_id, GBytes *cell);

/* CLAIM. */

MKV_API
const char *mkv_sync_message_get_to (const MkvSyncMessage *self);

MKV_API
void mkv_sync_message_set_to (MkvSyncMessage *self, const char *to);

/* SYNC. */

MKV_API
GPtrArray *mkv_sync_message_get_cells (const MkvSyncMessage *self);

MKV_API
GPtrArray *mkv_sync_message_get_lists (const MkvSyncMessage *self);

MKV_API
void mkv_sync_message_add_prefix (MkvSyncMessage *self, MkvSyncPrefix *prefix);

MKV_API
GBytes *mkv_sync_message_get_want (const MkvSyncMessage *self);

MKV_API
void mkv_sync_message_set_want (MkvSyncMessage *self, GBytes *want);

MKV_API
GBytes *mkv_sync_message_get_offer (const MkvSyncMessage *self);

MKV_API
void mkv_sync_message_set_offer (MkvSyncMessage *self, GBytes *offer);

MKV_API
GPtrArray *mkv_sync_message_get_events (const MkvSyncMessage *self);

MKV_API
void mkv_sync_message_add_event (MkvSyncMessage *self, MkvEntry *entry);

MKV_API
gboolean mkv_sync_message_get_more (const MkvSyncMessage *self);

MKV_API
void mkv_sync_message_set_more (MkvSyncMessage *self, gboolean more);

MKV_API
gboolean mkv_sync_message_get_ack (const MkvSyncMessage *self);

MKV_API
void mkv_sync_message_set_ack (MkvSyncMessage *self, gboolean ack);

/* NODES. */

MKV_API
GPtrArray *mkv_sync_message_get_queries (const MkvSyncMessage *self);

MKV_API
void mkv_sync_message_add_query (MkvSyncMessage *self, const char *digits);

MKV_API
GPtrArray *mkv_sync_message_get_nodes (const MkvSyncMessage *self);

MKV_API
void mkv_sync_message_add_node (MkvSyncMessage *self, MkvSyncNode *node);

/* SYNC and NODES. */

MKV_API
guint mkv_sync_message_get_n_items (const MkvSyncMessage *self);

/* DONE. */

MKV_API
gint64 mkv_sync_message_get_until (const MkvSyncMessage *self);

MKV_API
void mkv_sync_message_set_until (MkvSyncMessage *self, gint64 until);

/* ERROR. */

MKV_API
MkvErrorCode mkv_sync_message_get_error_code (const MkvSyncMessage *self);

MKV_API
const char *mkv_sync_message_get_error_text (const MkvSyncMessage *self);

MKV_API
void mkv_sync_message_set_error (MkvSyncMessage *self, MkvErrorCode code, const char *text);

MKV_API
gboolean mkv_sync_message_check (const MkvSyncMessage *self, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvSyncMessage, mkv_sync_message_unref)

G_END_DECLS
