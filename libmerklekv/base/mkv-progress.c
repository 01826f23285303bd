/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * `mutex` guards what changes; it is not held while the function is called.
 */
#include "base/mkv-progress-private.h"

struct _MkvProgress
{
  MkvProgressFunc func;
  gpointer user_data;
  GDestroyNotify destroy;
  GMainContext *context; /* NULL to call it directly */

  GMutex mutex;
  guint64 done, total;
  gboolean queued; /* a call is on its way */
};

static MkvProgress *
make (MkvProgressFunc func, gpointer user_data, GDestroyNotify destroy, GMainContext *context)
{
  MkvProgress *self;

  if (func == NULL)
    return NULL;
  self = g_new0 (MkvProgress, 1);
  self->func = func;
  self->user_data = user_data;
  self->destroy = destroy;
  self->context = context;
  g_mutex_init (&self->mutex);
  return self;
}

MkvProgress *
mkv_progress_new (MkvProgressFunc func, gpointer user_data, GDestroyNotify destroy)
{
  if (func == NULL)
    return NULL;
  return make (func, user_data, destroy, g_main_context_ref_thread_default ());
}

MkvProgress *
mkv_progress_new_direct (MkvProgressFunc func, gpointer user_data)
{
  return make (func, user_data, NULL, NULL);
}

/* With the priority that tasks return with, so that these come in order. */
static void
queue (MkvProgress *self, GSourceFunc func)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, func, self, NULL);
  g_source_attach (source, self->context);
}

static gboolean
call (gpointer user_data)
{
  MkvProgress *self = user_data;
  guint64 done, total;

  g_mutex_lock (&self->mutex);
  self->queued = FALSE;
  done = self->done;
  total = self->total;
  g_mutex_unlock (&self->mutex);
  self->func (done, total, self->user_data);
  return G_SOURCE_REMOVE;
}

void
mkv_progress_set (MkvProgress *self, guint64 done, guint64 total)
{
  gboolean queued;

  if (self == NULL)
    return;
  if (self->context == NULL)
    {
      self->func (done, total, self->user_data);
      return;
    }
  g_mutex_lock (&self->mutex);
  self->done = done;
  self->total = total;
  queued = self->queued;
  self->queued = TRUE;
  g_mutex_unlock (&self->mutex);
  if (!queued)
    queue (self, call);
}

static gboolean
free_progress (gpointer user_data)
{
  MkvProgress *self = user_data;

  if (self->destroy != NULL)
    self->destroy (self->user_data);
  g_clear_pointer (&self->context, g_main_context_unref);
  g_mutex_clear (&self->mutex);
  g_free (self);
  return G_SOURCE_REMOVE;
}

void
mkv_progress_end (MkvProgress *self)
{
  if (self == NULL)
    return;
  if (self->context == NULL)
    free_progress (self);
  else
    queue (self, free_progress);
}
