/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "sync/mkv-sync-walk-private.h"

#include <string.h>

/* As many leaves as fit into one message for certain: 64 entries of 36 octets. */
#define QUESTIONS_AT_ONCE (24)

/* What the nodes of an answer may take, with their names. */
#define ANSWER_OCTETS (MKV_MAX_SYNC_BYTES - 4096)

/* How many nodes are asked for in all, and may wait: a peer can make up nodes
 * without end. */
#define MAX_QUESTIONS (65536)

/* More of mine than that are not held against a leaf of theirs, but its parts
 * asked for. */
#define MAX_COMPARED (8192)

/* How many entries of mine, or nodes for as many, are looked at in one go. */
#define COMPARED_AT_ONCE (8192)
#define NODE_ENTRIES (64)

/* How much of a difference is moved in one session by what was found. */
#define MAX_FOUND (65536)

struct _MkvSyncWalk
{
  GQueue waiting;    /* digits of nodes to ask for */
  GHashTable *asked; /* digits of nodes asked for in the last message */
  guint n_questions; /* that were made up in all */

  GPtrArray *heard; /* MkvSyncNode that were asked for and are still to be read */
};

MkvSyncWalk *
mkv_sync_walk_new (void)
{
  MkvSyncWalk *self = g_new0 (MkvSyncWalk, 1);

  g_queue_init (&self->waiting);
  g_queue_push_tail (&self->waiting, g_strdup (""));
  self->asked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->heard = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_sync_node_free);
  return self;
}

void
mkv_sync_walk_free (MkvSyncWalk *self)
{
  g_queue_clear_full (&self->waiting, g_free);
  g_hash_table_unref (self->asked);
  g_ptr_array_unref (self->heard);
  g_free (self);
}

gboolean
mkv_sync_walk_ask (MkvSyncWalk *self, MkvSyncMessage *message)
{
  for (guint i = 0; i < QUESTIONS_AT_ONCE && !g_queue_is_empty (&self->waiting); i++)
    {
      char *digits = g_queue_pop_head (&self->waiting);

      mkv_sync_message_add_query (message, digits);
      g_hash_table_add (self->asked, digits);
    }
  return g_hash_table_size (self->asked) > 0;
}

static void
ask_for_child (MkvSyncWalk *self, const char *digits, guint child, MkvSyncAnswer *answer)
{
  if (self->n_questions < MAX_QUESTIONS)
    {
      self->n_questions++;
      g_queue_push_tail (&self->waiting, g_strdup_printf ("%s%x", digits, child));
    }
  else
    answer->n_ignored++;
}

/* One of the entries of a leaf. */
typedef struct
{
  guint8 octets[MKV_TREE_ENTRY_BYTES];
} LeafEntry;

static gint
compare_leaf_entries (gconstpointer a, gconstpointer b)
{
  return memcmp (a, b, sizeof (LeafEntry));
}

static gboolean
collect_leaf_entry (guint64 short_id, const char *key, const guint8 *digest, gpointer user_data)
{
  guint32 position = GUINT32_TO_BE (mkv_short_id_get_position (short_id));
  LeafEntry entry;

  memcpy (entry.octets, &position, sizeof position);
  memcpy (entry.octets + sizeof position, digest, MKV_DIGEST_BYTES);
  g_array_append_val ((GArray *) user_data, entry);
  return TRUE;
}

/* Whether a position that begins so can begin with the first 8 of @digits. */
static gboolean
has_digits (const LeafEntry *entry, const char *digits)
{
  for (guint i = 0; i < 8 && digits[i] != '\0'; i++)
    {
      guint digit = i % 2 == 0 ? entry->octets[i / 2] >> 4 : entry->octets[i / 2] & 15;

      if ((gint) digit != g_ascii_xdigit_value (digits[i]))
        return FALSE;
    }
  return TRUE;
}

/* Those of one position after the other, of which only one side has each. */
static void
compare_leaves (GArray *mine, GArray *theirs, MkvSyncAnswer *answer)
{
  const LeafEntry *m = (const LeafEntry *) (gpointer) mine->data, *t = (const LeafEntry *) (gpointer) theirs->data;
  g_autoptr (GArray) only_mine = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr (GArray) only_theirs = g_array_new (FALSE, FALSE, sizeof (guint64));
  guint i = 0, j = 0;

  while (i < mine->len || j < theirs->len)
    {
      gint order = i == mine->len ? 1 : j == theirs->len ? -1 : memcmp (&m[i], &t[j], sizeof (LeafEntry));
      const LeafEntry *first = order <= 0 ? &m[i] : &t[j];
      const LeafEntry *next;
      guint64 short_id = mkv_short_id_read (first->octets);

      if (order < 0)
        g_array_append_val (only_mine, short_id);
      else if (order > 0)
        g_array_append_val (only_theirs, short_id);
      i += order <= 0 ? 1 : 0;
      j += order >= 0 ? 1 : 0;
      order = i == mine->len ? 1 : j == theirs->len ? -1 : memcmp (&m[i], &t[j], sizeof (LeafEntry));
      next = i == mine->len && j == theirs->len ? NULL : order <= 0 ? &m[i] : &t[j];
      if (next != NULL && memcmp (next->octets, first->octets, 4) == 0)
        continue;
      mkv_sync_answer_compare (answer, (const guint64 *) (gpointer) only_mine->data, only_mine->len,
                               (const guint64 *) (gpointer) only_theirs->data, only_theirs->len);
      g_array_set_size (only_mine, 0);
      g_array_set_size (only_theirs, 0);
    }
}

static MkvPrefix
get_prefix (const char *digits)
{
  MkvPrefix prefix = MKV_PREFIX_ALL;

  for (guint i = 0; i < 8 && digits[i] != '\0'; i++)
    prefix = mkv_prefix_get_child (prefix, 4, (guint) g_ascii_xdigit_value (digits[i]));
  return prefix;
}

/* Returns how many entries it looked at. */
static guint
hear_leaf (MkvSyncWalk *self, MkvTree *tree, const MkvSyncNode *node, MkvSyncAnswer *answer)
{
  g_autoptr (GArray) mine = g_array_new (FALSE, FALSE, sizeof (LeafEntry));
  g_autoptr (GArray) theirs = g_array_new (FALSE, FALSE, sizeof (LeafEntry));
  MkvPrefix prefix = get_prefix (node->digits);
  gsize length;
  const guint8 *octets = g_bytes_get_data (node->octets, &length);

  if (mkv_tree_count_prefix (tree, prefix) > MAX_COMPARED && strlen (node->digits) < 8)
    {
      for (guint i = 0; i < 16; i++)
        ask_for_child (self, node->digits, i, answer);
      return 0;
    }
  /* Of nothing, or of one entry behind digits that a prefix does not hold, the
   * position tells too little: then both sides have all of the prefix compared. */
  if (mkv_tree_count_prefix (tree, prefix) > MAX_FOUND)
    {
      answer->n_ignored++;
      return 0;
    }
  for (gsize i = 0; i + MKV_TREE_ENTRY_BYTES <= length; i += MKV_TREE_ENTRY_BYTES)
    if (has_digits ((const LeafEntry *) (octets + i), node->digits))
      g_array_append_vals (theirs, octets + i, 1);
    else
      answer->n_ignored++;
  mkv_tree_foreach (tree, prefix, NULL, collect_leaf_entry, mine);
  g_array_sort (mine, compare_leaf_entries);
  g_array_sort (theirs, compare_leaf_entries);
  compare_leaves (mine, theirs, answer);
  return mine->len;
}

static void
hear_inner (MkvSyncWalk *self, MkvTree *tree, const MkvSyncNode *node, MkvSyncAnswer *answer)
{
  g_autoptr (GByteArray) mine = g_byte_array_new ();
  const guint8 *theirs = g_bytes_get_data (node->octets, NULL);
  MkvTreeNodeKind kind;

  if (!mkv_tree_get_node (tree, node->digits, &kind, mine) || strlen (node->digits) >= MKV_TREE_DIGITS)
    {
      answer->n_ignored++;
      return;
    }
  for (guint i = 0; i < 16; i++)
    if (kind == MKV_TREE_LEAF ||
        memcmp (mine->data + i * MKV_TREE_CHILD_BYTES, theirs + i * MKV_TREE_CHILD_BYTES, MKV_TREE_CHILD_BYTES) != 0)
      ask_for_child (self, node->digits, i, answer);
}

void
mkv_sync_walk_hear (MkvSyncWalk *self, MkvSyncMessage *message, MkvSyncAnswer *answer)
{
  GPtrArray *nodes = mkv_sync_message_get_nodes (message);
  GHashTableIter iter;
  gpointer digits;

  for (guint i = 0; nodes != NULL && i < nodes->len; i++)
    if (g_hash_table_remove (self->asked, ((const MkvSyncNode *) nodes->pdata[i])->digits))
      g_ptr_array_add (self->heard, mkv_sync_node_copy (nodes->pdata[i]));
    else
      answer->n_ignored++;

  /* What did not fit is asked for again, unless nothing was told at all. */
  g_hash_table_iter_init (&iter, self->asked);
  while (g_hash_table_iter_next (&iter, &digits, NULL))
    {
      if (self->heard->len > 0)
        g_queue_push_head (&self->waiting, g_strdup (digits));
      g_hash_table_iter_remove (&iter);
    }
}

gboolean
mkv_sync_walk_is_done (const MkvSyncWalk *self)
{
  return self->heard->len == 0;
}

gboolean
mkv_sync_walk_step (MkvSyncWalk *self, const MkvSyncView *view, MkvSyncAnswer *answer)
{
  MkvTree *tree = view->lock_tree (view->user_data);

  for (guint n = 0; n < COMPARED_AT_ONCE && self->heard->len > 0; n += NODE_ENTRIES)
    {
      g_autoptr (MkvSyncNode) node = g_ptr_array_steal_index (self->heard, 0);

      if (node->kind == MKV_SYNC_NODE_INNER)
        hear_inner (self, tree, node, answer);
      else if (answer->pushes->len + answer->wants->len + answer->offers->len < MAX_FOUND)
        n += hear_leaf (self, tree, node, answer);
      else
        answer->n_ignored++;
    }
  view->unlock_tree (view->user_data);
  return mkv_sync_walk_is_done (self);
}

void
mkv_sync_walk_answer (const MkvSyncView *view, MkvSyncMessage *questions, MkvSyncMessage *message)
{
  GPtrArray *queries = mkv_sync_message_get_queries (questions);
  gsize octets = 0;
  MkvTree *tree;

  tree = view->lock_tree (view->user_data);
  for (guint i = 0; queries != NULL && i < queries->len && octets < ANSWER_OCTETS; i++)
    {
      GByteArray *node = g_byte_array_new ();
      g_autoptr (GBytes) bytes = NULL;
      MkvTreeNodeKind kind = MKV_TREE_LEAF;

      if (!mkv_tree_get_node (tree, queries->pdata[i], &kind, node))
        g_byte_array_set_size (node, 0);
      bytes = g_byte_array_free_to_bytes (node);
      octets += g_bytes_get_size (bytes) + strlen (queries->pdata[i]) + 8;
      if (octets < ANSWER_OCTETS)
        mkv_sync_message_add_node (message, mkv_sync_node_new (queries->pdata[i], kind, bytes, NULL));
    }
  view->unlock_tree (view->user_data);
}
