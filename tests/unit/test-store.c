/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Reading, writing, who wins, and the clock. */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-store-world.h"

static void
test_set_get (StoreWorld *f, gconstpointer data)
{
  g_test_summary ("What is set can be read, until it is deleted");
  store_world_assert_value (f, "a", NULL);
  store_world_set (f, "a", "1");
  store_world_assert_value (f, "a", "1");
  store_world_set (f, "a", "2");
  store_world_assert_value (f, "a", "2");
  g_assert_true (mkv_store_delete (f->store, "a", NULL, NULL));
  store_world_assert_value (f, "a", NULL);
  g_assert_true (mkv_store_delete (f->store, "never", NULL, NULL));
  store_world_set (f, "a", "");
  store_world_assert_value (f, "a", "");
}

static void
test_arguments (StoreWorld *f, gconstpointer data)
{
  g_autofree char *octets = g_malloc0 (MKV_MAX_VALUE_BYTES + 1);
  g_autoptr (GBytes) large = g_bytes_new (octets, MKV_MAX_VALUE_BYTES + 1);
  g_autoptr (GBytes) largest = g_bytes_new (octets, MKV_MAX_VALUE_BYTES);
  g_autoptr (GBytes) one = g_bytes_new (octets, 1);
  g_autoptr (GError) error = NULL;

  g_test_summary ("Keys and values over their limits are refused, and change nothing");
  g_assert_false (mkv_store_set (f->store, "", one, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  g_assert_false (mkv_store_set (f->store, "k", large, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  g_clear_error (&error);
  g_assert_true (mkv_store_set (f->store, "k", largest, NULL, NULL));
  g_assert_null (mkv_store_append (f->store, "k", one, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  g_clear_error (&error);
  g_assert_null (mkv_store_list_keys (f->store, NULL, NULL, 0, NULL, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
}

static void
test_numbers (StoreWorld *f, gconstpointer data)
{
  const char *good[][2] = { { "0", "5" }, { "-5", "0" }, { "-0x", NULL }, { "9223372036854775802", "9223372036854775807" },
                            { "-9223372036854775808", "-9223372036854775803" }, { "", NULL }, { "-", NULL },
                            { "-0", NULL }, { "007", NULL }, { "+1", NULL }, { " 1", NULL }, { "1 ", NULL },
                            { "9223372036854775808", NULL }, { "-9223372036854775809", NULL },
                            { "99999999999999999999999", NULL }, { "1e3", NULL } };
  gint64 number;
  g_autoptr (GError) error = NULL;

  g_test_summary ("INCR takes a decimal integer of 64 bits in its one form, nothing else");
  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    {
      store_world_set (f, "n", good[i][0]);
      if (good[i][1] != NULL)
        {
          g_assert_true (mkv_store_increment (f->store, "n", 5, &number, NULL, NULL));
          g_assert_cmpint (number, ==, g_ascii_strtoll (good[i][1], NULL, 10));
          store_world_assert_value (f, "n", good[i][1]);
        }
      else
        {
          g_assert_false (mkv_store_increment (f->store, "n", 5, &number, NULL, &error));
          g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_TYPE);
          g_clear_error (&error);
          store_world_assert_value (f, "n", good[i][0]);
        }
    }
  store_world_set (f, "n", "9223372036854775807");
  g_assert_false (mkv_store_increment (f->store, "n", 1, NULL, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_RANGE_OVERFLOW);
  g_clear_error (&error);
  store_world_assert_value (f, "n", "9223372036854775807");
  store_world_set (f, "n", "-1");
  g_assert_true (mkv_store_decrement (f->store, "n", G_MININT64, &number, NULL, NULL));
  g_assert_cmpint (number, ==, G_MAXINT64);
  g_assert_false (mkv_store_decrement (f->store, "absent", G_MININT64, &number, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_RANGE_OVERFLOW);
  store_world_assert_value (f, "absent", NULL);
  g_assert_true (mkv_store_decrement (f->store, "absent", 3, &number, NULL, NULL));
  store_world_assert_value (f, "absent", "-3");
}

static void
test_append (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GBytes) x = mkv_test_bytes ("x"), yz = mkv_test_bytes ("yz"), xyz = mkv_test_bytes ("xyz");
  g_autoptr (GBytes) first = NULL, second = NULL, third = NULL, yzxyz = mkv_test_bytes ("yzxyz");

  g_test_summary ("Octets are put behind and before a value, which may not be there yet");
  first = mkv_store_append (f->store, "a", x, NULL, NULL);
  g_assert_true (g_bytes_equal (first, x));
  second = mkv_store_append (f->store, "a", yz, NULL, NULL);
  g_assert_true (g_bytes_equal (second, xyz));
  third = mkv_store_prepend (f->store, "a", yz, NULL, NULL);
  g_assert_true (g_bytes_equal (third, yzxyz));
  store_world_assert_value (f, "a", "yzxyz");
}

static void
test_many (StoreWorld *f, gconstpointer data)
{
  const char *keys[] = { "b", "a", NULL }, *twice[] = { "c", "c", NULL }, *wanted[] = { "a", "none", "b", NULL };
  g_autoptr (GPtrArray) values = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("Several keys are written all or none, and read in the order asked");
  g_ptr_array_add (values, mkv_test_bytes ("1"));
  g_ptr_array_add (values, mkv_test_bytes ("2"));
  g_assert_false (mkv_store_set_many (f->store, twice, values, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
  store_world_assert_value (f, "c", NULL);
  g_assert_true (mkv_store_set_many (f->store, keys, values, NULL, NULL));
  entries = mkv_store_get_many (f->store, wanted, NULL, NULL);
  g_assert_cmpuint (entries->len, ==, 2);
  g_assert_cmpstr (mkv_entry_get_key (entries->pdata[0]), ==, "a");
  g_assert_cmpstr (mkv_entry_get_key (entries->pdata[1]), ==, "b");
  store_world_assert_outbox (f, "b=1 a=2");
}

static void
test_list_keys (StoreWorld *f, gconstpointer data)
{
  g_auto (GStrv) all = NULL, page = NULL, rest = NULL, none = NULL;
  g_autofree char *joined = NULL;
  gboolean more;

  g_test_summary ("Live keys are listed in bytewise order, page by page");
  store_world_set (f, "b/2", "");
  store_world_set (f, "b/10", "");
  store_world_set (f, "a", "");
  store_world_set (f, "b/3", "");
  store_world_set (f, "c", "");
  g_assert_true (mkv_store_delete (f->store, "b/2", NULL, NULL));
  all = mkv_store_list_keys (f->store, NULL, NULL, 1000, &more, NULL, NULL);
  joined = g_strjoinv (" ", all);
  g_assert_cmpstr (joined, ==, "a b/10 b/3 c");
  g_assert_false (more);
  page = mkv_store_list_keys (f->store, "b/", NULL, 1, &more, NULL, NULL);
  g_assert_cmpstr (page[0], ==, "b/10");
  g_assert_true (more);
  rest = mkv_store_list_keys (f->store, "b/", page[0], 1, &more, NULL, NULL);
  g_assert_cmpstr (rest[0], ==, "b/3");
  g_assert_false (more);
  none = mkv_store_list_keys (f->store, "b/", "c", 5, &more, NULL, NULL);
  g_assert_cmpuint (g_strv_length (none), ==, 0);
}

static void
test_last_write_wins (StoreWorld *f, gconstpointer data)
{
  g_autoptr (MkvEntry) newer = store_world_make ("k", "newer", NOW + 10, "a", 1);
  g_autoptr (MkvEntry) older = store_world_make ("k", "older", NOW + 9, "z", 9),
                       gone = store_world_make ("k", NULL, NOW + 10, "b", 1);

  g_test_summary ("The greater entry wins in whatever order they arrive; an equal one is a duplicate");
  store_world_apply (f, newer, 1, 0, 0, 0);
  store_world_apply (f, older, 0, 1, 0, 0);
  store_world_apply (f, newer, 0, 0, 1, 0);
  store_world_assert_value (f, "k", "newer");
  store_world_apply (f, gone, 1, 0, 0, 0);
  store_world_apply (f, newer, 0, 1, 0, 0);
  store_world_assert_value (f, "k", NULL);
}

static gint64
stamp_after_set (StoreWorld *f, const char *key)
{
  g_autoptr (MkvEntry) entry = NULL;

  store_world_set (f, key, "local");
  store_world_assert_value (f, key, "local");
  entry = mkv_store_get_entry (f->store, key, NULL, NULL);
  return mkv_entry_get_stamp (entry)->timestamp;
}

static void
test_local_write_wins (StoreWorld *f, gconstpointer data)
{
  g_autoptr (MkvEntry) lesser = store_world_make ("a", "x", NOW + 500, "b", 1);
  g_autoptr (MkvEntry) greater = store_world_make ("b", "x", NOW + 500, "z", 1),
                       own = store_world_make ("c", "x", NOW + 500, "m", G_MAXINT64);

  g_test_summary ("A local write wins over what it has seen, with the least timestamp that does");
  g_assert_cmpint (stamp_after_set (f, "new"), ==, NOW);
  g_assert_cmpint (stamp_after_set (f, "new"), ==, NOW);
  store_world_apply (f, lesser, 1, 0, 0, 0);
  g_assert_cmpint (stamp_after_set (f, "a"), ==, NOW + 500);
  store_world_apply (f, greater, 1, 0, 0, 0);
  g_assert_cmpint (stamp_after_set (f, "b"), ==, NOW + 501);
  store_world_apply (f, own, 1, 0, 0, 0);
  g_assert_cmpint (stamp_after_set (f, "c"), ==, NOW + 501);
  mkv_manual_clock_set_time (f->clock, NOW - 100000);
  g_assert_cmpint (stamp_after_set (f, "new"), ==, NOW);
}

static void
test_unique_timestamps (StoreWorld *f, gconstpointer data)
{
  const MkvStorePolicy policy = { MKV_DURABILITY_DURABLE, TRUE, SKEW, TRUE, 0 };

  g_test_summary ("Towards Locked Spec peers no timestamp is used twice for a key");
  mkv_local_store_set_policy ((MkvLocalStore *) f->store, &policy);
  g_assert_cmpint (stamp_after_set (f, "k"), ==, NOW);
  g_assert_cmpint (stamp_after_set (f, "k"), ==, NOW + 1);
  g_assert_cmpint (stamp_after_set (f, "k"), ==, NOW + 2);
}

static void
test_future (StoreWorld *f, gconstpointer data)
{
  g_autoptr (MkvEntry) at_limit = store_world_make ("a", "x", NOW + SKEW, "z", 1);
  g_autoptr (MkvEntry) beyond = store_world_make ("b", "x", NOW + SKEW + 1, "z", 1);

  g_test_summary ("An entry too far in the future is not applied");
  store_world_apply (f, at_limit, 1, 0, 0, 0);
  store_world_apply (f, beyond, 0, 0, 0, 1);
  store_world_assert_value (f, "b", NULL);
  mkv_manual_clock_advance (f->clock, 1000);
  store_world_apply (f, beyond, 1, 0, 0, 0);
}

static gint64
stamp_of (StoreWorld *f, const char *key)
{
  g_autoptr (MkvEntry) entry = mkv_store_get_entry (f->store, key, NULL, NULL);

  return mkv_entry_get_stamp (entry)->timestamp;
}

static void
test_clock_steps_back (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GPtrArray) nothing = g_ptr_array_new ();
  MkvWrite *write;

  g_test_summary ("What was written while the clock was wrong is written again when it steps back");
  mkv_manual_clock_set_time (f->clock, NOW + 100 * (gint64) SKEW);
  store_world_set (f, "a", "1");
  store_world_set (f, "b", "2");
  mkv_manual_clock_set_time (f->clock, NOW);
  store_world_assert_outbox (f, "");
  store_world_set (f, "c", "3");
  /* The write that saw it has queued the mending; this comes after it. */
  write = store_world_submit (f, MKV_WRITE_CLEAR_OUTBOX, nothing);
  mkv_write_free (write);
  g_assert_cmpint (stamp_of (f, "a"), ==, NOW);
  g_assert_cmpint (stamp_of (f, "b"), ==, NOW);
  store_world_assert_value (f, "a", "1");
  store_world_assert_outbox (f, "c=3 a=1 b=2");
}

static void
test_clock_wrong_at_last_run (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("What was written while the clock was wrong is written again at the next start");
  mkv_manual_clock_set_time (f->clock, NOW + 100 * (gint64) SKEW);
  store_world_set (f, "a", "1");
  g_object_unref (f->store);
  mkv_manual_clock_set_time (f->clock, NOW);
  f->store = store_world_open_as (f, "m", &error);
  g_assert_no_error (error);
  g_assert_cmpint (stamp_of (f, "a"), ==, NOW);
  store_world_assert_outbox (f, "a=1");
}

static gint64
seq_of (StoreWorld *f, const char *key)
{
  g_autoptr (MkvEntry) entry = mkv_store_get_entry (f->store, key, NULL, NULL);

  return mkv_entry_get_stamp (entry)->seq;
}

static void
test_seq (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  gint64 first;

  g_test_summary ("seq starts above every earlier one and goes on at the next start");
  store_world_set (f, "a", "1");
  first = seq_of (f, "a");
  g_assert_cmpint (first, ==, NOW * 1024);
  store_world_set (f, "a", "2");
  g_assert_cmpint (seq_of (f, "a"), ==, first + 1);
  g_object_unref (f->store);
  mkv_manual_clock_set_time (f->clock, NOW - 1000);
  f->store = store_world_open_as (f, "m", &error);
  g_assert_no_error (error);
  store_world_set (f, "b", "1");
  g_assert_cmpint (seq_of (f, "b"), ==, first + 2);
  g_object_unref (f->store);

  /* Later: what the last run wrote behind its record, and lost, is passed. */
  mkv_manual_clock_set_time (f->clock, NOW + 1000);
  f->store = store_world_open_as (f, "m", &error);
  g_assert_no_error (error);
  store_world_set (f, "b", "2");
  g_assert_cmpint (seq_of (f, "b"), ==, (NOW + 1000) * 1024);
}

static void
test_node_id (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("A store opened as another node is refused, and says whose it is");
  g_assert_null (store_world_open_as (f, "other", &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_assert_nonnull (strstr (error->message, "“m”"));
  g_clear_error (&error);
  g_assert_null (store_world_open_as (f, "not an id", &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
}

static void
test_async (StoreWorld *f, gconstpointer data)
{
  g_autoptr (GAsyncResult) set_result = NULL, get_result = NULL, count_result = NULL, list_result = NULL;
  g_autoptr (GBytes) value = mkv_test_bytes ("41"), got = NULL;
  g_auto (GStrv) keys = NULL;
  gboolean more = TRUE;
  gint64 number = 0;

  g_test_summary ("The asynchronous twins do the same");
  mkv_store_set_async (f->store, "k", value, NULL, mkv_test_store_result, &set_result);
  g_assert_true (mkv_store_set_finish (f->store, mkv_test_wait_result (&set_result), NULL));
  mkv_store_get_async (f->store, "k", NULL, mkv_test_store_result, &get_result);
  got = mkv_store_get_finish (f->store, mkv_test_wait_result (&get_result), NULL);
  g_assert_true (g_bytes_equal (got, value));
  mkv_store_increment_async (f->store, "k", 1, NULL, mkv_test_store_result, &count_result);
  g_assert_true (mkv_store_increment_finish (f->store, mkv_test_wait_result (&count_result), &number, NULL));
  g_assert_cmpint (number, ==, 42);
  mkv_store_list_keys_async (f->store, NULL, NULL, 10, NULL, mkv_test_store_result, &list_result);
  keys = mkv_store_list_keys_finish (f->store, mkv_test_wait_result (&list_result), &more, NULL);
  g_assert_cmpstr (keys[0], ==, "k");
  g_assert_false (more);
  g_clear_object (&set_result);
  g_clear_object (&get_result);
  g_clear_object (&count_result);
  g_clear_object (&list_result);
  /* What ran in threads lets go of the store a moment after it has answered. */
  while (g_atomic_int_get (&G_OBJECT (f->store)->ref_count) > 1)
    g_main_context_iteration (NULL, TRUE);
}

static void
on_ended (gpointer user_data, GObject *where_the_object_was)
{
  *(GThread **) user_data = g_thread_self ();
}

static gpointer
drop (gpointer user_data)
{
  g_object_unref (user_data);
  return NULL;
}

static void
test_dropped_elsewhere (StoreWorld *f, gconstpointer data)
{
  GThread *thread = NULL;

  g_test_summary ("Who drops the last reference in another thread leaves the store's end to its context");
  store_world_set (f, "k", "1");
  g_object_weak_ref (G_OBJECT (f->store), on_ended, &thread);
  g_assert_true (g_main_context_acquire (NULL));
  g_thread_join (g_thread_new ("drop", drop, g_steal_pointer (&f->store)));
  g_assert_null (thread);
  mkv_test_iterate ();
  g_assert_true (thread == g_thread_self ());
  g_main_context_release (NULL);
  f->store = store_world_open_as (f, NULL, NULL);
}

#define ADD(path, func) \
  g_test_add ("/store/" path, StoreWorld, NULL, store_world_set_up, func, store_world_tear_down)

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 60);
  ADD ("set-get", test_set_get);
  ADD ("arguments", test_arguments);
  ADD ("numbers", test_numbers);
  ADD ("append", test_append);
  ADD ("many", test_many);
  ADD ("list-keys", test_list_keys);
  ADD ("last-write-wins", test_last_write_wins);
  ADD ("local-write-wins", test_local_write_wins);
  ADD ("unique-timestamps", test_unique_timestamps);
  ADD ("future", test_future);
  ADD ("clock-steps-back", test_clock_steps_back);
  ADD ("clock-wrong-at-last-run", test_clock_wrong_at_last_run);
  ADD ("seq", test_seq);
  ADD ("node-id", test_node_id);
  ADD ("async", test_async);
  ADD ("dropped-elsewhere", test_dropped_elsewhere);
  return g_test_run ();
}
