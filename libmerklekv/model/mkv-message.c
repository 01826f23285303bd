/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "model/mkv-message.h"

/**
 * MkvMessage:
 *
 * One message of a transport: a topic, a payload, and what MQTT 5 sends beside
 * them. Built with the setters before it is handed over, immutable from then on.
 *
 * A message that arrives has to be *handled*: its effect is as durable as it
 * will get. A transport acknowledges only handled messages. Who needs more time
 * than its signal handler takes claims the message ([method@Message.claim])
 * and calls [method@Message.handled] later, in the node's context.
 *
 * Since: 0.1
 */
struct _MkvMessage
{
  gatomicrefcount ref_count;
  char *topic;
  GBytes *payload;
  char *content_type;
  char *response_topic;
  GBytes *correlation_data;
  GPtrArray *user_properties; /* name, value, name, value; NULL if there are none */
  guint expiry;
  guint retain : 1;
  guint claimed : 1;
  MkvMessageHandledFunc handled_func; /* NULL once it has been called */
  gpointer handled_data;
  GDestroyNotify handled_destroy;
};

G_DEFINE_BOXED_TYPE (MkvMessage, mkv_message, mkv_message_ref, mkv_message_unref)

/**
 * mkv_message_new:
 * @topic: the topic
 * @payload: the octets
 *
 * Makes a message with nothing but topic and payload.
 *
 * Returns: (transfer full): the message
 *
 * Since: 0.1
 */
MkvMessage *
mkv_message_new (const char *topic, GBytes *payload)
{
  MkvMessage *self;

  g_return_val_if_fail (topic != NULL, NULL);
  g_return_val_if_fail (payload != NULL, NULL);

  self = g_new0 (MkvMessage, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->topic = g_strdup (topic);
  self->payload = g_bytes_ref (payload);
  return self;
}

/**
 * mkv_message_ref:
 * @self: a message
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 *
 * Since: 0.1
 */
MkvMessage *
mkv_message_ref (MkvMessage *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * mkv_message_unref:
 * @self: (transfer full): a message
 *
 * Drops a reference, and frees the message with the last. One that was never
 * handled stays unacknowledged: it comes again.
 *
 * Since: 0.1
 */
void
mkv_message_unref (MkvMessage *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  if (self->handled_destroy != NULL)
    self->handled_destroy (self->handled_data);
  g_free (self->topic);
  g_bytes_unref (self->payload);
  g_free (self->content_type);
  g_free (self->response_topic);
  g_clear_pointer (&self->correlation_data, g_bytes_unref);
  g_clear_pointer (&self->user_properties, g_ptr_array_unref);
  g_free (self);
}

/**
 * mkv_message_get_topic:
 * @self: a message
 *
 * Gets the topic of the message.
 *
 * Returns: (transfer none): the topic
 *
 * Since: 0.1
 */
const char *
mkv_message_get_topic (const MkvMessage *self)
{
  return self->topic;
}

/**
 * mkv_message_get_payload:
 * @self: a message
 *
 * Gets the octets of the message.
 *
 * Returns: (transfer none): the octets
 *
 * Since: 0.1
 */
GBytes *
mkv_message_get_payload (const MkvMessage *self)
{
  return self->payload;
}

/**
 * mkv_message_get_content_type:
 * @self: a message
 *
 * Gets the MQTT 5 content type.
 *
 * Returns: (transfer none) (nullable): the MQTT 5 content type; %NULL if it has
 *   none
 *
 * Since: 0.1
 */
const char *
mkv_message_get_content_type (const MkvMessage *self)
{
  return self->content_type;
}

/**
 * mkv_message_set_content_type:
 * @self: a message that was not handed over yet
 * @content_type: (nullable): the MQTT 5 content type
 *
 * Sets the MQTT 5 content type.
 *
 * Since: 0.1
 */
void
mkv_message_set_content_type (MkvMessage *self, const char *content_type)
{
  g_free (self->content_type);
  self->content_type = g_strdup (content_type);
}

/**
 * mkv_message_get_response_topic:
 * @self: a message
 *
 * Tells where an answer is expected.
 *
 * Returns: (transfer none) (nullable): where an answer is expected; %NULL if it
 *   has none
 *
 * Since: 0.1
 */
const char *
mkv_message_get_response_topic (const MkvMessage *self)
{
  return self->response_topic;
}

/**
 * mkv_message_set_response_topic:
 * @self: a message that was not handed over yet
 * @topic: (nullable): where an answer is expected
 *
 * Sets where an answer is expected.
 *
 * Since: 0.1
 */
void
mkv_message_set_response_topic (MkvMessage *self, const char *topic)
{
  g_free (self->response_topic);
  self->response_topic = g_strdup (topic);
}

/**
 * mkv_message_get_correlation_data:
 * @self: a message
 *
 * Gets what an answer has to repeat.
 *
 * Returns: (transfer none) (nullable): what an answer has to repeat; %NULL if it
 *   has none
 *
 * Since: 0.1
 */
GBytes *
mkv_message_get_correlation_data (const MkvMessage *self)
{
  return self->correlation_data;
}

/**
 * mkv_message_set_correlation_data:
 * @self: a message that was not handed over yet
 * @data: (nullable): what an answer has to repeat
 *
 * Sets what an answer has to repeat.
 *
 * Since: 0.1
 */
void
mkv_message_set_correlation_data (MkvMessage *self, GBytes *data)
{
  if (data != NULL)
    g_bytes_ref (data);
  g_clear_pointer (&self->correlation_data, g_bytes_unref);
  self->correlation_data = data;
}

/**
 * mkv_message_get_expiry:
 * @self: a message
 *
 * Tells after how many seconds a broker may drop the message.
 *
 * Returns: seconds after which a broker may drop the message; 0 for never
 *
 * Since: 0.1
 */
guint
mkv_message_get_expiry (const MkvMessage *self)
{
  return self->expiry;
}

/**
 * mkv_message_set_expiry:
 * @self: a message that was not handed over yet
 * @seconds: after how many seconds a broker may drop it; 0 for never
 *
 * Sets after how many seconds a broker may drop the message.
 *
 * Since: 0.1
 */
void
mkv_message_set_expiry (MkvMessage *self, guint seconds)
{
  self->expiry = seconds;
}

/**
 * mkv_message_get_retain:
 * @self: a message
 *
 * Tells whether the broker had kept it from before the subscription.
 *
 * Returns: whether the broker had kept it from before the subscription
 *
 * Since: 0.1
 */
gboolean
mkv_message_get_retain (const MkvMessage *self)
{
  return self->retain;
}

/**
 * mkv_message_set_retain:
 * @self: a message that was not handed over yet
 * @retain: whether the broker had kept it from before the subscription
 *
 * For transports, of messages that arrive. MerkleKV itself never asks a broker
 * to retain a message.
 *
 * Since: 0.1
 */
void
mkv_message_set_retain (MkvMessage *self, gboolean retain)
{
  self->retain = retain;
}

/**
 * mkv_message_get_user_property:
 * @self: a message
 * @name: the property's name
 *
 * Looks up the first MQTT 5 user property of a name.
 *
 * Returns: (transfer none) (nullable): the first MQTT 5 user property of that
 *   name; %NULL if it has none of that name
 *
 * Since: 0.1
 */
const char *
mkv_message_get_user_property (const MkvMessage *self, const char *name)
{
  g_return_val_if_fail (name != NULL, NULL);

  for (guint i = 0; self->user_properties != NULL && i < self->user_properties->len; i += 2)
    if (g_str_equal (self->user_properties->pdata[i], name))
      return self->user_properties->pdata[i + 1];
  return NULL;
}

/**
 * mkv_message_set_user_property:
 * @self: a message that was not handed over yet
 * @name: the property's name
 * @value: its value
 *
 * Adds an MQTT 5 user property.
 *
 * Since: 0.1
 */
void
mkv_message_set_user_property (MkvMessage *self, const char *name, const char *value)
{
  g_return_if_fail (name != NULL);
  g_return_if_fail (value != NULL);

  if (self->user_properties == NULL)
    self->user_properties = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->user_properties, g_strdup (name));
  g_ptr_array_add (self->user_properties, g_strdup (value));
}

/**
 * mkv_message_list_user_properties:
 * @self: a message
 *
 * All MQTT 5 user properties, for transports.
 *
 * Returns: (transfer full) (array zero-terminated=1): name, value, name, value
 *   and so on; empty if there are none
 *
 * Since: 0.1
 */
char **
mkv_message_list_user_properties (const MkvMessage *self)
{
  guint n = self->user_properties != NULL ? self->user_properties->len : 0;
  char **list = g_new0 (char *, n + 1);

  for (guint i = 0; i < n; i++)
    list[i] = g_strdup (self->user_properties->pdata[i]);
  return list;
}

/**
 * mkv_message_set_handled_func: (skip)
 * @self: a message that arrived
 * @func: called once, when the message has been handled
 * @user_data: for @func
 * @destroy: (nullable): frees @user_data, when the message goes
 *
 * For the room that delivers messages; a transport gets its acknowledge vfunc
 * called instead.
 *
 * Since: 0.1
 */
void
mkv_message_set_handled_func (MkvMessage *self, MkvMessageHandledFunc func, gpointer user_data,
                              GDestroyNotify destroy)
{
  g_return_if_fail (self->handled_destroy == NULL);

  self->handled_func = func;
  self->handled_data = user_data;
  self->handled_destroy = destroy;
}

/**
 * mkv_message_claim:
 * @self: a message that is being delivered
 *
 * Says that the caller will call [method@Message.handled] later; without it
 * the message counts as handled when its delivery returns. The claim may be
 * made by one receiver only.
 *
 * Since: 0.1
 */
void
mkv_message_claim (MkvMessage *self)
{
  g_return_if_fail (!self->claimed);

  self->claimed = TRUE;
}

/**
 * mkv_message_is_claimed:
 * @self: a message
 *
 * Tells whether somebody said that the message would be handled later.
 *
 * Returns: whether somebody said that it would be handled later
 *
 * Since: 0.1
 */
gboolean
mkv_message_is_claimed (const MkvMessage *self)
{
  return self->claimed;
}

/**
 * mkv_message_handled:
 * @self: a message
 *
 * Says that the message's effect is as durable as it will get: it may be
 * acknowledged now. Called in the node's context; a second call does nothing.
 *
 * Since: 0.1
 */
void
mkv_message_handled (MkvMessage *self)
{
  MkvMessageHandledFunc func = self->handled_func;

  self->handled_func = NULL;
  if (func != NULL)
    func (self, self->handled_data);
}
