/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "mkv-replica.h"
#include "mkv-test-storage.h"
#include "mkv-transport-loopback.h"
#include "base/mkv-limits.h"

#define BROKER "loopback://publisher"
#define EVENTS_TOPIC "t/replication/events"
#define MS G_GINT64_CONSTANT (1000)
#define SECOND G_USEC_PER_SEC

/* One writer, and somebody who looks at what it publishes. */
typedef struct
{
  MkvManualClock *clock;
  MkvLoopbackBroker *broker;
  MkvTestStorage *storage;
  MkvReplica *writer;

  MkvTransport *transport;
  MkvObserver *observer;
  MkvRouter *router;
  GPtrArray *payloads; /* of GBytes */
  GPtrArray *messages; /* of MkvMessage */
  GPtrArray *entries;  /* of MkvEntry, of all payloads */
  guint n_drained;
} Fixture;

static void
on_events (MkvMessage *message, MkvCodec *codec, GBytes *payload, const GError *error, gpointer user_data)
{
  Fixture *f = user_data;
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GPtrArray) entries = NULL;
  g_auto (GStrv) refused = NULL;

  g_assert_no_error (error);
  entries = mkv_codec_decode_events (codec, payload, &refused, &local_error);
  g_assert_no_error (local_error);
  g_assert_null (refused);
  g_ptr_array_add (f->payloads, g_bytes_ref (payload));
  g_ptr_array_add (f->messages, mkv_message_ref (message));
  for (guint i = 0; i < entries->len; i++)
    g_ptr_array_add (f->entries, mkv_entry_ref (entries->pdata[i]));
}

static void
on_drained (MkvPublisher *publisher, gpointer user_data)
{
  guint *n = user_data;

  g_assert_true (mkv_publisher_is_drained (publisher));
  ++*n;
}

static void
add_writer (Fixture *f)
{
  f->writer = mkv_replica_new ("writer", f->clock, MKV_STORAGE (f->storage));
  g_signal_connect (f->writer->publisher, "drained", G_CALLBACK (on_drained), &f->n_drained);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GError) error = NULL;
  GVariantDict dict;

  f->clock = mkv_manual_clock_new (G_GINT64_CONSTANT (1700000000000));
  f->broker = mkv_loopback_broker_get (BROKER);
  f->storage = mkv_test_storage_new ();
  f->payloads = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  f->messages = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_message_unref);
  f->entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  add_writer (f);

  f->transport = g_object_new (MKV_TYPE_TRANSPORT_LOOPBACK, NULL);
  f->observer = mkv_observer_new (MKV_CLOCK (f->clock));
  f->router = mkv_router_new (f->transport, f->writer->json, f->writer->cbor, f->writer->locked_spec, "t", "probe",
                              "probe", MKV_CLOCK (f->clock), f->observer);
  mkv_router_set_handler (f->router, MKV_ROUTE_EVENTS, on_events, f);
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "broker", "s", BROKER);
  options = g_variant_ref_sink (g_variant_dict_end (&dict));
  mkv_router_start (f->router, options, &error);
  g_assert_no_error (error);
  mkv_test_advance (f->clock, 10 * MS);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  if (f->writer != NULL)
    mkv_replica_free (f->writer);
  mkv_router_stop (f->router);
  mkv_test_iterate ();
  g_object_unref (f->router);
  g_object_unref (f->transport);
  g_object_unref (f->observer);
  g_ptr_array_unref (f->payloads);
  g_ptr_array_unref (f->messages);
  g_ptr_array_unref (f->entries);
  g_object_unref (f->storage);
  g_assert_finalize_object (f->broker);
  g_object_unref (f->clock);
}

static void
run (Fixture *f, gint64 us)
{
  mkv_replicas_run (&f->writer, 1, f->clock, us);
}

/* Connected, with nothing to do. */
static void
start_with (Fixture *f, GVariant *options)
{
  mkv_replica_start (f->writer, BROKER, options);
  run (f, SECOND);
  g_assert_true (mkv_router_is_connected (f->writer->router));
}

static void
start (Fixture *f)
{
  start_with (f, NULL);
}

static GVariant *
option (const char *name, guint number)
{
  GVariantDict options;

  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, name, "u", number);
  return g_variant_dict_end (&options);
}

static void
write_keys (Fixture *f, guint first, guint n, gsize value_bytes)
{
  g_autofree char *value = g_strnfill (value_bytes, 'v');

  for (guint i = first; i < first + n; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%06u", i);

      mkv_replica_set (f->writer, key, value);
    }
}

/* Everything has arrived once, in the order in which it was written. */
static void
assert_in_order (Fixture *f, guint n)
{
  g_assert_cmpuint (f->entries->len, ==, n);
  for (guint i = 1; i < n; i++)
    g_assert_cmpint (mkv_entry_get_stamp (f->entries->pdata[i])->seq, >,
                     mkv_entry_get_stamp (f->entries->pdata[i - 1])->seq);
}

static void
assert_all_cleared (Fixture *f)
{
  g_assert_cmpuint (mkv_replica_count_outbox (f->writer), ==, 0);
  g_assert_true (mkv_publisher_is_drained (f->writer->publisher));
  g_assert_cmpint (mkv_observer_get_health (f->writer->observer), ==, MKV_HEALTH_OK);
}

static void
test_batches (Fixture *f, gconstpointer data)
{
  g_test_summary ("Many writes go out in few payloads, in order, and the outbox is cleared");
  start (f);
  write_keys (f, 0, 3000, 200);
  run (f, SECOND);
  assert_in_order (f, 3000);
  g_assert_cmpuint (f->payloads->len, >=, 3000 * 290 / MKV_MAX_EVENTS_BYTES);
  g_assert_cmpuint (f->payloads->len, <=, 20);
  for (guint i = 0; i < f->payloads->len; i++)
    g_assert_cmpuint (g_bytes_get_size (f->payloads->pdata[i]), <=, MKV_MAX_EVENTS_BYTES);
  g_assert_cmpuint (mkv_replica_count (f->writer, MKV_COUNTER_EVENTS_PUBLISHED), ==, 3000);
  assert_all_cleared (f);
}

static void
test_batch_of_most (Fixture *f, gconstpointer data)
{
  g_test_summary ("A payload holds at most 1,024 events, however short");
  write_keys (f, 0, 2500, 0);
  start (f);
  assert_in_order (f, 2500);
  g_assert_cmpuint (f->payloads->len, >=, 3);
  assert_all_cleared (f);
}

static void
test_interval (Fixture *f, gconstpointer data)
{
  g_test_summary ("A write waits for others for the batch interval, and no longer");
  start (f);
  write_keys (f, 0, 1, 10);
  run (f, 6 * MS);
  write_keys (f, 1, 1, 10);
  run (f, 3 * MS);
  g_assert_cmpuint (f->payloads->len, ==, 0);
  run (f, 1 * MS);
  g_assert_cmpuint (f->payloads->len, ==, 1);
  assert_in_order (f, 2);

  mkv_publisher_set_batch_interval (f->writer->publisher, 0);
  write_keys (f, 2, 1, 10);
  run (f, 0);
  assert_in_order (f, 3);
  assert_all_cleared (f);
}

static void
test_full_payload_does_not_wait (Fixture *f, gconstpointer data)
{
  g_test_summary ("What fills a payload goes at once; the rest waits for the interval");
  mkv_publisher_set_batch_interval (f->writer->publisher, 60 * 1000);
  start (f);
  write_keys (f, 0, 1000, 200);
  run (f, 0);
  g_assert_cmpuint (f->payloads->len, >=, 3);
  g_assert_cmpuint (f->entries->len, >, 600);
  g_assert_cmpuint (f->entries->len, <, 1000);
  run (f, 59 * SECOND);
  g_assert_cmpuint (f->entries->len, <, 1000);
  run (f, 1 * SECOND);
  assert_in_order (f, 1000);
  assert_all_cleared (f);
}

static void
test_one_by_one (Fixture *f, gconstpointer data)
{
  g_test_summary ("With a batch of one, every event is a payload of its own, a map, and waits for nothing");
  mkv_publisher_set_batch_interval (f->writer->publisher, 0);
  mkv_publisher_set_max_batch (f->writer->publisher, 1);
  start (f);
  write_keys (f, 0, 500, 20);
  run (f, 0);
  assert_in_order (f, 500);
  g_assert_cmpuint (f->payloads->len, ==, 500);
  for (guint i = 0; i < 500; i++)
    g_assert_cmphex (*(const guint8 *) g_bytes_get_data (f->payloads->pdata[i], NULL) >> 5, ==, 5);
  assert_all_cleared (f);
}

static void
test_window (Fixture *f, gconstpointer data)
{
  g_test_summary ("No more messages are under way than the transport allows");
  mkv_loopback_broker_set_delay (f->broker, 100 * MS, 100 * MS);
  mkv_publisher_set_max_batch (f->writer->publisher, 1);
  start_with (f, option ("max-inflight", 3));
  write_keys (f, 0, 10, 20);
  /* There in 100 ms, back in another. */
  run (f, 250 * MS);
  g_assert_cmpuint (f->entries->len, ==, 3);
  run (f, 200 * MS);
  g_assert_cmpuint (f->entries->len, ==, 6);
  run (f, 2 * SECOND);
  assert_in_order (f, 10);
  assert_all_cleared (f);
}

static void
test_loop_is_shared (Fixture *f, gconstpointer data)
{
  guint most = 0, before = 0;

  g_test_summary ("A full outbox is sent in small portions, and others get their turn between them");
  mkv_publisher_set_max_batch (f->writer->publisher, 1);
  write_keys (f, 0, 400, 20);
  mkv_replica_start (f->writer, BROKER, option ("max-inflight", 1000));
  for (guint i = 0; i < 10000 && mkv_replica_count (f->writer, MKV_COUNTER_MESSAGES_SENT) < 400; i++)
    {
      guint n;

      if (!g_main_context_iteration (NULL, FALSE))
        mkv_manual_clock_advance (f->clock, MS);
      n = mkv_replica_count (f->writer, MKV_COUNTER_MESSAGES_SENT);
      most = MAX (most, n - before);
      before = n;
    }
  g_assert_cmpuint (before, >=, 400);
  g_assert_cmpuint (most, <=, 20);
  run (f, SECOND);
  assert_in_order (f, 400);
}

static void
test_superseded (Fixture *f, gconstpointer data)
{
  g_test_summary ("Of a key that was written many times meanwhile, the newest entry alone is published");
  for (guint i = 0; i < 100; i++)
    write_keys (f, i % 3, 1, i);
  mkv_replica_delete (f->writer, "key-000001");
  start (f);
  assert_in_order (f, 3);
  g_assert_true (mkv_entry_is_tombstone (f->entries->pdata[2]));
  assert_all_cleared (f);
}

static void
test_superseded_under_way (Fixture *f, gconstpointer data)
{
  g_test_summary ("An acknowledgement does not clear what was written over its entry meanwhile");
  mkv_loopback_broker_set_delay (f->broker, 50 * MS, 50 * MS);
  start (f);
  write_keys (f, 0, 1, 1);
  run (f, 30 * MS);
  write_keys (f, 0, 1, 2);
  run (f, 85 * MS);
  g_assert_cmpuint (f->entries->len, ==, 1);
  g_assert_cmpuint (mkv_replica_count_outbox (f->writer), ==, 1);
  run (f, SECOND);
  assert_in_order (f, 2);
  assert_all_cleared (f);
}

static void
test_crash (Fixture *f, gconstpointer data)
{
  g_test_summary ("What was written and not published before a crash is published in the next run");
  write_keys (f, 0, 5, 10);
  mkv_replica_free (f->writer);
  add_writer (f);
  start (f);
  assert_in_order (f, 5);
  assert_all_cleared (f);

  mkv_loopback_broker_set_delay (f->broker, 50 * MS, 50 * MS);
  write_keys (f, 5, 5, 10);
  run (f, 30 * MS);
  mkv_replica_free (f->writer);
  add_writer (f);
  g_assert_cmpuint (mkv_replica_count_outbox (f->writer), ==, 5);
  start (f);
  g_assert_cmpuint (f->entries->len, >=, 10);
  assert_all_cleared (f);
}

static void
test_lost_connection (Fixture *f, gconstpointer data)
{
  g_test_summary ("What was under way when the connection broke is published again after the next connect");
  mkv_loopback_broker_set_delay (f->broker, 50 * MS, 50 * MS);
  mkv_publisher_set_max_batch (f->writer->publisher, 1);
  start (f);
  write_keys (f, 0, 20, 10);
  run (f, 80 * MS);
  mkv_loopback_broker_cut (f->broker, "writer");
  run (f, 10 * SECOND);
  g_assert_false (mkv_router_is_connected (f->writer->router));
  g_assert_cmpuint (mkv_replica_count_outbox (f->writer), ==, 20);
  write_keys (f, 20, 5, 10);
  write_keys (f, 0, 1, 11);
  mkv_loopback_broker_heal (f->broker, "writer");
  run (f, 120 * SECOND);
  g_assert_cmpuint (mkv_replica_count (f->writer, MKV_COUNTER_EVENTS_PUBLISHED), ==, 25);
  assert_all_cleared (f);
}

static void
test_refused (Fixture *f, gconstpointer data)
{
  g_test_summary ("What the broker refuses is kept and named, and goes out at the next retry");
  start (f);
  mkv_loopback_broker_set_reason (f->broker, MKV_LOOPBACK_PUBLISH, "writer", EVENTS_TOPIC, 0x87);
  write_keys (f, 0, 10, 10);
  run (f, SECOND);
  g_assert_cmpuint (f->entries->len, ==, 0);
  g_assert_cmpuint (mkv_replica_count_outbox (f->writer), ==, 10);
  g_assert_cmpuint (mkv_replica_count (f->writer, MKV_COUNTER_EVENTS_REJECTED_BY_BROKER), ==, 10);
  g_assert_true (mkv_replica_has_condition (f->writer, "events-refused", "0x87"));
  g_assert_true (mkv_replica_has_condition (f->writer, "events-refused", EVENTS_TOPIC));
  g_assert_cmpint (mkv_observer_get_health (f->writer->observer), ==, MKV_HEALTH_DEGRADED);
  g_assert_true (mkv_publisher_is_drained (f->writer->publisher));

  mkv_loopback_broker_clear_reasons (f->broker);
  write_keys (f, 10, 1, 10);
  run (f, SECOND);
  g_assert_cmpuint (f->entries->len, ==, 1);
  g_assert_true (mkv_replica_has_condition (f->writer, "events-refused", "0x87"));
  run (f, 300 * SECOND);
  g_assert_cmpuint (f->entries->len, ==, 11);
  assert_all_cleared (f);
}

static void
test_refused_retries (Fixture *f, gconstpointer data)
{
  g_test_summary ("What was refused is tried again on demand, and at the next connect");
  start (f);
  mkv_loopback_broker_set_reason (f->broker, MKV_LOOPBACK_PUBLISH, "writer", EVENTS_TOPIC, 0x97);
  write_keys (f, 0, 2, 10);
  run (f, SECOND);
  mkv_loopback_broker_clear_reasons (f->broker);
  mkv_publisher_retry (f->writer->publisher);
  run (f, SECOND);
  assert_in_order (f, 2);
  assert_all_cleared (f);

  mkv_loopback_broker_set_reason (f->broker, MKV_LOOPBACK_PUBLISH, "writer", EVENTS_TOPIC, 0x99);
  write_keys (f, 2, 2, 10);
  run (f, SECOND);
  g_assert_true (mkv_replica_has_condition (f->writer, "events-refused", "0x99"));
  mkv_loopback_broker_clear_reasons (f->broker);
  mkv_loopback_broker_cut (f->broker, "writer");
  run (f, SECOND);
  mkv_loopback_broker_heal (f->broker, "writer");
  run (f, 70 * SECOND);
  assert_in_order (f, 4);
  assert_all_cleared (f);
}

static void
test_too_long_for_the_link (Fixture *f, gconstpointer data)
{
  g_test_summary ("An event that is too long for the link is kept, and does not hold back others");
  start_with (f, option ("max-payload", 1000));
  write_keys (f, 0, 3, 10);
  write_keys (f, 3, 1, 2000);
  write_keys (f, 4, 3, 10);
  run (f, SECOND);
  assert_in_order (f, 6);
  g_assert_cmpuint (mkv_replica_count_outbox (f->writer), ==, 1);
  g_assert_true (mkv_replica_has_condition (f->writer, "events-refused", ""));
  g_assert_cmpuint (mkv_replica_count (f->writer, MKV_COUNTER_EVENTS_REJECTED_BY_BROKER), ==, 1);
}

static void
test_long_values (Fixture *f, gconstpointer data)
{
  g_autofree char *control = g_strnfill (MKV_MAX_VALUE_BYTES, '\1');

  g_test_summary ("A long event goes alone, and in CBOR if it is too long in JSON");
  mkv_publisher_set_codec (f->writer->publisher, f->writer->json);
  start (f);
  write_keys (f, 0, 3, 100);
  write_keys (f, 3, 1, 100000);
  mkv_replica_set (f->writer, "control", control);
  write_keys (f, 4, 3, 100);
  run (f, SECOND);
  assert_in_order (f, 8);
  g_assert_cmpuint (f->payloads->len, ==, 4);
  g_assert_cmpint (*(const char *) g_bytes_get_data (f->payloads->pdata[0], NULL), ==, '[');
  g_assert_cmpint (*(const char *) g_bytes_get_data (f->payloads->pdata[1], NULL), ==, '{');
  g_assert_cmphex (*(const guint8 *) g_bytes_get_data (f->payloads->pdata[2], NULL) >> 5, ==, 5);
  g_assert_cmpint (*(const char *) g_bytes_get_data (f->payloads->pdata[3], NULL), ==, '[');
  assert_all_cleared (f);
}

static void
test_locked_spec (Fixture *f, gconstpointer data)
{
  g_test_summary ("Locked Spec events go one by one");
  mkv_publisher_set_codec (f->writer->publisher, f->writer->locked_spec);
  start (f);
  write_keys (f, 0, 300, 50);
  run (f, SECOND);
  assert_in_order (f, 300);
  g_assert_cmpuint (f->payloads->len, ==, 300);
  for (guint i = 0; i < 300; i++)
    g_assert_cmpint (*(const char *) g_bytes_get_data (f->payloads->pdata[i], NULL), ==, 'p');
  assert_all_cleared (f);
}

static void
test_compression (Fixture *f, gconstpointer data)
{
  GBytes *sent;

  g_test_summary ("Payloads are compressed where that was chosen");
  mkv_publisher_set_compression (f->writer->publisher, MKV_COMPRESSION_ON);
  start (f);
  write_keys (f, 0, 100, 200);
  run (f, SECOND);
  assert_in_order (f, 100);
  g_assert_cmpuint (f->messages->len, ==, 1);
  sent = mkv_message_get_payload (f->messages->pdata[0]);
  g_assert_cmphex (*(const guint8 *) g_bytes_get_data (sent, NULL), ==, 0x78);
  g_assert_cmpuint (g_bytes_get_size (sent), <, g_bytes_get_size (f->payloads->pdata[0]) / 2);
  g_assert_cmpstr (mkv_message_get_user_property (f->messages->pdata[0], "encoding"), ==, "zlib");
}

static void
test_clearing_fails (Fixture *f, gconstpointer data)
{
  g_test_summary ("While the outbox can't be cleared nothing is published; nothing is published twice");
  mkv_loopback_broker_set_delay (f->broker, 50 * MS, 50 * MS);
  start (f);
  write_keys (f, 0, 5, 10);
  run (f, 30 * MS);
  mkv_test_storage_fail (f->storage, TRUE);
  run (f, 20 * SECOND);
  assert_in_order (f, 5);
  g_assert_cmpuint (mkv_test_storage_get_n_failed (f->storage), >=, 3);
  g_assert_cmpuint (mkv_test_storage_get_n_failed (f->storage), <=, 6);
  g_assert_true (mkv_replica_has_condition (f->writer, "outbox", "disk is full"));
  g_assert_cmpint (mkv_observer_get_health (f->writer->observer), ==, MKV_HEALTH_FAILED);
  g_assert_false (mkv_publisher_is_drained (f->writer->publisher));

  mkv_test_storage_fail (f->storage, FALSE);
  write_keys (f, 5, 5, 10);
  run (f, 40 * SECOND);
  assert_in_order (f, 10);
  assert_all_cleared (f);
}

static void
test_reading_fails (Fixture *f, gconstpointer data)
{
  g_test_summary ("An outbox that can't be read is tried again, and said so");
  start (f);
  write_keys (f, 0, 5, 10);
  mkv_test_storage_fail_reads (f->storage, TRUE);
  run (f, 10 * SECOND);
  g_assert_cmpuint (f->entries->len, ==, 0);
  g_assert_true (mkv_replica_has_condition (f->writer, "outbox", "can't be read"));
  mkv_test_storage_fail_reads (f->storage, FALSE);
  run (f, 40 * SECOND);
  assert_in_order (f, 5);
  assert_all_cleared (f);
}

static void
test_drained (Fixture *f, gconstpointer data)
{
  guint n;

  g_test_summary ("Being drained is told once, when the last is cleared");
  start (f);
  n = f->n_drained;
  write_keys (f, 0, 1000, 200);
  g_assert_cmpuint (f->n_drained, ==, n);
  mkv_test_iterate ();
  g_assert_false (mkv_publisher_is_drained (f->writer->publisher));
  run (f, SECOND);
  g_assert_cmpuint (f->n_drained, ==, n + 1);
  assert_all_cleared (f);
}

static void
test_stopped (Fixture *f, gconstpointer data)
{
  g_test_summary ("A publisher that was stopped publishes no more, and still clears");
  mkv_loopback_broker_set_delay (f->broker, 50 * MS, 50 * MS);
  start (f);
  write_keys (f, 0, 3, 10);
  run (f, 30 * MS);
  mkv_publisher_stop (f->writer->publisher);
  write_keys (f, 3, 3, 10);
  run (f, SECOND);
  assert_in_order (f, 3);
  g_assert_cmpuint (mkv_replica_count_outbox (f->writer), ==, 3);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 50);

#define ADD(name, func) g_test_add ("/publisher/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("batches", test_batches);
  ADD ("batch-of-most", test_batch_of_most);
  ADD ("interval", test_interval);
  ADD ("full-payload-does-not-wait", test_full_payload_does_not_wait);
  ADD ("one-by-one", test_one_by_one);
  ADD ("window", test_window);
  ADD ("loop-is-shared", test_loop_is_shared);
  ADD ("superseded", test_superseded);
  ADD ("superseded-under-way", test_superseded_under_way);
  ADD ("crash", test_crash);
  ADD ("lost-connection", test_lost_connection);
  ADD ("refused", test_refused);
  ADD ("refused-retries", test_refused_retries);
  ADD ("too-long-for-the-link", test_too_long_for_the_link);
  ADD ("long-values", test_long_values);
  ADD ("locked-spec", test_locked_spec);
  ADD ("compression", test_compression);
  ADD ("clearing-fails", test_clearing_fails);
  ADD ("reading-fails", test_reading_fails);
  ADD ("drained", test_drained);
  ADD ("stopped", test_stopped);
  return g_test_run ();
}
