/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-sync-items.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"

/* In the order in which they go into payloads. */
static const struct
{
  MkvSyncField field;
  MkvSyncOperation operation;
  GBytes *(*get_octets) (const MkvSyncMessage *message);
  GPtrArray *(*get_array) (const MkvSyncMessage *message);
} kinds[] = {
  { MKV_SYNC_FIELD_WANT, MKV_SYNC_OPERATION_SYNC, mkv_sync_message_get_want, NULL },
  { MKV_SYNC_FIELD_CELLS, MKV_SYNC_OPERATION_SYNC, NULL, mkv_sync_message_get_cells },
  { MKV_SYNC_FIELD_LISTS, MKV_SYNC_OPERATION_SYNC, NULL, mkv_sync_message_get_lists },
  { MKV_SYNC_FIELD_OFFER, MKV_SYNC_OPERATION_SYNC, mkv_sync_message_get_offer, NULL },
  { MKV_SYNC_FIELD_EVENTS, MKV_SYNC_OPERATION_SYNC, NULL, mkv_sync_message_get_events },
  { MKV_SYNC_FIELD_GET, MKV_SYNC_OPERATION_NODES, NULL, mkv_sync_message_get_queries },
  { MKV_SYNC_FIELD_NODES, MKV_SYNC_OPERATION_NODES, NULL, mkv_sync_message_get_nodes },
};

gsize
mkv_sync_field_get_item_size (MkvSyncField field)
{
  return field == MKV_SYNC_FIELD_WANT ? MKV_SHORT_ID_BYTES : field == MKV_SYNC_FIELD_OFFER ? MKV_OFFER_BYTES : 0;
}

/* The items of a kind that a message has, as octets or as an array. */
static guint
get_items (const MkvSyncMessage *message, guint kind, const guint8 **octets, GPtrArray **array)
{
  GBytes *bytes;
  gsize length;

  *array = NULL;
  if (kinds[kind].operation != mkv_sync_message_get_operation (message))
    return 0;
  if (kinds[kind].get_array != NULL)
    {
      *array = kinds[kind].get_array (message);
      return *array != NULL ? (*array)->len : 0;
    }
  bytes = kinds[kind].get_octets (message);
  if (bytes == NULL)
    return 0;
  *octets = g_bytes_get_data (bytes, &length);
  return (guint) (length / mkv_sync_field_get_item_size (kinds[kind].field));
}

/* Adds the items of a kind, but for the *@skip first, of which those of the next
 * kinds are left. FALSE if one did not fit. */
static gboolean
add_kind (const MkvSyncMessage *message, guint kind, guint *skip, gsize max_bytes,
          const MkvSyncPayloadClass *klass, gpointer payload, guint *n_encoded)
{
  MkvSyncField field = kinds[kind].field;
  const guint8 *octets = NULL;
  GPtrArray *array;
  guint n = get_items (message, kind, &octets, &array);
  gsize size = mkv_sync_field_get_item_size (field);
  guint from = MIN (*skip, n);

  *skip -= from;
  for (guint i = from; i < n; i++)
    {
      gboolean is_alone = field == MKV_SYNC_FIELD_EVENTS && *n_encoded == 0;
      gsize limit = is_alone ? max_bytes : MIN (max_bytes, MKV_MAX_SYNC_BYTES);

      if (field == MKV_SYNC_FIELD_EVENTS && i - from == MKV_MAX_EVENTS)
        return FALSE;
      if (klass->add (payload, field, array != NULL ? array->pdata[i] : octets + i * size) > limit)
        {
          klass->take_back (payload, field);
          return FALSE;
        }
      ++*n_encoded;
    }
  return TRUE;
}

gboolean
mkv_sync_items_add (const MkvSyncMessage *message, guint first, gsize max_bytes, const MkvSyncPayloadClass *klass,
                    gpointer payload, guint *n_encoded, GError **error)
{
  guint skip = first, kind = 0;

  while (kind < G_N_ELEMENTS (kinds) && add_kind (message, kind, &skip, max_bytes, klass, payload, n_encoded))
    kind++;
  if (*n_encoded > 0 || first == mkv_sync_message_get_n_items (message))
    return TRUE;
  g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
               _("Item %u of the message does not fit into a payload of %zu octets"), first, max_bytes);
  return FALSE;
}

gboolean
mkv_sync_items_go_on (const MkvSyncMessage *message, guint n_encoded)
{
  return mkv_sync_message_get_operation (message) == MKV_SYNC_OPERATION_SYNC &&
         (mkv_sync_message_get_more (message) || n_encoded < mkv_sync_message_get_n_items (message));
}
