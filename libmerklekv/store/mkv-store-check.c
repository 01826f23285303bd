/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "store/mkv-store-check-private.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "storage/mkv-storage-job-private.h"
#include "store/mkv-contents-commit-private.h"
#include "store/mkv-decision-private.h"
#include "store/mkv-store-outbox-private.h"
#include "store/mkv-store-record-private.h"

#define PAGE 256
/* More are not told one by one. */
#define MAX_PROBLEMS 1000

typedef struct
{
  MkvLocalStore *store;
  MkvStorage *storage;
  GPtrArray *problems;
  guint64 n_untold;
  gint64 last_seq; /* the greatest of an own entry */
} Check;

static void G_GNUC_PRINTF (2, 3)
add_problem (Check *self, const char *format, ...)
{
  va_list args;

  if (self->problems->len >= MAX_PROBLEMS)
    {
      self->n_untold++;
      return;
    }
  va_start (args, format);
  g_ptr_array_add (self->problems, g_strdup_vprintf (format, args));
  va_end (args);
}

/* What the storage itself has to say. */
static gboolean
check_storage (Check *self, MkvProgress *progress, GCancellable *cancellable, GError **error)
{
  const MkvStorageJob job = { progress, cancellable };
  GError *local_error = NULL;
  g_auto (GStrv) problems = NULL;

  mkv_storage_set_job (&job);
  problems = mkv_storage_verify (self->storage, &local_error);
  mkv_storage_set_job (NULL);
  if (problems == NULL && !g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED))
    {
      g_propagate_error (error, local_error);
      return FALSE;
    }
  g_clear_error (&local_error);
  for (guint i = 0; problems != NULL && problems[i] != NULL; i++)
    add_problem (self, "%s", problems[i]);
  return TRUE;
}

/* Whatever made the entry: its parts are within their limits, and the digest is
 * theirs. */
static void
check_entry (Check *self, MkvEntry *entry)
{
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  g_autoptr (GError) error = NULL;
  gsize key_length, value_length, node_id_length;
  const char *key = mkv_entry_peek_key (entry, &key_length), *node_id = mkv_entry_peek_node_id (entry, &node_id_length);
  const guint8 *value = mkv_entry_peek_value (entry, &value_length);
  g_autoptr (MkvEntry) again = mkv_entry_new_from_octets (key, key_length, value, value_length, stamp->timestamp,
                                                          node_id, node_id_length, stamp->seq, &error);

  if (again == NULL)
    add_problem (self, _("The entry of a key is none: %s"), error->message);
  else if (memcmp (mkv_entry_peek_digest (again), mkv_entry_peek_digest (entry), MKV_DIGEST_BYTES) != 0)
    add_problem (self, _("The entry of “%s” has another digest than its content: write it again, or have it synced"), key);
  if (g_str_equal (node_id, mkv_local_store_get_node_id (self->store)))
    self->last_seq = MAX (self->last_seq, stamp->seq);
}

static gboolean
check_entries (Check *self, MkvProgress *progress, GCancellable *cancellable, GError **error)
{
  guint64 n_live, n_tombstones, n_bytes, done = 0;
  g_autofree char *after = NULL;
  guint n;

  if (!mkv_storage_stats (self->storage, &n_live, &n_tombstones, &n_bytes, error))
    return FALSE;
  do
    {
      g_autoptr (GPtrArray) page = NULL;

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      page = mkv_storage_scan (self->storage, NULL, after, PAGE, error);
      if (page == NULL)
        return FALSE;
      n = page->len;
      for (guint i = 0; i < n; i++)
        {
          const char *key = mkv_entry_get_key (page->pdata[i]);

          check_entry (self, page->pdata[i]);
          if (after != NULL && strcmp (after, key) >= 0)
            {
              /* Going on behind it might never end. */
              add_problem (self, _("The key “%s” comes behind “%s”, which is not their order"), key, after);
              return TRUE;
            }
          g_free (after);
          after = g_strdup (key);
        }
      done += n;
      mkv_progress_set (progress, done, n_live + n_tombstones);
    }
  while (n == PAGE);
  return TRUE;
}

static gboolean
check_record (Check *self, GError **error)
{
  g_auto (MkvStoreRecord) record = { 0 };
  gboolean damaged;

  if (!mkv_store_record_read (&record, self->storage, &damaged, error))
    return FALSE;
  if (damaged)
    add_problem (self, _("The record of the clock and seq is damaged"));
  else if (record.seq < self->last_seq)
    add_problem (self, _("An entry of this node has seq %" PRId64 ", and the last one used is recorded as %" PRId64),
                 self->last_seq, record.seq);
  return TRUE;
}

/* Whether @mark is there. */
static gboolean
look_up_mark (Check *self, const char *mark, gboolean *found, GError **error)
{
  GError *local_error = NULL;
  g_autoptr (GBytes) value = mkv_storage_get_meta (self->storage, mark, &local_error);

  *found = value != NULL;
  if (value != NULL || g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
    {
      g_clear_error (&local_error);
      return TRUE;
    }
  g_propagate_error (error, local_error);
  return FALSE;
}

/* A mark stands for the entry that its name has the key and seq of. */
static gboolean
check_mark (Check *self, const char *mark, GError **error)
{
  g_autoptr (MkvEntry) entry = NULL;
  gboolean found;

  if (!mkv_store_outbox_get_entry (self->storage, mkv_local_store_get_node_id (self->store), mark, &entry, error))
    return FALSE;
  if (entry != NULL)
    return TRUE;
  /* A mark goes in the commit that puts another entry there, so one that has not
   * gone even now never had its own. */
  if (!look_up_mark (self, mark, &found, error))
    return FALSE;
  if (found)
    add_problem (self, _("The outbox holds the mark “%s” of an entry that is not there"), mark);
  return TRUE;
}

static gboolean
check_outbox (Check *self, GCancellable *cancellable, GError **error)
{
  g_autofree char *after = NULL;
  guint n;

  do
    {
      g_autoptr (GPtrArray) page = NULL;

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      page = mkv_storage_scan_meta (self->storage, MKV_OUTBOX_PREFIX, after, PAGE, error);
      if (page == NULL)
        return FALSE;
      n = page->len;
      for (guint i = 0; i < n; i++)
        if (!check_mark (self, page->pdata[i], error))
          return FALSE;
      if (n > 0)
        {
          g_free (after);
          after = g_strdup (page->pdata[n - 1]);
        }
    }
  while (n == PAGE);
  return TRUE;
}

static void
check_contents (gpointer user_data, GError **error)
{
  Check *self = user_data;

  mkv_contents_check (mkv_local_store_get_contents (self->store), self->problems, error);
}

char **
mkv_store_check (MkvLocalStore *store, MkvProgress *progress, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (g_free);
  Check self = { .store = store, .storage = mkv_local_store_get_storage (store), .problems = problems };

  if (!check_storage (&self, progress, cancellable, error) || !check_entries (&self, progress, cancellable, error) ||
      !check_record (&self, error) || !check_outbox (&self, cancellable, error) ||
      !mkv_local_store_call (store, check_contents, &self, cancellable, error))
    return NULL;
  if (self.n_untold > 0)
    g_ptr_array_add (problems, g_strdup_printf (_("And %" PRIu64 " more"), self.n_untold));
  g_ptr_array_add (problems, NULL);
  return g_strdupv ((char **) problems->pdata);
}
