/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <cbor.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "base/mkv-limits.h"
#include "mkv-bench.h"
#include "mkv-codec-cbor.h"
#include "mkv-codec-json.h"

/* What an event costs, encoded and decoded through the public functions, and
 * what the raw library takes for the same octets: cbor_encode_*() into a buffer,
 * cbor_stream_decode() with callbacks that note what came. One event after the
 * other, of so many keys that neither side finds everything in the innermost
 * cache, as when a node publishes what was written.
 *
 * Both sides take turns, in slices far shorter than what the kernel gives a
 * process at a time, and the medians are of slices: what else runs on the machine
 * then meets few slices, of the slower side as of the faster. When one side takes
 * a slice, the other was there half of all entries ago. */

#define N_SLICE (200)
#define N_ENTRIES (8000)
#define N_SLICES (150 * N_ENTRIES / N_SLICE)
#define N_JSON_SLICES (2 * N_ENTRIES / N_SLICE)
#define VALUE_BYTES (200)
#define SEED (20240229)

static const char node_id[] = "node-1";

static GPtrArray *
make_entries (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (SEED);
  GPtrArray *entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);

  for (guint i = 0; i < N_ENTRIES; i++)
    {
      char key[20], value[VALUE_BYTES];
      g_autoptr (GBytes) bytes = NULL;
      g_autoptr (GError) error = NULL;

      g_snprintf (key, sizeof key, "sensor-%05u", i);
      for (guint j = 0; j < VALUE_BYTES; j++)
        value[j] = (char) g_rand_int_range (random, ' ', '~');
      bytes = g_bytes_new (value, VALUE_BYTES);
      g_ptr_array_add (entries, mkv_entry_new (key, bytes, G_GINT64_CONSTANT (1700000000000) + i, node_id,
                                               G_GINT64_CONSTANT (1740800000000000) + i, &error));
      g_assert_no_error (error);
    }
  return entries;
}

static double
run_codec (MkvCodec *codec, GPtrArray *entries, guint first)
{
  g_autoptr (GPtrArray) one = g_ptr_array_new ();
  double start;

  g_ptr_array_add (one, NULL);
  start = mkv_bench_now ();
  for (guint i = first; i < first + N_SLICE; i++)
    {
      g_autoptr (GPtrArray) decoded = NULL;
      g_auto (GStrv) refused = NULL;
      g_autoptr (GBytes) payload = NULL;
      g_autoptr (GError) error = NULL;
      guint n_encoded;

      one->pdata[0] = entries->pdata[i];
      payload = mkv_codec_encode_events (codec, one, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error);
      decoded = mkv_codec_decode_events (codec, payload, &refused, &error);
      if (decoded == NULL || decoded->len != 1)
        g_error ("The event did not come back");
    }
  return (mkv_bench_now () - start) / N_SLICE;
}

/* What came, in order: the least that anyone wants of a decoder. */
typedef struct
{
  guint n;
  struct
  {
    const guint8 *octets;
    guint64 number; /* or how many octets */
  } items[16];
} Seen;

static void
on_string (void *data, cbor_data octets, size_t length)
{
  Seen *seen = data;

  seen->items[seen->n].octets = octets;
  seen->items[seen->n++].number = length;
}

static void
on_number64 (void *data, uint64_t number)
{
  Seen *seen = data;

  seen->items[seen->n++].number = number;
}

static void
on_size (void *data, size_t number)
{
  Seen *seen = data;

  seen->items[seen->n++].number = number;
}

static gsize
put_text (guint8 *at, const guint8 *end, const char *text, gsize length)
{
  gsize head = cbor_encode_string_start (length, at, (gsize) (end - at));

  memcpy (at + head, text, length);
  return head + length;
}

#define PUT_NAME(at, end, name) put_text (at, end, name, sizeof (name) - 1)

/* These two are all that is measured of libcbor, in one piece with the loop. */
static G_ALWAYS_INLINE inline gsize
encode_with_libcbor (const MkvEntry *entry, guint8 *buffer, gsize size)
{
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  gsize key_length, node_id_length, value_length;
  const char *key = mkv_entry_peek_key (entry, &key_length);
  const char *node = mkv_entry_peek_node_id (entry, &node_id_length);
  const guint8 *value = mkv_entry_peek_value (entry, &value_length);
  const guint8 *end = buffer + size;
  guint8 *at = buffer;

  at += cbor_encode_map_start (7, at, (gsize) (end - at));
  at += PUT_NAME (at, end, "op");
  at += PUT_NAME (at, end, "SET");
  at += PUT_NAME (at, end, "key");
  at += put_text (at, end, key, key_length);
  at += PUT_NAME (at, end, "seq");
  at += cbor_encode_uint ((guint64) stamp->seq, at, (gsize) (end - at));
  at += PUT_NAME (at, end, "value");
  at += put_text (at, end, (const char *) value, value_length);
  at += PUT_NAME (at, end, "node_id");
  at += put_text (at, end, node, node_id_length);
  at += PUT_NAME (at, end, "checksum");
  at += cbor_encode_bytestring_start (MKV_CHECKSUM_BYTES, at, (gsize) (end - at));
  memcpy (at, mkv_entry_peek_digest (entry), MKV_CHECKSUM_BYTES);
  at += MKV_CHECKSUM_BYTES;
  at += PUT_NAME (at, end, "timestamp");
  at += cbor_encode_uint ((guint64) stamp->timestamp, at, (gsize) (end - at));
  return (gsize) (at - buffer);
}

static G_ALWAYS_INLINE inline void
decode_with_libcbor (const guint8 *octets, gsize length, const struct cbor_callbacks *callbacks, Seen *seen)
{
  gsize read = 0;

  seen->n = 0;
  while (read < length)
    {
      struct cbor_decoder_result result = cbor_stream_decode (octets + read, length - read, callbacks, seen);

      if (result.status != CBOR_DECODER_FINISHED)
        g_error ("libcbor does not decode what it encoded");
      read += result.read;
    }
}

static void
init_callbacks (struct cbor_callbacks *callbacks)
{
  *callbacks = cbor_empty_callbacks;
  callbacks->string = on_string;
  callbacks->byte_string = on_string;
  callbacks->uint64 = on_number64;
  callbacks->map_start = on_size;
}

static double
run_libcbor (GPtrArray *entries, guint first)
{
  struct cbor_callbacks callbacks;
  guint8 buffer[1024];
  double start = mkv_bench_now ();

  init_callbacks (&callbacks);
  for (guint i = first; i < first + N_SLICE; i++)
    {
      const MkvEntry *entry = entries->pdata[i];
      gsize length = encode_with_libcbor (entry, buffer, sizeof buffer);
      Seen seen;

      decode_with_libcbor (buffer, length, &callbacks, &seen);
      if (seen.n != 15 || seen.items[14].number != (guint64) mkv_entry_get_stamp (entry)->timestamp)
        g_error ("libcbor decoded another timestamp");
    }
  return (mkv_bench_now () - start) / N_SLICE;
}

/* That both sides do the same: the octets are equal, and libcbor's callbacks
 * note every field. */
static void
check_libcbor (MkvCodec *codec, GPtrArray *entries)
{
  const MkvEntry *entry = entries->pdata[0];
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  g_autoptr (GPtrArray) one = g_ptr_array_new ();
  g_autoptr (GBytes) payload = NULL;
  g_autoptr (GError) error = NULL;
  struct cbor_callbacks callbacks;
  guint8 buffer[1024];
  gsize length = encode_with_libcbor (entry, buffer, sizeof buffer), value_length;
  const guint8 *value = mkv_entry_peek_value (entry, &value_length);
  guint n_encoded;
  Seen seen;

  g_ptr_array_add (one, entries->pdata[0]);
  payload = mkv_codec_encode_events (codec, one, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (payload, NULL), g_bytes_get_size (payload), buffer, length);

  init_callbacks (&callbacks);
  decode_with_libcbor (buffer, length, &callbacks, &seen);
  g_assert_cmpuint (seen.n, ==, 15);
  g_assert_cmpuint (seen.items[0].number, ==, 7);
  g_assert_cmpmem (seen.items[2].octets, seen.items[2].number, "SET", 3);
  g_assert_cmpmem (seen.items[4].octets, seen.items[4].number, mkv_entry_get_key (entry),
                   strlen (mkv_entry_get_key (entry)));
  g_assert_cmpuint (seen.items[6].number, ==, (guint64) stamp->seq);
  g_assert_cmpmem (seen.items[8].octets, seen.items[8].number, value, value_length);
  g_assert_cmpmem (seen.items[10].octets, seen.items[10].number, stamp->node_id, strlen (stamp->node_id));
  g_assert_cmpmem (seen.items[12].octets, seen.items[12].number, mkv_entry_peek_digest (entry), MKV_CHECKSUM_BYTES);
  g_assert_cmpuint (seen.items[14].number, ==, (guint64) stamp->timestamp);
}

/* JSON-GLib's generator and parser, with the same fields. */
static double
run_json_glib (GPtrArray *entries, guint first)
{
  double start = mkv_bench_now ();

  for (guint i = first; i < first + N_SLICE; i++)
    {
      const MkvEntry *entry = entries->pdata[i];
      const MkvStamp *stamp = mkv_entry_get_stamp (entry);
      g_autoptr (JsonObject) object = json_object_new ();
      g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);
      g_autoptr (JsonGenerator) generator = json_generator_new ();
      g_autoptr (JsonParser) parser = json_parser_new ();
      g_autofree char *value = mkv_entry_dup_text (entry);
      g_autofree char *text = NULL;
      gsize length;

      json_object_set_string_member (object, "op", "SET");
      json_object_set_string_member (object, "key", mkv_entry_get_key (entry));
      json_object_set_string_member (object, "value", value);
      json_object_set_int_member (object, "timestamp", stamp->timestamp);
      json_object_set_string_member (object, "node_id", stamp->node_id);
      json_object_set_int_member (object, "seq", stamp->seq);
      json_object_set_string_member (object, "checksum", "0123456789abcdef0123456789abcdef");
      json_generator_set_root (generator, node);
      text = json_generator_to_data (generator, &length);
      if (!json_parser_load_from_data (parser, text, (gssize) length, NULL))
        g_error ("JSON-GLib does not parse what it generated");
    }
  return (mkv_bench_now () - start) / N_SLICE;
}

int
main (int argc, char **argv)
{
  g_autoptr (MkvCodec) cbor = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);
  g_autoptr (MkvCodec) json = g_object_new (MKV_TYPE_CODEC_JSON, NULL);
  g_autoptr (GPtrArray) entries = make_entries ();
  g_autofree double *ours = g_new (double, N_SLICES);
  g_autofree double *bare = g_new (double, N_SLICES);
  gboolean met;

  check_libcbor (cbor, entries);
  for (guint i = 0; i < N_SLICES; i++)
    {
      ours[i] = run_codec (cbor, entries, i * N_SLICE % N_ENTRIES);
      bare[i] = run_libcbor (entries, (i * N_SLICE + N_ENTRIES / 2) % N_ENTRIES);
    }
  met = mkv_bench_report ("codec-cbor-event", "ns", mkv_bench_median (ours, N_SLICES),
                          mkv_bench_median (bare, N_SLICES), "at-most", 2.0);
  for (guint i = 0; i < N_JSON_SLICES; i++)
    {
      ours[i] = run_codec (json, entries, i * N_SLICE % N_ENTRIES);
      bare[i] = run_json_glib (entries, (i * N_SLICE + N_ENTRIES / 2) % N_ENTRIES);
    }
  mkv_bench_report ("codec-json-event", "ns", mkv_bench_median (ours, N_JSON_SLICES),
                    mkv_bench_median (bare, N_JSON_SLICES), NULL, 0);
  return met ? 0 : 1;
}
