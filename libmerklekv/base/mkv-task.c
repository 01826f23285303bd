/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "base/mkv-task-private.h"

typedef struct
{
  GTask *task;
  GTaskThreadFunc func;
} Run;

static void
run (GTask *inner, gpointer source, gpointer data, GCancellable *cancellable)
{
  Run *self = data;

  self->func (self->task, g_task_get_source_object (self->task), g_task_get_task_data (self->task),
              g_task_get_cancellable (self->task));
  g_task_return_boolean (inner, TRUE);
}

static void
on_run (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Run *self = user_data;

  /* Also so that what the thread did comes before what is done here. */
  g_task_propagate_boolean (G_TASK (result), NULL);
  g_object_unref (self->task);
  g_free (self);
}

void
mkv_task_run_in_thread (GTask *task, GTaskThreadFunc func)
{
  Run *self = g_new (Run, 1);
  g_autoptr (GTask) inner = g_task_new (NULL, NULL, on_run, self);

  self->task = g_object_ref (task);
  self->func = func;
  g_task_set_source_tag (inner, mkv_task_run_in_thread);
  g_task_set_task_data (inner, self, NULL);
  g_task_run_in_thread (inner, run);
}
