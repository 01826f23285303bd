/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* As g_task_run_in_thread(), where @task was made, but the thread is never the
 * last to hold it, nor its source object, which would then end there: both are
 * let go in the task's context. */
void mkv_task_run_in_thread (GTask *task, GTaskThreadFunc func);

G_END_DECLS
