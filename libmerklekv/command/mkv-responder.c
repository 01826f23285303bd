/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "command/mkv-responder-private.h"

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "command/mkv-answer-limiter-private.h"
#include "command/mkv-command-message-private.h"

/* What may be on its way out to the broker at once. */
#define MAX_UNSENT 1024
#define MAX_UNSENT_BYTES (16 * 1024 * 1024)

struct _MkvResponder
{
  GObject parent_instance;

  MkvRouter *router;
  MkvCodec *json;
  MkvCodec *cbor;
  MkvClock *clock;
  MkvObserver *observer;
  MkvAnswerLimiter *limiter;
  char *own_topic; /* where answers go that nobody gave a topic for */
  guint n_unsent;
  gsize unsent_bytes;
};

G_DEFINE_FINAL_TYPE (MkvResponder, mkv_responder, G_TYPE_OBJECT)

/* An answer that the router has. */
typedef struct
{
  MkvResponder *self;
  gsize n_bytes;
} Unsent;

void
mkv_request_free (MkvRequest *request)
{
  mkv_message_unref (request->message);
  g_object_unref (request->codec);
  g_free (request->id);
  g_clear_pointer (&request->command, mkv_command_unref);
  g_free (request);
}

static void
mkv_responder_finalize (GObject *object)
{
  MkvResponder *self = MKV_RESPONDER (object);

  g_clear_object (&self->router);
  g_clear_object (&self->json);
  g_clear_object (&self->cbor);
  g_clear_object (&self->clock);
  g_clear_object (&self->observer);
  g_clear_pointer (&self->limiter, mkv_answer_limiter_free);
  g_free (self->own_topic);
  G_OBJECT_CLASS (mkv_responder_parent_class)->finalize (object);
}

static void
mkv_responder_class_init (MkvResponderClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mkv_responder_finalize;
}

static void
mkv_responder_init (MkvResponder *self)
{
}

MkvResponder *
mkv_responder_new (MkvRouter *router, MkvCodec *json, MkvCodec *cbor, MkvClock *clock, MkvObserver *observer)
{
  MkvResponder *self = g_object_new (MKV_TYPE_RESPONDER, NULL);

  self->router = g_object_ref (router);
  self->json = g_object_ref (json);
  self->cbor = g_object_ref (cbor);
  self->clock = g_object_ref (clock);
  self->observer = g_object_ref (observer);
  self->limiter = mkv_answer_limiter_new (clock);
  self->own_topic = mkv_router_get_response_topic (router, mkv_router_get_client_id (router));
  return self;
}

static const char *
pick_topic (MkvResponder *self, MkvMessage *message)
{
  const char *topic = mkv_message_get_response_topic (message);

  if (topic == NULL)
    return self->own_topic;
  if (mkv_router_is_response_topic (self->router, topic))
    return topic;
  mkv_observer_drop (self->observer, MKV_COUNTER_RESPONSE_TOPIC_REFUSED,
                     "A command named a response topic that is no client's; it is answered on %s", self->own_topic);
  return self->own_topic;
}

static gsize
measure (MkvMessage *message)
{
  GBytes *correlation = mkv_message_get_correlation_data (message);

  return g_bytes_get_size (mkv_message_get_payload (message)) +
         (correlation != NULL ? g_bytes_get_size (correlation) : 0);
}

MkvRequest *
mkv_responder_request_new (MkvResponder *self, MkvMessage *message, MkvCodec *codec, GBytes *payload, const char *id)
{
  MkvRequest *request = g_new0 (MkvRequest, 1);

  request->message = mkv_message_ref (message);
  /* JSON is what everyone reads, where the request is in nothing that could
   * carry an answer. */
  request->codec = g_object_ref (codec != NULL && mkv_codec_has_commands (codec) ? codec : self->json);
  request->topic = pick_topic (self, message);
  /* An id that breaks the rule is repeated all the same, unless it is long. */
  request->id = g_strdup (id != NULL && g_utf8_strlen (id, -1) <= MKV_MAX_ID_CHARS ? id : "");
  request->n_bytes = measure (message) + (payload != NULL ? g_bytes_get_size (payload) : 0);
  return request;
}

static void
on_sent (gint reason, gpointer user_data)
{
  Unsent *unsent = user_data;
  g_autoptr (MkvResponder) self = unsent->self;

  self->n_unsent--;
  self->unsent_bytes -= unsent->n_bytes;
  g_free (unsent);
  if (reason < 0 || reason >= 0x80)
    mkv_observer_drop (self->observer, MKV_COUNTER_RESPONSES_NOT_SENT, "An answer was not delivered: %s",
                       reason < 0        ? "the connection was lost"
                       : reason == 0x87 ? "the broker does not let this client publish there"
                                        : "the broker refused it");
}

static void
send_message (MkvResponder *self, const MkvRequest *request, MkvMessage *message)
{
  g_autoptr (GError) error = NULL;
  Unsent *unsent;
  gsize n_bytes;

  mkv_message_set_correlation_data (message, mkv_message_get_correlation_data (request->message));
  n_bytes = measure (message);
  if (self->n_unsent >= MAX_UNSENT || self->unsent_bytes + n_bytes > MAX_UNSENT_BYTES)
    {
      mkv_observer_drop (self->observer, MKV_COUNTER_RESPONSES_NOT_SENT,
                         "An answer was dropped: %u others wait for the broker", self->n_unsent);
      return;
    }
  unsent = g_new0 (Unsent, 1);
  unsent->self = g_object_ref (self);
  unsent->n_bytes = n_bytes;
  self->n_unsent++;
  self->unsent_bytes += n_bytes;
  if (mkv_router_send (self->router, message, on_sent, unsent, &error))
    return;
  self->n_unsent--;
  self->unsent_bytes -= n_bytes;
  g_object_unref (unsent->self);
  g_free (unsent);
  mkv_observer_drop (self->observer, MKV_COUNTER_RESPONSES_NOT_SENT, "An answer was not sent: %s", error->message);
}

void
mkv_responder_answer (MkvResponder *self, const MkvRequest *request, MkvResponse *response)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvMessage) message =
      mkv_response_message_new (self->router, request->topic, request->codec, self->cbor, response, &error);

  if (message == NULL)
    {
      g_autoptr (MkvResponse) instead = mkv_response_new_error (request->id, error);

      g_clear_error (&error);
      mkv_response_set_timestamp (instead, mkv_clock_get_time (self->clock));
      message = mkv_response_message_new (self->router, request->topic, request->codec, self->cbor, instead, &error);
    }
  if (message != NULL)
    send_message (self, request, message);
  else
    mkv_observer_drop (self->observer, MKV_COUNTER_RESPONSES_NOT_SENT, "An answer was not sent: %s",
                       error->message);
}

void
mkv_responder_answer_error (MkvResponder *self, const MkvRequest *request, const GError *error)
{
  g_autoptr (MkvResponse) response = mkv_response_new_error (request->id, error);

  mkv_response_set_timestamp (response, mkv_clock_get_time (self->clock));
  mkv_responder_answer (self, request, response);
}

void
mkv_responder_refuse (MkvResponder *self, const MkvRequest *request, MkvCounter counter, const GError *error)
{
  /* Not with the error's text: it may hold what a stranger sent. */
  mkv_observer_drop (self->observer, counter, "A command was refused with %s",
                     error->code == MKV_ERROR_TOO_LARGE      ? "PAYLOAD_TOO_LARGE"
                     : error->code == MKV_ERROR_FORBIDDEN    ? "FORBIDDEN"
                     : error->code == MKV_ERROR_RATE_LIMITED ? "RATE_LIMITED"
                                                             : "INVALID_REQUEST");
  if (mkv_answer_limiter_take (self->limiter, request->topic))
    mkv_responder_answer_error (self, request, error);
  else
    mkv_observer_drop (self->observer, MKV_COUNTER_DROPPED_RATE_LIMITED,
                       "Too many commands are refused: some get no answer");
}
