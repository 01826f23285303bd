/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "command/mkv-responder-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "command/mkv-answer-limiter-private.h"
#include "command/mkv-command-message-private.h"

struct _MkvResponder
{
  MkvRouter *router;
  MkvCodec *json;
  MkvCodec *cbor;
  MkvClock *clock;
  MkvObserver *observer;
  MkvAnswerLimiter *limiter;
  char *own_topic; /* where answers go that nobody gave a topic for */
};

void
mkv_request_free (MkvRequest *request)
{
  mkv_message_unref (request->message);
  g_object_unref (request->codec);
  g_free (request->id);
  g_clear_pointer (&request->command, mkv_command_unref);
  g_free (request);
}

MkvResponder *
mkv_responder_new (MkvRouter *router, MkvCodec *json, MkvCodec *cbor, MkvClock *clock, MkvObserver *observer)
{
  MkvResponder *self = g_new0 (MkvResponder, 1);

  self->router = g_object_ref (router);
  self->json = g_object_ref (json);
  self->cbor = g_object_ref (cbor);
  self->clock = g_object_ref (clock);
  self->observer = g_object_ref (observer);
  self->limiter = mkv_answer_limiter_new (clock);
  self->own_topic = mkv_router_get_response_topic (router, mkv_router_get_client_id (router));
  return self;
}

void
mkv_responder_free (MkvResponder *self)
{
  g_object_unref (self->router);
  g_object_unref (self->json);
  g_object_unref (self->cbor);
  g_object_unref (self->clock);
  g_object_unref (self->observer);
  mkv_answer_limiter_free (self->limiter);
  g_free (self->own_topic);
  g_free (self);
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
                     _("A command named a response topic that is no client's; it is answered on %s"),
                     self->own_topic);
  return self->own_topic;
}

MkvRequest *
mkv_responder_request_new (MkvResponder *self, MkvMessage *message, MkvCodec *codec, GBytes *payload, const char *id)
{
  MkvRequest *request = g_new0 (MkvRequest, 1);
  GBytes *correlation = mkv_message_get_correlation_data (message);

  request->message = mkv_message_ref (message);
  /* JSON is what everyone reads, where the request is in nothing that could
   * carry an answer. */
  request->codec = g_object_ref (codec != NULL && mkv_codec_has_commands (codec) ? codec : self->json);
  request->topic = pick_topic (self, message);
  /* An id that breaks the rule is repeated all the same, unless it is long. */
  request->id = g_strdup (id != NULL && g_utf8_strlen (id, -1) <= MKV_MAX_ID_CHARS ? id : "");
  request->n_bytes = g_bytes_get_size (mkv_message_get_payload (message)) +
                     (payload != NULL ? g_bytes_get_size (payload) : 0) +
                     (correlation != NULL ? g_bytes_get_size (correlation) : 0);
  return request;
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
    mkv_message_set_correlation_data (message, mkv_message_get_correlation_data (request->message));
  if (message == NULL || !mkv_router_send (self->router, message, NULL, NULL, &error))
    mkv_observer_drop (self->observer, MKV_COUNTER_RESPONSES_NOT_SENT, _("An answer was not sent: %s"),
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
  mkv_observer_drop (self->observer, counter, _("A command was refused with %s"),
                     error->code == MKV_ERROR_TOO_LARGE      ? "PAYLOAD_TOO_LARGE"
                     : error->code == MKV_ERROR_FORBIDDEN    ? "FORBIDDEN"
                     : error->code == MKV_ERROR_UNAVAILABLE  ? "UNAVAILABLE"
                     : error->code == MKV_ERROR_RATE_LIMITED ? "RATE_LIMITED"
                                                             : "INVALID_REQUEST");
  if (mkv_answer_limiter_take (self->limiter, request->topic))
    mkv_responder_answer_error (self, request, error);
  else
    mkv_observer_drop (self->observer, MKV_COUNTER_DROPPED_RATE_LIMITED,
                       _("Too many commands are refused: some get no answer"));
}
