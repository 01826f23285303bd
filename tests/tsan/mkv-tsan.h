/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Force-included in a build with -fsanitize=thread: GLib is not instrumented
 * and locks by futex, so the sanitizer does not see that one thread waits for
 * another. Here it is told, where this project's code calls GLib. A race that
 * these do not order is still found; see `tools/check --tsan`. GMutexLocker unlocks
 * in a header of GLib's, out of reach: lock and unlock instead.
 */
#pragma once

#include <gio/gio.h>
#include <sanitizer/tsan_interface.h>

static inline void
mkv_tsan_mutex_lock (GMutex *mutex)
{
  g_mutex_lock (mutex);
  __tsan_acquire (mutex);
}

static inline void
mkv_tsan_mutex_unlock (GMutex *mutex)
{
  __tsan_release (mutex);
  g_mutex_unlock (mutex);
}

static inline void
mkv_tsan_cond_wait (GCond *cond, GMutex *mutex)
{
  __tsan_release (mutex);
  g_cond_wait (cond, mutex);
  __tsan_acquire (mutex);
}

static inline gboolean
mkv_tsan_cond_wait_until (GCond *cond, GMutex *mutex, gint64 end_time)
{
  gboolean signalled;

  __tsan_release (mutex);
  signalled = g_cond_wait_until (cond, mutex, end_time);
  __tsan_acquire (mutex);
  return signalled;
}

static inline void
mkv_tsan_reader_lock (GRWLock *lock)
{
  g_rw_lock_reader_lock (lock);
  __tsan_acquire (lock);
}

static inline void
mkv_tsan_reader_unlock (GRWLock *lock)
{
  __tsan_release (lock);
  g_rw_lock_reader_unlock (lock);
}

static inline void
mkv_tsan_writer_lock (GRWLock *lock)
{
  g_rw_lock_writer_lock (lock);
  __tsan_acquire (lock);
}

static inline void
mkv_tsan_writer_unlock (GRWLock *lock)
{
  __tsan_release (lock);
  g_rw_lock_writer_unlock (lock);
}

/* What a thread did before it dropped its reference comes before what the last
 * one does to free. */
static inline gboolean
mkv_tsan_atomic_ref_count_dec (gatomicrefcount *count)
{
  gboolean last;

  __tsan_release ((void *) count);
  last = g_atomic_ref_count_dec (count);
  if (last)
    __tsan_acquire ((void *) count);
  return last;
}

/* What a thread did before it attached a source comes before what the callback
 * does. One address for all sources. */
#define MKV_TSAN_SOURCES ((void *) g_main_context_default)

typedef struct
{
  GSourceFunc func;
  gpointer user_data;
  GDestroyNotify destroy;
} MkvTsanCallback;

/* What a source did comes before what the next owner of its context does. One
 * address for all contexts. */
#define MKV_TSAN_CONTEXTS ((void *) g_main_context_acquire)

static inline gboolean
mkv_tsan_dispatch (gpointer data)
{
  MkvTsanCallback *callback = data;
  gboolean again;

  __tsan_acquire (MKV_TSAN_SOURCES);
  again = callback->func (callback->user_data);
  __tsan_release (MKV_TSAN_CONTEXTS);
  return again;
}

static inline gboolean
mkv_tsan_context_acquire (GMainContext *context)
{
  gboolean acquired = g_main_context_acquire (context);

  if (acquired)
    __tsan_acquire (MKV_TSAN_CONTEXTS);
  return acquired;
}

static inline void
mkv_tsan_destroy (gpointer data)
{
  MkvTsanCallback *callback = data;

  __tsan_acquire (MKV_TSAN_SOURCES);
  if (callback->destroy != NULL)
    callback->destroy (callback->user_data);
  g_free (callback);
}

static inline void
mkv_tsan_source_set_callback (GSource *source, GSourceFunc func, gpointer user_data, GDestroyNotify destroy)
{
  MkvTsanCallback *callback;

  __tsan_release (MKV_TSAN_SOURCES);
  /* Of a cancellable or a socket: called with more than @user_data. */
  if (source->source_funcs->closure_callback != NULL)
    {
      g_source_set_callback (source, func, user_data, destroy);
      return;
    }
  callback = g_new0 (MkvTsanCallback, 1);
  callback->func = func;
  callback->user_data = user_data;
  callback->destroy = destroy;
  g_source_set_callback (source, mkv_tsan_dispatch, callback, mkv_tsan_destroy);
}

static inline guint
mkv_tsan_source_attach (GSource *source, GMainContext *context)
{
  __tsan_release (MKV_TSAN_SOURCES);
  return g_source_attach (source, context);
}

/* And what it did before it ran or returned a task. */
static inline void
mkv_tsan_task_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  GTaskThreadFunc func = (GTaskThreadFunc) (gsize) g_object_get_data (G_OBJECT (task), "mkv-tsan-func");

  __tsan_acquire (task);
  func (task, source, task_data, cancellable);
}

static inline void
mkv_tsan_task_run_in_thread (GTask *task, GTaskThreadFunc func)
{
  g_object_set_data (G_OBJECT (task), "mkv-tsan-func", (gpointer) (gsize) func);
  __tsan_release (task);
  g_task_run_in_thread (task, mkv_tsan_task_thread);
}

static inline void
mkv_tsan_task_return_pointer (GTask *task, gpointer result, GDestroyNotify destroy)
{
  __tsan_release (task);
  g_task_return_pointer (task, result, destroy);
}

static inline void
mkv_tsan_task_return_boolean (GTask *task, gboolean result)
{
  __tsan_release (task);
  g_task_return_boolean (task, result);
}

static inline void
mkv_tsan_task_return_error (GTask *task, GError *error)
{
  __tsan_release (task);
  g_task_return_error (task, error);
}

static inline gboolean
mkv_tsan_task_propagate_boolean (GTask *task, GError **error)
{
  __tsan_acquire (task);
  return g_task_propagate_boolean (task, error);
}

static inline gpointer
mkv_tsan_task_propagate_pointer (GTask *task, GError **error)
{
  __tsan_acquire (task);
  return g_task_propagate_pointer (task, error);
}

static inline gpointer
mkv_tsan_task_get_task_data (GTask *task)
{
  __tsan_acquire (task);
  return g_task_get_task_data (task);
}

typedef struct
{
  GFunc func;
  gpointer user_data;
} MkvTsanPool;

static inline void
mkv_tsan_pool_main (gpointer data, gpointer user_data)
{
  MkvTsanPool *pool = user_data;

  __tsan_acquire (data);
  pool->func (data, pool->user_data);
}

static inline GThreadPool *
mkv_tsan_thread_pool_new (GFunc func, gpointer user_data, int max_threads, gboolean exclusive, GError **error)
{
  /* Lives as long as the process, as the pools do. */
  MkvTsanPool *pool = g_new0 (MkvTsanPool, 1);

  pool->func = func;
  pool->user_data = user_data;
  return g_thread_pool_new (mkv_tsan_pool_main, pool, max_threads, exclusive, error);
}

static inline gboolean
mkv_tsan_thread_pool_push (GThreadPool *pool, gpointer data, GError **error)
{
  __tsan_release (data);
  return g_thread_pool_push (pool, data, error);
}

typedef struct
{
  GThreadFunc func;
  gpointer data;
} MkvTsanThread;

static inline gpointer
mkv_tsan_thread_main (gpointer data)
{
  MkvTsanThread thread = *(MkvTsanThread *) data;
  gpointer result;

  __tsan_acquire (data);
  result = thread.func (thread.data);
  __tsan_release (g_thread_self ());
  return result;
}

static inline GThread *
mkv_tsan_thread_new (const char *name, GThreadFunc func, gpointer data)
{
  /* Lives as long as the process: few threads, and a test. */
  MkvTsanThread *thread = g_new0 (MkvTsanThread, 1);

  thread->func = func;
  thread->data = data;
  __tsan_release (thread);
  return g_thread_new (name, mkv_tsan_thread_main, thread);
}

static inline gpointer
mkv_tsan_thread_join (GThread *thread)
{
  gpointer result = g_thread_join (g_thread_ref (thread));

  __tsan_acquire (thread);
  g_thread_unref (thread);
  return result;
}

/* A cancelled callback runs in the thread that cancels. */
static inline gulong
mkv_tsan_cancellable_connect (GCancellable *cancellable, GCallback callback, gpointer data, GDestroyNotify destroy)
{
  __tsan_release (cancellable);
  return g_cancellable_connect (cancellable, callback, data, destroy);
}

static inline void
mkv_tsan_cancellable_cancel (GCancellable *cancellable)
{
  __tsan_acquire (cancellable);
  g_cancellable_cancel (cancellable);
}

#define g_mutex_lock mkv_tsan_mutex_lock
#define g_mutex_unlock mkv_tsan_mutex_unlock
#define g_cond_wait mkv_tsan_cond_wait
#define g_cond_wait_until mkv_tsan_cond_wait_until
#define g_rw_lock_reader_lock mkv_tsan_reader_lock
#define g_rw_lock_reader_unlock mkv_tsan_reader_unlock
#define g_rw_lock_writer_lock mkv_tsan_writer_lock
#define g_rw_lock_writer_unlock mkv_tsan_writer_unlock
#undef g_source_set_callback
#define g_source_set_callback mkv_tsan_source_set_callback
#define g_thread_new mkv_tsan_thread_new
#define g_thread_pool_new mkv_tsan_thread_pool_new
#define g_thread_pool_push mkv_tsan_thread_pool_push
#define g_thread_join mkv_tsan_thread_join
#define g_source_attach mkv_tsan_source_attach
#define g_main_context_acquire mkv_tsan_context_acquire
#define g_atomic_ref_count_dec mkv_tsan_atomic_ref_count_dec
#define g_task_run_in_thread mkv_tsan_task_run_in_thread
#define g_task_return_pointer mkv_tsan_task_return_pointer
#define g_task_return_boolean mkv_tsan_task_return_boolean
#define g_task_return_error mkv_tsan_task_return_error
#define g_task_propagate_boolean mkv_tsan_task_propagate_boolean
#define g_task_propagate_pointer mkv_tsan_task_propagate_pointer
#define g_task_get_task_data mkv_tsan_task_get_task_data
#define g_cancellable_connect mkv_tsan_cancellable_connect
#define g_cancellable_cancel mkv_tsan_cancellable_cancel
