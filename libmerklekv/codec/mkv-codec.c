/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "codec/mkv-codec.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "base/mkv-plugin-guard-private.h"

/**
 * MkvCodec:
 *
 * Pure functions between octets and values: no I/O, no state that a call
 * changes, callable from any thread. Every payload that is handed to a codec
 * has 1 octet to 512 KiB and comes from strangers.
 *
 * Since: 0.1
 */
G_DEFINE_INTERFACE (MkvCodec, mkv_codec, G_TYPE_OBJECT)

static void
mkv_codec_default_init (MkvCodecInterface *iface)
{
}

static gboolean
refuse_commands (MkvCodec *self, GError **error)
{
  g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED, _("%s is a codec of replication events alone"),
               G_OBJECT_TYPE_NAME (self));
  return FALSE;
}

/* An empty payload may have no address either: codecs need not think of that. */
static gboolean
check_payload (GBytes *payload, GError **error)
{
  if (g_bytes_get_size (payload) > 0)
    return TRUE;
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("The payload is empty"));
  return FALSE;
}

/**
 * mkv_codec_get_content_type:
 * @self: a codec
 *
 * Gets the MQTT 5 content type of what it encodes.
 *
 * Returns: (transfer none) (nullable): the MQTT 5 content type of what it
 *   encodes; %NULL if it has none
 *
 * Since: 0.1
 */
const char *
mkv_codec_get_content_type (MkvCodec *self)
{
  g_return_val_if_fail (MKV_IS_CODEC (self), NULL);

  return MKV_CODEC_GET_IFACE (self)->get_content_type (self);
}

/**
 * mkv_codec_has_commands:
 * @self: a codec
 *
 * Tells whether it encodes commands and responses, not events alone.
 *
 * Returns: whether it encodes commands and responses, not events alone
 *
 * Since: 0.1
 */
gboolean
mkv_codec_has_commands (MkvCodec *self)
{
  g_return_val_if_fail (MKV_IS_CODEC (self), FALSE);

  return MKV_CODEC_GET_IFACE (self)->encode_command != NULL;
}

/**
 * mkv_codec_encode_events:
 * @self: a codec
 * @entries: (element-type MkvEntry): at least one entry
 * @max_bytes: how long the payload may be
 * @n_encoded: (out): how many of @entries are in the payload, from the first
 *   on; at least 1
 * @error: return location for an error
 *
 * Encodes as many of @entries as fit into one payload of @max_bytes, at most
 * %MKV_MAX_EVENTS: one event alone as a map, several as an array. A codec that
 * can't put several into a payload encodes the first.
 *
 * Returns: (transfer full): the payload; %NULL with %MKV_ERROR_TOO_LARGE if not
 *   even the first fits
 *
 * Since: 0.1
 */
GBytes *
mkv_codec_encode_events (MkvCodec *self, GPtrArray *entries, gsize max_bytes, guint *n_encoded,
                         GError **error)
{
  MkvCodecInterface *iface = MKV_CODEC_GET_IFACE (self); /* NULL if self is no codec */
  GError *plugin_error = NULL;
  GBytes *payload;

  g_return_val_if_fail (iface != NULL, NULL);
  g_return_val_if_fail (entries != NULL && entries->len > 0, NULL);

  *n_encoded = 0;
  payload = iface->encode_events (self, entries, max_bytes, n_encoded, &plugin_error);
  if (payload != NULL && (*n_encoded < 1 || *n_encoded > entries->len || g_bytes_get_size (payload) > max_bytes))
    {
      g_set_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_FAILED,
                   _("%s.encode_events made %zu octets of %u events, asked for %u in at most %zu"),
                   G_OBJECT_TYPE_NAME (self), g_bytes_get_size (payload), *n_encoded, entries->len, max_bytes);
      g_bytes_unref (payload);
      g_clear_error (&plugin_error);
      return NULL;
    }
  mkv_plugin_guard (payload != NULL, self, "encode_events", error, plugin_error);
  return payload;
}

/**
 * mkv_codec_decode_events:
 * @self: a codec
 * @payload: the octets
 * @refused: (out) (nullable) (transfer full) (array zero-terminated=1): a reason
 *   for each event that was refused; %NULL if none was
 * @error: return location for an error
 *
 * Decodes one event or an array of events. Each is checked alone: fields,
 * limits, and the checksum against the entry digest.
 *
 * Returns: (transfer full) (element-type MkvEntry): the good ones, in order;
 *   %NULL with %MKV_ERROR_MALFORMED if the payload is refused whole
 *
 * Since: 0.1
 */
GPtrArray *
mkv_codec_decode_events (MkvCodec *self, GBytes *payload, char ***refused, GError **error)
{
  MkvCodecInterface *iface = MKV_CODEC_GET_IFACE (self); /* NULL if self is no codec */
  GError *plugin_error = NULL;
  GPtrArray *entries;

  g_return_val_if_fail (iface != NULL, NULL);
  g_return_val_if_fail (payload != NULL, NULL);

  *refused = NULL;
  if (!check_payload (payload, error))
    return NULL;
  entries = iface->decode_events (self, payload, refused, &plugin_error);
  /* An array made by a language binding has no such function. */
  if (entries != NULL)
    g_ptr_array_set_free_func (entries, (GDestroyNotify) mkv_entry_unref);
  mkv_plugin_guard (entries != NULL, self, "decode_events", error, plugin_error);
  return entries;
}

/**
 * mkv_codec_decode_events_for_bindings: (rename-to mkv_codec_decode_events)
 * @self: a codec
 * @payload: the octets
 * @refused: (out) (nullable) (transfer full) (array zero-terminated=1): a reason
 *   for each event that was refused; %NULL if none was
 * @error: return location for an error
 *
 * What language bindings call as [method@Codec.decode_events]. They take what is
 * in an array from C for their own unless told otherwise, which the description
 * of the vfunc, being that of [method@Codec.decode_events], can't.
 *
 * Returns: (transfer container) (element-type MkvEntry): the good ones, in order
 *
 * Since: 0.1
 */
GPtrArray *
mkv_codec_decode_events_for_bindings (MkvCodec *self, GBytes *payload, char ***refused, GError **error)
{
  return mkv_codec_decode_events (self, payload, refused, error);
}

/**
 * mkv_codec_encode_command:
 * @self: a codec
 * @command: a command
 * @error: return location for an error
 *
 * Encodes a command.
 *
 * Returns: (transfer full): the payload; %NULL with %MKV_ERROR_NOT_SUPPORTED if
 *   the codec can't express it, %MKV_ERROR_TOO_LARGE if it would be longer than
 *   any payload may be, %MKV_ERROR_INVALID_ARGUMENT if a key of an MSET comes twice
 *
 * Since: 0.1
 */
GBytes *
mkv_codec_encode_command (MkvCodec *self, MkvCommand *command, GError **error)
{
  GError *plugin_error = NULL;
  GBytes *payload;

  g_return_val_if_fail (MKV_IS_CODEC (self), NULL);
  g_return_val_if_fail (command != NULL, NULL);

  if (MKV_CODEC_GET_IFACE (self)->encode_command == NULL)
    return refuse_commands (self, error), NULL;
  payload = MKV_CODEC_GET_IFACE (self)->encode_command (self, command, &plugin_error);
  mkv_plugin_guard (payload != NULL, self, "encode_command", error, plugin_error);
  return payload;
}

/**
 * mkv_codec_decode_command:
 * @self: a codec
 * @payload: the octets
 * @id: (out) (transfer full) (nullable): the id, also of a command that is
 *   refused; %NULL if none could be read
 * @error: return location for an error
 *
 * Decodes a command and the types of its fields. Whether it makes sense is
 * [method@Command.validate]'s.
 *
 * Returns: (transfer full): the command; %NULL with %MKV_ERROR_MALFORMED if it
 *   can't be read
 *
 * Since: 0.1
 */
MkvCommand *
mkv_codec_decode_command (MkvCodec *self, GBytes *payload, char **id, GError **error)
{
  GError *plugin_error = NULL;
  MkvCommand *command;

  g_return_val_if_fail (MKV_IS_CODEC (self), NULL);
  g_return_val_if_fail (payload != NULL, NULL);

  *id = NULL;
  if (MKV_CODEC_GET_IFACE (self)->decode_command == NULL)
    return refuse_commands (self, error), NULL;
  if (!check_payload (payload, error))
    return NULL;
  command = MKV_CODEC_GET_IFACE (self)->decode_command (self, payload, id, &plugin_error);
  mkv_plugin_guard (command != NULL, self, "decode_command", error, plugin_error);
  return command;
}

/* What can't fit into a payload is not encoded to see it: 256 values of 256 KiB
 * would be 64 MiB. */
static gboolean
check_values (MkvResponse *response, GError **error)
{
  GBytes *value = mkv_response_get_value (response);
  GPtrArray *results = mkv_response_get_results (response);
  gsize length = value != NULL ? g_bytes_get_size (value) : 0;

  for (guint i = 0; results != NULL && i < results->len; i++)
    {
      value = mkv_result_get_value (results->pdata[i]);
      length += value != NULL ? g_bytes_get_size (value) : 0;
    }
  if (length <= MKV_MAX_PAYLOAD_BYTES)
    return TRUE;
  g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
               _("The values of the response have %zu octets, a payload may have %d"), length,
               MKV_MAX_PAYLOAD_BYTES);
  return FALSE;
}

/**
 * mkv_codec_encode_response:
 * @self: a codec
 * @response: a response
 * @error: return location for an error
 *
 * Encodes a response.
 *
 * Returns: (transfer full): the payload; %NULL with %MKV_ERROR_TOO_LARGE if it
 *   would be longer than any payload may be
 *
 * Since: 0.1
 */
GBytes *
mkv_codec_encode_response (MkvCodec *self, MkvResponse *response, GError **error)
{
  GError *plugin_error = NULL;
  GBytes *payload;

  g_return_val_if_fail (MKV_IS_CODEC (self), NULL);
  g_return_val_if_fail (response != NULL, NULL);

  if (MKV_CODEC_GET_IFACE (self)->encode_response == NULL)
    return refuse_commands (self, error), NULL;
  if (!check_values (response, error))
    return NULL;
  payload = MKV_CODEC_GET_IFACE (self)->encode_response (self, response, &plugin_error);
  mkv_plugin_guard (payload != NULL, self, "encode_response", error, plugin_error);
  return payload;
}

/**
 * mkv_codec_decode_response:
 * @self: a codec
 * @payload: the octets
 * @error: return location for an error
 *
 * Decodes a response.
 *
 * Returns: (transfer full): the response; %NULL with %MKV_ERROR_MALFORMED if it
 *   can't be read
 *
 * Since: 0.1
 */
MkvResponse *
mkv_codec_decode_response (MkvCodec *self, GBytes *payload, GError **error)
{
  GError *plugin_error = NULL;
  MkvResponse *response;

  g_return_val_if_fail (MKV_IS_CODEC (self), NULL);
  g_return_val_if_fail (payload != NULL, NULL);

  if (MKV_CODEC_GET_IFACE (self)->decode_response == NULL)
    return refuse_commands (self, error), NULL;
  if (!check_payload (payload, error))
    return NULL;
  response = MKV_CODEC_GET_IFACE (self)->decode_response (self, payload, &plugin_error);
  mkv_plugin_guard (response != NULL, self, "decode_response", error, plugin_error);
  return response;
}

static gboolean
refuse_sync (MkvCodec *self, GError **error)
{
  g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED, _("%s is a codec without anti-entropy"),
               G_OBJECT_TYPE_NAME (self));
  return FALSE;
}

/**
 * mkv_codec_has_sync:
 * @self: a codec
 *
 * Tells whether it encodes the messages of anti-entropy.
 *
 * Returns: whether it encodes the messages of anti-entropy
 *
 * Since: 0.1
 */
gboolean
mkv_codec_has_sync (MkvCodec *self)
{
  g_return_val_if_fail (MKV_IS_CODEC (self), FALSE);

  return MKV_CODEC_GET_IFACE (self)->encode_sync != NULL;
}

/**
 * mkv_codec_encode_sync:
 * @self: a codec
 * @message: a message of anti-entropy
 * @first: how many of its items earlier payloads have: it goes on with the next
 * @max_bytes: how long a payload may be
 * @n_encoded: (out): how many items are in the payload
 * @error: return location for an error
 *
 * Encodes a message with as many of its items (see
 * [method@SyncMessage.get_n_items]) as fit into one payload of @max_bytes, at most
 * %MKV_MAX_SYNC_BYTES and %MKV_MAX_EVENTS events. One event alone may take more, up
 * to @max_bytes. A SYNC says `more` where it has to be gone on with:
 *
 * ```c
 * do
 *   {
 *     payload = mkv_codec_encode_sync (codec, message, first, max_bytes, &n, &error);
 *     ...
 *     first += n;
 *   }
 * while (first < mkv_sync_message_get_n_items (message));
 * ```
 *
 * Returns: (transfer full): the payload; %NULL with %MKV_ERROR_TOO_LARGE if not
 *   even the item @first fits, which can then be passed over;
 *   %MKV_ERROR_MALFORMED if @message breaks a rule; %MKV_ERROR_NOT_SUPPORTED if the
 *   codec has no anti-entropy
 *
 * Since: 0.1
 */
GBytes *
mkv_codec_encode_sync (MkvCodec *self, MkvSyncMessage *message, guint first, gsize max_bytes, guint *n_encoded,
                       GError **error)
{
  MkvCodecInterface *iface = MKV_CODEC_GET_IFACE (self); /* NULL if self is no codec */
  GError *plugin_error = NULL;
  GBytes *payload;
  guint n_items;

  g_return_val_if_fail (iface != NULL, NULL);
  g_return_val_if_fail (message != NULL, NULL);
  n_items = mkv_sync_message_get_n_items (message);
  g_return_val_if_fail (first <= n_items, NULL);

  *n_encoded = 0;
  if (iface->encode_sync == NULL)
    return refuse_sync (self, error), NULL;
  if (!mkv_sync_message_check (message, error))
    return NULL;
  payload = iface->encode_sync (self, message, first, max_bytes, n_encoded, &plugin_error);
  if (payload != NULL && (*n_encoded > n_items - first || (*n_encoded == 0 && first < n_items) ||
                          g_bytes_get_size (payload) > max_bytes))
    {
      g_set_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_FAILED,
                   _("%s.encode_sync made %zu octets of %u items, asked for %u in at most %zu"),
                   G_OBJECT_TYPE_NAME (self), g_bytes_get_size (payload), *n_encoded, n_items - first, max_bytes);
      g_bytes_unref (payload);
      g_clear_error (&plugin_error);
      return NULL;
    }
  mkv_plugin_guard (payload != NULL, self, "encode_sync", error, plugin_error);
  return payload;
}

/**
 * mkv_codec_decode_sync:
 * @self: a codec
 * @payload: the octets
 * @refused: (out) (nullable) (transfer full) (array zero-terminated=1): a reason
 *   for each of its events that was refused; %NULL if none was
 * @error: return location for an error
 *
 * Decodes a message of anti-entropy. Each event in it is checked alone, as in
 * [method@Codec.decode_events]; of anything else all has to keep the rules.
 *
 * Returns: (transfer full): the message; %NULL with %MKV_ERROR_MALFORMED if it
 *   can't be read, %MKV_ERROR_TOO_LARGE if it is longer than one may be
 *
 * Since: 0.1
 */
MkvSyncMessage *
mkv_codec_decode_sync (MkvCodec *self, GBytes *payload, char ***refused, GError **error)
{
  MkvCodecInterface *iface = MKV_CODEC_GET_IFACE (self); /* NULL if self is no codec */
  GError *plugin_error = NULL;
  MkvSyncMessage *message;

  g_return_val_if_fail (iface != NULL, NULL);
  g_return_val_if_fail (payload != NULL, NULL);

  *refused = NULL;
  if (iface->decode_sync == NULL)
    return refuse_sync (self, error), NULL;
  if (!check_payload (payload, error))
    return NULL;
  message = iface->decode_sync (self, payload, refused, &plugin_error);
  if (message != NULL && !mkv_sync_message_check (message, error))
    {
      g_clear_pointer (refused, g_strfreev);
      g_clear_error (&plugin_error);
      mkv_sync_message_unref (message);
      return NULL;
    }
  mkv_plugin_guard (message != NULL, self, "decode_sync", error, plugin_error);
  return message;
}
