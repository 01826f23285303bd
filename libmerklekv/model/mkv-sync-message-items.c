/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "model/mkv-sync-message-private.h"

#include "base/mkv-limits.h"

/* What SYNC and NODES have any number of. */

static void
add_to (GPtrArray **place, gpointer element, GDestroyNotify free_element)
{
  if (*place == NULL)
    *place = g_ptr_array_new_with_free_func (free_element);
  g_ptr_array_add (*place, element);
}

/**
 * mkv_sync_message_get_cells:
 * @self: a message
 *
 * Gets the prefixes that a SYNC has the cells of.
 *
 * Returns: (transfer none) (nullable) (element-type MkvSyncPrefix): those whose
 *   `depth` is not 0; %NULL if there are none
 *
 * Since: 0.1
 */
GPtrArray *
mkv_sync_message_get_cells (const MkvSyncMessage *self)
{
  return self->cells;
}

/**
 * mkv_sync_message_get_lists:
 * @self: a message
 *
 * Gets the prefixes that a SYNC lists the short ids of.
 *
 * Returns: (transfer none) (nullable) (element-type MkvSyncPrefix): those whose
 *   `depth` is 0; %NULL if there are none
 *
 * Since: 0.1
 */
GPtrArray *
mkv_sync_message_get_lists (const MkvSyncMessage *self)
{
  return self->lists;
}

/**
 * mkv_sync_message_add_prefix:
 * @self: a message that was not handed over yet
 * @prefix: (transfer full): cells or a list
 *
 * Adds cells or a list to a SYNC.
 *
 * Since: 0.1
 */
void
mkv_sync_message_add_prefix (MkvSyncMessage *self, MkvSyncPrefix *prefix)
{
  g_return_if_fail (prefix != NULL);

  add_to (prefix->depth > 0 ? &self->cells : &self->lists, prefix, (GDestroyNotify) mkv_sync_prefix_free);
}

/**
 * mkv_sync_message_get_want:
 * @self: a message
 *
 * Gets the short ids of the entries that a SYNC asks for.
 *
 * Returns: (transfer none) (nullable): the short ids, 8 octets each; %NULL if there
 *   are none
 *
 * Since: 0.1
 */
GBytes *
mkv_sync_message_get_want (const MkvSyncMessage *self)
{
  return self->want;
}

/**
 * mkv_sync_message_set_want:
 * @self: a message that was not handed over yet
 * @want: (nullable): short ids, 8 octets each
 *
 * Sets the short ids of the entries that a SYNC asks for.
 *
 * Since: 0.1
 */
void
mkv_sync_message_set_want (MkvSyncMessage *self, GBytes *want)
{
  mkv_sync_message_set_octets (&self->want, want);
}

/**
 * mkv_sync_message_get_offer:
 * @self: a message
 *
 * Gets what a SYNC offers for other versions of it.
 *
 * Returns: (transfer none) (nullable): the offers, %MKV_OFFER_BYTES octets each; %NULL
 *   if there are none
 *
 * Since: 0.1
 */
GBytes *
mkv_sync_message_get_offer (const MkvSyncMessage *self)
{
  return self->offer;
}

/**
 * mkv_sync_message_set_offer:
 * @self: a message that was not handed over yet
 * @offer: (nullable): offers, %MKV_OFFER_BYTES octets each
 *
 * Sets what a SYNC offers for other versions of it.
 *
 * Since: 0.1
 */
void
mkv_sync_message_set_offer (MkvSyncMessage *self, GBytes *offer)
{
  mkv_sync_message_set_octets (&self->offer, offer);
}

/**
 * mkv_sync_message_get_events:
 * @self: a message
 *
 * Gets the entries that a SYNC brings.
 *
 * Returns: (transfer none) (nullable) (element-type MkvEntry): the entries; %NULL if
 *   there are none
 *
 * Since: 0.1
 */
GPtrArray *
mkv_sync_message_get_events (const MkvSyncMessage *self)
{
  return self->events;
}

/**
 * mkv_sync_message_add_event:
 * @self: a message that was not handed over yet
 * @entry: an entry
 *
 * Adds an entry to what a SYNC brings.
 *
 * Since: 0.1
 */
void
mkv_sync_message_add_event (MkvSyncMessage *self, MkvEntry *entry)
{
  g_return_if_fail (entry != NULL);

  add_to (&self->events, mkv_entry_ref (entry), (GDestroyNotify) mkv_entry_unref);
}

/**
 * mkv_sync_message_get_more:
 * @self: a message
 *
 * Tells whether the turn goes on with another SYNC.
 *
 * Returns: whether the turn goes on with another SYNC
 *
 * Since: 0.1
 */
gboolean
mkv_sync_message_get_more (const MkvSyncMessage *self)
{
  return self->more;
}

/**
 * mkv_sync_message_set_more:
 * @self: a message that was not handed over yet
 * @more: whether the turn goes on with another SYNC
 *
 * Sets whether the turn goes on with another SYNC. Where a message takes several
 * payloads, all but the last of them say so without this.
 *
 * Since: 0.1
 */
void
mkv_sync_message_set_more (MkvSyncMessage *self, gboolean more)
{
  self->more = more;
}

/**
 * mkv_sync_message_get_ack:
 * @self: a message
 *
 * Tells whether a SYNC does nothing but acknowledge one with `more`.
 *
 * Returns: whether a SYNC does nothing but acknowledge one
 *
 * Since: 0.1
 */
gboolean
mkv_sync_message_get_ack (const MkvSyncMessage *self)
{
  return self->ack;
}

/**
 * mkv_sync_message_set_ack:
 * @self: a message that was not handed over yet
 * @ack: whether a SYNC does nothing but acknowledge one
 *
 * Sets whether a SYNC does nothing but acknowledge one with `more`.
 *
 * Since: 0.1
 */
void
mkv_sync_message_set_ack (MkvSyncMessage *self, gboolean ack)
{
  self->ack = ack;
}

/**
 * mkv_sync_message_get_queries:
 * @self: a message
 *
 * Gets the nodes that a NODES asks for.
 *
 * Returns: (transfer none) (nullable) (element-type utf8): their digits; %NULL if
 *   there are none
 *
 * Since: 0.1
 */
GPtrArray *
mkv_sync_message_get_queries (const MkvSyncMessage *self)
{
  return self->queries;
}

/**
 * mkv_sync_message_add_query:
 * @self: a message that was not handed over yet
 * @digits: the digits of a node
 *
 * Adds a node to what a NODES asks for.
 *
 * Since: 0.1
 */
void
mkv_sync_message_add_query (MkvSyncMessage *self, const char *digits)
{
  g_return_if_fail (digits != NULL);

  add_to (&self->queries, g_strdup (digits), g_free);
}

/**
 * mkv_sync_message_get_nodes:
 * @self: a message
 *
 * Gets the nodes that a NODES tells.
 *
 * Returns: (transfer none) (nullable) (element-type MkvSyncNode): the nodes; %NULL if
 *   there are none
 *
 * Since: 0.1
 */
GPtrArray *
mkv_sync_message_get_nodes (const MkvSyncMessage *self)
{
  return self->nodes;
}

/**
 * mkv_sync_message_add_node:
 * @self: a message that was not handed over yet
 * @node: (transfer full): a node
 *
 * Adds a node to what a NODES tells.
 *
 * Since: 0.1
 */
void
mkv_sync_message_add_node (MkvSyncMessage *self, MkvSyncNode *node)
{
  g_return_if_fail (node != NULL);

  add_to (&self->nodes, node, (GDestroyNotify) mkv_sync_node_free);
}

static guint
count_octets (GBytes *octets, guint each)
{
  return octets != NULL ? (guint) (g_bytes_get_size (octets) / each) : 0;
}

static guint
count_elements (const GPtrArray *array)
{
  return array != NULL ? array->len : 0;
}

/**
 * mkv_sync_message_get_n_items:
 * @self: a message
 *
 * Counts what [method@Codec.encode_sync] can put into several payloads, in the
 * order that it does: of a SYNC the short ids wanted, the prefixes with cells, the
 * lists, the offers, and the events, which are the last; of a NODES the nodes asked
 * for, and those told.
 *
 * Returns: how many items the message has; 0 if it is of another operation
 *
 * Since: 0.1
 */
guint
mkv_sync_message_get_n_items (const MkvSyncMessage *self)
{
  if (self->operation == MKV_SYNC_OPERATION_SYNC)
    return count_octets (self->want, MKV_SHORT_ID_BYTES) + count_elements (self->cells) +
           count_elements (self->lists) + count_octets (self->offer, MKV_OFFER_BYTES) +
           count_elements (self->events);
  if (self->operation == MKV_SYNC_OPERATION_NODES)
    return count_elements (self->queries) + count_elements (self->nodes);
  return 0;
}
