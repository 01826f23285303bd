/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-codec-json.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-version.h"
#include "mkv-json-messages.h"
#include "plugin/mkv-plugin-descriptor.h"

struct _MkvCodecJson
{
  GObject parent_instance;

  gboolean ascii; /* set before the codec is used, or never */
};

typedef enum
{
  PROP_ASCII = 1,
  N_PROPS
} Property;

static GParamSpec *properties[N_PROPS];

static void mkv_codec_json_iface_init (MkvCodecInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MkvCodecJson, mkv_codec_json, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MKV_TYPE_CODEC, mkv_codec_json_iface_init))

static const char *
mkv_codec_json_get_content_type (MkvCodec *codec)
{
  return "application/json";
}

static GBytes *
mkv_codec_json_encode_events (MkvCodec *codec, GPtrArray *entries, gsize max_bytes, guint *n_encoded, GError **error)
{
  return mkv_json_encode_events (entries, MKV_CODEC_JSON (codec)->ascii, max_bytes, n_encoded, error);
}

static GPtrArray *
mkv_codec_json_decode_events (MkvCodec *codec, GBytes *payload, char ***refused, GError **error)
{
  return mkv_json_decode_events (payload, refused, error);
}

static GBytes *
mkv_codec_json_encode_command (MkvCodec *codec, MkvCommand *command, GError **error)
{
  return mkv_json_encode_command (command, MKV_CODEC_JSON (codec)->ascii, error);
}

static MkvCommand *
mkv_codec_json_decode_command (MkvCodec *codec, GBytes *payload, char **id, GError **error)
{
  return mkv_json_decode_command (payload, id, error);
}

static GBytes *
mkv_codec_json_encode_response (MkvCodec *codec, MkvResponse *response, GError **error)
{
  return mkv_json_encode_response (response, MKV_CODEC_JSON (codec)->ascii, error);
}

static MkvResponse *
mkv_codec_json_decode_response (MkvCodec *codec, GBytes *payload, GError **error)
{
  return mkv_json_decode_response (payload, error);
}

static GBytes *
mkv_codec_json_encode_sync (MkvCodec *codec, MkvSyncMessage *message, guint first, gsize max_bytes, guint *n_encoded,
                            GError **error)
{
  return mkv_json_encode_sync (message, MKV_CODEC_JSON (codec)->ascii, first, max_bytes, n_encoded, error);
}

static MkvSyncMessage *
mkv_codec_json_decode_sync (MkvCodec *codec, GBytes *payload, char ***refused, GError **error)
{
  return mkv_json_decode_sync (payload, refused, error);
}

static void
mkv_codec_json_iface_init (MkvCodecInterface *iface)
{
  iface->get_content_type = mkv_codec_json_get_content_type;
  iface->encode_events = mkv_codec_json_encode_events;
  iface->decode_events = mkv_codec_json_decode_events;
  iface->encode_command = mkv_codec_json_encode_command;
  iface->decode_command = mkv_codec_json_decode_command;
  iface->encode_response = mkv_codec_json_encode_response;
  iface->decode_response = mkv_codec_json_decode_response;
  iface->encode_sync = mkv_codec_json_encode_sync;
  iface->decode_sync = mkv_codec_json_decode_sync;
}

static void
mkv_codec_json_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  MkvCodecJson *self = MKV_CODEC_JSON (object);

  switch ((Property) id)
    {
    case PROP_ASCII:
      g_value_set_boolean (value, self->ascii);
      break;

    case N_PROPS:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mkv_codec_json_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  MkvCodecJson *self = MKV_CODEC_JSON (object);

  switch ((Property) id)
    {
    case PROP_ASCII:
      if (self->ascii == g_value_get_boolean (value))
        break;
      self->ascii = g_value_get_boolean (value);
      g_object_notify_by_pspec (object, pspec);
      break;

    case N_PROPS:
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mkv_codec_json_class_init (MkvCodecJsonClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = mkv_codec_json_get_property;
  object_class->set_property = mkv_codec_json_set_property;

  /**
   * MkvCodecJson:ascii:
   *
   * Whether characters above U+007F are written as `\uXXXX`, for peers that
   * can't read them otherwise.
   *
   * Since: 0.1
   */
  properties[PROP_ASCII] =
      g_param_spec_boolean ("ascii", NULL, NULL, FALSE,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
mkv_codec_json_init (MkvCodecJson *self)
{
}

MKV_DEFINE_PLUGIN (codec, json, "json", MKV_VERSION_S, "LGPL-2.1-or-later",
                   N_(N_("JSON (RFC 8259), the encoding that everyone can read")), mkv_codec_json_get_type)
