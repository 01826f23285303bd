/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-codec-fixture.h"

#include "mkv-codec-cbor.h"
#include "mkv-codec-json.h"

static void
set_up (MkvCodecFixture *fixture, gconstpointer data)
{
  fixture->is_cbor = g_str_equal (data, "cbor");
  fixture->codec = g_object_new (fixture->is_cbor ? MKV_TYPE_CODEC_CBOR : MKV_TYPE_CODEC_JSON, NULL);
  g_assert_true (mkv_codec_has_commands (fixture->codec));
  g_assert_true (mkv_codec_has_sync (fixture->codec));
  g_assert_cmpstr (mkv_codec_get_content_type (fixture->codec), ==,
                   fixture->is_cbor ? "application/cbor" : "application/json");
}

static void
tear_down (MkvCodecFixture *fixture, gconstpointer data)
{
  g_clear_object (&fixture->codec);
}

void
mkv_codec_add_tests (const MkvCodecTest *tests, guint n_tests)
{
  static const char *const codecs[] = { "cbor", "json" };

  for (guint j = 0; j < G_N_ELEMENTS (codecs); j++)
    for (guint i = 0; i < n_tests; i++)
      {
        g_autofree char *path = g_strdup_printf ("/codec/%s/%s", codecs[j], tests[i].name);

        g_test_add (path, MkvCodecFixture, codecs[j], set_up, tests[i].test, tear_down);
      }
}

MkvSyncMessage *
mkv_codec_fixture_decode_sync (MkvCodecFixture *fixture, GBytes *payload, guint n_refused, GError **error)
{
  g_auto (GStrv) refused = NULL;
  MkvSyncMessage *message = mkv_codec_decode_sync (fixture->codec, payload, &refused, error);

  for (guint i = 0; refused != NULL && refused[i] != NULL; i++)
    g_test_message ("%s", refused[i]);
  g_assert_cmpuint (refused != NULL ? g_strv_length (refused) : 0, ==, n_refused);
  return message;
}
