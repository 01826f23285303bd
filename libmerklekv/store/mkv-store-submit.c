/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-store-submit-private.h"

#include "base/mkv-error.h"

gboolean
mkv_store_submit (MkvStore *self, MkvWrite *write, GCancellable *cancellable)
{
  return mkv_write_check (write, &write->error) &&
         ((MkvStoreClass *) G_OBJECT_GET_CLASS (self))->write (self, write, cancellable);
}

static gboolean
submit (MkvStore *self, MkvWrite *write, GCancellable *cancellable, GError **error)
{
  if (mkv_store_submit (self, write, cancellable))
    return TRUE;
  g_propagate_error (error, write->error);
  return FALSE;
}

static GBytes *
take_value (MkvWrite *write)
{
  return write->result != NULL ? g_steal_pointer (&write->result) : g_bytes_ref (mkv_entry_get_value (write->entry));
}

gboolean
mkv_store_run (MkvStore *self, MkvWrite *write, GCancellable *cancellable, GError **error)
{
  gboolean done = submit (self, write, cancellable, error);

  g_clear_pointer (&write->entry, mkv_entry_unref);
  return done;
}

gboolean
mkv_store_run_for_number (MkvStore *self, MkvWrite *write, gint64 *number, GCancellable *cancellable, GError **error)
{
  gboolean done = mkv_store_run (self, write, cancellable, error);

  if (done && number != NULL)
    *number = write->number;
  return done;
}

GBytes *
mkv_store_run_for_value (MkvStore *self, MkvWrite *write, GCancellable *cancellable, GError **error)
{
  GBytes *value = NULL;

  if (submit (self, write, cancellable, error))
    value = take_value (write);
  g_clear_pointer (&write->entry, mkv_entry_unref);
  return value;
}

void
mkv_store_start (MkvStore *self, MkvWrite *write, GCancellable *cancellable, GAsyncReadyCallback callback,
                 gpointer user_data, gpointer tag)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, tag);
  /* A write that was done is not undone because the caller gave up meanwhile. */
  g_task_set_check_cancellable (task, FALSE);
  if (mkv_write_check (write, &write->error))
    ((MkvStoreClass *) G_OBJECT_GET_CLASS (self))->write_async (self, write, task);
  else
    g_task_return_pointer (task, write, (GDestroyNotify) mkv_write_free);
}

static MkvWrite *
take_result (MkvStore *self, GAsyncResult *result, GError **error)
{
  MkvWrite *write = mkv_store_submit_finish (self, result);

  if (write->error == NULL)
    return write;
  g_propagate_error (error, g_steal_pointer (&write->error));
  mkv_write_free (write);
  return NULL;
}

gboolean
mkv_store_finish (MkvStore *self, GAsyncResult *result, GError **error)
{
  MkvWrite *write;

  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  write = take_result (self, result, error);
  if (write == NULL)
    return FALSE;
  mkv_write_free (write);
  return TRUE;
}

gboolean
mkv_store_finish_number (MkvStore *self, GAsyncResult *result, gint64 *number, GError **error)
{
  MkvWrite *write;

  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  write = take_result (self, result, error);
  if (write == NULL)
    return FALSE;
  if (number != NULL)
    *number = write->number;
  mkv_write_free (write);
  return TRUE;
}

GBytes *
mkv_store_finish_value (MkvStore *self, GAsyncResult *result, GError **error)
{
  MkvWrite *write;
  GBytes *value;

  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  write = take_result (self, result, error);
  if (write == NULL)
    return NULL;
  value = take_value (write);
  mkv_write_free (write);
  return value;
}

void
mkv_store_submit_async (MkvStore *self, MkvWrite *write, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
  mkv_store_start (self, write, cancellable, callback, user_data, mkv_store_submit_async);
}

MkvWrite *
mkv_store_submit_finish (MkvStore *self, GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}
