/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "command/mkv-receipt-book-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "command/mkv-answer-cache-private.h"
#include "command/mkv-receipt-private.h"

/* How many names are asked of a storage at once. */
#define LOAD_CHUNK 256

struct _MkvReceiptBook
{
  MkvClock *clock;
  MkvAnswerCache *answers;
  GHashTable *executing; /* name > MkvReceipt, not owned */
  /* Names that are still in the storage and no longer wanted: the next write
   * takes them out. What is here is neither in answers nor in executing,
   * but for a name that is executed again: its own transaction takes the old
   * one out before it puts the new one in. */
  GHashTable *removals;
};

struct _MkvReceipt
{
  char *name;
  char *topic;
  guint8 fingerprint[MKV_DIGEST_BYTES];
  GHashTable *removals; /* names, for this write to take out */
};

static GHashTable *
name_set_new (void)
{
  return g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

static void
on_evicted (const MkvAnswer *answer, gpointer user_data)
{
  MkvReceiptBook *self = user_data;

  /* Errors never got into the storage: their write had no transaction. */
  if (mkv_response_get_status (answer->response) == MKV_STATUS_OK)
    g_hash_table_add (self->removals, g_strdup (answer->name));
}

MkvReceiptBook *
mkv_receipt_book_new (MkvClock *clock)
{
  MkvReceiptBook *self = g_new0 (MkvReceiptBook, 1);

  self->clock = g_object_ref (clock);
  self->answers = mkv_answer_cache_new (clock, on_evicted, self);
  self->executing = g_hash_table_new (g_str_hash, g_str_equal);
  self->removals = name_set_new ();
  return self;
}

void
mkv_receipt_book_free (MkvReceiptBook *self)
{
  mkv_answer_cache_free (self->answers);
  g_hash_table_unref (self->executing);
  g_hash_table_unref (self->removals);
  g_object_unref (self->clock);
  g_free (self);
}

typedef struct
{
  char *name;
  guint8 fingerprint[MKV_DIGEST_BYTES];
  MkvResponse *answer;
} Loaded;

static void
loaded_clear (gpointer data)
{
  Loaded *loaded = data;

  g_free (loaded->name);
  mkv_response_unref (loaded->answer);
}

static gint
compare_loaded (gconstpointer a, gconstpointer b)
{
  gint64 x = mkv_response_get_timestamp (((const Loaded *) a)->answer);
  gint64 y = mkv_response_get_timestamp (((const Loaded *) b)->answer);

  return x < y ? -1 : x > y;
}

static gboolean
load_one (MkvReceiptBook *self, MkvStorage *storage, const char *name, GArray *all, guint *n_corrupt,
          GError **error)
{
  g_autoptr (GError) parse_error = NULL;
  g_autoptr (GBytes) record = mkv_storage_get_meta (storage, name, error);
  Loaded loaded;

  if (record == NULL)
    return FALSE;
  loaded.answer = mkv_receipt_parse (record, name, loaded.fingerprint, &parse_error);
  if (loaded.answer == NULL)
    {
      if (++*n_corrupt == 1)
        g_message (_("%s; it and others like it are dropped"), parse_error->message);
      g_hash_table_add (self->removals, g_strdup (name));
      return TRUE;
    }
  loaded.name = g_strdup (name);
  g_array_append_val (all, loaded);
  return TRUE;
}

gboolean
mkv_receipt_book_load (MkvReceiptBook *self, MkvStorage *storage, GError **error)
{
  g_autoptr (GArray) all = g_array_new (FALSE, FALSE, sizeof (Loaded));
  g_autofree char *after = NULL;
  gint64 now = mkv_clock_get_time (self->clock);
  guint n, n_corrupt = 0;

  g_array_set_clear_func (all, loaded_clear);
  do
    {
      g_autoptr (GPtrArray) names = mkv_storage_scan_meta (storage, MKV_RECEIPT_PREFIX, after, LOAD_CHUNK, error);

      if (names == NULL)
        return FALSE;
      n = names->len;
      for (guint i = 0; i < n; i++)
        if (!load_one (self, storage, names->pdata[i], all, &n_corrupt, error))
          return FALSE;
      g_free (after);
      after = n > 0 ? g_strdup (names->pdata[n - 1]) : NULL;
    }
  while (n == LOAD_CHUNK);

  /* In the order in which they came, so that what is too much is the oldest. */
  g_array_sort (all, compare_loaded);
  for (guint i = 0; i < all->len; i++)
    {
      const Loaded *loaded = &g_array_index (all, Loaded, i);
      /* Of a clock that has stepped back since then nothing is known. */
      gint64 age = MAX (now - mkv_response_get_timestamp (loaded->answer), 0);

      if (age >= MKV_ANSWER_LIFETIME_MS)
        g_hash_table_add (self->removals, g_strdup (loaded->name));
      else
        mkv_answer_cache_put (self->answers, loaded->name, loaded->fingerprint, loaded->answer, age);
    }
  return TRUE;
}

MkvReceiptBook *
mkv_receipt_book_get_for (MkvLocalStore *store, MkvClock *clock, GError **error)
{
  static GQuark quark;
  MkvReceiptBook *book;

  if (quark == 0)
    quark = g_quark_from_static_string ("mkv-receipt-book");
  book = g_object_get_qdata (G_OBJECT (store), quark);
  if (book != NULL)
    return book;
  book = mkv_receipt_book_new (clock);
  if (!mkv_receipt_book_load (book, mkv_local_store_get_storage (store), error))
    {
      mkv_receipt_book_free (book);
      return NULL;
    }
  g_object_set_qdata_full (G_OBJECT (store), quark, book, (GDestroyNotify) mkv_receipt_book_free);
  return book;
}

MkvReceiptMatch
mkv_receipt_book_begin (MkvReceiptBook *self, const char *topic, const MkvCommand *command, MkvReceipt **receipt,
                        MkvResponse **answer)
{
  g_autofree char *name = mkv_receipt_name (topic, mkv_command_get_id (command));
  guint8 fingerprint[MKV_DIGEST_BYTES];
  const MkvReceipt *executing;
  const MkvAnswer *known;
  MkvReceipt *fresh;

  mkv_receipt_fingerprint (command, NULL, fingerprint);
  executing = g_hash_table_lookup (self->executing, name);
  if (executing != NULL)
    return memcmp (executing->fingerprint, fingerprint, sizeof fingerprint) == 0 ? MKV_RECEIPT_EXECUTING
                                                                                 : MKV_RECEIPT_OTHER;
  known = mkv_answer_cache_look_up (self->answers, name);
  if (known != NULL)
    {
      if (memcmp (known->fingerprint, fingerprint, sizeof fingerprint) != 0)
        return MKV_RECEIPT_OTHER;
      *answer = mkv_response_ref (known->response);
      return MKV_RECEIPT_KNOWN;
    }

  fresh = g_new0 (MkvReceipt, 1);
  fresh->name = g_steal_pointer (&name);
  fresh->topic = g_strdup (topic);
  memcpy (fresh->fingerprint, fingerprint, sizeof fingerprint);
  if (g_hash_table_size (self->removals) > 0)
    {
      fresh->removals = self->removals;
      self->removals = name_set_new ();
    }
  g_hash_table_insert (self->executing, fresh->name, fresh);
  *receipt = fresh;
  return MKV_RECEIPT_NEW;
}

void
mkv_receipt_write (const MkvReceipt *receipt, MkvResponse *answer, MkvStorageBatch *batch)
{
  g_autoptr (GBytes) record = mkv_receipt_serialize (receipt->topic, receipt->fingerprint, answer);
  GHashTableIter iter;
  gpointer name;

  if (receipt->removals != NULL)
    {
      g_hash_table_iter_init (&iter, receipt->removals);
      while (g_hash_table_iter_next (&iter, &name, NULL))
        mkv_storage_batch_set_meta (batch, name, NULL);
    }
  mkv_storage_batch_set_meta (batch, receipt->name, record);
}

/* What a write that failed did not take out is left to the next, but for names
 * that are in use again. */
static void
give_back (MkvReceiptBook *self, GHashTable *removals)
{
  GHashTableIter iter;
  gpointer name;

  g_hash_table_iter_init (&iter, removals);
  while (g_hash_table_iter_next (&iter, &name, NULL))
    if (g_hash_table_lookup (self->executing, name) == NULL &&
        mkv_answer_cache_look_up (self->answers, name) == NULL)
      {
        g_hash_table_add (self->removals, name);
        g_hash_table_iter_steal (&iter);
      }
}

void
mkv_receipt_book_end (MkvReceiptBook *self, MkvReceipt *receipt, gboolean committed, MkvResponse *answer)
{
  g_hash_table_remove (self->executing, receipt->name);
  if (answer != NULL)
    mkv_answer_cache_put (self->answers, receipt->name, receipt->fingerprint, answer, 0);
  if (receipt->removals != NULL)
    {
      if (!committed)
        give_back (self, receipt->removals);
      g_hash_table_unref (receipt->removals);
    }
  g_free (receipt->name);
  g_free (receipt->topic);
  g_free (receipt);
}
