/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "replication/mkv-outbox-reader-private.h"

#include <string.h>

#include "base/mkv-limits.h"

/* Every mark up to `cursor` was read in this round: its entry is in `page`, from
 * `next` on, or was taken. */
struct _MkvOutboxReader
{
  MkvLocalStore *store;
  gint64 cursor;
  GPtrArray *page; /* of MkvEntry */
  guint next;
  gsize n_bytes; /* estimate of the rest of the page */
  guint limit;   /* how many marks are about two payloads */
  gboolean nothing_behind;
};

MkvOutboxReader *
mkv_outbox_reader_new (MkvLocalStore *store)
{
  MkvOutboxReader *self = g_new0 (MkvOutboxReader, 1);

  self->store = g_object_ref (store);
  self->page = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  self->limit = MKV_MAX_EVENTS;
  return self;
}

void
mkv_outbox_reader_free (MkvOutboxReader *self)
{
  g_ptr_array_unref (self->page);
  g_object_unref (self->store);
  g_free (self);
}

static gsize
estimate (MkvEntry *entry)
{
  gsize value_length;

  mkv_entry_peek_value (entry, &value_length);
  return MKV_OUTBOX_EVENT_OVERHEAD + strlen (mkv_entry_get_key (entry)) + value_length;
}

static void
clear_page (MkvOutboxReader *self)
{
  g_ptr_array_set_size (self->page, 0);
  self->next = 0;
  self->n_bytes = 0;
}

void
mkv_outbox_reader_rewind (MkvOutboxReader *self)
{
  clear_page (self);
  self->cursor = 0;
  self->nothing_behind = FALSE;
}

guint
mkv_outbox_reader_get_n_events (MkvOutboxReader *self)
{
  return self->page->len - self->next;
}

gsize
mkv_outbox_reader_get_n_bytes (MkvOutboxReader *self)
{
  return self->n_bytes;
}

gboolean
mkv_outbox_reader_is_full (MkvOutboxReader *self, guint max_events, gsize max_bytes)
{
  return mkv_outbox_reader_get_n_events (self) >= max_events || self->n_bytes >= max_bytes;
}

gboolean
mkv_outbox_reader_is_at_end (MkvOutboxReader *self)
{
  return self->next == self->page->len && self->nothing_behind;
}

gboolean
mkv_outbox_reader_fill (MkvOutboxReader *self, guint max_events, gsize max_bytes, GError **error)
{
  while (!mkv_outbox_reader_is_full (self, max_events, max_bytes))
    {
      g_autoptr (GPtrArray) entries = NULL;
      gint64 last = self->cursor;
      gsize n_bytes = 0;

      entries = mkv_local_store_list_outbox (self->store, self->cursor, self->limit, &last, error);
      if (entries == NULL)
        return FALSE;
      self->nothing_behind = last == self->cursor;
      if (self->nothing_behind)
        break;
      self->cursor = last;
      g_ptr_array_remove_range (self->page, 0, self->next);
      self->next = 0;
      for (guint i = 0; i < entries->len; i++)
        n_bytes += estimate (entries->pdata[i]);
      if (entries->len > 0)
        self->limit = CLAMP (2 * max_bytes * entries->len / n_bytes, 1, MKV_MAX_EVENTS);
      self->n_bytes += n_bytes;
      for (guint i = 0; i < entries->len; i++)
        g_ptr_array_add (self->page, mkv_entry_ref (entries->pdata[i]));
    }
  return TRUE;
}

GPtrArray *
mkv_outbox_reader_peek (MkvOutboxReader *self, guint max_events, gsize max_bytes)
{
  GPtrArray *entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  gsize n_bytes = 0;

  for (guint i = self->next; i < self->page->len && entries->len < max_events && n_bytes < max_bytes; i++)
    {
      n_bytes += estimate (self->page->pdata[i]);
      g_ptr_array_add (entries, mkv_entry_ref (self->page->pdata[i]));
    }
  return entries;
}

void
mkv_outbox_reader_take (MkvOutboxReader *self, guint n)
{
  for (guint i = 0; i < n; i++)
    self->n_bytes -= estimate (self->page->pdata[self->next++]);
  if (self->next == self->page->len)
    clear_page (self);
}

void
mkv_outbox_reader_put_back (MkvOutboxReader *self)
{
  if (self->next < self->page->len)
    self->cursor = mkv_entry_get_stamp (self->page->pdata[self->next])->seq - 1;
  clear_page (self);
}
