/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "replication/mkv-publisher-private.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "replication/mkv-outbox-clearer-private.h"
#include "replication/mkv-outbox-reader-private.h"

/* us */
#define DEFAULT_BATCH_INTERVAL (10 * 1000)
#define REFUSED_RETRY_INTERVAL (5 * 60 * G_USEC_PER_SEC)
#define LEAST_RETRY_DELAY (1 * G_USEC_PER_SEC)
#define MOST_RETRY_DELAY (32 * G_USEC_PER_SEC)

/* So that a full outbox does not keep the loop from everything else. */
#define MAX_PAYLOADS_A_DISPATCH 16

/* Reason codes of MQTT 5. */
#define REASON_REFUSED 0x80
#define REASON_NOT_AUTHORIZED 0x87
#define REASON_PACKET_TOO_LARGE 0x95
#define REASON_QUOTA_EXCEEDED 0x97
#define REASON_PAYLOAD_FORMAT_INVALID 0x99

/* The outbox is gone through in rounds. What the reader gave out in this round
 * is under way, in `singles`, with the clearer, or was refused. A new round
 * begins only when nothing is under way or with the clearer, so that nothing is
 * sent twice that was not lost. */
struct _MkvPublisher
{
  GObject parent_instance;
  MkvLocalStore *store;
  MkvRouter *router;
  MkvCodec *codec;
  MkvCodec *cbor;
  MkvClock *clock;
  MkvObserver *observer;
  GMainContext *context;

  gint64 batch_interval; /* us */
  guint max_batch;
  MkvCompression compression;

  GSource *pump_source; /* ready when there may be something to send */
  GSource *batch_timer;
  GSource *retry_timer;
  gint64 retry_delay; /* us; doubles while the storage fails */

  MkvOutboxReader *reader;
  MkvOutboxClearer *clearer;
  GQueue singles; /* of MkvEntry: of refused payloads, to be sent alone */
  guint n_inflight;

  /* Own changes that were told of and are not read yet. */
  guint n_waiting;
  gsize waiting_bytes;

  gboolean stopped;
  gboolean listening; /* to the store's outbox, from the first connect on */
  gboolean flushing; /* a payload may go that is not full */
  gboolean rewind;   /* a new round is wanted */
  gboolean paused;   /* until the retry timer or the next connect */
  gboolean refused;  /* something was, in this round */
  gboolean busy;     /* something was to be done since "drained" */
};

/* A payload that is under way. */
typedef struct
{
  MkvPublisher *publisher;
  GPtrArray *entries;
} Flight;

G_DEFINE_FINAL_TYPE (MkvPublisher, mkv_publisher, G_TYPE_OBJECT)

enum
{
  SIGNAL_DRAINED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static Flight *
flight_new (MkvPublisher *self, GPtrArray *entries)
{
  Flight *flight = g_new (Flight, 1);

  flight->publisher = g_object_ref (self);
  flight->entries = g_ptr_array_ref (entries);
  return flight;
}

static void
flight_free (Flight *flight)
{
  g_ptr_array_unref (flight->entries);
  g_object_unref (flight->publisher);
  g_free (flight);
}

static void
clear_timer (GSource **timer)
{
  if (*timer != NULL)
    g_source_destroy (*timer);
  g_clear_pointer (timer, g_source_unref);
}

static void
schedule_pump (MkvPublisher *self)
{
  if (!self->stopped)
    g_source_set_ready_time (self->pump_source, 0);
}

static gboolean
on_batch_timer (gpointer user_data)
{
  MkvPublisher *self = user_data;

  clear_timer (&self->batch_timer);
  self->flushing = TRUE;
  schedule_pump (self);
  return G_SOURCE_REMOVE;
}

static void
arm_batch_timer (MkvPublisher *self)
{
  if (self->batch_timer == NULL && !self->flushing && !self->stopped)
    self->batch_timer = mkv_clock_add_timeout (self->clock, self->batch_interval, self->context, on_batch_timer,
                                               self);
}

static gboolean
on_retry_timer (gpointer user_data)
{
  mkv_publisher_retry (user_data);
  return G_SOURCE_REMOVE;
}

static void
arm_retry_timer (MkvPublisher *self, gint64 delay)
{
  clear_timer (&self->retry_timer);
  if (!self->stopped)
    self->retry_timer = mkv_clock_add_timeout (self->clock, delay, self->context, on_retry_timer, self);
}

static void
pause_for (MkvPublisher *self, gint64 delay)
{
  self->rewind = TRUE;
  self->paused = TRUE;
  arm_retry_timer (self, delay);
}

static void
storage_failed (MkvPublisher *self, gboolean reading, const GError *error)
{
  mkv_observer_set_condition (
      self->observer, "outbox", MKV_HEALTH_FAILED,
      reading ? _("The outbox can't be read: %s; nothing is published until the storage works again")
              : _("The outbox can't be cleared: %s; nothing is published until the storage works again"),
      error->message);
  pause_for (self, self->retry_delay);
  self->retry_delay = MIN (self->retry_delay * 2, MOST_RETRY_DELAY);
}

static void
storage_works (MkvPublisher *self)
{
  if (self->retry_delay == LEAST_RETRY_DELAY)
    return;
  self->retry_delay = LEAST_RETRY_DELAY;
  mkv_observer_clear_condition (self->observer, "outbox");
}

static gboolean
is_settled (MkvPublisher *self)
{
  return self->n_inflight == 0 && mkv_outbox_clearer_is_idle (self->clearer);
}

gboolean
mkv_publisher_is_drained (MkvPublisher *self)
{
  return is_settled (self) && !self->rewind && !self->flushing && self->n_waiting == 0 &&
         self->singles.length == 0 && mkv_outbox_reader_get_n_events (self->reader) == 0;
}

static void
check_drained (MkvPublisher *self)
{
  if (!self->busy || !mkv_publisher_is_drained (self))
    return;
  self->busy = FALSE;
  if (!self->refused)
    mkv_observer_clear_condition (self->observer, "events-refused");
  g_signal_emit (self, signals[SIGNAL_DRAINED], 0);
}

static void
on_cleared (MkvOutboxClearer *clearer, const GError *error, gpointer user_data)
{
  MkvPublisher *self = user_data;

  if (error != NULL)
    {
      storage_failed (self, FALSE, error);
      return;
    }
  storage_works (self);
  if (self->rewind)
    schedule_pump (self);
  check_drained (self);
}

static const char *
explain_reason (gint reason)
{
  switch (reason)
    {
    case REASON_NOT_AUTHORIZED:
      return _("not authorized: its access list must let this client publish there");
    case REASON_PACKET_TOO_LARGE:
      return _("packet too large: raise its packet limit, or write shorter values");
    case REASON_QUOTA_EXCEEDED:
      return _("quota exceeded: raise it, or write less often");
    case REASON_PAYLOAD_FORMAT_INVALID:
      return _("payload format invalid: another codec, or no compression, may help");
    default:
      return _("its log may say why");
    }
}

/* A payload was refused. Each of its events is tried alone; one that was alone
 * stays in the outbox until the next round. */
static void
refuse (MkvPublisher *self, GPtrArray *entries, const char *why)
{
  if (entries->len > 1)
    {
      for (guint i = 0; i < entries->len; i++)
        g_queue_push_tail (&self->singles, mkv_entry_ref (entries->pdata[i]));
      return;
    }
  self->refused = TRUE;
  mkv_observer_drop (self->observer, MKV_COUNTER_EVENTS_REJECTED_BY_BROKER,
                     _("The event with seq %" PRId64 " stays in the outbox: %s"),
                     mkv_entry_get_stamp (entries->pdata[0])->seq, why);
  mkv_observer_set_condition (self->observer, "events-refused", MKV_HEALTH_DEGRADED,
                              _("Events stay in the outbox: %s"), why);
}

static void
on_sent (gint reason, gpointer user_data)
{
  Flight *flight = user_data;
  MkvPublisher *self = flight->publisher;

  self->n_inflight--;
  if (reason == MKV_TRANSPORT_REASON_LOST)
    pause_for (self, LEAST_RETRY_DELAY);
  else if (reason < REASON_REFUSED)
    {
      mkv_observer_count (self->observer, MKV_COUNTER_EVENTS_PUBLISHED, flight->entries->len);
      mkv_outbox_clearer_add (self->clearer, flight->entries);
      if (self->n_inflight == 0 && !self->paused)
        mkv_outbox_clearer_flush (self->clearer);
    }
  else
    {
      g_autofree char *why = g_strdup_printf (_("the broker refuses events on %s with reason 0x%02X, %s"),
                                              mkv_router_get_events_topic (self->router), (guint) reason,
                                              explain_reason (reason));

      refuse (self, flight->entries, why);
    }
  schedule_pump (self);
  flight_free (flight);
}

/* The entries for the next payload, rather too many than too few; NULL if
 * nothing is to be sent now. */
static GPtrArray *
next_batch (MkvPublisher *self, gsize max_bytes)
{
  g_autoptr (GError) error = NULL;

  if (self->singles.length > 0)
    {
      GPtrArray *batch = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);

      g_ptr_array_add (batch, g_queue_pop_head (&self->singles));
      return batch;
    }
  if (!self->flushing && self->n_waiting < self->max_batch && self->waiting_bytes < max_bytes)
    return NULL;
  if (!mkv_outbox_reader_fill (self->reader, self->max_batch, max_bytes, &error))
    {
      storage_failed (self, TRUE, error);
      return NULL;
    }
  storage_works (self);
  if (!mkv_outbox_reader_is_full (self->reader, self->max_batch, max_bytes))
    {
      self->n_waiting = self->flushing ? 0 : mkv_outbox_reader_get_n_events (self->reader);
      self->waiting_bytes = self->flushing ? 0 : mkv_outbox_reader_get_n_bytes (self->reader);
      if (!self->flushing)
        {
          mkv_outbox_reader_put_back (self->reader);
          return NULL;
        }
    }
  if (mkv_outbox_reader_is_at_end (self->reader))
    {
      self->flushing = FALSE;
      return NULL;
    }
  return mkv_outbox_reader_peek (self->reader, self->max_batch, max_bytes);
}

/* Encodes as many of @batch as one payload takes. */
static GBytes *
encode (MkvPublisher *self, GPtrArray *batch, gsize max_bytes, gsize max_payload, guint *n_encoded,
        MkvCodec **codec, GError **error)
{
  g_autoptr (GPtrArray) first = NULL;
  MkvCodec *codecs[] = { self->codec, self->cbor };
  GBytes *payload;

  *codec = self->codec;
  payload = mkv_codec_encode_events (self->codec, batch, max_bytes, n_encoded, NULL);
  if (payload != NULL)
    return payload;

  first = g_ptr_array_new ();
  g_ptr_array_add (first, batch->pdata[0]);
  for (guint i = 0; i < G_N_ELEMENTS (codecs) && payload == NULL; i++)
    {
      /* A codec of events alone wraps them, and holds the limit of an event itself. */
      gsize limit = mkv_codec_has_commands (codecs[i]) ? MIN (max_payload, MKV_MAX_EVENT_BYTES) : max_payload;

      g_clear_error (error);
      *codec = codecs[i];
      payload = mkv_codec_encode_events (codecs[i], first, limit, n_encoded, error);
    }
  return payload;
}

/* Sends one payload of @batch; @single says that it is not the reader's. */
static void
send_batch (MkvPublisher *self, GPtrArray *batch, gboolean single, gsize max_bytes, gsize max_payload)
{
  g_autoptr (MkvMessage) message = NULL;
  g_autoptr (GBytes) payload = NULL;
  g_autoptr (GError) error = NULL;
  MkvCodec *codec;
  Flight *flight;
  guint n = 1;

  payload = encode (self, batch, max_bytes, max_payload, &n, &codec, &error);
  if (payload == NULL)
    n = 1;
  g_ptr_array_set_size (batch, (gint) n);
  if (!single)
    mkv_outbox_reader_take (self->reader, n);
  /* What comes from now on waits for others again. */
  if (mkv_outbox_reader_is_at_end (self->reader))
    self->flushing = FALSE;

  if (payload != NULL)
    {
      message = mkv_router_message_new (self->router, mkv_router_get_events_topic (self->router), codec, payload,
                                        self->compression);
      flight = flight_new (self, batch);
      self->n_inflight++;
      if (mkv_router_send (self->router, message, on_sent, flight, &error))
        return;
      self->n_inflight--;
      flight_free (flight);
    }
  if (payload == NULL || g_error_matches (error, MKV_ERROR, MKV_ERROR_TOO_LARGE))
    refuse (self, batch, error->message);
  else
    pause_for (self, LEAST_RETRY_DELAY);
}

void
mkv_publisher_publish_once (MkvPublisher *self, GPtrArray *entries)
{
  guint max_inflight, max_payload, first = 0;

  mkv_router_get_limits (self->router, &max_inflight, &max_payload);
  while (first < entries->len)
    {
      g_autoptr (GPtrArray) batch = g_ptr_array_new ();
      g_autoptr (MkvMessage) message = NULL;
      g_autoptr (GBytes) payload = NULL;
      MkvCodec *codec;
      guint n = 1;

      for (guint i = first; i < entries->len; i++)
        g_ptr_array_add (batch, entries->pdata[i]);
      payload = encode (self, batch, MIN (max_payload, MKV_MAX_EVENTS_BYTES), max_payload, &n, &codec, NULL);
      first += payload != NULL ? n : 1;
      if (payload == NULL)
        continue;
      message = mkv_router_message_new (self->router, mkv_router_get_events_topic (self->router), codec, payload,
                                        self->compression);
      if (!mkv_router_send (self->router, message, NULL, NULL, NULL))
        return;
    }
}

static void
forget_round (MkvPublisher *self)
{
  mkv_outbox_reader_rewind (self->reader);
  g_queue_clear_full (&self->singles, (GDestroyNotify) mkv_entry_unref);
}

static void
begin_round (MkvPublisher *self)
{
  forget_round (self);
  self->rewind = FALSE;
  self->refused = FALSE;
  self->flushing = TRUE;
}

static gboolean
pump (gpointer user_data)
{
  MkvPublisher *self = user_data;
  guint max_inflight, max_payload;
  gsize max_bytes;

  g_source_set_ready_time (self->pump_source, -1);
  if (self->paused || !mkv_router_is_connected (self->router))
    return G_SOURCE_CONTINUE;
  if (self->rewind)
    {
      if (!is_settled (self))
        return G_SOURCE_CONTINUE;
      begin_round (self);
    }
  mkv_router_get_limits (self->router, &max_inflight, &max_payload);
  max_bytes = MIN (max_payload, MKV_MAX_EVENTS_BYTES);
  for (guint n = 0; self->n_inflight < max_inflight && !self->rewind; n++)
    {
      gboolean single = self->singles.length > 0;
      g_autoptr (GPtrArray) batch = NULL;

      if (n == MAX_PAYLOADS_A_DISPATCH)
        {
          schedule_pump (self);
          break;
        }
      batch = next_batch (self, max_bytes);
      if (batch == NULL)
        break;
      send_batch (self, batch, single, max_bytes, max_payload);
    }
  if (self->n_waiting > 0)
    arm_batch_timer (self);
  check_drained (self);
  return G_SOURCE_CONTINUE;
}

static void
on_outbox (guint n_entries, gsize n_bytes, gpointer user_data)
{
  MkvPublisher *self = user_data;

  if (!mkv_router_is_connected (self->router))
    return;
  self->busy = TRUE;
  self->n_waiting += n_entries;
  self->waiting_bytes += n_bytes + n_entries * MKV_OUTBOX_EVENT_OVERHEAD;
  if (self->n_waiting >= self->max_batch || self->waiting_bytes >= MKV_MAX_EVENTS_BYTES)
    schedule_pump (self);
  arm_batch_timer (self);
}

/* Not before: the publisher of a connection that this one is to replace listens
 * until it is stopped. What is there by now is found in the outbox. */
static void
on_connected (MkvRouter *router, gboolean session_present, gpointer user_data)
{
  MkvPublisher *self = user_data;

  if (!self->listening)
    mkv_local_store_set_outbox_func (self->store, on_outbox, self);
  self->listening = TRUE;
  mkv_publisher_retry (self);
}

static void
on_disconnected (MkvRouter *router, gpointer user_data)
{
  MkvPublisher *self = user_data;

  clear_timer (&self->batch_timer);
  forget_round (self);
  self->rewind = TRUE;
  self->flushing = FALSE;
  self->n_waiting = 0;
  self->waiting_bytes = 0;
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSourceFuncs pump_funcs = { NULL, NULL, dispatch, NULL, NULL, NULL };

static void
mkv_publisher_dispose (GObject *object)
{
  mkv_publisher_stop (MKV_PUBLISHER (object));
  G_OBJECT_CLASS (mkv_publisher_parent_class)->dispose (object);
}

static void
mkv_publisher_finalize (GObject *object)
{
  MkvPublisher *self = MKV_PUBLISHER (object);

  g_source_unref (self->pump_source);
  g_queue_clear_full (&self->singles, (GDestroyNotify) mkv_entry_unref);
  mkv_outbox_reader_free (self->reader);
  g_object_unref (self->clearer);
  g_object_unref (self->store);
  g_object_unref (self->router);
  g_object_unref (self->codec);
  g_object_unref (self->cbor);
  g_object_unref (self->clock);
  g_object_unref (self->observer);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (mkv_publisher_parent_class)->finalize (object);
}

static void
mkv_publisher_class_init (MkvPublisherClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = mkv_publisher_dispose;
  G_OBJECT_CLASS (klass)->finalize = mkv_publisher_finalize;

  signals[SIGNAL_DRAINED] = g_signal_new ("drained", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                          NULL, G_TYPE_NONE, 0);
}

static void
mkv_publisher_init (MkvPublisher *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->batch_interval = DEFAULT_BATCH_INTERVAL;
  self->max_batch = MKV_MAX_EVENTS;
  self->retry_delay = LEAST_RETRY_DELAY;
  self->rewind = TRUE;

  /* One source for good, because it gets ready with every acknowledgement. */
  self->pump_source = g_source_new (&pump_funcs, sizeof (GSource));
  g_source_set_callback (self->pump_source, pump, self, NULL);
  g_source_attach (self->pump_source, self->context);
}

MkvPublisher *
mkv_publisher_new (MkvLocalStore *store, MkvRouter *router, MkvCodec *codec, MkvCodec *cbor, MkvClock *clock,
                   MkvObserver *observer)
{
  MkvPublisher *self = g_object_new (MKV_TYPE_PUBLISHER, NULL);

  self->store = g_object_ref (store);
  self->router = g_object_ref (router);
  self->codec = g_object_ref (codec);
  self->cbor = g_object_ref (cbor);
  self->clock = g_object_ref (clock);
  self->observer = g_object_ref (observer);
  self->reader = mkv_outbox_reader_new (store);
  self->clearer = mkv_outbox_clearer_new (store, clock);
  g_signal_connect (self->clearer, "done", G_CALLBACK (on_cleared), self);
  g_signal_connect (router, "connected", G_CALLBACK (on_connected), self);
  g_signal_connect (router, "disconnected", G_CALLBACK (on_disconnected), self);
  if (mkv_router_is_connected (router))
    on_connected (router, TRUE, self);
  return self;
}

void
mkv_publisher_set_codec (MkvPublisher *self, MkvCodec *codec)
{
  g_set_object (&self->codec, codec);
}

void
mkv_publisher_set_compression (MkvPublisher *self, MkvCompression compression)
{
  self->compression = compression;
}

void
mkv_publisher_set_batch_interval (MkvPublisher *self, guint interval_ms)
{
  self->batch_interval = (gint64) interval_ms * 1000;
}

void
mkv_publisher_set_max_batch (MkvPublisher *self, guint max_batch)
{
  self->max_batch = CLAMP (max_batch, 1, MKV_MAX_EVENTS);
}

void
mkv_publisher_retry (MkvPublisher *self)
{
  self->rewind = TRUE;
  self->paused = FALSE;
  self->busy = TRUE;
  arm_retry_timer (self, REFUSED_RETRY_INTERVAL);
  mkv_outbox_clearer_flush (self->clearer);
  schedule_pump (self);
}

void
mkv_publisher_stop (MkvPublisher *self)
{
  if (self->stopped)
    return;
  self->stopped = TRUE;
  if (self->listening)
    mkv_local_store_set_outbox_func (self->store, NULL, NULL);
  g_signal_handlers_disconnect_by_data (self->router, self);
  g_signal_handlers_disconnect_by_data (self->clearer, self);
  g_source_destroy (self->pump_source);
  clear_timer (&self->batch_timer);
  clear_timer (&self->retry_timer);
  mkv_observer_clear_condition (self->observer, "events-refused");
  mkv_observer_clear_condition (self->observer, "outbox");
}
