/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-test.h"
#include "model/mkv-command.h"
#include "model/mkv-entry.h"
#include "model/mkv-message.h"
#include "model/mkv-names.h"
#include "model/mkv-response.h"

static MkvEntry *
entry (const char *value, gint64 timestamp, const char *node_id, gint64 seq)
{
  g_autoptr (GBytes) bytes = value != NULL ? mkv_test_bytes (value) : NULL;
  g_autoptr (GError) error = NULL;
  MkvEntry *self = mkv_entry_new ("k", bytes, timestamp, node_id, seq, &error);

  g_assert_no_error (error);
  return self;
}

static void
test_keys (void)
{
  g_autofree char *longest = g_strnfill (MKV_MAX_KEY_BYTES, 'x');
  g_autofree char *too_long = g_strnfill (MKV_MAX_KEY_BYTES + 1, 'x');
  const char *good[] = { "k", "ключ", "a b/c", longest };
  const char *bad[] = { "", too_long, "\xff", "abcdefg\xc3", "12345678\xed\xa0\x80" };

  g_test_summary ("A key is 1 to 256 octets of UTF-8");
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;

      mkv_key_check (good[i], &error);
      g_assert_no_error (error);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (mkv_key_check (bad[i], &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_text (void)
{
  g_test_summary ("Text is UTF-8 without NUL, wherever in the octets the trouble is");
  g_assert_true (mkv_text_is_valid ("", 0));
  for (gsize at = 0; at < 40; at++)
    {
      char octets[40];

      memset (octets, 'a', sizeof octets);
      g_assert_true (mkv_text_is_valid (octets, sizeof octets));
      octets[at] = 0;
      g_assert_false (mkv_text_is_valid (octets, sizeof octets));
      octets[at] = (char) 0x80;
      g_assert_false (mkv_text_is_valid (octets, sizeof octets));
    }
  g_assert_true (mkv_text_is_valid ("1234567\xc3\xa4xyz", 12));
}

static void
test_names (void)
{
  const char *bad[] = { "", "a b", "replication", "antientropy", "global", "a/b", "ä", "a+", "#" };

  g_test_summary ("Ids hold A-Z a-z 0-9 _ - . : and are no word of the topics");
  g_assert_true (mkv_name_check ("Box-1.example:7_x", NULL));
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (mkv_name_check (bad[i], NULL));
}

static void
test_prefixes (void)
{
  const char *good[][2] = { { "a", "a" }, { " /a/b/ ", "a/b" }, { "merkle_kv_mobile", "merkle_kv_mobile" },
                            { "a/b/c/d", "a/b/c/d" } };
  const char *bad[] = { "", "/", "a//b", "a/b/c/d/e", "a+b", "a#", "ä",
                        "123456789012345678901234567890123456789012345678901" };

  g_test_summary ("A topic prefix is stripped of blanks and slashes, then checked");
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autofree char *prefix = mkv_topic_prefix_normalize (good[i][0], NULL);

      g_assert_cmpstr (prefix, ==, good[i][1]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (mkv_topic_prefix_normalize (bad[i], &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
    }
}

static void
test_entry_octets (void)
{
  static const char message[] = "kvaluenode";
  const guint8 *message_octets = (const guint8 *) message;
  g_autoptr (MkvEntry) expected = entry ("value", 5, "node", 6);
  g_autoptr (MkvEntry) empty = mkv_entry_new_from_octets (message, 1, message_octets, 0, 5, message + 6, 4, 6, NULL);
  g_autoptr (MkvEntry) deleted = mkv_entry_new_from_octets (message, 1, NULL, 0, 5, message + 6, 4, 6, NULL);
  MkvEntry *self = mkv_entry_new_from_octets (message, 1, message_octets + 1, 5, 5, message + 6, 4, 6, NULL);
  g_autoptr (GBytes) value = NULL;
  const guint8 *octets;
  gsize length;
  struct
  {
    const char *key;
    gsize key_length;
    const char *node_id;
    gsize node_id_length;
  } bad[] = {
    { "", 0, "n", 1 }, { "k\0", 2, "n", 1 }, { "\xff", 1, "n", 1 }, { "k", 1, "", 0 },
    { "k", 1, "n\0", 2 }, { "k", 1, "a/b", 3 }, { "k", 1, "global", 6 },
  };

  g_test_summary ("An entry made of octets is the same as any other, and its value outlives it");
  g_assert_cmpstr (mkv_entry_get_key (self), ==, "k");
  g_assert_cmpstr (mkv_entry_get_stamp (self)->node_id, ==, "node");
  g_assert_cmpint (mkv_entry_compare (self, expected), ==, 0);
  g_assert_true (mkv_entry_is_text (self));
  g_assert_true (mkv_entry_peek_key (self, &length) == mkv_entry_get_key (self));
  g_assert_cmpuint (length, ==, 1);
  g_assert_true (mkv_entry_peek_node_id (self, &length) == mkv_entry_get_stamp (self)->node_id);
  g_assert_cmpuint (length, ==, 4);
  octets = mkv_entry_peek_value (self, &length);
  g_assert_cmpmem (octets, length, "value", 5);
  value = g_bytes_ref (mkv_entry_get_value (self));
  g_assert_true (mkv_entry_get_value (self) == value);
  mkv_entry_unref (self);
  octets = g_bytes_get_data (value, &length);
  g_assert_cmpmem (octets, length, "value", 5);

  g_assert_false (mkv_entry_is_tombstone (empty));
  g_assert_cmpuint (g_bytes_get_size (mkv_entry_get_value (empty)), ==, 0);
  g_assert_true (mkv_entry_is_tombstone (deleted));
  g_assert_null (mkv_entry_get_value (deleted));

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (mkv_entry_new_from_octets (bad[i].key, bad[i].key_length, message_octets, 1, 1, bad[i].node_id,
                                                bad[i].node_id_length, 1, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
    }
}

static gpointer
get_value (gpointer data)
{
  return mkv_entry_get_value (data);
}

static void
test_entry_threads (void)
{
  g_test_summary ("Threads that ask for a value at the same time get the same");
  for (guint i = 0; i < 200; i++)
    {
      g_autoptr (MkvEntry) self = mkv_entry_new_from_octets ("k", 1, (const guint8 *) "v", 1, 1, "n", 1, 1, NULL);
      GThread *a = g_thread_new ("a", get_value, self);
      GThread *b = g_thread_new ("b", get_value, self);
      gpointer x = g_thread_join (a), y = g_thread_join (b);

      g_assert_true (x == y);
      g_assert_true (x == mkv_entry_get_value (self));
    }
}

static void
test_order (void)
{
  /* Ascending. */
  g_autoptr (MkvEntry) a = entry ("v", 1, "a", 9), b = entry ("v", 2, "a", 1), c = entry ("v", 2, "a", 2),
                       d = entry ("v", 2, "b", 1), e = entry (NULL, 3, "A", 1);
  MkvEntry *entries[] = { a, b, c, d, e };

  g_test_summary ("Entries are ordered by timestamp, node id, seq, digest");
  for (gint i = 0; i < 5; i++)
    for (gint j = 0; j < 5; j++)
      {
        gint order = mkv_entry_compare (entries[i], entries[j]);

        g_assert_cmpint (CLAMP (order, -1, 1), ==, CLAMP (i - j, -1, 1));
      }
}

static void
test_order_digest (void)
{
  g_autoptr (MkvEntry) a = entry ("v", 1, "a", 1), b = entry ("w", 1, "a", 1);
  gint digests = memcmp (mkv_entry_peek_digest (a), mkv_entry_peek_digest (b), MKV_DIGEST_BYTES);

  g_test_summary ("Of two entries with one stamp the greater digest wins");
  g_assert_cmpint (digests, !=, 0);
  g_assert_cmpint (CLAMP (mkv_entry_compare (a, b), -1, 1), ==, CLAMP (digests, -1, 1));
}

static void
test_entry (void)
{
  g_autoptr (MkvEntry) text = entry ("grün", 5, "n", 6), gone = entry (NULL, 5, "n", 6);
  g_autoptr (GBytes) octets = g_bytes_new_static ("a\0b", 3);
  g_autoptr (MkvEntry) binary = mkv_entry_new ("k", octets, 1, "n", 1, NULL);
  g_autofree char *string = mkv_entry_dup_text (text);

  g_test_summary ("An entry tells its parts, and text from binary from nothing");
  g_assert_cmpstr (mkv_entry_get_key (text), ==, "k");
  g_assert_cmpstr (string, ==, "grün");
  g_assert_cmpint (mkv_entry_get_stamp (text)->timestamp, ==, 5);
  g_assert_cmpint (mkv_entry_get_stamp (text)->seq, ==, 6);
  g_assert_cmpstr (mkv_entry_get_stamp (text)->node_id, ==, "n");
  g_assert_true (mkv_entry_is_text (text));
  g_assert_false (mkv_entry_is_text (binary));
  g_assert_null (mkv_entry_dup_text (binary));
  g_assert_true (mkv_entry_is_tombstone (gone));
  g_assert_null (mkv_entry_get_value (gone));
}

static void
test_entry_limits (void)
{
  g_autofree char *octets = g_malloc0 (MKV_MAX_VALUE_BYTES + 1);
  g_autoptr (GBytes) largest = g_bytes_new (octets, MKV_MAX_VALUE_BYTES);
  g_autoptr (GBytes) too_large = g_bytes_new (octets, MKV_MAX_VALUE_BYTES + 1);
  g_autoptr (MkvEntry) fits = mkv_entry_new ("k", largest, MKV_MAX_TIMESTAMP, "n", G_MAXINT64, NULL);
  g_autoptr (GError) error = NULL;

  g_test_summary ("An entry keeps the limits of value, timestamp and seq");
  g_assert_nonnull (fits);
  g_assert_null (mkv_entry_new ("k", too_large, 1, "n", 1, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  g_assert_null (mkv_entry_new ("k", NULL, MKV_MAX_TIMESTAMP + 1, "n", 1, NULL));
  g_assert_null (mkv_entry_new ("k", NULL, -1, "n", 1, NULL));
  g_assert_null (mkv_entry_new ("k", NULL, 1, "n", 0, NULL));
  g_assert_null (mkv_entry_new ("k", NULL, 1, "", 1, NULL));
}

static void
test_command (void)
{
  g_autoptr (MkvCommand) set = mkv_command_new (MKV_OPERATION_SET);
  g_autoptr (GBytes) value = mkv_test_bytes ("v");
  g_autoptr (GError) error = NULL;

  g_test_summary ("A command without what its operation needs is refused");
  g_assert_false (mkv_command_validate (set, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
  mkv_command_set_key (set, "k");
  g_assert_false (mkv_command_validate (set, NULL));
  mkv_command_set_value (set, value);
  g_assert_true (mkv_command_validate (set, NULL));
}

static void
test_command_ids (void)
{
  g_autofree char *longest = g_strnfill (64, 'x'), *too_long = g_strnfill (65, 'x'), *not_uuid = g_strnfill (36, 'x');
  g_autofree char *uuid = g_uuid_string_random ();

  g_test_summary ("An id has 1 to 64 characters, and is a UUIDv4 if it has 36");
  g_assert_true (mkv_command_id_check ("1", NULL));
  g_assert_true (mkv_command_id_check (longest, NULL));
  g_assert_true (mkv_command_id_check (uuid, NULL));
  g_assert_false (mkv_command_id_check ("", NULL));
  g_assert_false (mkv_command_id_check (too_long, NULL));
  g_assert_false (mkv_command_id_check (not_uuid, NULL));
  uuid[14] = '1';
  g_assert_false (mkv_command_id_check (uuid, NULL));
}

static void
test_operations (void)
{
  MkvOperation operation;

  g_test_summary ("Operations have their names on the wire, DELETE two of them");
  for (gint i = 0; i <= MKV_OPERATION_INFO; i++)
    {
      g_assert_true (mkv_operation_from_wire (mkv_operation_to_wire ((MkvOperation) i), &operation));
      g_assert_cmpint ((gint) operation, ==, i);
    }
  g_assert_true (mkv_operation_from_wire ("DEL", &operation));
  g_assert_cmpint ((gint) operation, ==, MKV_OPERATION_DELETE);
  g_assert_false (mkv_operation_from_wire ("del", &operation));
}

static void
test_response_errors (void)
{
  g_autoptr (GError) overflow = g_error_new (MKV_ERROR, MKV_ERROR_RANGE_OVERFLOW, "too much");
  g_autoptr (GError) missing = g_error_new (MKV_ERROR, MKV_ERROR_NOT_FOUND, "none");
  g_autoptr (GError) other = g_error_new (G_IO_ERROR, G_IO_ERROR_NO_SPACE, "full");
  g_autoptr (MkvResponse) a = mkv_response_new_error ("1", overflow);
  g_autoptr (MkvResponse) b = mkv_response_new_error ("2", missing);
  g_autoptr (MkvResponse) c = mkv_response_new_error ("3", other);
  g_autoptr (MkvResponse) ok = mkv_response_new ("4", MKV_STATUS_OK);
  g_autoptr (GError) error = NULL;

  g_test_summary ("An error keeps its meaning through a response");
  g_assert_cmpint (mkv_response_get_error_code (a), ==, MKV_ERROR_CODE_RANGE_OVERFLOW);
  g_assert_false (mkv_response_check (a, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_RANGE_OVERFLOW);
  g_assert_cmpstr (error->message, ==, "too much");
  g_clear_error (&error);
  g_assert_cmpint (mkv_response_get_status (b), ==, MKV_STATUS_NOT_FOUND);
  g_assert_false (mkv_response_check (b, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
  g_assert_cmpint (mkv_response_get_error_code (c), ==, MKV_ERROR_CODE_INTERNAL_ERROR);
  g_assert_true (mkv_response_check (ok, NULL));
}

static void
on_handled (MkvMessage *message, gpointer user_data)
{
  ++*(guint *) user_data;
}

static void
test_message (void)
{
  g_autoptr (GBytes) payload = mkv_test_bytes ("p");
  g_autoptr (MkvMessage) message = mkv_message_new ("t", payload);
  guint n = 0;

  g_test_summary ("A message is handled once, however often it is said");
  mkv_message_set_handled_func (message, on_handled, &n, NULL);
  mkv_message_set_user_property (message, "encoding", "zlib");
  g_assert_cmpstr (mkv_message_get_user_property (message, "encoding"), ==, "zlib");
  g_assert_null (mkv_message_get_user_property (message, "mac"));
  mkv_message_claim (message);
  g_assert_true (mkv_message_is_claimed (message));
  mkv_message_handled (message);
  mkv_message_handled (message);
  g_assert_cmpuint (n, ==, 1);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 30);
  g_test_add_func ("/model/keys", test_keys);
  g_test_add_func ("/model/text", test_text);
  g_test_add_func ("/model/names", test_names);
  g_test_add_func ("/model/prefixes", test_prefixes);
  g_test_add_func ("/model/entry", test_entry);
  g_test_add_func ("/model/entry/limits", test_entry_limits);
  g_test_add_func ("/model/entry/octets", test_entry_octets);
  g_test_add_func ("/model/entry/threads", test_entry_threads);
  g_test_add_func ("/model/entry/order", test_order);
  g_test_add_func ("/model/entry/order-digest", test_order_digest);
  g_test_add_func ("/model/command", test_command);
  g_test_add_func ("/model/command/ids", test_command_ids);
  g_test_add_func ("/model/operations", test_operations);
  g_test_add_func ("/model/response/errors", test_response_errors);
  g_test_add_func ("/model/message", test_message);
  return g_test_run ();
}
