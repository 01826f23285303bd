/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-bell-private.h"

struct _MkvBell
{
  GSource *source; /* ready when something is to be told */

  GMutex mutex; /* guards all below; no other lock is taken under it but the context's */
  MkvBellFunc func;
  gpointer user_data;
  guint n_entries; /* not told yet */
  gsize n_bytes;
};

static gboolean
on_ready (gpointer user_data)
{
  MkvBell *self = user_data;
  MkvBellFunc func;
  gpointer data;
  guint n_entries;
  gsize n_bytes;

  g_mutex_lock (&self->mutex);
  g_source_set_ready_time (self->source, -1);
  func = self->func;
  data = self->user_data;
  n_entries = self->n_entries;
  n_bytes = self->n_bytes;
  self->n_entries = 0;
  self->n_bytes = 0;
  g_mutex_unlock (&self->mutex);
  if (func != NULL && n_entries > 0)
    func (n_entries, n_bytes, data);
  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSourceFuncs source_funcs = { NULL, NULL, dispatch, NULL, NULL, NULL };

MkvBell *
mkv_bell_new (GMainContext *context)
{
  MkvBell *self = g_new0 (MkvBell, 1);

  g_mutex_init (&self->mutex);
  self->source = g_source_new (&source_funcs, sizeof (GSource));
  g_source_set_static_name (self->source, "mkv-bell");
  g_source_set_callback (self->source, on_ready, self, NULL);
  g_source_attach (self->source, context);
  return self;
}

void
mkv_bell_free (MkvBell *self)
{
  g_source_destroy (self->source);
  g_source_unref (self->source);
  g_mutex_clear (&self->mutex);
  g_free (self);
}

void
mkv_bell_set_func (MkvBell *self, MkvBellFunc func, gpointer user_data)
{
  g_mutex_lock (&self->mutex);
  self->func = func;
  self->user_data = user_data;
  self->n_entries = 0;
  self->n_bytes = 0;
  g_mutex_unlock (&self->mutex);
}

void
mkv_bell_ring (MkvBell *self, guint n_entries, gsize n_bytes)
{
  g_mutex_lock (&self->mutex);
  if (self->func != NULL)
    {
      if (self->n_entries == 0)
        g_source_set_ready_time (self->source, 0);
      self->n_entries += n_entries;
      self->n_bytes += n_bytes;
    }
  g_mutex_unlock (&self->mutex);
}
