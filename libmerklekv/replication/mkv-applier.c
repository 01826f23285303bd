/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "replication/mkv-applier-private.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

#include "base/mkv-error.h"
#include "store/mkv-store-private.h"

/* us */
#define LEAST_RETRY_DELAY (1 * G_USEC_PER_SEC)
#define MOST_RETRY_DELAY (32 * G_USEC_PER_SEC)
#define SKEW_MEMORY (10 * 60 * G_USEC_PER_SEC)
#define SKEW_TELL_INTERVAL (60 * G_USEC_PER_SEC)

/* What one write takes, but for the excess of its last message. */
#define MAX_WRITE_ENTRIES 1024
#define MAX_WRITE_BYTES (1024 * 1024)

/* A claimed message and what was good in it. */
typedef struct
{
  MkvMessage *message;
  GPtrArray *entries;
  gsize n_bytes;
} Item;

struct _MkvApplier
{
  GObject parent_instance;
  MkvLocalStore *store;
  MkvRouter *router;
  MkvClock *clock;
  MkvObserver *observer;
  GMainContext *context;

  GQueue queue;        /* of Item, until they are committed */
  guint n_writing;     /* how many of them, from the first on, are in the write under way */
  gboolean failing;    /* the last write failed */
  gboolean stopped;

  GSource *write_source; /* ready when a write is to start */
  GSource *retry_timer;
  gint64 retry_delay; /* us; doubles while the storage fails */

  GSource *skew_timer;
  gint64 skew_told_at; /* monotonic us; of use while there is the timer */
};

G_DEFINE_FINAL_TYPE (MkvApplier, mkv_applier, G_TYPE_OBJECT)

static void
item_free (gpointer data)
{
  Item *item = data;

  mkv_message_unref (item->message);
  g_ptr_array_unref (item->entries);
  g_free (item);
}

static void
clear_timer (GSource **timer)
{
  if (*timer != NULL)
    g_source_destroy (*timer);
  g_clear_pointer (timer, g_source_unref);
}

static gboolean
on_skew_timer (gpointer user_data)
{
  MkvApplier *self = user_data;

  clear_timer (&self->skew_timer);
  mkv_observer_clear_condition (self->observer, "clock-skew");
  return G_SOURCE_REMOVE;
}

/* Some of @entries lie too far in the future: the farthest is the worst. */
static void
tell_skew (MkvApplier *self, GPtrArray *entries, guint n_future)
{
  gint64 now = mkv_clock_get_monotonic_time (self->clock);
  const MkvStamp *worst = NULL;
  gint64 seconds;

  for (guint i = 0; i < entries->len; i++)
    {
      const MkvStamp *stamp = mkv_entry_get_stamp (entries->pdata[i]);

      if (worst == NULL || stamp->timestamp > worst->timestamp)
        worst = stamp;
    }
  seconds = (worst->timestamp - mkv_clock_get_time (self->clock)) / 1000;
  mkv_observer_count (self->observer, MKV_COUNTER_EVENTS_FUTURE, n_future - 1);
  mkv_observer_drop (self->observer, MKV_COUNTER_EVENTS_FUTURE,
                     _("An event of %s is not applied: its time is %" PRId64 " s ahead"), worst->node_id, seconds);
  /* The text changes each time: that must not fill the log. */
  if (self->skew_timer == NULL || now - self->skew_told_at >= SKEW_TELL_INTERVAL)
    {
      self->skew_told_at = now;
      mkv_observer_set_condition (self->observer, "clock-skew", MKV_HEALTH_DEGRADED,
                                  _("The clock of %s is %" PRId64 " s ahead of this node's: its changes are not "
                                    "applied; set the clock that is wrong"), worst->node_id, seconds);
    }
  clear_timer (&self->skew_timer);
  self->skew_timer = mkv_clock_add_timeout (self->clock, SKEW_MEMORY, self->context, on_skew_timer, self);
}

static void
on_committed (MkvApplier *self, const MkvWrite *write)
{
  mkv_observer_count (self->observer, MKV_COUNTER_EVENTS_APPLIED, write->n_applied);
  mkv_observer_count (self->observer, MKV_COUNTER_EVENTS_STALE, write->n_stale);
  mkv_observer_count (self->observer, MKV_COUNTER_EVENTS_DUPLICATE, write->n_duplicate);
  if (write->n_future > 0 && !self->stopped)
    tell_skew (self, write->entries, write->n_future);
  if (self->failing)
    {
      self->failing = FALSE;
      self->retry_delay = LEAST_RETRY_DELAY;
      mkv_observer_clear_condition (self->observer, "events-waiting");
    }
  for (; self->n_writing > 0; self->n_writing--)
    {
      Item *item = g_queue_pop_head (&self->queue);

      mkv_message_handled (item->message);
      item_free (item);
    }
}

static gboolean
on_retry_timer (gpointer user_data)
{
  MkvApplier *self = user_data;

  clear_timer (&self->retry_timer);
  g_source_set_ready_time (self->write_source, 0);
  return G_SOURCE_REMOVE;
}

static void
on_failed (MkvApplier *self, const MkvWrite *write)
{
  self->n_writing = 0;
  if (self->stopped)
    return;
  mkv_observer_count (self->observer, MKV_COUNTER_EVENTS_NOT_STORED, write->entries->len);
  mkv_observer_set_condition (self->observer, "events-waiting", MKV_HEALTH_DEGRADED,
                              _("Changes of other nodes can't be stored: %s; they are tried again, and no others "
                                "are taken from the broker until the storage works"), write->error->message);
  self->failing = TRUE;
  self->retry_timer = mkv_clock_add_timeout (self->clock, self->retry_delay, self->context, on_retry_timer, self);
  self->retry_delay = MIN (self->retry_delay * 2, MOST_RETRY_DELAY);
}

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (MkvApplier) self = user_data;
  MkvWrite *write = mkv_store_submit_finish (MKV_STORE (source), result);

  if (write->error != NULL)
    on_failed (self, write);
  else
    on_committed (self, write);
  mkv_write_free (write);
  if (!self->stopped && self->retry_timer == NULL && self->queue.length > 0)
    g_source_set_ready_time (self->write_source, 0);
}

/* Everything that has arrived, as far as one write takes it. */
static gboolean
start_write (gpointer user_data)
{
  MkvApplier *self = user_data;
  MkvWrite *write;
  gsize n_bytes = 0;

  g_source_set_ready_time (self->write_source, -1);
  if (self->n_writing > 0 || self->retry_timer != NULL || self->queue.length == 0)
    return G_SOURCE_CONTINUE;
  write = mkv_write_new (MKV_WRITE_APPLY, NULL, NULL);
  write->origin = MKV_ORIGIN_EVENT;
  write->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  for (GList *l = self->queue.head; l != NULL; l = l->next)
    {
      Item *item = l->data;

      if (write->entries->len >= MAX_WRITE_ENTRIES || n_bytes >= MAX_WRITE_BYTES)
        break;
      n_bytes += item->n_bytes;
      for (guint i = 0; i < item->entries->len; i++)
        g_ptr_array_add (write->entries, mkv_entry_ref (item->entries->pdata[i]));
      self->n_writing++;
    }
  mkv_store_submit_async (MKV_STORE (self->store), write, NULL, on_written, g_object_ref (self));
  return G_SOURCE_CONTINUE;
}

/* Leaves what other nodes wrote. */
static void
drop_own (MkvApplier *self, GPtrArray *entries)
{
  const char *node_id = mkv_local_store_get_node_id (self->store);

  for (guint i = entries->len; i > 0; i--)
    if (g_str_equal (mkv_entry_get_stamp (entries->pdata[i - 1])->node_id, node_id))
      {
        mkv_observer_drop (self->observer, MKV_COUNTER_DROPPED_OWN, _("An event of this node itself came back"));
        g_ptr_array_remove_index (entries, i - 1);
      }
}

static void
on_message (MkvMessage *message, MkvCodec *codec, GBytes *payload, const GError *error, gpointer user_data)
{
  MkvApplier *self = user_data;
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (GError) malformed = NULL;
  g_auto (GStrv) refused = NULL;
  Item *item;

  if (error != NULL)
    return;
  entries = mkv_codec_decode_events (codec, payload, &refused, &malformed);
  for (guint i = 0; refused != NULL && refused[i] != NULL; i++)
    mkv_observer_drop (self->observer, MKV_COUNTER_EVENTS_REFUSED, _("An event is refused: %s"), refused[i]);
  if (entries == NULL)
    {
      mkv_observer_drop (self->observer, MKV_COUNTER_DROPPED_MALFORMED, _("A payload of events is refused: %s"),
                         malformed->message);
      return;
    }
  drop_own (self, entries);
  if (entries->len == 0)
    return;

  mkv_message_claim (message);
  item = g_new0 (Item, 1);
  item->message = mkv_message_ref (message);
  item->n_bytes = g_bytes_get_size (payload);
  item->entries = g_steal_pointer (&entries);
  g_queue_push_tail (&self->queue, item);
  g_source_set_ready_time (self->write_source, 0);
}

static void
leave_unhandled (MkvMessage *message, MkvCodec *codec, GBytes *payload, const GError *error, gpointer user_data)
{
  mkv_message_claim (message);
}

/* What can't be stored and lost its connection would pile up with every
 * connect. Where the broker keeps the session it comes again. */
static void
on_disconnected (MkvRouter *router, gpointer user_data)
{
  MkvApplier *self = user_data;

  if (!self->failing || self->n_writing > 0)
    return;
  clear_timer (&self->retry_timer);
  g_queue_clear_full (&self->queue, item_free);
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSourceFuncs write_funcs = { NULL, NULL, dispatch, NULL, NULL, NULL };

static void
mkv_applier_dispose (GObject *object)
{
  mkv_applier_stop (MKV_APPLIER (object));
  G_OBJECT_CLASS (mkv_applier_parent_class)->dispose (object);
}

static void
mkv_applier_finalize (GObject *object)
{
  MkvApplier *self = MKV_APPLIER (object);

  g_source_unref (self->write_source);
  g_queue_clear_full (&self->queue, item_free);
  g_object_unref (self->store);
  g_object_unref (self->router);
  g_object_unref (self->clock);
  g_object_unref (self->observer);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (mkv_applier_parent_class)->finalize (object);
}

static void
mkv_applier_class_init (MkvApplierClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = mkv_applier_dispose;
  G_OBJECT_CLASS (klass)->finalize = mkv_applier_finalize;
}

static void
mkv_applier_init (MkvApplier *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->retry_delay = LEAST_RETRY_DELAY;

  self->write_source = g_source_new (&write_funcs, sizeof (GSource));
  g_source_set_callback (self->write_source, start_write, self, NULL);
  g_source_attach (self->write_source, self->context);
}

MkvApplier *
mkv_applier_new (MkvLocalStore *store, MkvRouter *router, MkvClock *clock, MkvObserver *observer)
{
  MkvApplier *self = g_object_new (MKV_TYPE_APPLIER, NULL);

  self->store = g_object_ref (store);
  self->router = g_object_ref (router);
  self->clock = g_object_ref (clock);
  self->observer = g_object_ref (observer);
  g_signal_connect (router, "disconnected", G_CALLBACK (on_disconnected), self);
  mkv_router_set_handler (router, MKV_ROUTE_EVENTS, on_message, self);
  return self;
}

gboolean
mkv_applier_is_idle (MkvApplier *self)
{
  return self->queue.length == 0;
}

void
mkv_applier_stop (MkvApplier *self)
{
  if (self->stopped)
    return;
  self->stopped = TRUE;
  mkv_router_set_handler (self->router, MKV_ROUTE_EVENTS, leave_unhandled, NULL);
  g_signal_handlers_disconnect_by_data (self->router, self);
  g_source_destroy (self->write_source);
  clear_timer (&self->retry_timer);
  clear_timer (&self->skew_timer);
  mkv_observer_clear_condition (self->observer, "clock-skew");
  mkv_observer_clear_condition (self->observer, "events-waiting");
}
