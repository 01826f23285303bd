/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "command/mkv-command-message-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"

typedef GBytes *(*EncodeFunc) (MkvCodec *codec, gpointer value, GError **error);

static GBytes *
encode_command (MkvCodec *codec, gpointer value, GError **error)
{
  return mkv_codec_encode_command (codec, value, error);
}

static GBytes *
encode_response (MkvCodec *codec, gpointer value, GError **error)
{
  return mkv_codec_encode_response (codec, value, error);
}

static MkvMessage *
message_new (MkvRouter *router, const char *topic, MkvCodec *codec, MkvCodec *cbor, EncodeFunc encode,
             gpointer value, GError **error)
{
  g_autoptr (GBytes) payload = NULL;
  guint max_inflight, max_payload;

  mkv_router_get_limits (router, &max_inflight, &max_payload);
  if (codec != cbor)
    {
      payload = encode (codec, value, NULL);
      if (payload != NULL && g_bytes_get_size (payload) > max_payload)
        g_clear_pointer (&payload, g_bytes_unref);
    }
  if (payload == NULL)
    {
      codec = cbor;
      payload = encode (codec, value, error);
    }
  if (payload == NULL)
    return NULL;
  if (g_bytes_get_size (payload) > max_payload)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                   encode == encode_command ? _("The request has %zu octets, at most %u can be sent")
                                            : _("The answer has %zu octets, at most %u can be sent"),
                   g_bytes_get_size (payload), max_payload);
      return NULL;
    }
  return mkv_router_message_new (router, topic, codec, payload, MKV_COMPRESSION_OFF);
}

MkvMessage *
mkv_command_message_new (MkvRouter *router, const char *topic, MkvCodec *codec, MkvCodec *cbor,
                         MkvCommand *command, GError **error)
{
  return message_new (router, topic, codec, cbor, encode_command, command, error);
}

MkvMessage *
mkv_response_message_new (MkvRouter *router, const char *topic, MkvCodec *codec, MkvCodec *cbor,
                          MkvResponse *response, GError **error)
{
  return message_new (router, topic, codec, cbor, encode_response, response, error);
}
