/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "desktop/mkv-bound-key-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"

/* Reference-counted: each call that is on its way has one. */
struct _MkvBoundKey
{
  MkvStore *store;
  char *key;
  MkvClock *clock;
  GMainContext *context;
  MkvBoundKeyFunc func; /* NULL once closed */
  gpointer user_data;

  gboolean known; /* `stored` says something */
  GBytes *stored; /* what the store has; NULL: not there */

  gboolean sending;
  GBytes *sent; /* what is being written; NULL: deleted */
  gboolean dirty;
  GBytes *wanted; /* what is to be written next; NULL: deleted */
  gboolean failing; /* it has been said that writes fail */
  gboolean wrong;   /* what is shown was not written */

  gboolean unsure; /* the key has to be read */
  guint n_told;    /* what is told and written; a read that began before may be older */
  GSource *timer;  /* while no write may begin */
};

typedef struct
{
  MkvBoundKey *key;
  guint n_told; /* when it began */
} ReadRequest;

static void
bound_key_clear (gpointer data)
{
  MkvBoundKey *self = data;

  g_object_unref (self->store);
  g_free (self->key);
  g_object_unref (self->clock);
  g_main_context_unref (self->context);
  g_clear_pointer (&self->stored, g_bytes_unref);
  g_clear_pointer (&self->sent, g_bytes_unref);
  g_clear_pointer (&self->wanted, g_bytes_unref);
}

static void
bound_key_unref (MkvBoundKey *self)
{
  g_rc_box_release_full (self, bound_key_clear);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvBoundKey, bound_key_unref)

static gboolean
is_same (GBytes *a, GBytes *b)
{
  return a == NULL || b == NULL ? a == b : g_bytes_equal (a, b);
}

static void
put (GBytes **place, GBytes *value)
{
  if (value != NULL)
    g_bytes_ref (value);
  g_clear_pointer (place, g_bytes_unref);
  *place = value;
}

static gboolean
is_busy (MkvBoundKey *self)
{
  return self->sending || self->timer != NULL;
}

static void
show (MkvBoundKey *self)
{
  g_autoptr (GBytes) value = self->stored != NULL ? g_bytes_ref (self->stored) : NULL;

  if (self->func != NULL)
    self->func (value, self->user_data);
}

/* The store has @value, and nothing of ours is on its way. */
static void
take (MkvBoundKey *self, GBytes *value)
{
  gboolean news = self->wrong || (self->known ? !is_same (self->stored, value) : value != NULL);

  self->known = TRUE;
  self->wrong = FALSE;
  put (&self->stored, value);
  if (news)
    show (self);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree ReadRequest *request = user_data;
  g_autoptr (MkvBoundKey) self = request->key;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) value = mkv_store_get_finish (MKV_STORE (source), result, &error);

  if (self->func == NULL || is_busy (self) || request->n_told != self->n_told)
    return;
  if (value != NULL || g_error_matches (error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
    take (self, value);
  else
    g_message (_("“%s” can't be read: %s"), self->key, error->message);
}

void
mkv_bound_key_read (MkvBoundKey *self)
{
  ReadRequest *request = g_new (ReadRequest, 1);

  request->key = g_rc_box_acquire (self);
  request->n_told = self->n_told;
  mkv_store_get_async (self->store, self->key, NULL, on_read, request);
}

static gboolean
finish_write (MkvBoundKey *self, GObject *source, GAsyncResult *result, GBytes *value)
{
  g_autoptr (GError) error = NULL;
  gboolean done = value != NULL ? mkv_store_set_finish (MKV_STORE (source), result, &error)
                                : mkv_store_delete_finish (MKV_STORE (source), result, &error);

  if (!done && !self->failing)
    g_message (_("“%s” was not written: %s"), self->key, error->message);
  self->failing = !done;
  return done;
}

static void
start_write (MkvBoundKey *self, GBytes *value, GAsyncReadyCallback callback)
{
  if (value != NULL)
    mkv_store_set_async (self->store, self->key, value, NULL, callback, g_rc_box_acquire (self));
  else
    mkv_store_delete_async (self->store, self->key, NULL, callback, g_rc_box_acquire (self));
}

static void go_on (MkvBoundKey *self);

static gboolean
on_timer (gpointer user_data)
{
  MkvBoundKey *self = user_data;

  g_clear_pointer (&self->timer, g_source_unref);
  go_on (self);
  return G_SOURCE_REMOVE;
}

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (MkvBoundKey) self = user_data;
  gboolean done = finish_write (self, source, result, self->sent);

  self->sending = FALSE;
  if (self->func == NULL)
    return;
  self->timer = mkv_clock_add_timeout (self->clock, MKV_BOUND_KEY_PAUSE, self->context, on_timer, self);
  if (done)
    {
      self->known = TRUE;
      self->wrong = FALSE;
      put (&self->stored, self->sent);
    }
  else
    {
      /* Or was it, and nobody could say so? */
      self->unsure = TRUE;
      self->wrong = !self->known;
      if (!self->dirty && self->known)
        show (self);
    }
}

static void
go_on (MkvBoundKey *self)
{
  if (is_busy (self))
    return;
  if (self->dirty)
    {
      put (&self->sent, self->wanted);
      put (&self->wanted, NULL);
      self->dirty = FALSE;
      self->sending = TRUE;
      self->n_told++;
      start_write (self, self->sent, on_written);
    }
  else if (self->unsure)
    {
      self->unsure = FALSE;
      mkv_bound_key_read (self);
    }
}

void
mkv_bound_key_feed (MkvBoundKey *self, GBytes *value)
{
  self->n_told++;
  if (is_busy (self))
    self->unsure = !is_same (value, self->sending ? self->sent : self->stored);
  else
    take (self, value);
}

void
mkv_bound_key_write (MkvBoundKey *self, GBytes *value)
{
  /* What the store has, or is about to. */
  gboolean same = self->sending ? is_same (value, self->sent)
                                : self->known && !self->unsure && is_same (value, self->stored);

  put (&self->wanted, same ? NULL : value);
  self->dirty = !same;
  go_on (self);
}

MkvBoundKey *
mkv_bound_key_new (MkvStore *store, const char *key, MkvClock *clock, MkvBoundKeyFunc func, gpointer user_data)
{
  MkvBoundKey *self = g_rc_box_new0 (MkvBoundKey);

  self->store = g_object_ref (store);
  self->key = g_strdup (key);
  self->clock = g_object_ref (clock);
  self->context = g_main_context_ref_thread_default ();
  self->func = func;
  self->user_data = user_data;
  return self;
}

static void
on_last_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (MkvBoundKey) self = user_data;

  finish_write (self, source, result, self->wanted);
}

void
mkv_bound_key_close (MkvBoundKey *self)
{
  self->func = NULL;
  if (self->timer != NULL)
    g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
  if (self->dirty)
    start_write (self, self->wanted, on_last_written);
  bound_key_unref (self);
}
