/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-change-queue-private.h"

/* So many changes are told before the loop gets its turn again. */
#define MAX_PER_DISPATCH 256

typedef struct
{
  GList link; /* in `order`; its data is the change itself */
  MkvEntry *entry;
  MkvOrigin origin;
} Change;

struct _MkvChangeQueue
{
  MkvChangeFunc func;
  gpointer user_data;
  GSource *source; /* ready while there is something to tell */

  GMutex mutex;       /* guards all below; no other lock is taken under it but the context's */
  GHashTable *by_key; /* the entry's key to Change; owns neither */
  GQueue order;       /* of Change, by `link` */
};

typedef struct
{
  GSource base;
  MkvChangeQueue *queue;
} ChangeSource;

static void
change_free (Change *change)
{
  mkv_entry_unref (change->entry);
  g_free (change);
}

/* Called with the mutex held. */
static Change *
pop (MkvChangeQueue *self)
{
  GList *link = g_queue_pop_head_link (&self->order);

  if (link == NULL)
    return NULL;
  g_hash_table_remove (self->by_key, mkv_entry_get_key (((Change *) link->data)->entry));
  return link->data;
}

static gboolean
change_source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  MkvChangeQueue *self = ((ChangeSource *) source)->queue;
  Change *changes[MAX_PER_DISPATCH];
  guint n = 0;

  g_mutex_lock (&self->mutex);
  while (n < MAX_PER_DISPATCH && (changes[n] = pop (self)) != NULL)
    n++;
  if (self->order.length == 0)
    g_source_set_ready_time (source, -1);
  g_mutex_unlock (&self->mutex);

  for (guint i = 0; i < n; i++)
    {
      /* A handler may end the store, and so this queue, with it. */
      if (!g_source_is_destroyed (source))
        self->func (changes[i]->entry, changes[i]->origin, self->user_data);
      change_free (changes[i]);
    }
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs change_source_funcs = { NULL, NULL, change_source_dispatch, NULL, NULL, NULL };

MkvChangeQueue *
mkv_change_queue_new (GMainContext *context, MkvChangeFunc func, gpointer user_data)
{
  MkvChangeQueue *self = g_new0 (MkvChangeQueue, 1);

  self->func = func;
  self->user_data = user_data;
  g_mutex_init (&self->mutex);
  self->by_key = g_hash_table_new (g_str_hash, g_str_equal);
  g_queue_init (&self->order);
  self->source = g_source_new (&change_source_funcs, sizeof (ChangeSource));
  ((ChangeSource *) self->source)->queue = self;
  g_source_set_static_name (self->source, "mkv-changes");
  g_source_attach (self->source, context);
  return self;
}

void
mkv_change_queue_free (MkvChangeQueue *self)
{
  Change *change;

  g_source_destroy (self->source);
  g_source_unref (self->source);
  while ((change = pop (self)) != NULL)
    change_free (change);
  g_hash_table_unref (self->by_key);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

void
mkv_change_queue_push (MkvChangeQueue *self, MkvEntry *entry, MkvOrigin origin)
{
  Change *change;

  g_mutex_lock (&self->mutex);
  change = g_hash_table_lookup (self->by_key, mkv_entry_get_key (entry));
  if (change != NULL)
    {
      MkvEntry *older = change->entry;

      g_queue_unlink (&self->order, &change->link);
      change->entry = mkv_entry_ref (entry);
      change->origin = origin;
      /* The key is part of the entry: the table must not point at the old one. */
      g_hash_table_replace (self->by_key, (gpointer) mkv_entry_get_key (entry), change);
      mkv_entry_unref (older);
    }
  else
    {
      change = g_new0 (Change, 1);
      change->link.data = change;
      change->entry = mkv_entry_ref (entry);
      change->origin = origin;
      g_hash_table_insert (self->by_key, (gpointer) mkv_entry_get_key (entry), change);
      if (self->order.length == 0)
        g_source_set_ready_time (self->source, 0);
    }
  g_queue_push_tail_link (&self->order, &change->link);
  g_mutex_unlock (&self->mutex);
}
