/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-sync-fields.h"

G_BEGIN_DECLS

/* What a message of anti-entropy has any number of, and how much of it goes into
 * one payload. */

/* How many octets each item of a field has, if the field is all of them in one
 * string; 0 if it is an array. */
gsize mkv_sync_field_get_item_size (MkvSyncField field);

/* A payload that is being made. */
typedef struct
{
  /* Adds an item: octets, MkvSyncPrefix, MkvEntry, char or MkvSyncNode. Returns how
   * long the payload is then; G_MAXSIZE if the item can't be in any. */
  gsize (*add) (gpointer payload, MkvSyncField field, gconstpointer item);

  /* Takes back what was added last. */
  void (*take_back) (gpointer payload, MkvSyncField field);
} MkvSyncPayloadClass;

/* Adds to @payload, from the item @first of @message on, what mkv_codec_encode_sync()
 * says that fits. */
gboolean mkv_sync_items_add (const MkvSyncMessage *message, guint first, gsize max_bytes,
                             const MkvSyncPayloadClass *klass, gpointer payload, guint *n_encoded, GError **error);

/* Whether the payload has to say that the turn goes on, if the @n_encoded first items
 * are encoded. */
gboolean mkv_sync_items_go_on (const MkvSyncMessage *message, guint n_encoded);

G_END_DECLS
