/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-storage-memory.h"
#include "mkv-test.h"
#include "store/mkv-local-store-private.h"

#define NOW G_GINT64_CONSTANT (1700000000000)
#define SKEW 300000

typedef struct
{
  MkvManualClock *clock;
  MkvObserver *observer;
  MkvStorage *storage;
  MkvStore *store;
} Fixture;

static MkvStore *
open_as (Fixture *f, const char *node_id, GError **error)
{
  const MkvStorePolicy policy = { MKV_DURABILITY_DURABLE, TRUE, SKEW, FALSE, MKV_MAX_EVENT_BYTES };

  return (MkvStore *) mkv_local_store_new_full (f->storage, node_id, MKV_CLOCK (f->clock), f->observer, &policy,
                                                error);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  f->clock = mkv_manual_clock_new (NOW);
  f->observer = mkv_observer_new (MKV_CLOCK (f->clock));
  f->storage = mkv_storage_memory_new ();
  f->store = open_as (f, "m", &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_object_add_weak_pointer (G_OBJECT (f->store), (gpointer *) &f->store);
  g_object_unref (f->store);
  g_assert_null (f->store);
  g_object_unref (f->storage);
  g_object_unref (f->observer);
  g_object_unref (f->clock);
}

static void
set (Fixture *f, const char *key, const char *value)
{
  g_autoptr (GBytes) bytes = mkv_test_bytes (value);
  g_autoptr (GError) error = NULL;

  mkv_store_set (f->store, key, bytes, NULL, &error);
  g_assert_no_error (error);
}

static void
assert_value (Fixture *f, const char *key, const char *value)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvEntry) entry = mkv_store_get_entry (f->store, key, NULL, &error);
  g_autofree char *text = NULL;

  if (value == NULL)
    {
      g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
      return;
    }
  g_assert_no_error (error);
  text = mkv_entry_dup_text (entry);
  g_assert_cmpstr (text, ==, value);
}

static MkvEntry *
make (const char *key, const char *value, gint64 timestamp, const char *node_id, gint64 seq)
{
  g_autoptr (GBytes) bytes = value != NULL ? mkv_test_bytes (value) : NULL;
  MkvEntry *entry = mkv_entry_new (key, bytes, timestamp, node_id, seq, NULL);

  g_assert_nonnull (entry);
  return entry;
}

/* Runs @write, with @entries if given, to its end. */
static MkvWrite *
submit (Fixture *f, MkvWriteKind kind, GPtrArray *entries)
{
  g_autoptr (GAsyncResult) result = NULL;
  MkvWrite *write = mkv_write_new (kind, NULL, NULL);

  write->origin = MKV_ORIGIN_EVENT;
  if (entries != NULL)
    write->entries = g_ptr_array_ref (entries);
  mkv_store_submit_async (f->store, write, NULL, mkv_test_store_result, &result);
  return mkv_store_submit_finish (f->store, mkv_test_wait_result (&result));
}

static void
apply (Fixture *f, MkvEntry *entry, guint n_applied, guint n_stale, guint n_duplicate, guint n_future)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new ();
  MkvWrite *write;

  g_ptr_array_add (entries, entry);
  write = submit (f, MKV_WRITE_APPLY, entries);
  g_assert_no_error (write->error);
  g_assert_cmpuint (write->n_applied, ==, n_applied);
  g_assert_cmpuint (write->n_stale, ==, n_stale);
  g_assert_cmpuint (write->n_duplicate, ==, n_duplicate);
  g_assert_cmpuint (write->n_future, ==, n_future);
  mkv_write_free (write);
}

static char *
outbox (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  gint64 last;
  g_autoptr (GPtrArray) entries = mkv_local_store_list_outbox ((MkvLocalStore *) f->store, 0, 100, &last, &error);
  GString *text = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < entries->len; i++)
    {
      g_autofree char *value = mkv_entry_dup_text (entries->pdata[i]);

      g_string_append_printf (text, "%s%s=%s", i > 0 ? " " : "", mkv_entry_get_key (entries->pdata[i]),
                              value != NULL ? value : "-");
    }
  return g_string_free (text, FALSE);
}

#define assert_outbox(f, expected)           \
  G_STMT_START                               \
  {                                          \
    g_autofree char *outbox_text = outbox (f); \
    g_assert_cmpstr (outbox_text, ==, expected); \
  }                                          \
  G_STMT_END

static void
test_set_get (Fixture *f, gconstpointer data)
{
  g_test_summary ("What is set can be read, until it is deleted");
  assert_value (f, "a", NULL);
  set (f, "a", "1");
  assert_value (f, "a", "1");
  set (f, "a", "2");
  assert_value (f, "a", "2");
  g_assert_true (mkv_store_delete (f->store, "a", NULL, NULL));
  assert_value (f, "a", NULL);
  g_assert_true (mkv_store_delete (f->store, "never", NULL, NULL));
  set (f, "a", "");
  assert_value (f, "a", "");
}

static void
test_arguments (Fixture *f, gconstpointer data)
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
test_numbers (Fixture *f, gconstpointer data)
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
      set (f, "n", good[i][0]);
      if (good[i][1] != NULL)
        {
          g_assert_true (mkv_store_increment (f->store, "n", 5, &number, NULL, NULL));
          g_assert_cmpint (number, ==, g_ascii_strtoll (good[i][1], NULL, 10));
          assert_value (f, "n", good[i][1]);
        }
      else
        {
          g_assert_false (mkv_store_increment (f->store, "n", 5, &number, NULL, &error));
          g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_TYPE);
          g_clear_error (&error);
          assert_value (f, "n", good[i][0]);
        }
    }
  set (f, "n", "9223372036854775807");
  g_assert_false (mkv_store_increment (f->store, "n", 1, NULL, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_RANGE_OVERFLOW);
  g_clear_error (&error);
  assert_value (f, "n", "9223372036854775807");
  set (f, "n", "-1");
  g_assert_true (mkv_store_decrement (f->store, "n", G_MININT64, &number, NULL, NULL));
  g_assert_cmpint (number, ==, G_MAXINT64);
  g_assert_false (mkv_store_decrement (f->store, "absent", G_MININT64, &number, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_RANGE_OVERFLOW);
  assert_value (f, "absent", NULL);
  g_assert_true (mkv_store_decrement (f->store, "absent", 3, &number, NULL, NULL));
  assert_value (f, "absent", "-3");
}

static void
test_append (Fixture *f, gconstpointer data)
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
  assert_value (f, "a", "yzxyz");
}

static void
test_many (Fixture *f, gconstpointer data)
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
  assert_value (f, "c", NULL);
  g_assert_true (mkv_store_set_many (f->store, keys, values, NULL, NULL));
  entries = mkv_store_get_many (f->store, wanted, NULL, NULL);
  g_assert_cmpuint (entries->len, ==, 2);
  g_assert_cmpstr (mkv_entry_get_key (entries->pdata[0]), ==, "a");
  g_assert_cmpstr (mkv_entry_get_key (entries->pdata[1]), ==, "b");
  assert_outbox (f, "b=1 a=2");
}

static void
test_list_keys (Fixture *f, gconstpointer data)
{
  g_auto (GStrv) all = NULL, page = NULL, rest = NULL, none = NULL;
  g_autofree char *joined = NULL;
  gboolean more;

  g_test_summary ("Live keys are listed in bytewise order, page by page");
  set (f, "b/2", "");
  set (f, "b/10", "");
  set (f, "a", "");
  set (f, "b/3", "");
  set (f, "c", "");
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
test_last_write_wins (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvEntry) newer = make ("k", "newer", NOW + 10, "a", 1), older = make ("k", "older", NOW + 9, "z", 9),
                       gone = make ("k", NULL, NOW + 10, "b", 1);

  g_test_summary ("The greater entry wins in whatever order they arrive; an equal one is a duplicate");
  apply (f, newer, 1, 0, 0, 0);
  apply (f, older, 0, 1, 0, 0);
  apply (f, newer, 0, 0, 1, 0);
  assert_value (f, "k", "newer");
  apply (f, gone, 1, 0, 0, 0);
  apply (f, newer, 0, 1, 0, 0);
  assert_value (f, "k", NULL);
}

static gint64
stamp_after_set (Fixture *f, const char *key)
{
  g_autoptr (MkvEntry) entry = NULL;

  set (f, key, "local");
  assert_value (f, key, "local");
  entry = mkv_store_get_entry (f->store, key, NULL, NULL);
  return mkv_entry_get_stamp (entry)->timestamp;
}

static void
test_local_write_wins (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvEntry) lesser = make ("a", "x", NOW + 500, "b", 1), greater = make ("b", "x", NOW + 500, "z", 1),
                       own = make ("c", "x", NOW + 500, "m", G_MAXINT64);

  g_test_summary ("A local write wins over what it has seen, with the least timestamp that does");
  g_assert_cmpint (stamp_after_set (f, "new"), ==, NOW);
  g_assert_cmpint (stamp_after_set (f, "new"), ==, NOW);
  apply (f, lesser, 1, 0, 0, 0);
  g_assert_cmpint (stamp_after_set (f, "a"), ==, NOW + 500);
  apply (f, greater, 1, 0, 0, 0);
  g_assert_cmpint (stamp_after_set (f, "b"), ==, NOW + 501);
  apply (f, own, 1, 0, 0, 0);
  g_assert_cmpint (stamp_after_set (f, "c"), ==, NOW + 501);
  mkv_manual_clock_set_time (f->clock, NOW - 100000);
  g_assert_cmpint (stamp_after_set (f, "new"), ==, NOW);
}

static void
test_unique_timestamps (Fixture *f, gconstpointer data)
{
  const MkvStorePolicy policy = { MKV_DURABILITY_DURABLE, TRUE, SKEW, TRUE, 0 };

  g_test_summary ("Towards Locked Spec peers no timestamp is used twice for a key");
  mkv_local_store_set_policy ((MkvLocalStore *) f->store, &policy);
  g_assert_cmpint (stamp_after_set (f, "k"), ==, NOW);
  g_assert_cmpint (stamp_after_set (f, "k"), ==, NOW + 1);
  g_assert_cmpint (stamp_after_set (f, "k"), ==, NOW + 2);
}

static void
test_future (Fixture *f, gconstpointer data)
{
  g_autoptr (MkvEntry) at_limit = make ("a", "x", NOW + SKEW, "z", 1), beyond = make ("b", "x", NOW + SKEW + 1, "z", 1);

  g_test_summary ("An entry too far in the future is not applied");
  apply (f, at_limit, 1, 0, 0, 0);
  apply (f, beyond, 0, 0, 0, 1);
  assert_value (f, "b", NULL);
  mkv_manual_clock_advance (f->clock, 1000);
  apply (f, beyond, 1, 0, 0, 0);
}

static gint64
stamp_of (Fixture *f, const char *key)
{
  g_autoptr (MkvEntry) entry = mkv_store_get_entry (f->store, key, NULL, NULL);

  return mkv_entry_get_stamp (entry)->timestamp;
}

static void
test_clock_steps_back (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) nothing = g_ptr_array_new ();
  MkvWrite *write;

  g_test_summary ("What was written while the clock was wrong is written again when it steps back");
  mkv_manual_clock_set_time (f->clock, NOW + 100 * (gint64) SKEW);
  set (f, "a", "1");
  set (f, "b", "2");
  mkv_manual_clock_set_time (f->clock, NOW);
  assert_outbox (f, "");
  set (f, "c", "3");
  /* The write that saw it has queued the mending; this comes after it. */
  write = submit (f, MKV_WRITE_CLEAR_OUTBOX, nothing);
  mkv_write_free (write);
  g_assert_cmpint (stamp_of (f, "a"), ==, NOW);
  g_assert_cmpint (stamp_of (f, "b"), ==, NOW);
  assert_value (f, "a", "1");
  assert_outbox (f, "c=3 a=1 b=2");
}

static void
test_clock_wrong_at_last_run (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("What was written while the clock was wrong is written again at the next start");
  mkv_manual_clock_set_time (f->clock, NOW + 100 * (gint64) SKEW);
  set (f, "a", "1");
  g_object_unref (f->store);
  mkv_manual_clock_set_time (f->clock, NOW);
  f->store = open_as (f, "m", &error);
  g_assert_no_error (error);
  g_assert_cmpint (stamp_of (f, "a"), ==, NOW);
  assert_outbox (f, "a=1");
}

static gint64
seq_of (Fixture *f, const char *key)
{
  g_autoptr (MkvEntry) entry = mkv_store_get_entry (f->store, key, NULL, NULL);

  return mkv_entry_get_stamp (entry)->seq;
}

static void
test_seq (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  gint64 first;

  g_test_summary ("seq starts above every earlier one and goes on at the next start");
  set (f, "a", "1");
  first = seq_of (f, "a");
  g_assert_cmpint (first, ==, NOW * 1024);
  set (f, "a", "2");
  g_assert_cmpint (seq_of (f, "a"), ==, first + 1);
  g_object_unref (f->store);
  mkv_manual_clock_set_time (f->clock, NOW - 1000);
  f->store = open_as (f, "m", &error);
  g_assert_no_error (error);
  set (f, "b", "1");
  g_assert_cmpint (seq_of (f, "b"), ==, first + 2);
}

static void
test_node_id (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("A store opened as another node is refused, and says whose it is");
  g_assert_null (open_as (f, "other", &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_assert_nonnull (strstr (error->message, "“m”"));
  g_clear_error (&error);
  g_assert_null (open_as (f, "not an id", &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
}

static void
test_outbox (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) sent = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  g_autoptr (MkvEntry) won = make ("b", "theirs", NOW + 1000, "z", 1);

  g_test_summary ("The outbox holds the newest own entry of each key until the broker has it or another wins");
  set (f, "a", "1");
  set (f, "b", "2");
  set (f, "c", "3");
  set (f, "a", "4");
  assert_outbox (f, "b=2 c=3 a=4");
  apply (f, won, 1, 0, 0, 0);
  assert_outbox (f, "c=3 a=4");

  g_ptr_array_add (sent, mkv_store_get_entry (f->store, "c", NULL, NULL));
  g_ptr_array_add (sent, mkv_store_get_entry (f->store, "a", NULL, NULL));
  set (f, "c", "5");
  mkv_write_free (submit (f, MKV_WRITE_CLEAR_OUTBOX, sent));
  assert_outbox (f, "c=5");
  g_assert_true (mkv_store_delete (f->store, "c", NULL, NULL));
  assert_outbox (f, "c=-");
}

typedef struct
{
  guint n_calls;
  guint n_entries;
  gsize n_bytes;
} Told;

static void
on_outbox (guint n_entries, gsize n_bytes, gpointer user_data)
{
  Told *told = user_data;

  told->n_calls++;
  told->n_entries += n_entries;
  told->n_bytes += n_bytes;
}

static void
test_outbox_func (Fixture *f, gconstpointer data)
{
  MkvLocalStore *store = (MkvLocalStore *) f->store;
  g_autoptr (MkvEntry) theirs = make ("b", "theirs", NOW + 1000, "z", 1);
  Told told = { 0 };

  g_test_summary ("What is marked in the outbox is told of, all since the last time at once");
  set (f, "before", "1");
  mkv_local_store_set_outbox_func (store, on_outbox, &told);
  apply (f, theirs, 1, 0, 0, 0);
  mkv_test_iterate ();
  g_assert_cmpuint (told.n_calls, ==, 0);

  set (f, "a", "123");
  set (f, "a", "45");
  g_assert_true (mkv_store_delete (f->store, "bc", NULL, NULL));
  g_assert_cmpuint (told.n_calls, ==, 0);
  mkv_test_iterate ();
  g_assert_cmpuint (told.n_calls, ==, 1);
  g_assert_cmpuint (told.n_entries, ==, 3);
  g_assert_cmpuint (told.n_bytes, ==, 9);

  set (f, "d", "1");
  mkv_local_store_set_outbox_func (store, NULL, NULL);
  mkv_test_iterate ();
  g_assert_cmpuint (told.n_calls, ==, 1);
}

static void
test_outbox_pages (Fixture *f, gconstpointer data)
{
  gint64 cursor = 0;
  guint n = 0;

  g_test_summary ("The outbox is read page by page in the order of the writes");
  for (guint i = 0; i < 25; i++)
    {
      g_autofree char *key = g_strdup_printf ("%u", (i * 7) % 25);

      set (f, key, "x");
    }
  for (;;)
    {
      gint64 last;
      g_autoptr (GPtrArray) page = mkv_local_store_list_outbox ((MkvLocalStore *) f->store, cursor, 10, &last, NULL);

      if (last == cursor)
        break;
      for (guint i = 0; i < page->len; i++)
        {
          g_autofree char *key = g_strdup_printf ("%u", (n++ * 7) % 25);

          g_assert_cmpstr (mkv_entry_get_key (page->pdata[i]), ==, key);
        }
      cursor = last;
    }
  g_assert_cmpuint (n, ==, 25);
}

static void
test_event_limit (Fixture *f, gconstpointer data)
{
  const MkvStorePolicy policy = { MKV_DURABILITY_DURABLE, TRUE, SKEW, FALSE, 200 };
  g_autofree char *text = g_strnfill (200, 'x');
  /* 90 octets of the event are not the value: names, key, node id "m", stamp,
   * checksum and heads. */
  g_autoptr (GBytes) fits = g_bytes_new (text, 110), too_long = g_bytes_new (text, 111);
  g_autoptr (GError) error = NULL;

  g_test_summary ("A write whose event could not be sent is refused before it is acknowledged");
  mkv_local_store_set_policy ((MkvLocalStore *) f->store, &policy);
  g_assert_false (mkv_store_set (f->store, "k", too_long, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
  assert_value (f, "k", NULL);
  g_clear_error (&error);
  mkv_store_set (f->store, "k", fits, NULL, &error);
  g_assert_no_error (error);
}

typedef struct
{
  GString *seen;
  guint n;
  MkvStore *store;
} Watcher;

static void
on_changed (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  Watcher *watcher = user_data;
  g_autofree char *value = mkv_entry_dup_text (entry);

  g_string_append_printf (watcher->seen, "%s=%s%s ", mkv_entry_get_key (entry), value != NULL ? value : "-",
                          origin == MKV_ORIGIN_LOCAL ? "" : "*");
  watcher->n++;
}

static void
test_changed (Fixture *f, gconstpointer data)
{
  Watcher all = { g_string_new (NULL) }, one = { g_string_new (NULL) };
  g_autoptr (MkvEntry) theirs = make ("c", "9", NOW, "z", 1);

  g_test_summary ("Changes are told in the store's context, of a key only the newest, by detail those of one key");
  g_signal_connect (f->store, "changed", G_CALLBACK (on_changed), &all);
  g_signal_connect (f->store, "changed::b", G_CALLBACK (on_changed), &one);
  set (f, "a", "1");
  set (f, "b", "2");
  set (f, "a", "3");
  g_assert_true (mkv_store_delete (f->store, "b", NULL, NULL));
  apply (f, theirs, 1, 0, 0, 0);
  mkv_test_iterate ();
  g_assert_cmpstr (all.seen->str, ==, "a=3 b=- c=9* ");
  g_assert_cmpstr (one.seen->str, ==, "b=- ");
  g_string_free (all.seen, TRUE);
  g_string_free (one.seen, TRUE);
}

static void
write_more (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  guint *n = user_data;
  g_autofree char *key = g_strdup_printf ("%u", ++*n);
  g_autoptr (GBytes) value = mkv_test_bytes ("x");

  if (*n <= 1000)
    g_assert_true (mkv_store_set (store, key, value, NULL, NULL));
}

static void
test_changed_writes (Fixture *f, gconstpointer data)
{
  guint n = 0;

  g_test_summary ("A handler may write synchronously, and the loop still gets its turn");
  g_signal_connect (f->store, "changed", G_CALLBACK (write_more), &n);
  set (f, "start", "x");
  for (guint i = 0; i < 2000 && n <= 1000; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_cmpuint (n, ==, 1001);
  assert_value (f, "1000", "x");
}

static void
unref_store (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  Fixture *f = user_data;

  g_clear_object (&f->store);
}

static void
test_changed_ends_store (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_test_summary ("A handler may drop the last reference to the store");
  g_signal_connect (f->store, "changed", G_CALLBACK (unref_store), f);
  set (f, "a", "1");
  set (f, "b", "1");
  mkv_test_iterate ();
  g_assert_null (f->store);
  f->store = open_as (f, "m", &error);
  g_assert_no_error (error);
}

static void
test_async (Fixture *f, gconstpointer data)
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
  /* GTask's threads let go of the store a moment after they have answered. */
  while (g_atomic_int_get (&G_OBJECT (f->store)->ref_count) > 1)
    g_thread_yield ();
}

#define ADD(path, func) g_test_add ("/store/" path, Fixture, NULL, set_up, func, tear_down)

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
  ADD ("outbox", test_outbox);
  ADD ("outbox/func", test_outbox_func);
  ADD ("outbox/pages", test_outbox_pages);
  ADD ("event-limit", test_event_limit);
  ADD ("changed", test_changed);
  ADD ("changed/writes", test_changed_writes);
  ADD ("changed/ends-store", test_changed_ends_store);
  ADD ("async", test_async);
  return g_test_run ();
}
