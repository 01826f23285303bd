/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A call is in `calls` from when it is made until it returns, which it does
 * once: by its answer, its time limit, its cancellable, the broker's refusal or
 * the end of the correlator. Its request goes out again after a reconnect, if it
 * or its answer may have been lost: the responder knows it by its id.
 */
#include "config.h"

#include "command/mkv-correlator-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "command/mkv-answer-cache-private.h"
#include "command/mkv-command-message-private.h"
#include "command/mkv-receipt-private.h"
#include "model/mkv-names.h"

#define SINGLE_LIMIT_MS 10000
#define BULK_LIMIT_MS 20000
#define SYNC_LIMIT_MS 30000

struct _MkvCorrelator
{
  GObject parent_instance;

  MkvRouter *router;
  MkvCodec *codec;
  MkvCodec *cbor;
  MkvClock *clock;
  MkvObserver *observer;
  char *broker;    /* NULL if nobody gave it a name */
  char *own_topic; /* where answers come */
  GHashTable *calls; /* id > Call */
  /* By id, the calls that returned without an answer, and what came for them
   * since then. */
  MkvAnswerCache *late;
};

G_DEFINE_FINAL_TYPE (MkvCorrelator, mkv_correlator, G_TYPE_OBJECT)

typedef struct
{
  char *client_id;
  MkvCommand *command;
  guint8 fingerprint[MKV_DIGEST_BYTES];
  GTask *task;
  GSource *timeout;
  GSource *cancelled; /* NULL if it can't be */
  guint timeout_ms;
  gint64 deadline;  /* monotonic, us */
  gboolean unheard; /* the broker knows nobody who listens */
  gboolean lost;    /* the request, with the connection */
} Call;

/* A request that the router has. The call may have returned when it is sent. */
typedef struct
{
  MkvCorrelator *self;
  char *id;
} Sending;

static void
call_free (gpointer data)
{
  Call *call = data;

  g_source_destroy (call->timeout);
  g_source_unref (call->timeout);
  if (call->cancelled != NULL)
    {
      g_source_destroy (call->cancelled);
      g_source_unref (call->cancelled);
    }
  g_free (call->client_id);
  mkv_command_unref (call->command);
  g_object_unref (call->task);
  g_free (call);
}

/* Ends @call with @response or @error, either taken. */
static void
finish_call (MkvCorrelator *self, Call *call, MkvResponse *response, GError *error)
{
  g_autoptr (GTask) task = g_object_ref (call->task);
  const char *id = mkv_command_get_id (call->command);

  if (response == NULL)
    mkv_answer_cache_put (self->late, id, call->fingerprint, NULL, 0);
  g_hash_table_remove (self->calls, id);
  if (response != NULL)
    g_task_return_pointer (task, response, (GDestroyNotify) mkv_response_unref);
  else
    g_task_return_error (task, error);
}

static guint
default_timeout (MkvOperation operation)
{
  switch (operation)
    {
    case MKV_OPERATION_GET_MANY:
    case MKV_OPERATION_SET_MANY:
    case MKV_OPERATION_LIST_KEYS:
      return BULK_LIMIT_MS;
    case MKV_OPERATION_SYNC:
      return SYNC_LIMIT_MS;
    default:
      return SINGLE_LIMIT_MS;
    }
}

static gboolean
on_timeout (gpointer user_data)
{
  Call *call = user_data;
  MkvCorrelator *self = g_task_get_source_object (call->task);
  const char *operation = mkv_operation_to_wire (mkv_command_get_operation (call->command));
  double seconds = call->timeout_ms / 1000.0;
  g_autofree char *text = NULL;
  GError *error;

  if (self->broker != NULL)
    text = g_strdup_printf (_("Node “%s” did not answer %s within %g s through %s"), call->client_id, operation,
                            seconds, self->broker);
  else
    text = g_strdup_printf (_("Node “%s” did not answer %s within %g s"), call->client_id, operation, seconds);
  if (!mkv_router_is_connected (self->router))
    error = g_error_new (MKV_ERROR, MKV_ERROR_TIMEOUT, _("%s: the connection was lost"), text);
  else if (call->unheard)
    error = g_error_new (MKV_ERROR, MKV_ERROR_TIMEOUT,
                         _("%s: nobody listens there for its commands; is its name right, and is it running?"),
                         text);
  else
    error = g_error_new_literal (MKV_ERROR, MKV_ERROR_TIMEOUT, text);
  finish_call (self, call, NULL, error);
  return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  Call *call = user_data;
  GError *error = NULL;

  if (g_cancellable_set_error_if_cancelled (cancellable, &error))
    finish_call (g_task_get_source_object (call->task), call, NULL, error);
  return G_SOURCE_REMOVE;
}

static GError *
refusal_new (gint reason, const Call *call)
{
  switch (reason)
    {
    case 0x87:
      return g_error_new (MKV_ERROR, MKV_ERROR_FORBIDDEN,
                          _("The broker does not let this client send commands to “%s”: its access rules decide "
                            "that"), call->client_id);
    case 0x95:
      return g_error_new (MKV_ERROR, MKV_ERROR_TOO_LARGE, _("The request is too large for the broker"));
    case 0x97:
      return g_error_new (MKV_ERROR, MKV_ERROR_RATE_LIMITED,
                          _("The broker takes no more of this client: ask later"));
    default:
      return g_error_new (MKV_ERROR, MKV_ERROR_FAILED,
                          _("The broker refused the request to “%s” with reason 0x%02x"), call->client_id,
                          (guint) reason);
    }
}

static void
on_sent (gint reason, gpointer user_data)
{
  Sending *sending = user_data;
  g_autoptr (MkvCorrelator) self = sending->self;
  Call *call = g_hash_table_lookup (self->calls, sending->id);

  g_free (sending->id);
  g_free (sending);
  if (call == NULL)
    return;
  if (reason < 0)
    call->lost = TRUE;
  else if (reason < 0x80)
    call->unheard = reason == 0x10;
  else
    finish_call (self, call, NULL, refusal_new (reason, call));
}

static gboolean
send_request (MkvCorrelator *self, Call *call, GError **error)
{
  g_autofree char *topic = mkv_router_get_command_topic (self->router, call->client_id);
  const char *id = mkv_command_get_id (call->command);
  g_autoptr (GBytes) correlation = g_bytes_new (id, strlen (id));
  gint64 left = call->deadline - mkv_clock_get_monotonic_time (self->clock);
  g_autoptr (MkvMessage) message = NULL;
  Sending *sending;

  message = mkv_command_message_new (self->router, topic, self->codec, self->cbor, call->command, error);
  if (message == NULL)
    return FALSE;
  mkv_message_set_response_topic (message, self->own_topic);
  mkv_message_set_correlation_data (message, correlation);
  mkv_message_set_expiry (message, (guint) MAX ((left + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC, 1));
  sending = g_new0 (Sending, 1);
  sending->self = g_object_ref (self);
  sending->id = g_strdup (id);
  call->lost = FALSE;
  if (mkv_router_send (self->router, message, on_sent, sending, error))
    return TRUE;
  g_object_unref (self);
  g_free (sending->id);
  g_free (sending);
  return FALSE;
}

static void
on_connected (MkvRouter *router, gboolean session_present, gpointer user_data)
{
  MkvCorrelator *self = user_data;
  g_autoptr (GPtrArray) again = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer value;

  /* Without the session, what was answered meanwhile is lost too. */
  g_hash_table_iter_init (&iter, self->calls);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((Call *) value)->lost || !session_present)
      g_ptr_array_add (again, value);
  for (guint i = 0; i < again->len; i++)
    {
      Call *call = again->pdata[i];

      /* What can't be sent now waits for the next connection, or its end. */
      if (!send_request (self, call, NULL))
        call->lost = TRUE;
    }
}

static void
on_response (MkvMessage *message, MkvCodec *codec, GBytes *payload, const GError *error, gpointer user_data)
{
  MkvCorrelator *self = user_data;
  g_autoptr (MkvResponse) response = NULL;
  const MkvAnswer *late;
  const char *id;
  Call *call;

  /* Counted by the router. */
  if (error != NULL)
    return;
  response = mkv_codec_decode_response (codec, payload, NULL);
  if (response == NULL)
    {
      mkv_observer_drop (self->observer, MKV_COUNTER_DROPPED_MALFORMED, _("An answer could not be read"));
      return;
    }
  id = mkv_response_get_id (response);
  call = g_hash_table_lookup (self->calls, id);
  if (call != NULL)
    {
      finish_call (self, call, g_steal_pointer (&response), NULL);
      return;
    }
  late = mkv_answer_cache_look_up (self->late, id);
  if (late != NULL)
    {
      guint8 fingerprint[MKV_DIGEST_BYTES];

      mkv_observer_count (self->observer, MKV_COUNTER_RESPONSES_LATE, 1);
      memcpy (fingerprint, late->fingerprint, sizeof fingerprint);
      mkv_answer_cache_put (self->late, id, fingerprint, response, 0);
      return;
    }
  mkv_observer_drop (self->observer, MKV_COUNTER_RESPONSES_UNKNOWN, _("An answer came that nobody waits for"));
}

static void
mkv_correlator_dispose (GObject *object)
{
  MkvCorrelator *self = MKV_CORRELATOR (object);

  if (self->router != NULL)
    {
      mkv_router_set_handler (self->router, MKV_ROUTE_RESPONSES, NULL, NULL);
      g_signal_handlers_disconnect_by_data (self->router, self);
    }
  g_clear_object (&self->router);
  G_OBJECT_CLASS (mkv_correlator_parent_class)->dispose (object);
}

static void
mkv_correlator_finalize (GObject *object)
{
  MkvCorrelator *self = MKV_CORRELATOR (object);

  g_clear_object (&self->codec);
  g_clear_object (&self->cbor);
  g_clear_object (&self->clock);
  g_clear_object (&self->observer);
  g_free (self->broker);
  g_free (self->own_topic);
  g_hash_table_unref (self->calls);
  g_clear_pointer (&self->late, mkv_answer_cache_free);
  G_OBJECT_CLASS (mkv_correlator_parent_class)->finalize (object);
}

static void
mkv_correlator_class_init (MkvCorrelatorClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = mkv_correlator_dispose;
  G_OBJECT_CLASS (klass)->finalize = mkv_correlator_finalize;
}

static void
mkv_correlator_init (MkvCorrelator *self)
{
  /* A call's id is its command's. */
  self->calls = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, call_free);
}

MkvCorrelator *
mkv_correlator_new (MkvRouter *router, MkvCodec *codec, MkvCodec *cbor, MkvClock *clock, MkvObserver *observer)
{
  MkvCorrelator *self = g_object_new (MKV_TYPE_CORRELATOR, NULL);

  self->router = g_object_ref (router);
  self->codec = g_object_ref (codec);
  self->cbor = g_object_ref (cbor);
  self->clock = g_object_ref (clock);
  self->observer = g_object_ref (observer);
  self->own_topic = mkv_router_get_response_topic (router, mkv_router_get_client_id (router));
  self->late = mkv_answer_cache_new (clock, NULL, NULL);
  mkv_router_set_handler (router, MKV_ROUTE_RESPONSES, on_response, self);
  g_signal_connect (router, "connected", G_CALLBACK (on_connected), self);
  return self;
}

void
mkv_correlator_set_codec (MkvCorrelator *self, MkvCodec *codec)
{
  g_set_object (&self->codec, codec);
}

void
mkv_correlator_set_broker (MkvCorrelator *self, const char *broker)
{
  g_free (self->broker);
  self->broker = g_strdup (broker);
}

static void
set_unconnected_error (MkvCorrelator *self, const char *client_id, GError **error)
{
  const GError *reason = mkv_router_get_error (self->router);
  g_autofree char *text = NULL;

  if (self->broker != NULL)
    text = g_strdup_printf (_("“%s” can't be asked: there is no connection to %s"), client_id, self->broker);
  else
    text = g_strdup_printf (_("“%s” can't be asked: there is no connection to the broker"), client_id);
  if (reason != NULL)
    g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED, "%s: %s", text, reason->message);
  else
    g_set_error_literal (error, MKV_ERROR, MKV_ERROR_NOT_CONNECTED, text);
}

static gboolean
check_call (MkvCorrelator *self, const char *client_id, MkvCommand *command, GError **error)
{
  if (!mkv_name_check (client_id, error) || !mkv_command_id_check (mkv_command_get_id (command), error) ||
      !mkv_command_validate (command, error))
    return FALSE;
  if (g_str_equal (client_id, mkv_router_get_client_id (self->router)))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("“%s” is this node itself: ask its own store instead"), client_id);
      return FALSE;
    }
  if (g_hash_table_contains (self->calls, mkv_command_get_id (command)))
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                           _("A call with this id waits for its answer already: each needs a command of its own"));
      return FALSE;
    }
  if (!mkv_router_is_connected (self->router))
    {
      set_unconnected_error (self, client_id, error);
      return FALSE;
    }
  return TRUE;
}

static Call *
call_new (MkvCorrelator *self, const char *client_id, MkvCommand *command, guint timeout_ms, GTask *task)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  GMainContext *context = g_main_context_get_thread_default ();
  Call *call = g_new0 (Call, 1);

  call->client_id = g_strdup (client_id);
  call->command = mkv_command_ref (command);
  call->task = g_object_ref (task);
  call->timeout_ms = timeout_ms != 0 ? timeout_ms : default_timeout (mkv_command_get_operation (command));
  call->deadline = mkv_clock_get_monotonic_time (self->clock) + (gint64) call->timeout_ms * 1000;
  call->timeout = mkv_clock_add_timeout (self->clock, (gint64) call->timeout_ms * 1000, context, on_timeout, call);
  if (cancellable != NULL)
    {
      call->cancelled = g_cancellable_source_new (cancellable);
      g_source_set_callback (call->cancelled, G_SOURCE_FUNC (on_cancelled), call, NULL);
      g_source_attach (call->cancelled, context);
    }
  return call;
}

void
mkv_correlator_call_async (MkvCorrelator *self, const char *client_id, MkvCommand *command, guint timeout_ms,
                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  guint8 fingerprint[MKV_DIGEST_BYTES];
  const MkvAnswer *late;
  GError *error = NULL;
  Call *call;

  g_task_set_source_tag (task, mkv_correlator_call_async);
  if (g_task_return_error_if_cancelled (task))
    return;
  if (mkv_command_get_id (command)[0] == 0)
    {
      g_autofree char *uuid = g_uuid_string_random ();

      mkv_command_set_id (command, uuid);
    }
  mkv_receipt_fingerprint (command, client_id, fingerprint);
  late = mkv_answer_cache_look_up (self->late, mkv_command_get_id (command));
  if (late != NULL && late->response != NULL && memcmp (late->fingerprint, fingerprint, sizeof fingerprint) == 0)
    {
      g_task_return_pointer (task, mkv_response_ref (late->response), (GDestroyNotify) mkv_response_unref);
      return;
    }
  if (!check_call (self, client_id, command, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  mkv_command_set_timestamp (command, mkv_clock_get_time (self->clock));
  call = call_new (self, client_id, command, timeout_ms, task);
  memcpy (call->fingerprint, fingerprint, sizeof fingerprint);
  g_hash_table_insert (self->calls, (gpointer) mkv_command_get_id (call->command), call);
  if (!send_request (self, call, &error))
    {
      g_hash_table_remove (self->calls, mkv_command_get_id (command));
      g_task_return_error (task, error);
    }
}

MkvResponse *
mkv_correlator_call_finish (MkvCorrelator *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

MkvResponse *
mkv_correlator_look_up (MkvCorrelator *self, const char *id)
{
  const MkvAnswer *late = mkv_answer_cache_look_up (self->late, id);

  return late != NULL && late->response != NULL ? mkv_response_ref (late->response) : NULL;
}

void
mkv_correlator_stop (MkvCorrelator *self)
{
  GHashTableIter iter;
  gpointer value;

  for (;;)
    {
      g_hash_table_iter_init (&iter, self->calls);
      if (!g_hash_table_iter_next (&iter, NULL, &value))
        return;
      finish_call (self, value, NULL,
                   g_error_new_literal (MKV_ERROR, MKV_ERROR_UNAVAILABLE,
                                        _("This node stops: no answer is awaited")));
    }
}
