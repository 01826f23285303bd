/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "replication/mkv-outbox-clearer-private.h"

#include "store/mkv-store-private.h"

/* What makes a write of its own, and what one takes: local writes wait for it. */
#define ENOUGH_ENTRIES 1024
#define MAX_ENTRIES 4096

/* How long less may wait, in us. */
#define MOST_DELAY (10 * 1000)

struct _MkvOutboxClearer
{
  GObject parent_instance;
  MkvLocalStore *store;
  MkvClock *clock;
  GMainContext *context;
  GPtrArray *acked; /* of MkvEntry, not in a write */
  GSource *timer;
  gboolean writing;
  gboolean due;    /* the next write is to come as soon as it can */
  gboolean failed;
};

G_DEFINE_FINAL_TYPE (MkvOutboxClearer, mkv_outbox_clearer, G_TYPE_OBJECT)

enum
{
  SIGNAL_DONE,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static void write_or_wait (MkvOutboxClearer *self);

static GPtrArray *
new_entries (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
}

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (MkvOutboxClearer) self = user_data;
  MkvWrite *write = mkv_store_submit_finish (MKV_STORE (source), result);

  self->writing = FALSE;
  self->failed = write->error != NULL;
  if (self->failed)
    for (guint i = 0; i < write->entries->len; i++)
      g_ptr_array_add (self->acked, mkv_entry_ref (write->entries->pdata[i]));
  write_or_wait (self);
  g_signal_emit (self, signals[SIGNAL_DONE], 0, write->error);
  mkv_write_free (write);
}

static void
clear_timer (MkvOutboxClearer *self)
{
  if (self->timer != NULL)
    g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
}

static void
write_next (MkvOutboxClearer *self)
{
  MkvWrite *write = mkv_write_new (MKV_WRITE_CLEAR_OUTBOX, NULL, NULL);

  clear_timer (self);
  write->entries = self->acked;
  self->acked = new_entries ();
  if (write->entries->len > MAX_ENTRIES)
    {
      for (guint i = MAX_ENTRIES; i < write->entries->len; i++)
        g_ptr_array_add (self->acked, mkv_entry_ref (write->entries->pdata[i]));
      g_ptr_array_set_size (write->entries, MAX_ENTRIES);
    }
  self->due = self->due && self->acked->len > 0;
  self->writing = TRUE;
  mkv_store_submit_async (MKV_STORE (self->store), write, NULL, on_written, g_object_ref (self));
}

static gboolean
on_timer (gpointer user_data)
{
  mkv_outbox_clearer_flush (user_data);
  return G_SOURCE_REMOVE;
}

static void
write_or_wait (MkvOutboxClearer *self)
{
  if (self->writing || self->failed || self->acked->len == 0)
    return;
  if (self->due || self->acked->len >= ENOUGH_ENTRIES)
    write_next (self);
  else if (self->timer == NULL)
    self->timer = mkv_clock_add_timeout (self->clock, MOST_DELAY, self->context, on_timer, self);
}

static void
mkv_outbox_clearer_finalize (GObject *object)
{
  MkvOutboxClearer *self = MKV_OUTBOX_CLEARER (object);

  clear_timer (self);
  g_ptr_array_unref (self->acked);
  g_object_unref (self->store);
  g_object_unref (self->clock);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (mkv_outbox_clearer_parent_class)->finalize (object);
}

static void
mkv_outbox_clearer_class_init (MkvOutboxClearerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mkv_outbox_clearer_finalize;

  signals[SIGNAL_DONE] = g_signal_new ("done", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                       G_TYPE_NONE, 1, G_TYPE_ERROR);
}

static void
mkv_outbox_clearer_init (MkvOutboxClearer *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->acked = new_entries ();
}

MkvOutboxClearer *
mkv_outbox_clearer_new (MkvLocalStore *store, MkvClock *clock)
{
  MkvOutboxClearer *self = g_object_new (MKV_TYPE_OUTBOX_CLEARER, NULL);

  self->store = g_object_ref (store);
  self->clock = g_object_ref (clock);
  return self;
}

void
mkv_outbox_clearer_add (MkvOutboxClearer *self, GPtrArray *entries)
{
  for (guint i = 0; i < entries->len; i++)
    g_ptr_array_add (self->acked, mkv_entry_ref (entries->pdata[i]));
  write_or_wait (self);
}

void
mkv_outbox_clearer_flush (MkvOutboxClearer *self)
{
  self->failed = FALSE;
  self->due = self->acked->len > 0;
  write_or_wait (self);
}

gboolean
mkv_outbox_clearer_is_idle (MkvOutboxClearer *self)
{
  return !self->writing && self->acked->len == 0;
}
