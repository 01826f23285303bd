/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-codec-locked-spec.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "../codec-cbor/mkv-cbor-fields.h"
#include "../codec-cbor/mkv-cbor-writer.h"
#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "base/mkv-version.h"
#include "plugin/mkv-plugin-descriptor.h"

/* How a value begins that is no text, or would be taken for one of these. */
#define BINARY_PREFIX "b64:"

struct _MkvCodecLockedSpec
{
  GObject parent_instance;
};

static void mkv_codec_locked_spec_iface_init (MkvCodecInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MkvCodecLockedSpec, mkv_codec_locked_spec, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MKV_TYPE_CODEC, mkv_codec_locked_spec_iface_init))

/* In the order that those peers want. */
typedef enum
{
  FIELD_KEY,
  FIELD_NODE_ID,
  FIELD_SEQ,
  FIELD_TIMESTAMP,
  FIELD_TOMBSTONE,
  FIELD_VALUE,
  N_FIELDS
} Field;

static const char *const field_names[N_FIELDS + 1] = {
  [FIELD_KEY] = "key",
  [FIELD_NODE_ID] = "node_id",
  [FIELD_SEQ] = "seq",
  [FIELD_TIMESTAMP] = "timestamp_ms",
  [FIELD_TOMBSTONE] = "tombstone",
  [FIELD_VALUE] = "value",
};

static const char *
mkv_codec_locked_spec_get_content_type (MkvCodec *codec)
{
  return NULL;
}

static gboolean
has_binary_prefix (const char *text, gsize length)
{
  return length >= strlen (BINARY_PREFIX) && memcmp (text, BINARY_PREFIX, strlen (BINARY_PREFIX)) == 0;
}

/* BINARY_PREFIX and the unpadded base64url (RFC 4648, section 5) of octets. */
static char *
wrap_octets (const guint8 *octets, gsize length)
{
  g_autofree char *base64 = g_base64_encode (octets, length);
  char *end = strchr (base64, '=');

  if (end != NULL)
    *end = 0;
  g_strdelimit (base64, "+", '-');
  g_strdelimit (base64, "/", '_');
  return g_strconcat (BINARY_PREFIX, base64, NULL);
}

/* The octets that wrap_octets() made @text of; NULL if it made it of none. */
static GBytes *
unwrap_octets (const char *text, gsize length)
{
  gsize n = length - strlen (BINARY_PREFIX);
  g_autofree char *base64 = NULL;
  g_autofree char *canonical = NULL;
  g_autoptr (GBytes) bytes = NULL;
  guint8 *octets;
  gsize n_octets;

  if (!has_binary_prefix (text, length))
    return NULL;
  base64 = g_malloc0 (n + 4);
  memcpy (base64, text + strlen (BINARY_PREFIX), n);
  g_strdelimit (base64, "-", '+');
  g_strdelimit (base64, "_", '/');
  while (n % 4 != 0)
    base64[n++] = '=';
  octets = g_base64_decode (base64, &n_octets);
  bytes = g_bytes_new_take (octets, n_octets);
  /* GLib passes over what is no base64: what was passed over does not come back. */
  canonical = wrap_octets (octets, n_octets);
  if (strlen (canonical) != length || memcmp (canonical, text, length) != 0)
    return NULL;
  return g_steal_pointer (&bytes);
}

static void
write_value (MkvCborWriter *writer, const MkvEntry *entry)
{
  gsize length;
  const guint8 *octets = mkv_entry_peek_value (entry, &length);

  if (mkv_entry_is_text (entry) && !has_binary_prefix ((const char *) octets, length))
    mkv_cbor_writer_text (writer, (const char *) octets, length);
  else
    {
      g_autofree char *wrapped = wrap_octets (octets, length);

      mkv_cbor_writer_string (writer, wrapped);
    }
}

static GBytes *
mkv_codec_locked_spec_encode_events (MkvCodec *codec, GPtrArray *entries, gsize max_bytes, guint *n_encoded,
                                     GError **error)
{
  const MkvEntry *entry = entries->pdata[0];
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  gboolean deleted = mkv_entry_is_tombstone (entry);
  g_auto (MkvCborWriter) writer = { NULL };
  gsize length;

  mkv_cbor_writer_map (&writer, deleted ? N_FIELDS - 1 : N_FIELDS);
  mkv_cbor_writer_string (&writer, field_names[FIELD_KEY]);
  mkv_cbor_writer_string (&writer, mkv_entry_get_key (entry));
  mkv_cbor_writer_string (&writer, field_names[FIELD_NODE_ID]);
  mkv_cbor_writer_string (&writer, stamp->node_id);
  mkv_cbor_writer_string (&writer, field_names[FIELD_SEQ]);
  mkv_cbor_writer_int (&writer, stamp->seq);
  mkv_cbor_writer_string (&writer, field_names[FIELD_TIMESTAMP]);
  mkv_cbor_writer_int (&writer, stamp->timestamp);
  mkv_cbor_writer_string (&writer, field_names[FIELD_TOMBSTONE]);
  mkv_cbor_writer_boolean (&writer, deleted);
  if (!deleted)
    {
      mkv_cbor_writer_string (&writer, field_names[FIELD_VALUE]);
      write_value (&writer, entry);
    }

  length = (writer.length + 2) / 3 * 4;
  if (writer.length > MKV_MAX_EVENT_BYTES || length > max_bytes)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                   _("The Locked Spec event takes %zu octets, %zu in base64; at most %d and %zu are allowed"),
                   writer.length, length, MKV_MAX_EVENT_BYTES, max_bytes);
      return NULL;
    }
  *n_encoded = 1;
  return g_bytes_new_take (g_base64_encode (writer.octets, writer.length), length);
}

static GBytes *
decode_base64 (GBytes *payload, GError **error)
{
  gsize text_length, length;
  const char *text = g_bytes_get_data (payload, &text_length);
  g_autofree char *copy = g_strndup (text, text_length);
  guint8 *octets = g_base64_decode (copy, &length);
  g_autoptr (GBytes) bytes = g_bytes_new_take (octets, length);
  g_autofree char *canonical = g_base64_encode (octets, length);

  /* As in unwrap_octets(). */
  if (strlen (canonical) == text_length && memcmp (canonical, copy, text_length) == 0)
    return g_steal_pointer (&bytes);
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("The Locked Spec event is not base64"));
  return NULL;
}

static MkvEntry *
read_entry (MkvCborFields *fields, GError **error)
{
  g_autofree char *key = mkv_cbor_fields_dup_text (fields, FIELD_KEY);
  g_autofree char *node_id = mkv_cbor_fields_dup_text (fields, FIELD_NODE_ID);
  gint64 seq = mkv_cbor_fields_get_int (fields, FIELD_SEQ, 1, G_MAXINT64, 0);
  gint64 timestamp = mkv_cbor_fields_get_int (fields, FIELD_TIMESTAMP, 0, MKV_MAX_TIMESTAMP, -1);
  gboolean deleted = mkv_cbor_fields_get_boolean (fields, FIELD_TOMBSTONE);
  g_autoptr (GBytes) value = mkv_cbor_fields_dup_value (fields, FIELD_VALUE);

  if (!mkv_cbor_fields_check (fields, error))
    return NULL;
  if (key == NULL || node_id == NULL || seq == 0 || timestamp < 0 || fields->at[FIELD_TOMBSTONE] == NULL ||
      deleted != (value == NULL))
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED,
                           _("It lacks a field, or is a tombstone with a value"));
      return NULL;
    }
  if (value != NULL)
    {
      gsize length;
      const char *text = g_bytes_get_data (value, &length);
      GBytes *octets = unwrap_octets (text, length);

      if (octets != NULL)
        {
          g_bytes_unref (value);
          value = octets;
        }
    }
  return mkv_entry_new (key, value, timestamp, node_id, seq, error);
}

static GPtrArray *
mkv_codec_locked_spec_decode_events (MkvCodec *codec, GBytes *payload, char ***refused, GError **error)
{
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (GBytes) cbor = decode_base64 (payload, error);
  MkvCborReader reader;
  MkvCborFields fields;
  gsize length;
  const guint8 *octets;

  if (cbor == NULL)
    return NULL;
  octets = g_bytes_get_data (cbor, &length);
  if (length < 1 || (octets[0] != 0xA5 && octets[0] != 0xA6) || length > MKV_MAX_EVENT_BYTES)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED,
                   _("A Locked Spec event is a map of 5 or 6 fields in at most %d octets"), MKV_MAX_EVENT_BYTES);
      return NULL;
    }
  if (mkv_cbor_fields_read_payload (&fields, &reader, cbor, field_names, error))
    {
      g_autoptr (GError) reason = NULL;
      MkvEntry *entry = read_entry (&fields, &reason);

      entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
      if (entry != NULL)
        g_ptr_array_add (entries, entry);
      else
        {
          *refused = g_new0 (char *, 2);
          (*refused)[0] = g_strdup (reason->message);
        }
    }
  mkv_cbor_reader_clear (&reader);
  return g_steal_pointer (&entries);
}

static void
mkv_codec_locked_spec_iface_init (MkvCodecInterface *iface)
{
  iface->get_content_type = mkv_codec_locked_spec_get_content_type;
  iface->encode_events = mkv_codec_locked_spec_encode_events;
  iface->decode_events = mkv_codec_locked_spec_decode_events;
}

static void
mkv_codec_locked_spec_class_init (MkvCodecLockedSpecClass *klass)
{
}

static void
mkv_codec_locked_spec_init (MkvCodecLockedSpec *self)
{
}

MKV_DEFINE_PLUGIN (codec, locked_spec, "locked-spec", MKV_VERSION_S, "LGPL-2.1-or-later",
                   N_(N_("Events as MerkleKV-Mobile reads and writes them")), mkv_codec_locked_spec_get_type)
