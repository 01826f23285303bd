/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What every MkvStore does, in process and through a bus: one list of tests, and
 * no test knows which it has.
 */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-stores-world.h"
#include "model/mkv-names.h"

#define SKIP(f) if ((f)->store == NULL) return

static GBytes *
make_octets (gsize length)
{
  guint8 *octets = g_malloc (length);

  for (gsize i = 0; i < length; i++)
    octets[i] = (guint8) (i * 7);
  return g_bytes_new_take (octets, length);
}

static GPtrArray *
make_values (guint n, gsize length)
{
  GPtrArray *values = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  for (guint i = 0; i < n; i++)
    g_ptr_array_add (values, make_octets (length));
  return values;
}

static char **
make_keys (const char *prefix, guint n)
{
  char **keys = g_new0 (char *, n + 1);

  for (guint i = 0; i < n; i++)
    keys[i] = g_strdup_printf ("%s%05u", prefix, i);
  return keys;
}

/* Takes @error. */
static void
assert_refused (GError *error, gint code, const char *message)
{
  g_assert_error (error, MKV_ERROR, code);
  g_assert_cmpstr (error->message, ==, message);
  g_error_free (error);
}

static void
test_values (StoresWorld *f, gconstpointer data)
{
  static const guint8 octets[] = { 0, 1, 0xff, '\n', 0 };
  g_autoptr (GBytes) binary = g_bytes_new_static (octets, sizeof octets), got = NULL, got_largest = NULL;
  g_autoptr (GBytes) largest = make_octets (MKV_MAX_VALUE_BYTES);
  g_autofree char *longest = g_strnfill (MKV_MAX_KEY_BYTES, 'k');

  g_test_summary ("What is set is read, octet by octet, until it is deleted");
  SKIP (f);
  stores_world_assert_value (f, "a", NULL);
  stores_world_set (f, "a", "1");
  stores_world_set (f, "a", "2");
  stores_world_assert_value (f, "a", "2");
  stores_world_set (f, "a", "");
  stores_world_assert_value (f, "a", "");
  stores_world_set (f, "schlüssel/ä", "wert");
  stores_world_assert_value (f, "schlüssel/ä", "wert");
  stores_world_set (f, longest, "long");
  stores_world_assert_value (f, longest, "long");
  g_assert_true (mkv_store_set (f->store, "b", binary, NULL, NULL));
  got = mkv_store_get (f->store, "b", NULL, NULL);
  g_assert_true (g_bytes_equal (got, binary));
  g_assert_true (mkv_store_set (f->store, "c", largest, NULL, NULL));
  got_largest = mkv_store_get (f->store, "c", NULL, NULL);
  g_assert_true (g_bytes_equal (got_largest, largest));
  g_assert_true (mkv_store_delete (f->store, "a", NULL, NULL));
  g_assert_true (mkv_store_delete (f->store, "a", NULL, NULL));
  g_assert_true (mkv_store_delete (f->store, "never", NULL, NULL));
  stores_world_assert_value (f, "a", NULL);
}

static void
test_entry (StoresWorld *f, gconstpointer data)
{
  g_autoptr (MkvEntry) first = NULL, second = NULL, inner = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("An entry has its value, its stamp and its digest");
  SKIP (f);
  g_assert_null (mkv_store_get_entry (f->store, "k", NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
  stores_world_set (f, "k", "1");
  first = mkv_store_get_entry (f->store, "k", NULL, NULL);
  stores_world_set (f, "k", "2");
  second = mkv_store_get_entry (f->store, "k", NULL, NULL);
  g_assert_cmpstr (mkv_entry_get_stamp (first)->node_id, ==, "here");
  g_assert_cmpint (mkv_stamp_compare (mkv_entry_get_stamp (first), mkv_entry_get_stamp (second)), <, 0);
  g_assert_cmpint (ABS (mkv_entry_get_stamp (second)->timestamp - g_get_real_time () / 1000), <, 60000);
  inner = mkv_store_get_entry (f->inner, "k", NULL, NULL);
  g_assert_cmpmem (mkv_entry_peek_digest (second), MKV_DIGEST_BYTES, mkv_entry_peek_digest (inner), MKV_DIGEST_BYTES);
}

static void
test_numbers (StoresWorld *f, gconstpointer data)
{
  gint64 number = 0;
  GError *error = NULL;

  g_test_summary ("Numbers are added to; what is none, or leaves 64 bits, is refused");
  SKIP (f);
  g_assert_true (mkv_store_increment (f->store, "n", 5, &number, NULL, NULL));
  g_assert_cmpint (number, ==, 5);
  g_assert_true (mkv_store_decrement (f->store, "n", 7, &number, NULL, NULL));
  g_assert_cmpint (number, ==, -2);
  g_assert_true (mkv_store_increment (f->store, "n", 1, NULL, NULL, NULL));
  stores_world_assert_value (f, "n", "-1");
  g_assert_true (mkv_store_decrement (f->store, "n", G_MININT64, &number, NULL, NULL));
  g_assert_cmpint (number, ==, G_MAXINT64);
  g_assert_false (mkv_store_increment (f->store, "n", 1, &number, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_RANGE_OVERFLOW);
  g_assert_false (g_str_has_prefix (error->message, "GDBus"));
  g_clear_error (&error);
  stores_world_set (f, "word", "one");
  g_assert_false (mkv_store_decrement (f->store, "word", 1, &number, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_TYPE);
  g_clear_error (&error);
  stores_world_assert_value (f, "word", "one");
}

static void
test_append (StoresWorld *f, gconstpointer data)
{
  g_autoptr (GBytes) x = mkv_test_bytes ("x"), yz = mkv_test_bytes ("yz"), nothing = mkv_test_bytes ("");
  g_autoptr (GBytes) largest = make_octets (MKV_MAX_VALUE_BYTES), first = NULL, second = NULL, third = NULL;
  GError *error = NULL;

  g_test_summary ("Octets are put behind and before a value, up to the limit");
  SKIP (f);
  first = mkv_store_append (f->store, "a", x, NULL, NULL);
  g_assert_cmpuint (g_bytes_get_size (first), ==, 1);
  second = mkv_store_prepend (f->store, "a", yz, NULL, NULL);
  g_assert_cmpmem (g_bytes_get_data (second, NULL), g_bytes_get_size (second), "yzx", 3);
  stores_world_assert_value (f, "a", "yzx");
  third = mkv_store_append (f->store, "empty", nothing, NULL, NULL);
  g_assert_cmpuint (g_bytes_get_size (third), ==, 0);
  g_assert_true (mkv_store_set (f->store, "b", largest, NULL, NULL));
  g_assert_null (mkv_store_append (f->store, "b", x, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  g_clear_error (&error);
  g_assert_null (mkv_store_prepend (f->store, "b", x, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  g_clear_error (&error);
}

static void
test_refusals (StoresWorld *f, gconstpointer data)
{
  g_autofree char *key = g_strnfill (MKV_MAX_KEY_BYTES + 1, 'k');
  g_autoptr (GBytes) value = mkv_test_bytes ("v"), large = make_octets (MKV_MAX_VALUE_BYTES + 1);
  g_autoptr (GPtrArray) one = make_values (1, 1), many = make_values (MKV_MAX_BULK_KEYS + 1, 1);
  g_auto (GStrv) too_many = make_keys ("k", MKV_MAX_BULK_KEYS + 1);
  const char *const twice[] = { "a", "a", NULL }, *const none[] = { NULL }, *const bad[] = { "a", "", NULL };
  GError *expected = NULL, *error = NULL;

  g_test_summary ("What breaks a rule is refused with the same words everywhere, and changes nothing");
  SKIP (f);
  g_assert_false (mkv_key_check (key, &expected));
  g_assert_null (mkv_store_get (f->store, key, NULL, &error));
  assert_refused (g_steal_pointer (&error), MKV_ERROR_INVALID_ARGUMENT, expected->message);
  g_assert_false (mkv_store_set (f->store, key, value, NULL, &error));
  assert_refused (g_steal_pointer (&error), MKV_ERROR_INVALID_ARGUMENT, expected->message);
  g_assert_false (mkv_store_delete (f->store, key, NULL, &error));
  assert_refused (g_steal_pointer (&error), MKV_ERROR_INVALID_ARGUMENT, expected->message);
  g_assert_false (mkv_store_increment (f->store, key, 1, NULL, NULL, &error));
  assert_refused (g_steal_pointer (&error), MKV_ERROR_INVALID_ARGUMENT, expected->message);
  g_clear_error (&expected);
  g_assert_false (mkv_key_check ("", &expected));
  g_assert_null (mkv_store_get_many (f->store, bad, NULL, &error));
  assert_refused (g_steal_pointer (&error), MKV_ERROR_INVALID_ARGUMENT, expected->message);
  g_clear_error (&expected);
  g_assert_false (mkv_key_check ("\xff", &expected));
  g_assert_null (mkv_store_get (f->store, "\xff", NULL, &error));
  assert_refused (g_steal_pointer (&error), MKV_ERROR_INVALID_ARGUMENT, expected->message);
  g_clear_error (&expected);
  g_assert_false (mkv_store_set (f->store, "k", large, NULL, &error));
  assert_refused (g_steal_pointer (&error), MKV_ERROR_TOO_LARGE,
                  "The value has 262145 octets, at most 262144 are allowed");
  g_assert_false (mkv_store_set_many (f->store, (const char *const *) too_many, many, NULL, &error));
  assert_refused (g_steal_pointer (&error), MKV_ERROR_INVALID_ARGUMENT,
                  "Between 1 and 256 keys are written at once, not 257");
  g_assert_false (mkv_store_set_many (f->store, none, one, NULL, &error));
  assert_refused (g_steal_pointer (&error), MKV_ERROR_INVALID_ARGUMENT,
                  "Between 1 and 256 keys are written at once, not 0");
  g_assert_false (mkv_store_set_many (f->store, twice, one, NULL, &error));
  assert_refused (g_steal_pointer (&error), MKV_ERROR_INVALID_ARGUMENT, "There are 2 keys, but values for 1");
  g_assert_null (mkv_store_list_keys (f->store, NULL, NULL, 0, NULL, NULL, &error));
  assert_refused (g_steal_pointer (&error), MKV_ERROR_INVALID_ARGUMENT,
                  "Between 1 and 1000 keys are listed at once, not 0");
  g_assert_null (mkv_store_list_keys (f->store, NULL, NULL, 1001, NULL, NULL, &error));
  assert_refused (g_steal_pointer (&error), MKV_ERROR_INVALID_ARGUMENT,
                  "Between 1 and 1000 keys are listed at once, not 1001");
  g_assert_null (mkv_store_list_keys (f->store, "\xff", NULL, 1, NULL, NULL, &error));
  assert_refused (g_steal_pointer (&error), MKV_ERROR_INVALID_ARGUMENT, "What keys begin with is valid UTF-8");
  stores_world_assert_value (f, "k", NULL);
  stores_world_assert_value (f, "a", NULL);
}

static void
test_many (StoresWorld *f, gconstpointer data)
{
  const char *const keys[] = { "b", "a", NULL }, *const wanted[] = { "a", "none", "b", "a", NULL },
             *const nothing[] = { NULL };
  g_autoptr (GPtrArray) values = make_values (2, 3), entries = NULL, empty = NULL;

  g_test_summary ("Several keys are written at once, and read in the order asked");
  SKIP (f);
  g_assert_true (mkv_store_set_many (f->store, keys, values, NULL, NULL));
  entries = mkv_store_get_many (f->store, wanted, NULL, NULL);
  g_assert_cmpuint (entries->len, ==, 3);
  g_assert_cmpstr (mkv_entry_get_key (entries->pdata[0]), ==, "a");
  g_assert_cmpstr (mkv_entry_get_key (entries->pdata[1]), ==, "b");
  g_assert_cmpstr (mkv_entry_get_key (entries->pdata[2]), ==, "a");
  empty = mkv_store_get_many (f->store, nothing, NULL, NULL);
  g_assert_cmpuint (empty->len, ==, 0);
}

static void
test_much (StoresWorld *f, gconstpointer data)
{
  g_auto (GStrv) large = make_keys ("large/", 80), small = make_keys ("small/", 2100);
  g_autoptr (GPtrArray) values = make_values (1, MKV_MAX_VALUE_BYTES), entries = NULL, others = NULL, later = NULL;
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Reads have no limit: 20 MiB, or thousands of keys, come in one call");
  SKIP (f);
  for (guint i = 0; i < 80; i++)
    g_assert_true (mkv_store_set (f->store, large[i], values->pdata[0], NULL, NULL));
  entries = mkv_store_get_many (f->store, (const char *const *) large, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (entries->len, ==, 80);
  for (guint i = 0; i < 80; i++)
    {
      g_assert_cmpstr (mkv_entry_get_key (entries->pdata[i]), ==, large[i]);
      g_assert_true (g_bytes_equal (mkv_entry_get_value (entries->pdata[i]), values->pdata[0]));
    }
  mkv_store_get_many_async (f->store, (const char *const *) large, NULL, mkv_test_store_result, &result);
  later = mkv_store_get_many_finish (f->store, mkv_test_wait_result (&result), NULL);
  g_assert_cmpuint (later->len, ==, 80);
  for (guint i = 0; i < 2100; i += 2)
    g_assert_true (mkv_store_increment (f->inner, small[i], i, NULL, NULL, NULL));
  others = mkv_store_get_many (f->store, (const char *const *) small, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (others->len, ==, 1050);
  g_assert_cmpstr (mkv_entry_get_key (others->pdata[1049]), ==, "small/02098");
}

static void
assert_keys (StoresWorld *f, const char *prefix, const char *after, guint limit, const char *expected, gboolean more)
{
  gboolean got_more = !more;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) keys = mkv_store_list_keys (f->store, prefix, after, limit, &got_more, NULL, &error);
  g_autofree char *joined = NULL;

  g_assert_no_error (error);
  joined = g_strjoinv (" ", keys);
  g_assert_cmpstr (joined, ==, expected);
  g_assert_cmpint (got_more, ==, more);
}

static void
test_list (StoresWorld *f, gconstpointer data)
{
  const char *const keys[] = { "b/2", "b/10", "a", "ä", "b/3", "c" };

  g_test_summary ("Keys that are there are listed in bytewise order, page by page");
  SKIP (f);
  assert_keys (f, NULL, NULL, 1000, "", FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    stores_world_set (f, keys[i], "");
  g_assert_true (mkv_store_delete (f->store, "b/2", NULL, NULL));
  assert_keys (f, NULL, NULL, 1000, "a b/10 b/3 c ä", FALSE);
  assert_keys (f, "", NULL, 1000, "a b/10 b/3 c ä", FALSE);
  assert_keys (f, "b/", NULL, 1000, "b/10 b/3", FALSE);
  assert_keys (f, "b/", NULL, 2, "b/10 b/3", FALSE);
  assert_keys (f, "b/", NULL, 1, "b/10", TRUE);
  assert_keys (f, "b/", "b/10", 1, "b/3", FALSE);
  assert_keys (f, NULL, "b/2", 2, "b/3 c", TRUE);
  assert_keys (f, NULL, "zz", 2, "ä", FALSE);
  assert_keys (f, "nothing", NULL, 1, "", FALSE);
}

static void
test_async (StoresWorld *f, gconstpointer data)
{
  const char *const keys[] = { "x", "y", NULL };
  g_autoptr (GBytes) value = mkv_test_bytes ("4"), got = NULL, behind = NULL, before = NULL;
  g_autoptr (GPtrArray) values = make_values (2, 9), entries = NULL;
  g_autoptr (MkvEntry) entry = NULL;
  GAsyncResult *results[12] = { NULL };
  gint64 up = 0, down = 0;
  gboolean more = TRUE;
  g_auto (GStrv) list = NULL;
  GError *error = NULL;
  guint n = 0;

  g_test_summary ("Every function has its asynchronous twin, with the same outcome");
  SKIP (f);
  mkv_store_set_async (f->store, "k", value, NULL, mkv_test_store_result, &results[n]);
  g_assert_true (mkv_store_set_finish (f->store, mkv_test_wait_result (&results[n++]), NULL));
  mkv_store_increment_async (f->store, "k", 3, NULL, mkv_test_store_result, &results[n]);
  g_assert_true (mkv_store_increment_finish (f->store, mkv_test_wait_result (&results[n++]), &up, NULL));
  g_assert_cmpint (up, ==, 7);
  mkv_store_decrement_async (f->store, "k", 2, NULL, mkv_test_store_result, &results[n]);
  g_assert_true (mkv_store_decrement_finish (f->store, mkv_test_wait_result (&results[n++]), &down, NULL));
  g_assert_cmpint (down, ==, 5);
  mkv_store_append_async (f->store, "k", value, NULL, mkv_test_store_result, &results[n]);
  behind = mkv_store_append_finish (f->store, mkv_test_wait_result (&results[n++]), NULL);
  g_assert_cmpuint (g_bytes_get_size (behind), ==, 2);
  mkv_store_prepend_async (f->store, "k", value, NULL, mkv_test_store_result, &results[n]);
  before = mkv_store_prepend_finish (f->store, mkv_test_wait_result (&results[n++]), NULL);
  g_assert_cmpmem (g_bytes_get_data (before, NULL), g_bytes_get_size (before), "454", 3);
  mkv_store_get_async (f->store, "k", NULL, mkv_test_store_result, &results[n]);
  got = mkv_store_get_finish (f->store, mkv_test_wait_result (&results[n++]), NULL);
  g_assert_true (g_bytes_equal (got, before));
  mkv_store_get_entry_async (f->store, "k", NULL, mkv_test_store_result, &results[n]);
  entry = mkv_store_get_entry_finish (f->store, mkv_test_wait_result (&results[n++]), NULL);
  g_assert_cmpstr (mkv_entry_get_stamp (entry)->node_id, ==, "here");
  mkv_store_set_many_async (f->store, keys, values, NULL, mkv_test_store_result, &results[n]);
  g_assert_true (mkv_store_set_many_finish (f->store, mkv_test_wait_result (&results[n++]), NULL));
  mkv_store_get_many_async (f->store, keys, NULL, mkv_test_store_result, &results[n]);
  entries = mkv_store_get_many_finish (f->store, mkv_test_wait_result (&results[n++]), NULL);
  g_assert_cmpuint (entries->len, ==, 2);
  mkv_store_list_keys_async (f->store, "x", NULL, 1, NULL, mkv_test_store_result, &results[n]);
  list = mkv_store_list_keys_finish (f->store, mkv_test_wait_result (&results[n++]), &more, NULL);
  g_assert_cmpuint (g_strv_length (list), ==, 1);
  g_assert_false (more);
  mkv_store_delete_async (f->store, "k", NULL, mkv_test_store_result, &results[n]);
  g_assert_true (mkv_store_delete_finish (f->store, mkv_test_wait_result (&results[n++]), NULL));
  mkv_store_get_async (f->store, "k", NULL, mkv_test_store_result, &results[n]);
  g_assert_null (mkv_store_get_finish (f->store, mkv_test_wait_result (&results[n++]), &error));
  assert_refused (g_steal_pointer (&error), MKV_ERROR_NOT_FOUND, "There is no such key");
  for (guint i = 0; i < n; i++)
    g_object_unref (results[i]);
}

static void
test_async_refusals (StoresWorld *f, gconstpointer data)
{
  g_autoptr (GAsyncResult) get = NULL, list = NULL, set = NULL, increment = NULL;
  g_autoptr (GBytes) large = make_octets (MKV_MAX_VALUE_BYTES + 1);
  GError *error = NULL;

  g_test_summary ("What breaks a rule is refused in the callback, never before");
  SKIP (f);
  mkv_store_get_async (f->store, "", NULL, mkv_test_store_result, &get);
  g_assert_null (get);
  g_assert_null (mkv_store_get_finish (f->store, mkv_test_wait_result (&get), &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  mkv_store_list_keys_async (f->store, NULL, NULL, 0, NULL, mkv_test_store_result, &list);
  g_assert_null (list);
  g_assert_null (mkv_store_list_keys_finish (f->store, mkv_test_wait_result (&list), NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  mkv_store_set_async (f->store, "k", large, NULL, mkv_test_store_result, &set);
  g_assert_null (set);
  g_assert_false (mkv_store_set_finish (f->store, mkv_test_wait_result (&set), &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  g_clear_error (&error);
  stores_world_set (f, "word", "one");
  mkv_store_increment_async (f->store, "word", 1, NULL, mkv_test_store_result, &increment);
  g_assert_false (mkv_store_increment_finish (f->store, mkv_test_wait_result (&increment), NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_TYPE);
  g_clear_error (&error);
}

static void
test_cancelled (StoresWorld *f, gconstpointer data)
{
  const char *const keys[] = { "k", NULL };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GBytes) value = mkv_test_bytes ("v");
  g_autoptr (GAsyncResult) set = NULL, get = NULL, late = NULL;
  g_autoptr (GCancellable) soon = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  gboolean written;

  g_test_summary ("What was given up before it began does not happen; what is given up later ends");
  SKIP (f);
  stores_world_set (f, "k", "old");
  g_cancellable_cancel (cancellable);
  g_assert_null (mkv_store_get (f->store, "k", cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_null (mkv_store_get_many (f->store, keys, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_null (mkv_store_list_keys (f->store, NULL, NULL, 1, NULL, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_false (mkv_store_set (f->store, "k", value, cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  mkv_store_set_async (f->store, "k", value, cancellable, mkv_test_store_result, &set);
  g_assert_false (mkv_store_set_finish (f->store, mkv_test_wait_result (&set), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  mkv_store_get_async (f->store, "k", cancellable, mkv_test_store_result, &get);
  g_assert_null (mkv_store_get_finish (f->store, mkv_test_wait_result (&get), &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  stores_world_assert_value (f, "k", "old");

  mkv_store_set_async (f->store, "k", value, soon, mkv_test_store_result, &late);
  g_cancellable_cancel (soon);
  written = mkv_store_set_finish (f->store, mkv_test_wait_result (&late), &error);
  if (!written)
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  else
    stores_world_assert_value (f, "k", "v");
}

static void
count_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  gint64 number;

  mkv_store_increment_finish (MKV_STORE (source), result, &number, &error);
  g_assert_no_error (error);
  g_array_append_val ((GArray *) user_data, number);
}

static gboolean
has_all (gpointer user_data)
{
  return ((GArray *) user_data)->len == 400;
}

static void
test_order (StoresWorld *f, gconstpointer data)
{
  g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (gint64));

  g_test_summary ("What one thread asks for is done, and called back, in that order");
  SKIP (f);
  for (guint i = 0; i < 400; i++)
    mkv_store_increment_async (f->store, "n", 1, NULL, count_done, numbers);
  mkv_test_run_until (has_all, numbers);
  for (guint i = 0; i < 400; i++)
    g_assert_cmpint (g_array_index (numbers, gint64, i), ==, i + 1);
}

static gpointer
work (gpointer user_data)
{
  StoresWorld *f = user_data;
  g_autoptr (GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (GAsyncResult) result = NULL;
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) value = NULL;

      mkv_store_increment (f->store, "total", 1, NULL, NULL, &error);
      g_assert_no_error (error);
      mkv_store_increment_async (f->store, "total", 1, NULL, mkv_test_store_result, &result);
      mkv_store_increment_finish (f->store, mkv_test_wait_result (&result), NULL, &error);
      g_assert_no_error (error);
      value = mkv_store_get (f->store, "total", NULL, &error);
      g_assert_no_error (error);
    }
  g_main_context_pop_thread_default (context);
  return NULL;
}

static void
test_threads (StoresWorld *f, gconstpointer data)
{
  GThread *threads[4];

  g_test_summary ("Several threads use one store, and callbacks come where they were asked for");
  SKIP (f);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("work", work, f);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  stores_world_assert_value (f, "total", "400");
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 110);
  stores_world_add ("values", test_values);
  stores_world_add ("entry", test_entry);
  stores_world_add ("numbers", test_numbers);
  stores_world_add ("append", test_append);
  stores_world_add ("refusals", test_refusals);
  stores_world_add ("many", test_many);
  stores_world_add ("much", test_much);
  stores_world_add ("list", test_list);
  stores_world_add ("async", test_async);
  stores_world_add ("async-refusals", test_async_refusals);
  stores_world_add ("cancelled", test_cancelled);
  stores_world_add ("order", test_order);
  stores_world_add ("threads", test_threads);
  return g_test_run ();
}
