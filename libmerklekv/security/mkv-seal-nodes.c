/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "security/mkv-seal-nodes-private.h"

typedef struct
{
  guint32 number;
  gboolean stored;
  char *node_id;
} Node;

struct _MkvSealNodes
{
  GMutex mutex; /* guards all below */
  GPtrArray *nodes; /* of Node */
  GHashTable *by_number, *by_node_id;
  GPtrArray *storing; /* of Node, borrowed */
  guint32 next;
};

static void
node_free (gpointer data)
{
  Node *node = data;

  g_free (node->node_id);
  g_free (node);
}

MkvSealNodes *
mkv_seal_nodes_new (void)
{
  MkvSealNodes *self = g_new0 (MkvSealNodes, 1);

  g_mutex_init (&self->mutex);
  self->nodes = g_ptr_array_new_with_free_func (node_free);
  self->by_number = g_hash_table_new (NULL, NULL);
  self->by_node_id = g_hash_table_new (g_str_hash, g_str_equal);
  self->storing = g_ptr_array_new ();
  return self;
}

void
mkv_seal_nodes_free (MkvSealNodes *self)
{
  g_ptr_array_unref (self->storing);
  g_hash_table_unref (self->by_node_id);
  g_hash_table_unref (self->by_number);
  g_ptr_array_unref (self->nodes);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

static Node *
insert (MkvSealNodes *self, guint32 number, const char *node_id, gboolean stored)
{
  Node *node = g_new0 (Node, 1);

  node->number = number;
  node->stored = stored;
  node->node_id = g_strdup (node_id);
  g_ptr_array_add (self->nodes, node);
  g_hash_table_insert (self->by_number, GUINT_TO_POINTER (number), node);
  g_hash_table_insert (self->by_node_id, node->node_id, node);
  return node;
}

void
mkv_seal_nodes_set (MkvSealNodes *self, guint32 number, const char *node_id)
{
  g_mutex_lock (&self->mutex);
  if (node_id != NULL)
    insert (self, number, node_id, TRUE);
  self->next = MAX (self->next, number + 1);
  g_mutex_unlock (&self->mutex);
}

guint32
mkv_seal_nodes_add (MkvSealNodes *self, const char *node_id, gboolean *stored)
{
  Node *node;
  guint32 number;

  g_mutex_lock (&self->mutex);
  node = g_hash_table_lookup (self->by_node_id, node_id);
  if (node == NULL)
    node = insert (self, self->next++, node_id, FALSE);
  number = node->number;
  *stored = node->stored;
  if (!node->stored)
    {
      node->stored = TRUE;
      g_ptr_array_add (self->storing, node);
    }
  g_mutex_unlock (&self->mutex);
  return number;
}

void
mkv_seal_nodes_end_storing (MkvSealNodes *self, gboolean stored)
{
  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->storing->len; i++)
    ((Node *) self->storing->pdata[i])->stored = stored;
  g_ptr_array_set_size (self->storing, 0);
  g_mutex_unlock (&self->mutex);
}

void
mkv_seal_nodes_unstore (MkvSealNodes *self)
{
  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->nodes->len; i++)
    ((Node *) self->nodes->pdata[i])->stored = FALSE;
  g_mutex_unlock (&self->mutex);
}

const char *
mkv_seal_nodes_get (MkvSealNodes *self, guint32 number)
{
  Node *node;

  g_mutex_lock (&self->mutex);
  node = g_hash_table_lookup (self->by_number, GUINT_TO_POINTER (number));
  g_mutex_unlock (&self->mutex);
  return node != NULL ? node->node_id : NULL;
}
