/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <cbor.h>
#include <string.h>

#include "base/mkv-limits.h"
#include "mkv-bench.h"
#include "mkv-codec-cbor.h"

/* What an event costs, encoded and decoded through the public functions, and
 * what the raw library takes for the same octets: cbor_encode_*() into a
 * buffer, cbor_stream_decode() with callbacks that only remember. */

#define N_ROUNDS (41)
#define N_EVENTS (4000)
#define VALUE_BYTES (200)

static const char key[] = "sensor/1/temp";
static const char node_id[] = "node-1";

static MkvEntry *
make_entry (void)
{
  char value[VALUE_BYTES + 1];
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  MkvEntry *entry;

  memset (value, 'v', VALUE_BYTES);
  bytes = g_bytes_new (value, VALUE_BYTES);
  entry = mkv_entry_new (key, bytes, G_GINT64_CONSTANT (1700000000000), node_id,
                         G_GINT64_CONSTANT (1740800000000123), &error);
  g_assert_no_error (error);
  return entry;
}

static double
run_codec (MkvCodec *codec, GPtrArray *entries)
{
  double start = mkv_bench_now ();

  for (guint i = 0; i < N_EVENTS; i++)
    {
      g_autoptr (GPtrArray) decoded = NULL;
      g_auto (GStrv) refused = NULL;
      g_autoptr (GBytes) payload = NULL;
      g_autoptr (GError) error = NULL;
      guint n_encoded;

      payload = mkv_codec_encode_events (codec, entries, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error);
      decoded = mkv_codec_decode_events (codec, payload, &refused, &error);
      if (decoded == NULL || decoded->len != 1)
        g_error ("The event did not come back");
    }
  return (mkv_bench_now () - start) / N_EVENTS;
}

typedef struct
{
  const guint8 *octets;
  gsize length;
  guint64 number;
} Last;

static void
on_string (void *data, cbor_data octets, size_t length)
{
  Last *last = data;

  last->octets = octets;
  last->length = length;
}

static void
on_number64 (void *data, uint64_t number)
{
  Last *last = data;

  last->number = number;
}

static void
on_size (void *data, size_t number)
{
  Last *last = data;

  last->number = number;
}

static gsize
put_text (guint8 *at, const guint8 *end, const char *text, gsize length)
{
  gsize head = cbor_encode_string_start (length, at, (gsize) (end - at));

  memcpy (at + head, text, length);
  return head + length;
}

#define PUT_NAME(at, end, name) put_text (at, end, name, sizeof (name) - 1)

static double
run_libcbor (MkvEntry *entry, gsize expected_length)
{
  struct cbor_callbacks callbacks = cbor_empty_callbacks;
  gsize value_length;
  const char *value = g_bytes_get_data (mkv_entry_get_value (entry), &value_length);
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  guint8 buffer[1024];
  const guint8 *end = buffer + sizeof buffer;
  Last last = { NULL };
  double start = mkv_bench_now ();

  callbacks.string = on_string;
  callbacks.byte_string = on_string;
  callbacks.uint64 = on_number64;
  callbacks.map_start = on_size;
  for (guint i = 0; i < N_EVENTS; i++)
    {
      guint8 *at = buffer;
      gsize length, read = 0;

      at += cbor_encode_map_start (7, at, (gsize) (end - at));
      at += PUT_NAME (at, end, "op");
      at += PUT_NAME (at, end, "SET");
      at += PUT_NAME (at, end, "key");
      at += PUT_NAME (at, end, key);
      at += PUT_NAME (at, end, "seq");
      at += cbor_encode_uint ((guint64) stamp->seq, at, (gsize) (end - at));
      at += PUT_NAME (at, end, "value");
      at += put_text (at, end, value, value_length);
      at += PUT_NAME (at, end, "node_id");
      at += PUT_NAME (at, end, node_id);
      at += PUT_NAME (at, end, "checksum");
      at += cbor_encode_bytestring_start (MKV_CHECKSUM_BYTES, at, (gsize) (end - at));
      memcpy (at, mkv_entry_peek_digest (entry), MKV_CHECKSUM_BYTES);
      at += MKV_CHECKSUM_BYTES;
      at += PUT_NAME (at, end, "timestamp");
      at += cbor_encode_uint ((guint64) stamp->timestamp, at, (gsize) (end - at));
      length = (gsize) (at - buffer);
      if (length != expected_length)
        g_error ("libcbor's event has %" G_GSIZE_FORMAT " octets", length);
      while (read < length)
        {
          struct cbor_decoder_result result = cbor_stream_decode (buffer + read, length - read, &callbacks, &last);

          if (result.status != CBOR_DECODER_FINISHED)
            g_error ("libcbor does not decode what it encoded");
          read += result.read;
        }
    }
  if (last.number != (guint64) stamp->timestamp)
    g_error ("libcbor decoded another timestamp");
  return (mkv_bench_now () - start) / N_EVENTS;
}

int
main (int argc, char **argv)
{
  g_autoptr (MkvCodec) cbor = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);
  g_autoptr (MkvEntry) entry = make_entry ();
  g_autoptr (GPtrArray) entries = g_ptr_array_new ();
  g_autoptr (GBytes) payload = NULL;
  double ours[N_ROUNDS], bare[N_ROUNDS];
  guint n_encoded;

  g_ptr_array_add (entries, entry);
  payload = mkv_codec_encode_events (cbor, entries, MKV_MAX_PAYLOAD_BYTES, &n_encoded, NULL);
  for (guint i = 0; i < N_ROUNDS; i++)
    {
      ours[i] = run_codec (cbor, entries);
      bare[i] = run_libcbor (entry, g_bytes_get_size (payload));
    }
  return mkv_bench_report ("codec-cbor-event", "ns", mkv_bench_median (ours, N_ROUNDS),
                           mkv_bench_median (bare, N_ROUNDS), "at-most", 2.0)
           ? 0
           : 1;
}
