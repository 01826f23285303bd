/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-upkeep-private.h"

#include "store/mkv-bell-private.h"

struct _MkvUpkeep
{
  MkvContents *contents;
  MkvClock *clock;
  GMainContext *context;
  MkvBell *bell;
  GSource *timer; /* the context's; NULL for none */
};

static void
clear_timer (MkvUpkeep *self)
{
  if (self->timer != NULL)
    g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
}

static gboolean
look (gpointer user_data)
{
  MkvUpkeep *self = user_data;
  gint64 wait;

  clear_timer (self);
  mkv_contents_ask (self->contents);
  wait = mkv_contents_get_wait (self->contents);
  if (wait >= 0)
    self->timer = mkv_clock_add_timeout (self->clock, wait * 1000, self->context, look, self);
  return G_SOURCE_REMOVE;
}

static void
on_bell (guint n_entries, gsize n_bytes, gpointer user_data)
{
  look (user_data);
}

MkvUpkeep *
mkv_upkeep_new (MkvContents *contents, MkvClock *clock, GMainContext *context)
{
  MkvUpkeep *self = g_new0 (MkvUpkeep, 1);

  self->contents = contents;
  self->clock = g_object_ref (clock);
  self->context = g_main_context_ref (context);
  self->bell = mkv_bell_new (context);
  mkv_bell_set_func (self->bell, on_bell, self);
  return self;
}

void
mkv_upkeep_free (MkvUpkeep *self)
{
  mkv_bell_free (self->bell);
  clear_timer (self);
  g_object_unref (self->clock);
  g_main_context_unref (self->context);
  g_free (self);
}

void
mkv_upkeep_wake (MkvUpkeep *self)
{
  mkv_bell_ring (self->bell, 1, 0);
}
