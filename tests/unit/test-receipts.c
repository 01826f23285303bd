/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "base/mkv-error.h"
#include "command/mkv-answer-cache-private.h"
#include "command/mkv-answer-limiter-private.h"
#include "command/mkv-receipt-book-private.h"
#include "command/mkv-receipt-private.h"
#include "mkv-storage-memory.h"
#include "mkv-test.h"

#define TOPIC "merkle_kv_mobile/caller/res"
#define NOW G_GINT64_CONSTANT (1700000000000)

static const guint8 no_fingerprint[MKV_DIGEST_BYTES];

static void
put_sized (MkvAnswerCache *cache, const char *name, gsize n_bytes)
{
  g_autoptr (MkvResponse) response = mkv_response_new ("id", MKV_STATUS_OK);
  g_autoptr (GBytes) value = g_bytes_new_take (g_malloc0 (n_bytes), n_bytes);

  mkv_response_set_value (response, value);
  mkv_answer_cache_put (cache, name, no_fingerprint, response, 0);
}

static void
count_evicted (const MkvAnswer *answer, gpointer user_data)
{
  ++*(guint *) user_data;
}

static void
test_cache_number (void)
{
  g_autoptr (MkvManualClock) clock = mkv_manual_clock_new (NOW);
  guint n_evicted = 0;
  g_autoptr (MkvAnswerCache) cache = mkv_answer_cache_new (MKV_CLOCK (clock), count_evicted, &n_evicted);

  g_test_summary ("Of more than 1,000 answers the least recently used goes");
  for (guint i = 0; i < MKV_MAX_ANSWERS; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u", i);

      put_sized (cache, name, 1);
    }
  g_assert_nonnull (mkv_answer_cache_look_up (cache, "0"));
  g_assert_cmpuint (n_evicted, ==, 0);
  put_sized (cache, "one more", 1);
  g_assert_cmpuint (n_evicted, ==, 1);
  g_assert_nonnull (mkv_answer_cache_look_up (cache, "0"));
  g_assert_null (mkv_answer_cache_look_up (cache, "1"));
  put_sized (cache, "one more", 1);
  g_assert_cmpuint (n_evicted, ==, 1);
}

static void
test_cache_size (void)
{
  g_autoptr (MkvManualClock) clock = mkv_manual_clock_new (NOW);
  guint n_evicted = 0;
  g_autoptr (MkvAnswerCache) cache = mkv_answer_cache_new (MKV_CLOCK (clock), count_evicted, &n_evicted);

  g_test_summary ("Of more than 8 MiB the least recently used go");
  for (guint i = 0; i < 40; i++)
    {
      g_autofree char *name = g_strdup_printf ("%u", i);

      put_sized (cache, name, 256 * 1024);
    }
  g_assert_cmpuint (n_evicted, ==, 9);
  g_assert_null (mkv_answer_cache_look_up (cache, "8"));
  g_assert_nonnull (mkv_answer_cache_look_up (cache, "9"));
  g_assert_nonnull (mkv_answer_cache_look_up (cache, "39"));
}

static void
test_cache_age (void)
{
  g_autoptr (MkvManualClock) clock = mkv_manual_clock_new (NOW);
  guint n_evicted = 0;
  g_autoptr (MkvAnswerCache) cache = mkv_answer_cache_new (MKV_CLOCK (clock), count_evicted, &n_evicted);
  g_autoptr (MkvResponse) response = mkv_response_new ("id", MKV_STATUS_OK);

  g_test_summary ("An answer goes ten minutes after it was given, used or not, also if it came aged");
  put_sized (cache, "a", 1);
  mkv_manual_clock_advance (clock, 5 * 60 * G_USEC_PER_SEC);
  put_sized (cache, "b", 1);
  mkv_answer_cache_put (cache, "aged", no_fingerprint, response, 9 * 60 * 1000);
  mkv_answer_cache_put (cache, "too old", no_fingerprint, response, 11 * 60 * 1000);
  g_assert_null (mkv_answer_cache_look_up (cache, "too old"));
  g_assert_nonnull (mkv_answer_cache_look_up (cache, "aged"));
  mkv_manual_clock_advance (clock, 61 * G_USEC_PER_SEC);
  g_assert_null (mkv_answer_cache_look_up (cache, "aged"));
  g_assert_nonnull (mkv_answer_cache_look_up (cache, "a"));
  mkv_manual_clock_advance (clock, 4 * 60 * G_USEC_PER_SEC);
  g_assert_null (mkv_answer_cache_look_up (cache, "a"));
  g_assert_nonnull (mkv_answer_cache_look_up (cache, "b"));
  g_assert_cmpuint (n_evicted, ==, 3);
}

static guint
take_all (MkvAnswerLimiter *limiter, const char *topic)
{
  guint n = 0;

  while (mkv_answer_limiter_take (limiter, topic))
    n++;
  return n;
}

static void
test_limiter (void)
{
  g_autoptr (MkvManualClock) clock = mkv_manual_clock_new (NOW);
  g_autoptr (MkvAnswerLimiter) limiter = mkv_answer_limiter_new (MKV_CLOCK (clock));
  guint n = 0;

  g_test_summary ("Answers to requests that are not executed are limited for each topic and in all");
  g_assert_cmpuint (take_all (limiter, "a"), ==, MKV_ANSWER_BURST);
  g_assert_cmpuint (take_all (limiter, "b"), ==, MKV_ANSWER_BURST);
  mkv_manual_clock_advance (clock, G_USEC_PER_SEC);
  g_assert_cmpuint (take_all (limiter, "a"), ==, MKV_ANSWERS_PER_SECOND);
  for (guint i = 0; i < 1000; i++)
    {
      g_autofree char *topic = g_strdup_printf ("made up %u", i);

      n += mkv_answer_limiter_take (limiter, topic);
    }
  g_assert_cmpuint (n, ==, MKV_MAX_LIMITED_TOPICS - 2);
  mkv_manual_clock_advance (clock, 60 * G_USEC_PER_SEC);
  g_assert_cmpuint (take_all (limiter, "c"), ==, MKV_ANSWER_BURST);
  n = 0;
  for (guint i = 0; i < 10; i++)
    {
      g_autofree char *topic = g_strdup_printf ("topic %u", i);

      n += take_all (limiter, topic);
    }
  g_assert_cmpuint (n, ==, MKV_ALL_ANSWERS_BURST - MKV_ANSWER_BURST);
}

static void
assert_same (MkvCommand *a, MkvCommand *b, gboolean same)
{
  guint8 x[MKV_DIGEST_BYTES], y[MKV_DIGEST_BYTES];

  mkv_receipt_fingerprint (a, NULL, x);
  mkv_receipt_fingerprint (b, NULL, y);
  g_assert_cmpint (memcmp (x, y, sizeof x) == 0, ==, same);
}

static void
test_fingerprint (void)
{
  g_autoptr (MkvCommand) set = mkv_test_command (MKV_OPERATION_SET, "a", "k", "v");
  g_autoptr (MkvCommand) again = mkv_test_command (MKV_OPERATION_SET, "b", "k", "v");
  g_autoptr (MkvCommand) value = mkv_test_command (MKV_OPERATION_SET, "a", "k", "w");
  g_autoptr (MkvCommand) shifted = mkv_test_command (MKV_OPERATION_SET, "a", "kv", "");
  g_autoptr (MkvCommand) append = mkv_test_command (MKV_OPERATION_APPEND, "a", "k", "v");
  g_autoptr (MkvCommand) one = mkv_test_command (MKV_OPERATION_INCREMENT, "a", "k", NULL);
  g_autoptr (MkvCommand) two = mkv_test_command (MKV_OPERATION_INCREMENT, "a", "k", NULL);
  g_autoptr (MkvCommand) ab = mkv_command_new (MKV_OPERATION_SET_MANY);
  g_autoptr (MkvCommand) ba = mkv_command_new (MKV_OPERATION_SET_MANY);
  g_autoptr (MkvCommand) other = mkv_command_new (MKV_OPERATION_SET_MANY);
  g_autoptr (GBytes) x = mkv_test_bytes ("x"), y = mkv_test_bytes ("y");
  guint8 here[MKV_DIGEST_BYTES], there[MKV_DIGEST_BYTES];

  g_test_summary ("Two requests are the same by operation, key, value, amount and pairs alone");
  mkv_command_set_timestamp (again, 5);
  mkv_command_set_token (again, "secret");
  assert_same (set, again, TRUE);
  assert_same (set, value, FALSE);
  assert_same (set, shifted, FALSE);
  assert_same (set, append, FALSE);
  mkv_command_set_amount (two, 1);
  assert_same (one, two, TRUE);
  mkv_command_set_amount (two, 2);
  assert_same (one, two, FALSE);
  mkv_command_add_pair (ab, "a", x);
  mkv_command_add_pair (ab, "b", y);
  mkv_command_add_pair (ba, "b", y);
  mkv_command_add_pair (ba, "a", x);
  mkv_command_add_pair (other, "a", y);
  mkv_command_add_pair (other, "b", x);
  assert_same (ab, ba, TRUE);
  assert_same (ab, other, FALSE);
  mkv_receipt_fingerprint (set, "here", here);
  mkv_receipt_fingerprint (set, "there", there);
  g_assert_cmpint (memcmp (here, there, sizeof here), !=, 0);
}

static MkvResponse *
answer_new (const char *id, gint64 timestamp)
{
  MkvResponse *answer = mkv_response_new (id, MKV_STATUS_OK);

  mkv_response_set_timestamp (answer, timestamp);
  return answer;
}

static void
test_record (void)
{
  static const guint8 octets[] = { 0xFF, 0x00, 0x7B };
  g_autoptr (MkvResponse) answer = answer_new ("id", NOW);
  g_autofree char *name = mkv_receipt_name (TOPIC, "id");
  g_autoptr (GBytes) value = g_bytes_new (octets, sizeof octets);
  g_autoptr (GBytes) record = NULL;
  g_autoptr (MkvResponse) back = NULL;
  guint8 fingerprint[MKV_DIGEST_BYTES] = { 1, 2, 3 }, read[MKV_DIGEST_BYTES];

  g_test_summary ("A receipt gives back the answer it was made of");
  /* SHA-256 of the topic, a NUL and the id, made elsewhere. */
  g_assert_cmpstr (name, ==, "receipt/1303d1e8365cdbd438e2d5228c68d487");
  mkv_response_set_value (answer, value);
  mkv_response_add_result (answer, mkv_result_new ("a", MKV_STATUS_OK, NULL));
  mkv_response_add_result (answer, mkv_result_new ("ä", MKV_STATUS_OK, NULL));
  record = mkv_receipt_serialize (TOPIC, fingerprint, answer);
  back = mkv_receipt_parse (record, name, read, NULL);
  g_assert_nonnull (back);
  g_assert_cmpmem (read, sizeof read, fingerprint, sizeof fingerprint);
  g_assert_cmpstr (mkv_response_get_id (back), ==, "id");
  g_assert_cmpint (mkv_response_get_status (back), ==, MKV_STATUS_OK);
  g_assert_cmpint (mkv_response_get_timestamp (back), ==, NOW);
  g_assert_true (g_bytes_equal (mkv_response_get_value (back), value));
  g_assert_cmpuint (mkv_response_get_results (back)->len, ==, 2);
  g_assert_cmpstr (mkv_result_get_key (mkv_response_get_results (back)->pdata[1]), ==, "ä");
}

static void
test_record_plain (void)
{
  g_autoptr (MkvResponse) answer = answer_new ("id", NOW);
  g_autofree char *name = mkv_receipt_name (TOPIC, "id");
  g_autoptr (GBytes) empty = g_bytes_new_static ("", 0);
  g_autoptr (GBytes) plain = mkv_receipt_serialize (TOPIC, no_fingerprint, answer);
  g_autoptr (GBytes) record = NULL;
  g_autoptr (MkvResponse) back = NULL, with_value = NULL;
  guint8 read[MKV_DIGEST_BYTES];

  g_test_summary ("An empty value is not the same as none");
  back = mkv_receipt_parse (plain, name, read, NULL);
  g_assert_null (mkv_response_get_value (back));
  g_assert_null (mkv_response_get_results (back));
  mkv_response_set_value (answer, empty);
  record = mkv_receipt_serialize (TOPIC, no_fingerprint, answer);
  with_value = mkv_receipt_parse (record, name, read, NULL);
  g_assert_nonnull (mkv_response_get_value (with_value));
  g_assert_cmpuint (g_bytes_get_size (mkv_response_get_value (with_value)), ==, 0);
}

static void
test_record_damaged (void)
{
  g_autoptr (MkvResponse) answer = answer_new ("id", NOW);
  g_autofree char *name = mkv_receipt_name (TOPIC, "id");
  g_autoptr (GBytes) record = mkv_receipt_serialize (TOPIC, no_fingerprint, answer);
  gsize length = g_bytes_get_size (record);
  guint8 read[MKV_DIGEST_BYTES];

  g_test_summary ("What is no receipt of that name is told from one, wherever it is cut or changed");
  for (gsize cut = 0; cut < length; cut++)
    {
      g_autoptr (GBytes) part = g_bytes_new_from_bytes (record, 0, cut);
      g_autoptr (GError) error = NULL;

      g_assert_null (mkv_receipt_parse (part, name, read, &error));
      g_assert_error (error, MKV_ERROR, MKV_ERROR_CORRUPT);
    }
  for (gsize i = 0; i < length; i++)
    {
      g_autofree guint8 *copy = g_memdup2 (g_bytes_get_data (record, NULL), length);
      g_autoptr (GBytes) changed = NULL;
      g_autoptr (MkvResponse) back = NULL;

      copy[i] ^= 0x41;
      changed = g_bytes_new (copy, length);
      back = mkv_receipt_parse (changed, name, read, NULL);
      if (back != NULL)
        g_assert_cmpstr (mkv_response_get_id (back), ==, "id");
    }
  g_assert_null (mkv_receipt_parse (record, "receipt/00", read, NULL));
}

static MkvStorage *
storage_new (void)
{
  MkvStorage *storage = mkv_storage_memory_new ();
  g_autoptr (GError) error = NULL;

  mkv_storage_open (storage, NULL, NULL, &error);
  g_assert_no_error (error);
  return storage;
}

/* Executes @command as the processor would, if it is new; the storage takes it
 * or fails. */
static MkvReceiptMatch
execute (MkvReceiptBook *book, MkvStorage *storage, MkvCommand *command, gint64 timestamp, gboolean fails)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
  g_autoptr (MkvResponse) answer = answer_new (mkv_command_get_id (command), timestamp);
  g_autoptr (MkvResponse) kept = NULL;
  MkvReceipt *receipt;
  MkvReceiptMatch match = mkv_receipt_book_begin (book, TOPIC, command, &receipt, &kept);

  if (match != MKV_RECEIPT_NEW)
    return match;
  mkv_receipt_write (receipt, answer, batch);
  if (!fails)
    mkv_storage_apply (storage, batch, NULL);
  mkv_receipt_book_end (book, receipt, !fails, fails ? NULL : answer);
  return match;
}

static guint
count_receipts (MkvStorage *storage)
{
  g_autoptr (GPtrArray) names = mkv_storage_scan_meta (storage, MKV_RECEIPT_PREFIX, NULL, 10000, NULL);

  return names->len;
}

static void
test_book (void)
{
  g_autoptr (MkvManualClock) clock = mkv_manual_clock_new (NOW);
  g_autoptr (MkvReceiptBook) book = mkv_receipt_book_new (MKV_CLOCK (clock));
  g_autoptr (MkvCommand) command = mkv_test_command (MKV_OPERATION_SET, "id", "k", "v");
  g_autoptr (MkvCommand) other = mkv_test_command (MKV_OPERATION_SET, "id", "k", "w");
  g_autoptr (MkvResponse) answer = answer_new ("id", NOW);
  g_autoptr (MkvResponse) kept = NULL;
  MkvReceipt *receipt, *elsewhere, *ignored;

  g_test_summary ("A request is new, executing, known, or something else under an id that was used");
  g_assert_cmpint (mkv_receipt_book_begin (book, TOPIC, command, &receipt, &kept), ==, MKV_RECEIPT_NEW);
  g_assert_cmpint (mkv_receipt_book_begin (book, TOPIC, command, &ignored, &kept), ==, MKV_RECEIPT_EXECUTING);
  g_assert_cmpint (mkv_receipt_book_begin (book, TOPIC, other, &ignored, &kept), ==, MKV_RECEIPT_OTHER);
  g_assert_cmpint (mkv_receipt_book_begin (book, "merkle_kv_mobile/b/res", other, &elsewhere, &kept), ==,
                   MKV_RECEIPT_NEW);
  mkv_receipt_book_end (book, elsewhere, FALSE, NULL);
  mkv_receipt_book_end (book, receipt, TRUE, answer);
  g_assert_cmpint (mkv_receipt_book_begin (book, TOPIC, other, &ignored, &kept), ==, MKV_RECEIPT_OTHER);
  g_assert_cmpint (mkv_receipt_book_begin (book, TOPIC, command, &ignored, &kept), ==, MKV_RECEIPT_KNOWN);
  g_assert_true (kept == answer);
  mkv_manual_clock_advance (clock, 601 * G_USEC_PER_SEC);
  g_assert_cmpint (mkv_receipt_book_begin (book, TOPIC, other, &receipt, &kept), ==, MKV_RECEIPT_NEW);
  mkv_receipt_book_end (book, receipt, FALSE, NULL);
}

static void
test_book_restart (void)
{
  g_autoptr (MkvManualClock) clock = mkv_manual_clock_new (NOW);
  g_autoptr (MkvStorage) storage = storage_new ();
  g_autoptr (MkvReceiptBook) first = mkv_receipt_book_new (MKV_CLOCK (clock));
  g_autoptr (MkvReceiptBook) second = mkv_receipt_book_new (MKV_CLOCK (clock));
  g_autoptr (MkvReceiptBook) third = mkv_receipt_book_new (MKV_CLOCK (clock));
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
  g_autoptr (GBytes) nonsense = mkv_test_bytes ("nonsense");
  g_autoptr (MkvCommand) old = mkv_test_command (MKV_OPERATION_SET, "old", "k", "v");
  g_autoptr (MkvCommand) young = mkv_test_command (MKV_OPERATION_SET, "young", "k", "v");
  g_autoptr (MkvCommand) future = mkv_test_command (MKV_OPERATION_SET, "future", "k", "v");
  g_autoptr (MkvCommand) next = mkv_test_command (MKV_OPERATION_SET, "next", "k", "v");

  g_test_summary ("After a restart the answers of the last ten minutes are known; the next write takes the others out");
  mkv_storage_batch_set_meta (batch, "receipt/nonsense", nonsense);
  mkv_storage_apply (storage, batch, NULL);
  execute (first, storage, old, NOW - 601 * 1000, FALSE);
  execute (first, storage, young, NOW - 599 * 1000, FALSE);
  execute (first, storage, future, NOW + 3600 * 1000, FALSE);
  g_assert_cmpuint (count_receipts (storage), ==, 4);

  g_assert_true (mkv_receipt_book_load (second, storage, NULL));
  g_assert_cmpuint (count_receipts (storage), ==, 4);
  g_assert_cmpint (execute (second, storage, young, NOW, FALSE), ==, MKV_RECEIPT_KNOWN);
  g_assert_cmpint (execute (second, storage, future, NOW, FALSE), ==, MKV_RECEIPT_KNOWN);
  g_assert_cmpint (execute (second, storage, next, NOW, TRUE), ==, MKV_RECEIPT_NEW);
  g_assert_cmpuint (count_receipts (storage), ==, 4);
  g_assert_cmpint (execute (second, storage, next, NOW, FALSE), ==, MKV_RECEIPT_NEW);
  g_assert_cmpuint (count_receipts (storage), ==, 3);

  g_assert_true (mkv_receipt_book_load (third, storage, NULL));
  g_assert_cmpint (execute (third, storage, young, NOW, FALSE), ==, MKV_RECEIPT_KNOWN);
  mkv_manual_clock_advance (clock, 2 * G_USEC_PER_SEC);
  g_assert_cmpint (execute (third, storage, young, NOW + 2000, FALSE), ==, MKV_RECEIPT_NEW);
  g_assert_cmpint (execute (third, storage, young, NOW + 2000, FALSE), ==, MKV_RECEIPT_KNOWN);
  g_assert_cmpint (execute (third, storage, old, NOW + 2000, FALSE), ==, MKV_RECEIPT_NEW);
  g_assert_cmpuint (count_receipts (storage), ==, 4);
}

static void
test_book_bounded (void)
{
  g_autoptr (MkvManualClock) clock = mkv_manual_clock_new (NOW);
  g_autoptr (MkvStorage) storage = storage_new ();
  g_autoptr (MkvReceiptBook) book = mkv_receipt_book_new (MKV_CLOCK (clock));
  g_autoptr (MkvReceiptBook) next = mkv_receipt_book_new (MKV_CLOCK (clock));

  g_test_summary ("The storage holds hardly more receipts than are known, and a restart keeps the youngest");
  for (guint i = 0; i < 1500; i++)
    {
      g_autofree char *id = g_strdup_printf ("%u", i);
      g_autoptr (MkvCommand) command = mkv_test_command (MKV_OPERATION_SET, id, "k", "v");

      g_assert_cmpint (execute (book, storage, command, NOW + i, FALSE), ==, MKV_RECEIPT_NEW);
      g_assert_cmpuint (count_receipts (storage), <=, MKV_MAX_ANSWERS + 1);
    }
  g_assert_true (mkv_receipt_book_load (next, storage, NULL));
  for (guint i = 500; i < 1500; i++)
    {
      g_autofree char *id = g_strdup_printf ("%u", i);
      g_autoptr (MkvCommand) command = mkv_test_command (MKV_OPERATION_SET, id, "k", "v");

      g_assert_cmpint (execute (next, storage, command, NOW, FALSE), ==, MKV_RECEIPT_KNOWN);
    }
}

static void
test_book_reuse (void)
{
  g_autoptr (MkvManualClock) clock = mkv_manual_clock_new (NOW);
  g_autoptr (MkvStorage) storage = storage_new ();
  g_autoptr (MkvReceiptBook) book = mkv_receipt_book_new (MKV_CLOCK (clock));
  g_autoptr (MkvReceiptBook) next = mkv_receipt_book_new (MKV_CLOCK (clock));
  g_autoptr (MkvCommand) a = mkv_test_command (MKV_OPERATION_SET, "a", "k", "v");
  g_autoptr (MkvCommand) b = mkv_test_command (MKV_OPERATION_SET, "b", "k", "v");
  g_autoptr (MkvResponse) answer_a = answer_new ("a", NOW + 601000);
  g_autoptr (MkvResponse) answer_b = answer_new ("b", NOW + 601000);
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
  g_autoptr (MkvResponse) kept = NULL;
  MkvReceipt *receipt_a, *receipt_b;

  g_test_summary ("A failed write does not make a later one take out a receipt that is in use again");
  execute (book, storage, a, NOW, FALSE);
  mkv_manual_clock_advance (clock, 601 * G_USEC_PER_SEC);
  /* The write of b is to take out the old receipt of a, and fails after a was
   * written anew. */
  g_assert_cmpint (mkv_receipt_book_begin (book, TOPIC, b, &receipt_b, &kept), ==, MKV_RECEIPT_NEW);
  g_assert_cmpint (mkv_receipt_book_begin (book, TOPIC, a, &receipt_a, &kept), ==, MKV_RECEIPT_NEW);
  mkv_receipt_write (receipt_a, answer_a, batch);
  mkv_storage_apply (storage, batch, NULL);
  mkv_receipt_book_end (book, receipt_a, TRUE, answer_a);
  mkv_receipt_book_end (book, receipt_b, FALSE, NULL);
  execute (book, storage, b, NOW + 601000, FALSE);
  g_assert_cmpuint (count_receipts (storage), ==, 2);
  g_assert_true (mkv_receipt_book_load (next, storage, NULL));
  g_assert_cmpint (execute (next, storage, a, NOW, FALSE), ==, MKV_RECEIPT_KNOWN);
  g_assert_cmpint (execute (next, storage, b, NOW, FALSE), ==, MKV_RECEIPT_KNOWN);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 30);
  g_test_add_func ("/receipts/cache/number", test_cache_number);
  g_test_add_func ("/receipts/cache/size", test_cache_size);
  g_test_add_func ("/receipts/cache/age", test_cache_age);
  g_test_add_func ("/receipts/limiter", test_limiter);
  g_test_add_func ("/receipts/fingerprint", test_fingerprint);
  g_test_add_func ("/receipts/record", test_record);
  g_test_add_func ("/receipts/record/plain", test_record_plain);
  g_test_add_func ("/receipts/record/damaged", test_record_damaged);
  g_test_add_func ("/receipts/book", test_book);
  g_test_add_func ("/receipts/book/restart", test_book_restart);
  g_test_add_func ("/receipts/book/bounded", test_book_bounded);
  g_test_add_func ("/receipts/book/reuse", test_book_reuse);
  return g_test_run ();
}
