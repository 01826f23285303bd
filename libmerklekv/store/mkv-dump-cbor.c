/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The codec knows events in arrays; a sequence of them is what is in an array,
 * without its head. So heads are cut off here, and put on again.
 */
#include "config.h"

#include "store/mkv-dump-cbor-private.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "plugin/mkv-plugin-registry.h"

MkvCodec *
mkv_dump_cbor_new_codec (GError **error)
{
  g_autoptr (MkvPluginRegistry) registry = mkv_plugin_registry_new ();

  return (MkvCodec *) mkv_plugin_registry_create (registry, MKV_PLUGIN_CODEC, "cbor", error);
}

/* Of an array's head, 1 to 3 octets as it has at most 1,024 elements. */
static gsize
array_head_length (guint8 first)
{
  return (first & 0x1F) < 24 ? 1 : (first & 0x1F) == 24 ? 2 : 3;
}

static void
add_array_head (GByteArray *octets, guint n)
{
  const guint8 head[] = { 0x80 | 25, (guint8) (n >> 8), (guint8) n };

  if (n < 24)
    g_byte_array_append (octets, (const guint8[]){ (guint8) (0x80 | n) }, 1);
  else if (n < 256)
    g_byte_array_append (octets, (const guint8[]){ 0x80 | 24, (guint8) n }, 2);
  else
    g_byte_array_append (octets, head, sizeof head);
}

gboolean
mkv_dump_cbor_add (GString *octets, MkvCodec *codec, GPtrArray *entries, GError **error)
{
  for (guint done = 0, n = 0; done < entries->len; done += n)
    {
      g_autoptr (GPtrArray) rest = g_ptr_array_sized_new (entries->len - done);
      g_autoptr (GBytes) payload = NULL;
      const guint8 *data;
      gsize length, head;

      for (guint i = done; i < entries->len; i++)
        g_ptr_array_add (rest, entries->pdata[i]);
      payload = mkv_codec_encode_events (codec, rest, MKV_MAX_EVENT_BYTES, &n, error);
      if (payload == NULL)
        return FALSE;
      data = g_bytes_get_data (payload, &length);
      head = n > 1 ? array_head_length (*data) : 0;
      g_string_append_len (octets, (const char *) data + head, (gssize) (length - head));
    }
  return TRUE;
}

/* As mkv_dump_cbor_measure(), with how deep in another item it is. */
static gssize
measure (const guint8 *octets, gsize length, guint depth)
{
  guint8 major, minor;
  guint64 number = 0;
  gsize at = 1, n_octets;

  if (length == 0)
    return 0;
  major = octets[0] >> 5;
  minor = octets[0] & 0x1F;
  /* Neither what is not written deterministically nor what is nested deep is an
   * event. */
  if (minor > 27 || depth > MKV_MAX_NESTING)
    return -1;
  n_octets = minor < 24 ? 0 : (gsize) 1 << (minor - 24);
  if (length < 1 + n_octets)
    return 0;
  for (; at < 1 + n_octets; at++)
    number = number << 8 | octets[at];
  if (minor < 24)
    number = minor;

  if (major == 2 || major == 3)
    {
      if (number > MKV_MAX_PAYLOAD_BYTES)
        return -1;
      return length - at < number ? 0 : (gssize) (at + number);
    }
  if (major < 4 || major == 7)
    return (gssize) at;
  if (number > MKV_MAX_PAYLOAD_BYTES)
    return -1;
  /* An array, a map with twice as many items, or a tag with one. */
  number = major == 4 ? number : major == 5 ? 2 * number : 1;
  for (; number > 0; number--)
    {
      gssize part = measure (octets + at, length - at, depth + 1);

      if (part <= 0)
        return part;
      at += (gsize) part;
    }
  return (gssize) at;
}

gssize
mkv_dump_cbor_measure (const guint8 *octets, gsize length)
{
  return measure (octets, length, 1);
}

/* One item alone, so that what is wrong with it concerns no other. */
static void
parse_one (MkvCodec *codec, GBytes *item, guint64 number, GPtrArray *entries, GPtrArray *refused)
{
  g_auto (GStrv) reasons = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) found = mkv_codec_decode_events (codec, item, &reasons, &error);
  const char *why = error != NULL ? error->message : reasons != NULL ? reasons[0] : NULL;

  for (guint i = 0; found != NULL && i < found->len; i++)
    g_ptr_array_add (entries, mkv_entry_ref (found->pdata[i]));
  if (why != NULL)
    g_ptr_array_add (refused, g_strdup_printf (_("Item %" PRIu64 ": %s"), number, why));
}

GPtrArray *
mkv_dump_cbor_parse (MkvCodec *codec, const guint8 *octets, gsize length, guint n, guint64 first, GPtrArray *refused,
                     GError **error)
{
  g_autoptr (GByteArray) array = g_byte_array_sized_new ((guint) length + 3);
  g_autoptr (GBytes) payload = NULL;
  g_auto (GStrv) reasons = NULL;
  g_autoptr (GPtrArray) entries = NULL;

  add_array_head (array, n);
  g_byte_array_append (array, octets, (guint) length);
  payload = g_byte_array_free_to_bytes (g_steal_pointer (&array));
  entries = mkv_codec_decode_events (codec, payload, &reasons, NULL);
  if (entries != NULL && reasons == NULL)
    return g_steal_pointer (&entries);

  g_clear_pointer (&entries, g_ptr_array_unref);
  entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  for (gsize at = 0; at < length;)
    {
      gsize item_length = (gsize) mkv_dump_cbor_measure (octets + at, length - at);
      g_autoptr (GBytes) item = g_bytes_new (octets + at, item_length);

      parse_one (codec, item, first++, entries, refused);
      at += item_length;
    }
  return g_steal_pointer (&entries);
}
