/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * How a storage gets another key, in place, while it is read and written:
 *
 *     1. the record names the new form and the old one; from now on readers know
 *        both, and what is written has the new
 *     2. page by page, what has another form gets the new one
 *     3. the storage is compacted, for what it has overwritten to go
 *     4. the record names the new form alone
 *
 * Each step is as durable as it has to be before the next. A process that ends
 * between them leaves a storage that its next opening goes through 2 to 4 with.
 */
#include "config.h"

#include "security/mkv-sealed-storage-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-task-private.h"
#include "storage/mkv-storage-batch-private.h"

/* How many entries are changed at once, so that no writer waits long. */
#define PAGE 256

/* Whether what was found, with this key's id, is to be written afresh. */
static gboolean
needs_change (MkvSealedStorage *self, const guint8 *id)
{
  if (self->writer == NULL)
    return id != NULL;
  return id == NULL || memcmp (id, self->writer->check, MKV_SEAL_ID_BYTES) != 0;
}

/* What follows has the mutex held. */

static gboolean
change_entry (MkvSealedStorage *self, MkvStorageBatch *batch, MkvEntry *inner, GError **error)
{
  g_autoptr (MkvEntry) entry = NULL;
  MkvSealHead head;

  if (!needs_change (self, mkv_seal_head_read (&head, inner) ? mkv_seal_head_get_key_id (&head) : NULL))
    return TRUE;
  entry = mkv_sealed_storage_open_entry (self, inner, error);
  return entry != NULL && mkv_sealed_storage_put (self, batch, entry, error);
}

static gboolean
change_meta (MkvSealedStorage *self, MkvStorageBatch *batch, const char *name, GError **error)
{
  g_autoptr (GBytes) inner = NULL, value = NULL;

  /* The numbers of nodes are needed until the end. */
  if (mkv_seal_name_is_own (name) && (self->writer == NULL || !g_str_has_prefix (name, MKV_SEAL_NODE_PREFIX)))
    return TRUE;
  inner = mkv_storage_get_meta (self->inner, name, error);
  if (inner == NULL)
    return FALSE;
  if (!needs_change (self, mkv_seal_meta_get_key_id (inner)))
    return TRUE;
  value = mkv_sealed_storage_open_meta (self, name, inner, error);
  return value != NULL && mkv_sealed_storage_set_meta (self, batch, name, value, error);
}

/* *@after is where the page begins, and then where the next does; NULL where
 * there is none. What was looked at is added to *@n_done. */
static gboolean
change_page (MkvSealedStorage *self, gboolean meta, char **after, guint64 *n_done, GError **error)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_ORDERED);
  g_autoptr (GPtrArray) page = NULL;
  gboolean done = TRUE;

  page = meta ? mkv_storage_scan_meta (self->inner, NULL, *after, PAGE, error)
              : mkv_storage_scan (self->inner, NULL, *after, PAGE, error);
  if (page == NULL)
    return FALSE;
  for (guint i = 0; done && i < page->len; i++)
    done = meta ? change_meta (self, batch, page->pdata[i], error)
                : change_entry (self, batch, page->pdata[i], error);
  if (!done || (!mkv_storage_batch_is_empty (batch) && !mkv_sealed_storage_apply_sealed (self, batch, error)))
    {
      mkv_seal_nodes_end_storing (self->nodes, FALSE);
      return FALSE;
    }
  *n_done += page->len;
  g_clear_pointer (after, g_free);
  if (page->len == PAGE)
    *after = g_strdup (meta ? page->pdata[PAGE - 1] : mkv_entry_get_key (page->pdata[PAGE - 1]));
  return TRUE;
}

static gboolean
compact (MkvSealedStorage *self, GError **error)
{
  g_autoptr (GError) local_error = NULL;

  if (mkv_storage_compact (self->inner, &local_error) ||
      g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/* The numbers of nodes go with the last entry that needs them. */
static gboolean
remove_nodes (MkvSealedStorage *self, GError **error)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_ORDERED);
  g_autoptr (GPtrArray) names = mkv_storage_scan_meta (self->inner, MKV_SEAL_NODE_PREFIX, NULL, G_MAXUINT, error);

  if (names == NULL)
    return FALSE;
  for (guint i = 0; i < names->len; i++)
    mkv_storage_batch_set_meta (batch, names->pdata[i], NULL);
  mkv_seal_nodes_unstore (self->nodes);
  return mkv_storage_apply (self->inner, batch, error);
}

static gboolean
end_change (MkvSealedStorage *self, GError **error)
{
  MkvSealRecord record = { .form = self->record.form };

  if ((self->writer == NULL && !remove_nodes (self, error)) || !compact (self, error) ||
      !mkv_sealed_storage_write_record (self, &record, error))
    return FALSE;
  /* In this order: who reads something that is no longer plain after all sees
   * that it has changed. */
  g_atomic_int_inc (&self->n_changes);
  g_atomic_int_set (&self->may_be_plain, record.form.plain);
  return TRUE;
}

/* What follows takes the mutex. */

gboolean
mkv_sealed_storage_finish_rekey (MkvSealedStorage *self, MkvProgress *progress, GCancellable *cancellable,
                                 GError **error)
{
  guint64 n_entries, n_tombstones, n_bytes, n_done = 0;
  gboolean done = mkv_storage_stats (self->inner, &n_entries, &n_tombstones, &n_bytes, error);

  for (guint meta = 0; done && meta < 2; meta++)
    {
      g_autofree char *after = NULL;

      do
        {
          if (g_cancellable_set_error_if_cancelled (cancellable, error))
            return FALSE;
          g_mutex_lock (&self->mutex);
          done = change_page (self, meta, &after, &n_done, error);
          g_mutex_unlock (&self->mutex);
          /* Nobody has counted the records of meta. */
          if (!meta)
            mkv_progress_set (progress, n_done, MAX (n_done, n_entries + n_tombstones));
        }
      while (done && after != NULL);
    }
  g_mutex_lock (&self->mutex);
  done = done && end_change (self, error);
  g_mutex_unlock (&self->mutex);
  return done;
}

static gboolean
begin_change (MkvSealedStorage *self, GBytes *secret, GError **error)
{
  g_autoptr (MkvSealKey) key = NULL;
  MkvSealRecord record = { .under_way = TRUE, .old = self->record.form };
  gboolean might_be_plain = g_atomic_int_get (&self->may_be_plain);

  if (secret != NULL)
    {
      key = mkv_seal_key_new (secret, NULL, error);
      if (key == NULL)
        return FALSE;
    }
  mkv_seal_form_set (&record.form, key);
  if (record.form.plain || record.old.plain)
    g_atomic_int_set (&self->may_be_plain, TRUE);
  if (!mkv_sealed_storage_write_record (self, &record, error))
    {
      g_atomic_int_set (&self->may_be_plain, might_be_plain);
      return FALSE;
    }
  self->writer = key;
  mkv_sealed_storage_push_key (self, g_steal_pointer (&key));
  /* If the storage is opened again. */
  if (self->secret != NULL)
    g_ptr_array_add (self->more_secrets, self->secret);
  self->secret = secret != NULL ? g_bytes_ref (secret) : NULL;
  return TRUE;
}

/* Whether what is written is as @secret wants it. */
static gboolean
is_writing_with (MkvSealedStorage *self, GBytes *secret)
{
  g_autoptr (MkvSealKey) key = NULL;

  if (secret == NULL || self->writer == NULL)
    return secret == NULL && self->writer == NULL;
  key = mkv_seal_key_new (secret, self->writer->salt, NULL);
  return memcmp (key->check, self->writer->check, sizeof key->check) == 0;
}

static gboolean
rekey (MkvSealedStorage *self, GBytes *secret, MkvProgress *progress, GCancellable *cancellable, GError **error)
{
  gboolean is_open, resumed, under_way, done;

  g_mutex_lock (&self->mutex);
  is_open = self->nodes != NULL;
  under_way = self->record.under_way;
  resumed = under_way || self->resumed;
  self->resumed = FALSE;
  g_mutex_unlock (&self->mutex);
  if (!is_open)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                           _("The storage is not open: open it before its key is changed"));
      return FALSE;
    }
  /* One that was cancelled or failed comes to its end first. */
  if (under_way && !mkv_sealed_storage_finish_rekey (self, progress, cancellable, error))
    return FALSE;
  g_mutex_lock (&self->mutex);
  if ((resumed || secret == NULL) && is_writing_with (self, secret))
    {
      g_mutex_unlock (&self->mutex);
      return TRUE;
    }
  done = begin_change (self, secret, error);
  g_mutex_unlock (&self->mutex);
  return done && mkv_sealed_storage_finish_rekey (self, progress, cancellable, error);
}

typedef struct
{
  GBytes *secret; /* NULL for none */
  MkvProgress *progress;
} Rekeying;

static void
rekeying_free (gpointer data)
{
  Rekeying *rekeying = data;

  g_clear_pointer (&rekeying->secret, g_bytes_unref);
  g_free (rekeying);
}

static void
rekey_in_thread (GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
  MkvSealedStorage *self = source;
  Rekeying *rekeying = data;
  GError *error = NULL;
  gboolean done = rekey (self, rekeying->secret, rekeying->progress, cancellable, &error);

  mkv_progress_end (rekeying->progress);
  g_atomic_int_set (&self->rekeying, FALSE);
  if (done)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/**
 * mkv_sealed_storage_rekey_async:
 * @self: an open storage
 * @key: (nullable): 32 octets; %NULL to encrypt it no longer
 * @progress: (nullable) (scope notified) (closure progress_data) (destroy progress_destroy): is
 *   told how many entries have been looked at, in the context of @callback
 * @progress_data: for @progress
 * @progress_destroy: (nullable): frees @progress_data, before @callback is called
 * @cancellable: (nullable): to stop; what is done stays
 * @callback: (scope async) (closure user_data): called when everything has the new key
 * @user_data: for @callback
 *
 * Changes the key of a storage, in place: what is there is written afresh, and
 * the storage is compacted. Reads and writes go on meanwhile. The same key again
 * makes a new beginning too.
 *
 * A change that was cancelled, failed or ended with the process goes on when
 * this is called again, or when the storage is next opened, which takes both
 * keys then: see [method@SealedStorage.add_key].
 *
 * On disk, what was overwritten is no longer part of any file, but may be found
 * by who reads the device itself, until its blocks are used again.
 *
 * Since: 0.1
 */
void
mkv_sealed_storage_rekey_async (MkvSealedStorage *self, GBytes *key, MkvProgressFunc progress,
                                gpointer progress_data, GDestroyNotify progress_destroy, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;
  Rekeying *rekeying;
  GError *error = NULL;

  g_return_if_fail (MKV_IS_SEALED_STORAGE (self));

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mkv_sealed_storage_rekey_async);
  /* What was done is done. */
  g_task_set_check_cancellable (task, FALSE);
  rekeying = g_new0 (Rekeying, 1);
  rekeying->secret = key != NULL ? g_bytes_ref (key) : NULL;
  rekeying->progress = mkv_progress_new (progress, progress_data, progress_destroy);
  g_task_set_task_data (task, rekeying, rekeying_free);
  if (key != NULL && !mkv_sealed_storage_check_key (key, &error))
    {
      mkv_progress_end (rekeying->progress);
      g_task_return_error (task, error);
      return;
    }
  /* Not under the mutex, which may be held over writing. */
  if (!g_atomic_int_compare_and_exchange (&self->rekeying, FALSE, TRUE))
    {
      mkv_progress_end (rekeying->progress);
      g_task_return_new_error (task, MKV_ERROR, MKV_ERROR_UNAVAILABLE, "%s",
                               _("The storage's key is being changed already: wait until that is done"));
      return;
    }
  mkv_task_run_in_thread (task, rekey_in_thread);
}

/**
 * mkv_sealed_storage_rekey_finish:
 * @self: a storage
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@SealedStorage.rekey_async].
 *
 * Returns: whether everything has the new key; %FALSE with
 *   %MKV_ERROR_CONFIGURATION if it has not the length of one, with
 *   %MKV_ERROR_UNAVAILABLE if the storage is not open or its key is being
 *   changed, with %MKV_ERROR_CORRUPT if something can't be read, or with what
 *   the inner storage says
 *
 * Since: 0.1
 */
gboolean
mkv_sealed_storage_rekey_finish (MkvSealedStorage *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
