/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-fuzz.h"
#include "mkv-sync-compare.h"

/* Compiled for each codec, whose type MKV_FUZZ_CODEC is, and each kind of message,
 * for which MKV_FUZZ_KIND is one of the functions below: decodes what comes. What
 * can be decoded comes back the same when it is encoded and decoded again, unless
 * it can't be encoded. */

static MkvCodec *
get_codec (void)
{
  static MkvCodec *codec;

  if (codec == NULL)
    codec = g_object_new (MKV_FUZZ_CODEC, NULL);
  return codec;
}

static void
check_error (const GError *error)
{
  g_assert_nonnull (error);
  g_assert_true (error->domain == MKV_ERROR);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

G_GNUC_UNUSED static void
fuzz_events (MkvCodec *codec, GBytes *payload)
{
  g_auto (GStrv) refused = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) entries = mkv_codec_decode_events (codec, payload, &refused, &error);

  if (entries == NULL)
    {
      check_error (error);
      return;
    }
  g_assert_no_error (error);
  g_assert_cmpuint (entries->len, <=, MKV_MAX_EVENTS);
  for (guint i = 0; i < entries->len; i++)
    {
      g_autoptr (GPtrArray) one = g_ptr_array_new ();
      g_autoptr (GPtrArray) again = NULL;
      g_autoptr (GBytes) encoded = NULL;
      g_auto (GStrv) refused_again = NULL;
      guint n_encoded;

      g_ptr_array_add (one, entries->pdata[i]);
      encoded = mkv_codec_encode_events (codec, one, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error);
      if (encoded == NULL)
        {
          g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
          return;
        }
      again = mkv_codec_decode_events (codec, encoded, &refused_again, &error);
      g_assert_no_error (error);
      g_assert_null (refused_again);
      g_assert_cmpuint (again->len, ==, 1);
      g_assert_cmpstr (mkv_entry_get_key (again->pdata[0]), ==, mkv_entry_get_key (entries->pdata[i]));
      g_assert_cmpint (mkv_entry_compare (again->pdata[0], entries->pdata[i]), ==, 0);
    }
}

G_GNUC_UNUSED static void
fuzz_command (MkvCodec *codec, GBytes *payload)
{
  g_autofree char *id = NULL;
  g_autofree char *id_again = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvCommand) command = mkv_codec_decode_command (codec, payload, &id, &error);
  g_autoptr (MkvCommand) again = NULL;
  g_autoptr (GBytes) encoded = NULL;

  if (id != NULL)
    g_assert_cmpint (g_utf8_strlen (id, -1), <=, MKV_MAX_ID_CHARS);
  if (command == NULL)
    {
      check_error (error);
      return;
    }
  g_assert_no_error (error);
  g_assert_cmpstr (mkv_command_get_id (command), ==, id);
  mkv_command_validate (command, NULL);
  encoded = mkv_codec_encode_command (codec, command, &error);
  if (encoded == NULL)
    {
      check_error (error);
      return;
    }
  again = mkv_codec_decode_command (codec, encoded, &id_again, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (id_again, ==, id);
  g_assert_cmpint (mkv_command_get_operation (again), ==, mkv_command_get_operation (command));
  g_assert_cmpstr (mkv_command_get_key (again), ==, mkv_command_get_key (command));
  g_assert_cmpint (mkv_command_get_amount (again), ==, mkv_command_get_amount (command));
}

G_GNUC_UNUSED static void
fuzz_response (MkvCodec *codec, GBytes *payload)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvResponse) response = mkv_codec_decode_response (codec, payload, &error);
  g_autoptr (MkvResponse) again = NULL;
  g_autoptr (GBytes) encoded = NULL;

  if (response == NULL)
    {
      check_error (error);
      return;
    }
  g_assert_no_error (error);
  encoded = mkv_codec_encode_response (codec, response, &error);
  if (encoded == NULL)
    {
      check_error (error);
      return;
    }
  again = mkv_codec_decode_response (codec, encoded, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (mkv_response_get_id (again), ==, mkv_response_get_id (response));
  g_assert_cmpint (mkv_response_get_error_code (again), ==, mkv_response_get_error_code (response));
}

G_GNUC_UNUSED static void
fuzz_sync (MkvCodec *codec, GBytes *payload)
{
  g_auto (GStrv) refused = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvSyncMessage) message = mkv_codec_decode_sync (codec, payload, &refused, &error);
  guint n_items, first = 0;

  if (message == NULL)
    {
      check_error (error);
      return;
    }
  g_assert_no_error (error);
  n_items = mkv_sync_message_get_n_items (message);
  do
    {
      g_auto (GStrv) refused_again = NULL;
      guint n_encoded;
      g_autoptr (GBytes) encoded =
          mkv_codec_encode_sync (codec, message, first, MKV_MAX_PAYLOAD_BYTES, &n_encoded, &error);
      g_autoptr (MkvSyncMessage) again = NULL;

      if (encoded == NULL)
        {
          g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
          return;
        }
      again = mkv_codec_decode_sync (codec, encoded, &refused_again, &error);
      g_assert_no_error (error);
      g_assert_null (refused_again);
      g_assert_cmpuint (mkv_sync_message_get_n_items (again), ==, n_encoded);
      if (n_encoded == n_items)
        mkv_test_assert_same_sync (again, message);
      first += n_encoded;
    }
  while (first < n_items);
}

int
LLVMFuzzerTestOneInput (const guint8 *octets, size_t length)
{
  /* Copied, so that a sanitizer sees who reads too far. */
  g_autoptr (GBytes) payload = g_bytes_new (octets, length);

  if (length <= MKV_MAX_PAYLOAD_BYTES)
    MKV_FUZZ_KIND (get_codec (), payload);
  return 0;
}
