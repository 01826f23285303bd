/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "model/mkv-sync-message-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "model/mkv-names.h"

/**
 * MkvSyncMessage:
 *
 * A message of anti-entropy. Built with the setters, immutable once it is handed
 * to anything else. Each operation has its own fields; those of others are
 * neither written nor read.
 *
 * Since: 0.1
 */
G_DEFINE_BOXED_TYPE (MkvSyncMessage, mkv_sync_message, mkv_sync_message_ref, mkv_sync_message_unref)

/**
 * mkv_sync_message_new:
 * @operation: what the message is
 * @id: (nullable): the session's; %NULL for ROOT and CLAIM, which have none
 *
 * Makes a message without anything else in it.
 *
 * Returns: (transfer full): the message
 *
 * Since: 0.1
 */
MkvSyncMessage *
mkv_sync_message_new (MkvSyncOperation operation, const char *id)
{
  MkvSyncMessage *self = g_new0 (MkvSyncMessage, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->operation = operation;
  self->id = g_strdup (id);
  self->timestamp = self->horizon = self->count = self->until = -1;
  return self;
}

/**
 * mkv_sync_message_ref:
 * @self: a message
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 *
 * Since: 0.1
 */
MkvSyncMessage *
mkv_sync_message_ref (MkvSyncMessage *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * mkv_sync_message_unref:
 * @self: (transfer full): a message
 *
 * Drops a reference, and frees the message with the last.
 *
 * Since: 0.1
 */
void
mkv_sync_message_unref (MkvSyncMessage *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_free (self->id);
  g_free (self->from);
  g_clear_pointer (&self->root, g_bytes_unref);
  g_free (self->node_id);
  g_clear_pointer (&self->cell, g_bytes_unref);
  g_free (self->to);
  g_clear_pointer (&self->cells, g_ptr_array_unref);
  g_clear_pointer (&self->lists, g_ptr_array_unref);
  g_clear_pointer (&self->want, g_bytes_unref);
  g_clear_pointer (&self->offer, g_bytes_unref);
  g_clear_pointer (&self->events, g_ptr_array_unref);
  g_clear_pointer (&self->queries, g_ptr_array_unref);
  g_clear_pointer (&self->nodes, g_ptr_array_unref);
  g_free (self->error_text);
  g_free (self);
}

static void
set_string (char **place, const char *string)
{
  g_free (*place);
  *place = g_strdup (string);
}

void
mkv_sync_message_set_octets (GBytes **place, GBytes *octets)
{
  if (octets != NULL)
    g_bytes_ref (octets);
  g_clear_pointer (place, g_bytes_unref);
  *place = octets;
}

/**
 * mkv_sync_message_get_operation:
 * @self: a message
 *
 * Tells what the message is.
 *
 * Returns: what the message is
 *
 * Since: 0.1
 */
MkvSyncOperation
mkv_sync_message_get_operation (const MkvSyncMessage *self)
{
  return self->operation;
}

/**
 * mkv_sync_message_get_id:
 * @self: a message
 *
 * Gets the id of the session.
 *
 * Returns: (transfer none) (nullable): the id of the session; %NULL if the message
 *   belongs to none
 *
 * Since: 0.1
 */
const char *
mkv_sync_message_get_id (const MkvSyncMessage *self)
{
  return self->id;
}

/**
 * mkv_sync_message_get_from:
 * @self: a message
 *
 * Gets who sent the message.
 *
 * Returns: (transfer none) (nullable): the client id of the sender; %NULL if it
 *   has none
 *
 * Since: 0.1
 */
const char *
mkv_sync_message_get_from (const MkvSyncMessage *self)
{
  return self->from;
}

/**
 * mkv_sync_message_set_from:
 * @self: a message that was not handed over yet
 * @from: (nullable): the client id of the sender
 *
 * Sets who sends the message.
 *
 * Since: 0.1
 */
void
mkv_sync_message_set_from (MkvSyncMessage *self, const char *from)
{
  set_string (&self->from, from);
}

/**
 * mkv_sync_message_get_timestamp:
 * @self: a message
 *
 * Tells when the message was made.
 *
 * Returns: when the message was made by its sender's clock, ms since 1970-01-01
 *   UTC; -1 if unknown
 *
 * Since: 0.1
 */
gint64
mkv_sync_message_get_timestamp (const MkvSyncMessage *self)
{
  return self->timestamp;
}

/**
 * mkv_sync_message_get_horizon:
 * @self: a message
 *
 * Gets the sender's horizon.
 *
 * Returns: the time before which tombstones are not in its sender's tree, ms since
 *   1970-01-01 UTC; -1 if unknown
 *
 * Since: 0.1
 */
gint64
mkv_sync_message_get_horizon (const MkvSyncMessage *self)
{
  return self->horizon;
}

/**
 * mkv_sync_message_get_root:
 * @self: a message
 *
 * Gets the digest of the sender's root.
 *
 * Returns: (transfer none) (nullable): the 32 octets of the digest of its
 *   sender's root; %NULL if it has none
 *
 * Since: 0.1
 */
GBytes *
mkv_sync_message_get_root (const MkvSyncMessage *self)
{
  return self->root;
}

/**
 * mkv_sync_message_get_count:
 * @self: a message
 *
 * Tells how many entries are in the sender's tree.
 *
 * Returns: how many entries are in its sender's tree; -1 if unknown
 *
 * Since: 0.1
 */
gint64
mkv_sync_message_get_count (const MkvSyncMessage *self)
{
  return self->count;
}

/**
 * mkv_sync_message_set_state:
 * @self: a message that was not handed over yet
 * @timestamp: the time of now, ms since 1970-01-01 UTC
 * @horizon: the sender's, a multiple of %MKV_HORIZON_STEP from 0 on
 * @root: (nullable): the 32 octets of the digest of the sender's root
 * @count: how many entries are in the sender's tree
 *
 * Sets what every message tells of its sender.
 *
 * Since: 0.1
 */
void
mkv_sync_message_set_state (MkvSyncMessage *self, gint64 timestamp, gint64 horizon, GBytes *root, gint64 count)
{
  self->timestamp = timestamp;
  self->horizon = horizon;
  mkv_sync_message_set_octets (&self->root, root);
  self->count = count;
}

/**
 * mkv_sync_message_get_node_id:
 * @self: a message
 *
 * Gets the node id of the sender of a ROOT.
 *
 * Returns: (transfer none) (nullable): the node id of the sender of a ROOT;
 *   %NULL if it has none
 *
 * Since: 0.1
 */
const char *
mkv_sync_message_get_node_id (const MkvSyncMessage *self)
{
  return self->node_id;
}

/**
 * mkv_sync_message_get_cell:
 * @self: a message
 *
 * Gets the cell of the whole tree of the sender of a ROOT.
 *
 * Returns: (transfer none) (nullable): the 12 octets of the cell of its whole
 *   tree; %NULL if it has none
 *
 * Since: 0.1
 */
GBytes *
mkv_sync_message_get_cell (const MkvSyncMessage *self)
{
  return self->cell;
}

/**
 * mkv_sync_message_set_announcement:
 * @self: a message that was not handed over yet
 * @node_id: (nullable): the node id of the sender
 * @cell: (nullable): the 12 octets of the cell of its whole tree
 *
 * Sets what a ROOT tells beside what every message does.
 *
 * Since: 0.1
 */
void
mkv_sync_message_set_announcement (MkvSyncMessage *self, const char *node_id, GBytes *cell)
{
  set_string (&self->node_id, node_id);
  mkv_sync_message_set_octets (&self->cell, cell);
}

/**
 * mkv_sync_message_get_to:
 * @self: a message
 *
 * Tells whom a CLAIM is about.
 *
 * Returns: (transfer none) (nullable): the client id that a session is started
 *   with; %NULL if it has none
 *
 * Since: 0.1
 */
const char *
mkv_sync_message_get_to (const MkvSyncMessage *self)
{
  return self->to;
}

/**
 * mkv_sync_message_set_to:
 * @self: a message that was not handed over yet
 * @to: (nullable): the client id that a session is started with
 *
 * Sets whom a CLAIM is about.
 *
 * Since: 0.1
 */
void
mkv_sync_message_set_to (MkvSyncMessage *self, const char *to)
{
  set_string (&self->to, to);
}

/**
 * mkv_sync_message_get_until:
 * @self: a message
 *
 * Tells until when what is left of a difference is known.
 *
 * Returns: until when the two need not compare again, ms since 1970-01-01 UTC; -1
 *   if the DONE does not say
 *
 * Since: 0.1
 */
gint64
mkv_sync_message_get_until (const MkvSyncMessage *self)
{
  return self->until;
}

/**
 * mkv_sync_message_set_until:
 * @self: a message that was not handed over yet
 * @until: ms since 1970-01-01 UTC
 *
 * Sets until when what is left of a difference is known.
 *
 * Since: 0.1
 */
void
mkv_sync_message_set_until (MkvSyncMessage *self, gint64 until)
{
  self->until = until;
}

/**
 * mkv_sync_message_get_error_code:
 * @self: a message
 *
 * Gets the number of the reason for which an ERROR ends the session.
 *
 * Returns: the number; %MKV_ERROR_CODE_NONE if it has none
 *
 * Since: 0.1
 */
MkvErrorCode
mkv_sync_message_get_error_code (const MkvSyncMessage *self)
{
  return self->error_code;
}

/**
 * mkv_sync_message_get_error_text:
 * @self: a message
 *
 * Gets the reason for which an ERROR ends the session. It is a stranger's text, of
 * any length.
 *
 * Returns: (transfer none) (nullable): the reason for people; %NULL if it has
 *   none
 *
 * Since: 0.1
 */
const char *
mkv_sync_message_get_error_text (const MkvSyncMessage *self)
{
  return self->error_text;
}

/**
 * mkv_sync_message_set_error:
 * @self: a message that was not handed over yet
 * @code: the number of the reason
 * @text: (nullable): the reason for people
 *
 * Sets the reason for which an ERROR ends the session.
 *
 * Since: 0.1
 */
void
mkv_sync_message_set_error (MkvSyncMessage *self, MkvErrorCode code, const char *text)
{
  self->error_code = code;
  set_string (&self->error_text, text);
}

static gboolean refuse (GError **error, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* A whole sentence each time: other languages order their words differently. */
static gboolean
refuse (GError **error, const char *format, ...)
{
  GError *refusal;
  va_list args;

  va_start (args, format);
  refusal = g_error_new_valist (MKV_ERROR, MKV_ERROR_MALFORMED, format, args);
  va_end (args);
  g_propagate_error (error, refusal);
  return FALSE;
}

static const char *
get_name (const MkvSyncMessage *self)
{
  return mkv_sync_operation_to_wire (self->operation);
}

static gboolean
check_name (const MkvSyncMessage *self, const char *field, const char *name, GError **error)
{
  return (name != NULL && mkv_name_check (name, NULL)) ||
         refuse (error, _("The “%s” of a %s has to be a name by the rule for names"), field, get_name (self));
}

static gboolean
check_time (const MkvSyncMessage *self, const char *field, gint64 time, GError **error)
{
  return (time >= 0 && time <= MKV_MAX_TIMESTAMP) ||
         refuse (error, _("The “%s” of a %s has to be a time from 0 to 2^53-1 ms"), field, get_name (self));
}

static gboolean
is_multiple (GBytes *octets, gsize each)
{
  return octets == NULL || g_bytes_get_size (octets) % each == 0;
}

static gboolean
check_id (const MkvSyncMessage *self, GError **error)
{
  glong n_chars = self->id != NULL ? g_utf8_strlen (self->id, -1) : 0;

  if (self->operation == MKV_SYNC_OPERATION_ROOT || self->operation == MKV_SYNC_OPERATION_CLAIM)
    return self->id == NULL || refuse (error, _("The “id” of a %s has to be left out"), get_name (self));
  return (n_chars >= 1 && n_chars <= MKV_MAX_ID_CHARS) ||
         refuse (error, _("The “id” of a %s has to be a text of 1 to 64 characters"), get_name (self));
}

/**
 * mkv_sync_message_check:
 * @self: a message
 * @error: return location for an error
 *
 * Checks that the message has what its operation needs, and that each field keeps
 * its rule. Codecs need not: what they encode and have decoded is checked by
 * [method@Codec.encode_sync] and [method@Codec.decode_sync].
 *
 * Returns: whether it is a message; if not, @error is %MKV_ERROR_MALFORMED
 *
 * Since: 0.1
 */
gboolean
mkv_sync_message_check (const MkvSyncMessage *self, GError **error)
{
  if (!check_id (self, error) || !check_name (self, "from", self->from, error) ||
      !check_time (self, "timestamp", self->timestamp, error) ||
      !check_time (self, "horizon", self->horizon, error))
    return FALSE;
  if (self->horizon % MKV_HORIZON_STEP != 0)
    return refuse (error, _("The “horizon” of a %s has to be a full hour"), get_name (self));
  if (self->root == NULL || g_bytes_get_size (self->root) != MKV_DIGEST_BYTES)
    return refuse (error, _("The “root” of a %s has to be 32 octets"), get_name (self));
  if (self->count < 0)
    return refuse (error, _("The “count” of a %s has to be an integer from 0 on"), get_name (self));

  switch (self->operation)
    {
    case MKV_SYNC_OPERATION_ROOT:
      if (self->cell == NULL || g_bytes_get_size (self->cell) != MKV_CELL_BYTES)
        return refuse (error, _("The “cell” of a %s has to be 12 octets"), get_name (self));
      return check_name (self, "node_id", self->node_id, error);

    case MKV_SYNC_OPERATION_CLAIM:
      return check_name (self, "to", self->to, error);

    case MKV_SYNC_OPERATION_SYNC:
      if (!is_multiple (self->want, MKV_SHORT_ID_BYTES))
        return refuse (error, _("The “want” of a %s has to be 8 octets for each short id"), get_name (self));
      if (!is_multiple (self->offer, MKV_OFFER_BYTES))
        return refuse (error, _("The “offer” of a %s has to be 19 octets for each key"), get_name (self));
      return TRUE;

    case MKV_SYNC_OPERATION_NODES:
      for (guint i = 0; self->queries != NULL && i < self->queries->len; i++)
        if (!mkv_sync_node_digits_check (self->queries->pdata[i], error))
          return FALSE;
      return TRUE;

    case MKV_SYNC_OPERATION_DONE:
      return self->until == -1 || check_time (self, "until", self->until, error);

    case MKV_SYNC_OPERATION_ERROR:
      return TRUE;

    default:
      g_assert_not_reached ();
    }
}
