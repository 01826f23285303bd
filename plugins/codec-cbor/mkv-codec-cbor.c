/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-codec-cbor.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-version.h"
#include "mkv-cbor-messages.h"
#include "plugin/mkv-plugin-descriptor.h"

struct _MkvCodecCbor
{
  GObject parent_instance;
};

static void mkv_codec_cbor_iface_init (MkvCodecInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MkvCodecCbor, mkv_codec_cbor, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MKV_TYPE_CODEC, mkv_codec_cbor_iface_init))

static const char *
mkv_codec_cbor_get_content_type (MkvCodec *codec)
{
  return "application/cbor";
}

static GBytes *
mkv_codec_cbor_encode_events (MkvCodec *codec, GPtrArray *entries, gsize max_bytes, guint *n_encoded, GError **error)
{
  return mkv_cbor_encode_events (entries, max_bytes, n_encoded, error);
}

static GPtrArray *
mkv_codec_cbor_decode_events (MkvCodec *codec, GBytes *payload, char ***refused, GError **error)
{
  return mkv_cbor_decode_events (payload, refused, error);
}

static GBytes *
mkv_codec_cbor_encode_command (MkvCodec *codec, MkvCommand *command, GError **error)
{
  return mkv_cbor_encode_command (command, error);
}

static MkvCommand *
mkv_codec_cbor_decode_command (MkvCodec *codec, GBytes *payload, char **id, GError **error)
{
  return mkv_cbor_decode_command (payload, id, error);
}

static GBytes *
mkv_codec_cbor_encode_response (MkvCodec *codec, MkvResponse *response, GError **error)
{
  return mkv_cbor_encode_response (response, error);
}

static MkvResponse *
mkv_codec_cbor_decode_response (MkvCodec *codec, GBytes *payload, GError **error)
{
  return mkv_cbor_decode_response (payload, error);
}

static GBytes *
mkv_codec_cbor_encode_sync (MkvCodec *codec, MkvSyncMessage *message, guint first, gsize max_bytes, guint *n_encoded,
                            GError **error)
{
  return mkv_cbor_encode_sync (message, first, max_bytes, n_encoded, error);
}

static MkvSyncMessage *
mkv_codec_cbor_decode_sync (MkvCodec *codec, GBytes *payload, char ***refused, GError **error)
{
  return mkv_cbor_decode_sync (payload, refused, error);
}

static void
mkv_codec_cbor_iface_init (MkvCodecInterface *iface)
{
  iface->get_content_type = mkv_codec_cbor_get_content_type;
  iface->encode_events = mkv_codec_cbor_encode_events;
  iface->decode_events = mkv_codec_cbor_decode_events;
  iface->encode_command = mkv_codec_cbor_encode_command;
  iface->decode_command = mkv_codec_cbor_decode_command;
  iface->encode_response = mkv_codec_cbor_encode_response;
  iface->decode_response = mkv_codec_cbor_decode_response;
  iface->encode_sync = mkv_codec_cbor_encode_sync;
  iface->decode_sync = mkv_codec_cbor_decode_sync;
}

static void
mkv_codec_cbor_class_init (MkvCodecCborClass *klass)
{
}

static void
mkv_codec_cbor_init (MkvCodecCbor *self)
{
}

MKV_DEFINE_PLUGIN (codec, cbor, "cbor", MKV_VERSION_S, "LGPL-2.1-or-later",
                   N_(N_("Deterministic CBOR (RFC 8949), the shortest encoding")), mkv_codec_cbor_get_type)
