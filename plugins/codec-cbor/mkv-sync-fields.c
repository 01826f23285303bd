/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-sync-fields.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"

const char *const mkv_sync_field_names[MKV_SYNC_N_FIELDS + 1] = {
  [MKV_SYNC_FIELD_ID] = "id",
  [MKV_SYNC_FIELD_OP] = "op",
  [MKV_SYNC_FIELD_TO] = "to",
  [MKV_SYNC_FIELD_ACK] = "ack",
  [MKV_SYNC_FIELD_GET] = "get",
  [MKV_SYNC_FIELD_CELL] = "cell",
  [MKV_SYNC_FIELD_FROM] = "from",
  [MKV_SYNC_FIELD_MORE] = "more",
  [MKV_SYNC_FIELD_ROOT] = "root",
  [MKV_SYNC_FIELD_WANT] = "want",
  [MKV_SYNC_FIELD_CELLS] = "cells",
  [MKV_SYNC_FIELD_COUNT] = "count",
  [MKV_SYNC_FIELD_ERROR] = "error",
  [MKV_SYNC_FIELD_LISTS] = "lists",
  [MKV_SYNC_FIELD_NODES] = "nodes",
  [MKV_SYNC_FIELD_OFFER] = "offer",
  [MKV_SYNC_FIELD_UNTIL] = "until",
  [MKV_SYNC_FIELD_EVENTS] = "events",
  [MKV_SYNC_FIELD_HORIZON] = "horizon",
  [MKV_SYNC_FIELD_NODE_ID] = "node_id",
  [MKV_SYNC_FIELD_ERROR_CODE] = "errorCode",
  [MKV_SYNC_FIELD_TIMESTAMP] = "timestamp",
};

/* A getter gives nothing where nothing was set, but what was set may be another
 * operation's. */
void
mkv_sync_message_write (const MkvSyncMessage *message, gboolean more, const MkvSyncWriterClass *klass,
                        gpointer writer)
{
  MkvSyncOperation operation = mkv_sync_message_get_operation (message);
  gboolean is_root = operation == MKV_SYNC_OPERATION_ROOT;
  gboolean is_claim = operation == MKV_SYNC_OPERATION_CLAIM;
  gboolean is_done = operation == MKV_SYNC_OPERATION_DONE;
  gboolean is_error = operation == MKV_SYNC_OPERATION_ERROR;

  klass->text (writer, MKV_SYNC_FIELD_ID, mkv_sync_message_get_id (message));
  klass->text (writer, MKV_SYNC_FIELD_OP, mkv_sync_operation_to_wire (operation));
  klass->text (writer, MKV_SYNC_FIELD_TO, is_claim ? mkv_sync_message_get_to (message) : NULL);
  if (operation == MKV_SYNC_OPERATION_SYNC && mkv_sync_message_get_ack (message))
    klass->flag (writer, MKV_SYNC_FIELD_ACK);
  klass->items (writer, MKV_SYNC_FIELD_GET);
  klass->octets (writer, MKV_SYNC_FIELD_CELL, is_root ? mkv_sync_message_get_cell (message) : NULL);
  klass->text (writer, MKV_SYNC_FIELD_FROM, mkv_sync_message_get_from (message));
  if (more)
    klass->flag (writer, MKV_SYNC_FIELD_MORE);
  klass->octets (writer, MKV_SYNC_FIELD_ROOT, mkv_sync_message_get_root (message));
  klass->items (writer, MKV_SYNC_FIELD_WANT);
  klass->items (writer, MKV_SYNC_FIELD_CELLS);
  klass->integer (writer, MKV_SYNC_FIELD_COUNT, mkv_sync_message_get_count (message));
  klass->text (writer, MKV_SYNC_FIELD_ERROR, is_error ? mkv_sync_message_get_error_text (message) : NULL);
  klass->items (writer, MKV_SYNC_FIELD_LISTS);
  klass->items (writer, MKV_SYNC_FIELD_NODES);
  klass->items (writer, MKV_SYNC_FIELD_OFFER);
  if (is_done && mkv_sync_message_get_until (message) >= 0)
    klass->integer (writer, MKV_SYNC_FIELD_UNTIL, mkv_sync_message_get_until (message));
  klass->items (writer, MKV_SYNC_FIELD_EVENTS);
  klass->integer (writer, MKV_SYNC_FIELD_HORIZON, mkv_sync_message_get_horizon (message));
  klass->text (writer, MKV_SYNC_FIELD_NODE_ID, is_root ? mkv_sync_message_get_node_id (message) : NULL);
  if (is_error && mkv_sync_message_get_error_code (message) != MKV_ERROR_CODE_NONE)
    klass->integer (writer, MKV_SYNC_FIELD_ERROR_CODE, (gint64) mkv_sync_message_get_error_code (message));
  klass->integer (writer, MKV_SYNC_FIELD_TIMESTAMP, mkv_sync_message_get_timestamp (message));
}

gboolean
mkv_sync_field_has_digits (MkvSyncField field)
{
  return field == MKV_SYNC_FIELD_GET || field == MKV_SYNC_FIELD_NODES;
}

gboolean
mkv_sync_field_has_number (MkvSyncField field)
{
  return field == MKV_SYNC_FIELD_CELLS || field == MKV_SYNC_FIELD_NODES;
}

static gboolean
add_prefix (const MkvSyncParts *parts, MkvSyncField field, MkvSyncMessage *message, GError **error)
{
  MkvSyncPrefix *prefix;

  if (field == MKV_SYNC_FIELD_CELLS && (parts->number < 1 || parts->number > MKV_MAX_CELL_DEPTH))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED,
                   _("Cells are %" PRId64 " bits deeper than their prefix, not 1 to %d"), parts->number,
                   MKV_MAX_CELL_DEPTH);
      return FALSE;
    }
  prefix = mkv_sync_prefix_new_from_wire (parts->prefix, (guint) parts->number, parts->octets, error);
  if (prefix != NULL)
    mkv_sync_message_add_prefix (message, prefix);
  return prefix != NULL;
}

static gboolean
add_node (const MkvSyncParts *parts, MkvSyncMessage *message, GError **error)
{
  MkvSyncNode *node = mkv_sync_node_new (parts->digits, (guint) parts->number, parts->octets, error);

  if (node != NULL)
    mkv_sync_message_add_node (message, node);
  return node != NULL;
}

gboolean
mkv_sync_parts_add (const MkvSyncParts *parts, MkvSyncField field, MkvSyncMessage *message, GError **error)
{
  if (field == MKV_SYNC_FIELD_NODES)
    return add_node (parts, message, error);
  if (field != MKV_SYNC_FIELD_GET)
    return add_prefix (parts, field, message, error);
  mkv_sync_message_add_query (message, parts->digits);
  return TRUE;
}

void
mkv_sync_parts_clear (MkvSyncParts *parts)
{
  g_clear_pointer (&parts->digits, g_free);
  g_clear_pointer (&parts->prefix, g_bytes_unref);
  g_clear_pointer (&parts->octets, g_bytes_unref);
}

static void
read_state (const MkvSyncReaderClass *klass, gpointer fields, MkvSyncMessage *message)
{
  g_autofree char *from = klass->dup_text (fields, MKV_SYNC_FIELD_FROM);
  gint64 timestamp = klass->get_integer (fields, MKV_SYNC_FIELD_TIMESTAMP, MKV_MAX_TIMESTAMP, -1);
  gint64 horizon = klass->get_integer (fields, MKV_SYNC_FIELD_HORIZON, MKV_MAX_TIMESTAMP, -1);
  g_autoptr (GBytes) root = klass->dup_octets (fields, MKV_SYNC_FIELD_ROOT);
  gint64 count = klass->get_integer (fields, MKV_SYNC_FIELD_COUNT, G_MAXINT64, -1);

  mkv_sync_message_set_from (message, from);
  mkv_sync_message_set_state (message, timestamp, horizon, root, count);
}

static gboolean
check_length (gsize length, GError **error)
{
  if (length <= MKV_MAX_SYNC_BYTES)
    return TRUE;
  g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
               _("The message has %zu octets, a single event not counted; up to %d are allowed"), length,
               MKV_MAX_SYNC_BYTES);
  return FALSE;
}

/* The events come first: they say how long all of the message may be, which is also
 * what limits how many items it has. */
static gboolean
read_sync (const MkvSyncReaderClass *klass, gpointer fields, gsize length, MkvSyncMessage *message,
           GError **error)
{
  g_autoptr (GBytes) want = NULL;
  g_autoptr (GBytes) offer = NULL;
  guint n_events = 0;
  gsize events_length = 0;

  if (!klass->read_events (fields, message, &n_events, &events_length, error) ||
      !check_length (length - (n_events == 1 ? events_length : 0), error) ||
      !klass->read_items (fields, MKV_SYNC_FIELD_CELLS, message, error) ||
      !klass->read_items (fields, MKV_SYNC_FIELD_LISTS, message, error))
    return FALSE;
  want = klass->dup_octets (fields, MKV_SYNC_FIELD_WANT);
  mkv_sync_message_set_want (message, want);
  offer = klass->dup_octets (fields, MKV_SYNC_FIELD_OFFER);
  mkv_sync_message_set_offer (message, offer);
  mkv_sync_message_set_more (message, klass->get_flag (fields, MKV_SYNC_FIELD_MORE));
  mkv_sync_message_set_ack (message, klass->get_flag (fields, MKV_SYNC_FIELD_ACK));
  return TRUE;
}

/* What another operation's field holds is nobody's business, as with an unknown
 * one. */
static gboolean
read_content (const MkvSyncReaderClass *klass, gpointer fields, gsize length, MkvSyncMessage *message,
              GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GBytes) cell = NULL;
  gint64 code;

  if (mkv_sync_message_get_operation (message) == MKV_SYNC_OPERATION_SYNC)
    return read_sync (klass, fields, length, message, error);
  if (!check_length (length, error))
    return FALSE;
  switch (mkv_sync_message_get_operation (message))
    {
    case MKV_SYNC_OPERATION_ROOT:
      text = klass->dup_text (fields, MKV_SYNC_FIELD_NODE_ID);
      cell = klass->dup_octets (fields, MKV_SYNC_FIELD_CELL);
      mkv_sync_message_set_announcement (message, text, cell);
      return TRUE;

    case MKV_SYNC_OPERATION_CLAIM:
      text = klass->dup_text (fields, MKV_SYNC_FIELD_TO);
      mkv_sync_message_set_to (message, text);
      return TRUE;

    case MKV_SYNC_OPERATION_NODES:
      return klass->read_items (fields, MKV_SYNC_FIELD_GET, message, error) &&
             klass->read_items (fields, MKV_SYNC_FIELD_NODES, message, error);

    case MKV_SYNC_OPERATION_DONE:
      mkv_sync_message_set_until (message,
                                  klass->get_integer (fields, MKV_SYNC_FIELD_UNTIL, MKV_MAX_TIMESTAMP, -1));
      return TRUE;

    case MKV_SYNC_OPERATION_ERROR:
      text = klass->dup_text (fields, MKV_SYNC_FIELD_ERROR);
      code = klass->get_integer (fields, MKV_SYNC_FIELD_ERROR_CODE, G_MAXINT32, MKV_ERROR_CODE_NONE);
      mkv_sync_message_set_error (message, (MkvErrorCode) code, text);
      return TRUE;

    case MKV_SYNC_OPERATION_SYNC:
    default:
      g_assert_not_reached ();
    }
}

MkvSyncMessage *
mkv_sync_message_read (const MkvSyncReaderClass *klass, gpointer fields, gsize length, GError **error)
{
  g_autofree char *op = klass->dup_text (fields, MKV_SYNC_FIELD_OP);
  g_autofree char *id = NULL;
  g_autoptr (MkvSyncMessage) message = NULL;
  MkvSyncOperation operation;

  if (op == NULL || !mkv_sync_operation_from_wire (op, &operation))
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("The message has no “op” that is known"));
      return NULL;
    }
  if (operation != MKV_SYNC_OPERATION_ROOT && operation != MKV_SYNC_OPERATION_CLAIM)
    id = klass->dup_text (fields, MKV_SYNC_FIELD_ID);
  message = mkv_sync_message_new (operation, id);
  read_state (klass, fields, message);
  if (!read_content (klass, fields, length, message, error) || !klass->check (fields, error))
    return NULL;
  return g_steal_pointer (&message);
}
