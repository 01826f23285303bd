/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Who may commit: `mutex` guards the queue and the flag `leading`. While it is
 * set there is exactly one leader, which took its batch out of the queue and
 * holds no lock. A synchronous writer that finds nobody leading leads; one that
 * finds a leader waits until its write is done or it is made leader itself. A
 * write that came by mkv_commit_queue_push() has nobody waiting: for those the
 * worker thread leads, when no synchronous writer is there to do it. Where
 * committing never waits for anything there is no worker: who pushes leads, and
 * whoever leads goes on until the queue is empty.
 *
 * The mutex is never held while a batch is committed, a task returns or code of
 * an application runs. Locks that may be taken under it: none. A cancellable's
 * own lock may be held when it is taken (the cancelled callbacks), so nothing
 * here connects to or disconnects from a cancellable under the mutex.
 */
#include "config.h"

#include "store/mkv-commit-queue-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"

/* A leader takes at most so much at once, so that nobody waits long. */
#define MAX_BATCH_WRITES 1024
#define MAX_BATCH_BYTES (1024 * 1024)

enum
{
  STATE_NEW,
  STATE_QUEUED,    /* in the queue */
  STATE_TAKEN,     /* a leader has it: too late to cancel */
  STATE_LEADER,    /* still in the queue; its writer is to lead */
  STATE_DONE,      /* results are set */
  STATE_CANCELLED, /* out of the queue, not done */
};

struct _MkvCommitQueue
{
  MkvCommitFunc func;
  gpointer user_data;
  gboolean instant;

  GMutex mutex;
  MkvWrite *head, *tail; /* QUEUED and LEADER */
  guint n_waiting;       /* those in the queue whose writer waits */
  gboolean leading;
  gboolean worker_leads; /* the worker has been made leader */
  gboolean closed;
  /* Whoever comes while a batch is committed waits for one of these, and for the
   * other while the next is: all of a batch are woken by one call. But the first
   * has a cond of its own, as it is the one to be made leader. */
  GCond conds[2];
  guint n_batches;
  GThread *worker; /* started by the first pushed write */
  GCond worker_cond;
  GCond idle_cond; /* nobody leads and nothing is queued */
};

MkvCommitQueue *
mkv_commit_queue_new (MkvCommitFunc func, gpointer user_data, gboolean instant)
{
  MkvCommitQueue *self = g_new0 (MkvCommitQueue, 1);

  self->func = func;
  self->user_data = user_data;
  self->instant = instant;
  g_mutex_init (&self->mutex);
  g_cond_init (&self->conds[0]);
  g_cond_init (&self->conds[1]);
  g_cond_init (&self->worker_cond);
  g_cond_init (&self->idle_cond);
  return self;
}

void
mkv_commit_queue_free (MkvCommitQueue *self)
{
  mkv_commit_queue_shut_down (self);
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->conds[0]);
  g_cond_clear (&self->conds[1]);
  g_cond_clear (&self->worker_cond);
  g_cond_clear (&self->idle_cond);
  g_free (self);
}

static gsize
write_size (const MkvWrite *write)
{
  gsize size = 64;

  if (write->value != NULL)
    size += g_bytes_get_size (write->value);
  for (guint i = 0; write->values != NULL && i < write->values->len; i++)
    size += g_bytes_get_size (write->values->pdata[i]);
  for (guint i = 0; write->entries != NULL && i < write->entries->len; i++)
    {
      gsize value_length;

      mkv_entry_peek_value (write->entries->pdata[i], &value_length);
      size += 64 + value_length;
    }
  return size;
}

/* Called with the mutex held. */
static void
enqueue (MkvCommitQueue *self, MkvWrite *write)
{
  write->next = NULL;
  write->state = STATE_QUEUED;
  if (self->tail != NULL)
    self->tail->next = write;
  else
    self->head = write;
  self->tail = write;
  if (write->cond != NULL)
    self->n_waiting++;
}

/* Called with the mutex held. Says whether @write was still in the queue. */
static gboolean
dequeue (MkvCommitQueue *self, MkvWrite *write)
{
  MkvWrite *before = NULL;

  if (write->state != STATE_QUEUED)
    return FALSE;
  for (MkvWrite *w = self->head; w != write; w = w->next)
    before = w;
  if (before != NULL)
    before->next = write->next;
  else
    self->head = write->next;
  if (self->tail == write)
    self->tail = before;
  if (write->cond != NULL)
    self->n_waiting--;
  write->state = STATE_CANCELLED;
  return TRUE;
}

/* Called with the mutex held. */
static MkvWrite *
take_batch (MkvCommitQueue *self)
{
  MkvWrite *first = self->head, *last = NULL;
  gsize n_bytes = 0;
  guint n = 0;

  for (MkvWrite *w = first; w != NULL; w = w->next)
    {
      n_bytes += write_size (w);
      if (n == MAX_BATCH_WRITES || (n > 0 && n_bytes > MAX_BATCH_BYTES))
        break;
      w->state = STATE_TAKEN;
      if (w->cond != NULL)
        self->n_waiting--;
      last = w;
      n++;
    }
  self->n_batches++;
  if (last != NULL)
    {
      self->head = last->next;
      if (self->head == NULL)
        self->tail = NULL;
      last->next = NULL;
    }
  return first;
}

static gboolean
return_task (gpointer user_data)
{
  MkvWrite *write = user_data;
  g_autoptr (GTask) task = g_steal_pointer (&write->task);

  if (write->cancelled_id != 0)
    g_cancellable_disconnect (g_task_get_cancellable (task), write->cancelled_id);
  g_task_return_pointer (task, write, (GDestroyNotify) mkv_write_free);
  return G_SOURCE_REMOVE;
}

/* Called without the mutex. The task is left to its own context as a whole: a
 * synchronous leader must not run the callbacks of others inside its own call,
 * and the worker must not hold the last reference to the store, which would
 * have to wait for it. */
static void
finish_pushed (MkvWrite *write)
{
  g_autoptr (GSource) source = NULL;

  if (write->task == NULL)
    {
      mkv_write_free (write);
      return;
    }
  source = g_idle_source_new ();
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, return_task, write, NULL);
  g_source_attach (source, g_task_get_context (write->task));
}

/* Called with the mutex held, by the leader, whose batch is done. */
static void
hand_over (MkvCommitQueue *self)
{
  for (MkvWrite *w = self->head; self->n_waiting > 0; w = w->next)
    if (w->cond != NULL)
      {
        w->state = STATE_LEADER;
        g_cond_broadcast (w->cond);
        return;
      }
  if (self->head != NULL)
    {
      self->worker_leads = TRUE;
      if (!self->instant)
        g_cond_signal (&self->worker_cond);
      return;
    }
  self->leading = FALSE;
  /* A broadcast is a system call, also when nobody waits. */
  if (self->closed)
    g_cond_broadcast (&self->idle_cond);
}

/* Called without the mutex. */
static void
finish_all_pushed (MkvWrite *pushed)
{
  MkvWrite *in_order = NULL;

  while (pushed != NULL)
    {
      MkvWrite *next = pushed->next;

      pushed->next = in_order;
      in_order = pushed;
      pushed = next;
    }
  while (in_order != NULL)
    {
      MkvWrite *next = in_order->next;

      finish_pushed (in_order);
      in_order = next;
    }
}

/* As lead(), of one batch. */
static void
lead_once (MkvCommitQueue *self, MkvWrite *batch, MkvWrite *own)
{
  MkvWrite *pushed = NULL;
  GCond *woken = NULL;

  /* Empty if all that was queued has been cancelled meanwhile. */
  if (batch != NULL)
    {
      g_mutex_unlock (&self->mutex);
      self->func (batch, self->user_data);
      g_mutex_lock (&self->mutex);
    }

  while (batch != NULL)
    {
      MkvWrite *next = batch->next;

      batch->state = STATE_DONE;
      if (batch->cond != NULL && batch != own && batch->cond != woken)
        {
          woken = batch->cond;
          g_cond_broadcast (woken);
        }
      else if (batch->cond == NULL && batch != own)
        {
          batch->next = pushed;
          pushed = batch;
        }
      batch = next;
    }
  hand_over (self);

  if (pushed != NULL)
    {
      g_mutex_unlock (&self->mutex);
      finish_all_pushed (pushed);
      g_mutex_lock (&self->mutex);
    }
}

/* Called with the mutex held and `leading` set; returns with it held, and
 * leadership handed over. @own, if given, is the leader's own write, which
 * nobody has to be told about; NULL for who leads for pushed writes alone. */
static void
lead (MkvCommitQueue *self, MkvWrite *batch, MkvWrite *own)
{
  lead_once (self, batch, own);
  while (self->instant && self->worker_leads)
    {
      self->worker_leads = FALSE;
      lead_once (self, take_batch (self), NULL);
    }
}

static void
set_closed_error (MkvWrite *write)
{
  g_set_error_literal (&write->error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                       _("The store is closed: nothing can be written any more"));
}

static void
on_run_cancelled (GCancellable *cancellable, gpointer user_data)
{
  gpointer *pair = user_data;
  MkvCommitQueue *self = pair[0];
  MkvWrite *write = pair[1];

  g_mutex_lock (&self->mutex);
  if (dequeue (self, write))
    g_cond_broadcast (write->cond);
  g_mutex_unlock (&self->mutex);
}

/* Called with the mutex held; returns without it. @write is not queued yet. */
static void
run_behind_others (MkvCommitQueue *self, MkvWrite *write, GCancellable *cancellable)
{
  gpointer pair[2] = { self, write };
  gulong cancelled_id = 0;
  GCond own_cond;

  g_cond_init (&own_cond);
  write->cond = self->n_waiting == 0 ? &own_cond : &self->conds[self->n_batches % 2];
  enqueue (self, write);
  if (cancellable != NULL)
    {
      g_mutex_unlock (&self->mutex);
      cancelled_id = g_cancellable_connect (cancellable, G_CALLBACK (on_run_cancelled), pair, NULL);
      g_mutex_lock (&self->mutex);
    }
  while (write->state == STATE_QUEUED || write->state == STATE_TAKEN || write->state == STATE_LEADER)
    if (write->state == STATE_LEADER)
      {
        /* Of the oldest batch, in which its own write may not be yet. */
        write->state = STATE_QUEUED;
        lead (self, take_batch (self), write);
      }
    else
      g_cond_wait (write->cond, &self->mutex);
  g_mutex_unlock (&self->mutex);
  g_cancellable_disconnect (cancellable, cancelled_id);
  g_cond_clear (&own_cond);
  write->cond = NULL;
  if (write->state == STATE_CANCELLED)
    g_cancellable_set_error_if_cancelled (cancellable, &write->error);
}

void
mkv_commit_queue_run (MkvCommitQueue *self, MkvWrite *write, GCancellable *cancellable)
{
  if (g_cancellable_set_error_if_cancelled (cancellable, &write->error))
    return;
  g_mutex_lock (&self->mutex);
  if (self->closed)
    {
      g_mutex_unlock (&self->mutex);
      set_closed_error (write);
      return;
    }
  if (self->leading || self->head != NULL)
    {
      run_behind_others (self, write, cancellable);
      return;
    }
  /* Nobody is here: no queue, no waiting. */
  self->leading = TRUE;
  write->next = NULL;
  write->state = STATE_TAKEN;
  lead (self, write, write);
  g_mutex_unlock (&self->mutex);
}

static gpointer
worker_main (gpointer user_data)
{
  MkvCommitQueue *self = user_data;

  g_mutex_lock (&self->mutex);
  for (;;)
    {
      if (self->worker_leads)
        {
          self->worker_leads = FALSE;
          lead (self, take_batch (self), NULL);
        }
      else if (self->closed && !self->leading && self->head == NULL)
        break;
      else
        g_cond_wait (&self->worker_cond, &self->mutex);
    }
  g_mutex_unlock (&self->mutex);
  return NULL;
}

static void
on_push_cancelled (GCancellable *cancellable, gpointer user_data)
{
  gpointer *pair = user_data;
  MkvCommitQueue *self = pair[0];
  MkvWrite *write = pair[1];
  gboolean removed;

  g_mutex_lock (&self->mutex);
  removed = dequeue (self, write);
  g_mutex_unlock (&self->mutex);
  if (removed)
    {
      g_cancellable_set_error_if_cancelled (cancellable, &write->error);
      finish_pushed (write);
    }
}

void
mkv_commit_queue_push (MkvCommitQueue *self, MkvWrite *write, GTask *task)
{
  GCancellable *cancellable = task != NULL ? g_task_get_cancellable (task) : NULL;

  write->task = task != NULL ? g_object_ref (task) : NULL;
  if (g_cancellable_set_error_if_cancelled (cancellable, &write->error))
    {
      finish_pushed (write);
      return;
    }
  if (cancellable != NULL)
    {
      gpointer *pair = g_new (gpointer, 2);

      pair[0] = self;
      pair[1] = write;
      /* Not queued yet: a callback that comes at once finds nothing to do, and
       * the state is looked at again below. */
      write->cancelled_id = g_cancellable_connect (cancellable, G_CALLBACK (on_push_cancelled), pair, g_free);
      if (write->cancelled_id == 0)
        {
          g_cancellable_set_error_if_cancelled (cancellable, &write->error);
          finish_pushed (write);
          return;
        }
    }
  g_mutex_lock (&self->mutex);
  if (self->closed || g_cancellable_is_cancelled (cancellable))
    {
      g_mutex_unlock (&self->mutex);
      if (!g_cancellable_set_error_if_cancelled (cancellable, &write->error))
        set_closed_error (write);
      finish_pushed (write);
      return;
    }
  enqueue (self, write);
  if (!self->instant && self->worker == NULL)
    self->worker = g_thread_new ("mkv-store", worker_main, self);
  if (!self->leading)
    {
      self->leading = TRUE;
      if (self->instant)
        lead (self, take_batch (self), NULL);
      else
        {
          self->worker_leads = TRUE;
          g_cond_signal (&self->worker_cond);
        }
    }
  g_mutex_unlock (&self->mutex);
}

void
mkv_commit_queue_shut_down (MkvCommitQueue *self)
{
  GThread *worker;

  g_mutex_lock (&self->mutex);
  self->closed = TRUE;
  while (self->leading || self->head != NULL)
    g_cond_wait (&self->idle_cond, &self->mutex);
  worker = g_steal_pointer (&self->worker);
  g_cond_signal (&self->worker_cond);
  g_mutex_unlock (&self->mutex);
  if (worker != NULL)
    g_thread_join (worker);
}
