/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "replication/mkv-outbox-clearer-private.h"

#include "store/mkv-store-private.h"

/* So that a clearing does not hold up local writes. */
#define MAX_CLEARED_AT_ONCE 4096

struct _MkvOutboxClearer
{
  GObject parent_instance;
  MkvLocalStore *store;
  GPtrArray *acked; /* of MkvEntry, not in a write */
  gboolean writing;
  gboolean failed;
};

G_DEFINE_FINAL_TYPE (MkvOutboxClearer, mkv_outbox_clearer, G_TYPE_OBJECT)

enum
{
  SIGNAL_DONE,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static void write_next (MkvOutboxClearer *self);

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
  write_next (self);
  g_signal_emit (self, signals[SIGNAL_DONE], 0, write->error);
  mkv_write_free (write);
}

static void
write_next (MkvOutboxClearer *self)
{
  MkvWrite *write;

  if (self->writing || self->failed || self->acked->len == 0)
    return;
  write = mkv_write_new (MKV_WRITE_CLEAR_OUTBOX, NULL, NULL);
  write->entries = self->acked;
  self->acked = new_entries ();
  if (write->entries->len > MAX_CLEARED_AT_ONCE)
    {
      for (guint i = MAX_CLEARED_AT_ONCE; i < write->entries->len; i++)
        g_ptr_array_add (self->acked, mkv_entry_ref (write->entries->pdata[i]));
      g_ptr_array_set_size (write->entries, MAX_CLEARED_AT_ONCE);
    }
  self->writing = TRUE;
  mkv_store_submit_async (MKV_STORE (self->store), write, NULL, on_written, g_object_ref (self));
}

static void
mkv_outbox_clearer_finalize (GObject *object)
{
  MkvOutboxClearer *self = MKV_OUTBOX_CLEARER (object);

  g_ptr_array_unref (self->acked);
  g_object_unref (self->store);
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
  self->acked = new_entries ();
}

MkvOutboxClearer *
mkv_outbox_clearer_new (MkvLocalStore *store)
{
  MkvOutboxClearer *self = g_object_new (MKV_TYPE_OUTBOX_CLEARER, NULL);

  self->store = g_object_ref (store);
  return self;
}

void
mkv_outbox_clearer_add (MkvOutboxClearer *self, GPtrArray *entries)
{
  for (guint i = 0; i < entries->len; i++)
    g_ptr_array_add (self->acked, mkv_entry_ref (entries->pdata[i]));
  write_next (self);
}

void
mkv_outbox_clearer_retry (MkvOutboxClearer *self)
{
  self->failed = FALSE;
  write_next (self);
}

gboolean
mkv_outbox_clearer_is_idle (MkvOutboxClearer *self)
{
  return !self->writing && self->acked->len == 0;
}
