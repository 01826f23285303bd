/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A codec as somebody else would write it, with what is installed alone. It is
 * as short as a codec can be: an event is its key, and nothing can be read. */
#include <merklekv.h>

#include <string.h>

#define OUTSIDE_TYPE_CODEC (outside_codec_get_type ())

G_DECLARE_FINAL_TYPE (OutsideCodec, outside_codec, OUTSIDE, CODEC, GObject)

struct _OutsideCodec
{
  GObject parent_instance;
};

static const char *
outside_codec_get_content_type (MkvCodec *codec)
{
  return "text/plain";
}

static GBytes *
outside_codec_encode_events (MkvCodec *codec, GPtrArray *entries, gsize max_bytes, guint *n_encoded, GError **error)
{
  const char *key = mkv_entry_get_key (g_ptr_array_index (entries, 0));

  *n_encoded = 1;
  return g_bytes_new (key, strlen (key));
}

static GPtrArray *
outside_codec_decode_events (MkvCodec *codec, GBytes *payload, char ***refused, GError **error)
{
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, "This codec can't read");
  return NULL;
}

static void
outside_codec_codec_init (MkvCodecInterface *iface)
{
  iface->get_content_type = outside_codec_get_content_type;
  iface->encode_events = outside_codec_encode_events;
  iface->decode_events = outside_codec_decode_events;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (OutsideCodec, outside_codec, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MKV_TYPE_CODEC, outside_codec_codec_init))

static void
outside_codec_class_init (OutsideCodecClass *klass)
{
}

static void
outside_codec_init (OutsideCodec *self)
{
}

MKV_DEFINE_PLUGIN (codec, outside_plain, "outside-plain", "3.1", "MIT", "Writes keys", outside_codec_get_type)
