/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <string.h>

#include "mkv-replica.h"
#include "mkv-test-storage.h"
#include "base/mkv-error.h"
#include "base/mkv-limits.h"

#define BROKER "loopback://applier"
#define EVENTS_TOPIC "t/replication/events"
#define NOW G_GINT64_CONSTANT (1700000000000)
#define MS G_GINT64_CONSTANT (1000)
#define SECOND G_USEC_PER_SEC
#define MINUTE (60 * SECOND)

/* One reader, and a broker that is told what to deliver to it. */
typedef struct
{
  MkvManualClock *clock;
  MkvLoopbackBroker *broker;
  MkvTestStorage *storage;
  MkvReplica *reader;
} Fixture;

static void
run (Fixture *f, gint64 us)
{
  mkv_replicas_run (&f->reader, 1, f->clock, us);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->clock = mkv_manual_clock_new (NOW);
  f->broker = mkv_loopback_broker_get (BROKER);
  f->storage = mkv_test_storage_new ();
  f->reader = mkv_replica_new ("reader", f->clock, MKV_STORAGE (f->storage));
  mkv_replica_start (f->reader, BROKER, NULL);
  run (f, SECOND);
  g_assert_true (mkv_router_is_connected (f->reader->router));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  mkv_replica_free (f->reader);
  g_object_unref (f->storage);
  g_assert_finalize_object (f->broker);
  g_object_unref (f->clock);
}

static void
add_entry (GPtrArray *entries, const char *key, const char *value, gint64 timestamp, const char *node_id, gint64 seq)
{
  g_autoptr (GBytes) bytes = value != NULL ? mkv_test_bytes (value) : NULL;
  g_autoptr (GError) error = NULL;
  MkvEntry *entry = mkv_entry_new (key, bytes, timestamp, node_id, seq, &error);

  g_assert_no_error (error);
  g_ptr_array_add (entries, entry);
}

static GPtrArray *
new_entries (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
}

static void
inject_octets (Fixture *f, GBytes *payload)
{
  g_autoptr (MkvMessage) message = mkv_message_new (EVENTS_TOPIC, payload);

  mkv_loopback_broker_inject (f->broker, message);
}

/* Of all of @entries, one message. */
static void
inject (Fixture *f, GPtrArray *entries)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = NULL;
  guint n;

  payload = mkv_codec_encode_events (f->reader->cbor, entries, MKV_MAX_PAYLOAD_BYTES, &n, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, entries->len);
  inject_octets (f, payload);
}

static void
inject_one (Fixture *f, const char *key, const char *value, gint64 timestamp, const char *node_id, gint64 seq)
{
  g_autoptr (GPtrArray) entries = new_entries ();

  add_entry (entries, key, value, timestamp, node_id, seq);
  inject (f, entries);
}

static void
assert_value (Fixture *f, const char *key, const char *value)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = mkv_store_get (MKV_STORE (f->reader->store), key, NULL, &error);

  if (value == NULL)
    {
      g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
      return;
    }
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), value, strlen (value));
}

static guint
count (Fixture *f, MkvCounter counter)
{
  return mkv_replica_count (f->reader, counter);
}

static guint
count_unhandled (Fixture *f)
{
  return mkv_loopback_broker_get_waiting (f->broker, "reader");
}

static void
test_applies (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) entries = new_entries ();
  g_autoptr (MkvEntry) entry = NULL;

  g_test_summary ("Events are applied with their writer's stamp, by last write wins, and counted");
  add_entry (entries, "a", "1", NOW, "w", 1);
  add_entry (entries, "b", "1", NOW, "w", 2);
  add_entry (entries, "c", NULL, NOW, "w", 3);
  inject (f, entries);
  run (f, MS);
  assert_value (f, "a", "1");
  assert_value (f, "b", "1");
  assert_value (f, "c", NULL);
  entry = mkv_store_get_entry (MKV_STORE (f->reader->store), "b", NULL, NULL);
  g_assert_cmpint (mkv_entry_get_stamp (entry)->seq, ==, 2);
  g_assert_cmpstr (mkv_entry_get_stamp (entry)->node_id, ==, "w");
  g_assert_cmpuint (count (f, MKV_COUNTER_EVENTS_APPLIED), ==, 3);
  g_assert_cmpuint (count_unhandled (f), ==, 0);

  inject (f, entries);
  inject_one (f, "a", "older", NOW - 1, "x", 9);
  inject_one (f, "b", NULL, NOW, "w", 4);
  run (f, MS);
  assert_value (f, "a", "1");
  assert_value (f, "b", NULL);
  g_assert_cmpuint (count (f, MKV_COUNTER_EVENTS_APPLIED), ==, 4);
  g_assert_cmpuint (count (f, MKV_COUNTER_EVENTS_DUPLICATE), ==, 3);
  g_assert_cmpuint (count (f, MKV_COUNTER_EVENTS_STALE), ==, 1);
  g_assert_cmpuint (count_unhandled (f), ==, 0);
  g_assert_cmpuint (mkv_replica_count_outbox (f->reader), ==, 0);
}

static void
test_own (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) entries = new_entries ();

  g_test_summary ("What claims to be this node's own is dropped and counted; the rest of the payload is not");
  inject_one (f, "a", "forged", NOW, "reader", 1);
  add_entry (entries, "b", "good", NOW, "w", 1);
  add_entry (entries, "a", "forged", NOW, "reader", 2);
  add_entry (entries, "c", "good", NOW, "w", 2);
  inject (f, entries);
  run (f, MS);
  assert_value (f, "a", NULL);
  assert_value (f, "b", "good");
  assert_value (f, "c", "good");
  g_assert_cmpuint (count (f, MKV_COUNTER_DROPPED_OWN), ==, 2);
  g_assert_cmpuint (count_unhandled (f), ==, 0);
}

static void
test_bad_among_good (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) entries = new_entries ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = NULL, broken = NULL;
  guint8 *octets;
  gsize length;
  guint n;

  g_test_summary ("A bad event is refused and counted, the good ones beside it are applied");
  add_entry (entries, "a", "1", NOW, "w", 1);
  add_entry (entries, "b", "to-be-broken", NOW, "w", 2);
  add_entry (entries, "c", "1", NOW, "w", 3);
  payload = mkv_codec_encode_events (f->reader->cbor, entries, 65536, &n, &error);
  g_assert_no_error (error);
  octets = g_bytes_unref_to_data (g_steal_pointer (&payload), &length);
  memcpy (memmem (octets, length, "to-be-broken", 12), "is-now-broke", 12);
  broken = g_bytes_new_take (octets, length);
  inject_octets (f, broken);
  run (f, MS);
  assert_value (f, "a", "1");
  assert_value (f, "b", NULL);
  assert_value (f, "c", "1");
  g_assert_cmpuint (count (f, MKV_COUNTER_EVENTS_REFUSED), ==, 1);
  g_assert_cmpuint (count (f, MKV_COUNTER_EVENTS_APPLIED), ==, 2);
  g_assert_cmpuint (count_unhandled (f), ==, 0);
}

static void
test_malformed (Fixture *f, gconstpointer data)
{
  static const char *const payloads[] = { "", "nonsense", "{", "[]", "{\"op\":1}", "\x9a\x40", "\xa0", "pAAA" };
  guint dropped;

  g_test_summary ("A payload that is none is dropped, counted and acknowledged");
  for (guint i = 0; i < G_N_ELEMENTS (payloads); i++)
    {
      g_autoptr (GBytes) payload = mkv_test_bytes (payloads[i]);

      inject_octets (f, payload);
    }
  run (f, MS);
  dropped = count (f, MKV_COUNTER_DROPPED_MALFORMED) + count (f, MKV_COUNTER_EVENTS_REFUSED);
  g_assert_cmpuint (dropped, ==, G_N_ELEMENTS (payloads));
  g_assert_cmpuint (count_unhandled (f), ==, 0);
  inject_one (f, "a", "1", NOW, "w", 1);
  run (f, MS);
  assert_value (f, "a", "1");
}

static void
test_one_write_for_many_messages (Fixture *f, gconstpointer data)
{
  guint before = mkv_test_storage_get_n_applied (f->storage);

  g_test_summary ("Messages that arrive together are committed together");
  for (guint i = 0; i < 60; i++)
    {
      g_autofree char *key = g_strdup_printf ("%u", i);

      inject_one (f, key, "v", NOW, "w", i + 1);
    }
  run (f, SECOND);
  g_assert_cmpuint (count (f, MKV_COUNTER_EVENTS_APPLIED), ==, 60);
  g_assert_cmpuint (mkv_test_storage_get_n_applied (f->storage) - before, <=, 5);
  g_assert_cmpuint (count_unhandled (f), ==, 0);
}

static void
test_large_backlog (Fixture *f, gconstpointer data)
{
  guint before = mkv_test_storage_get_n_applied (f->storage);

  g_test_summary ("A large backlog is committed in bounded writes");
  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (GPtrArray) entries = new_entries ();

      for (guint j = 0; j < 200; j++)
        {
          g_autofree char *key = g_strdup_printf ("%u/%u", i, j);

          add_entry (entries, key, "v", NOW, "w", i * 200 + j + 1);
        }
      inject (f, entries);
    }
  run (f, SECOND);
  g_assert_cmpuint (count (f, MKV_COUNTER_EVENTS_APPLIED), ==, 10000);
  g_assert_cmpuint (mkv_test_storage_get_n_applied (f->storage) - before, >=, 8);
  g_assert_cmpuint (count_unhandled (f), ==, 0);
}

static void
test_storage_fails (Fixture *f, gconstpointer data)
{
  guint failed;

  g_test_summary ("What can't be stored is not acknowledged, and tried again, ever more seldom");
  mkv_test_storage_fail (f->storage, TRUE);
  inject_one (f, "a", "1", NOW, "w", 1);
  inject_one (f, "b", "1", NOW, "w", 2);
  run (f, 20 * SECOND);
  failed = mkv_test_storage_get_n_failed (f->storage);
  g_assert_cmpuint (failed, >=, 3);
  /* Half of them are the store's own, which wants to know when it works again. */
  g_assert_cmpuint (failed, <=, 12);
  g_assert_cmpuint (count_unhandled (f), ==, 2);
  g_assert_false (mkv_applier_is_idle (f->reader->applier));
  g_assert_true (mkv_replica_has_condition (f->reader, "events-waiting", "disk is full"));
  g_assert_cmpint (mkv_observer_get_health (f->reader->observer), ==, MKV_HEALTH_DEGRADED);

  inject_one (f, "c", "1", NOW, "w", 3);
  run (f, SECOND);
  mkv_test_storage_fail (f->storage, FALSE);
  run (f, 40 * SECOND);
  assert_value (f, "a", "1");
  assert_value (f, "b", "1");
  assert_value (f, "c", "1");
  g_assert_cmpuint (count (f, MKV_COUNTER_EVENTS_APPLIED), ==, 3);
  g_assert_cmpuint (count_unhandled (f), ==, 0);
  g_assert_true (mkv_applier_is_idle (f->reader->applier));
  g_assert_cmpint (mkv_observer_get_health (f->reader->observer), ==, MKV_HEALTH_OK);
}

static void
test_storage_fails_and_connection (Fixture *f, gconstpointer data)
{
  g_test_summary ("What could not be stored when the connection broke comes again from the broker, once");
  mkv_test_storage_fail (f->storage, TRUE);
  inject_one (f, "a", "1", NOW, "w", 1);
  inject_one (f, "b", "1", NOW, "w", 2);
  run (f, 5 * SECOND);
  mkv_loopback_broker_cut (f->broker, "reader");
  run (f, 10 * SECOND);
  g_assert_true (mkv_applier_is_idle (f->reader->applier));
  mkv_test_storage_fail (f->storage, FALSE);
  mkv_loopback_broker_heal (f->broker, "reader");
  run (f, 70 * SECOND);
  assert_value (f, "a", "1");
  assert_value (f, "b", "1");
  g_assert_cmpuint (count (f, MKV_COUNTER_EVENTS_APPLIED), ==, 2);
  g_assert_cmpuint (count (f, MKV_COUNTER_EVENTS_DUPLICATE), ==, 0);
  g_assert_cmpuint (count_unhandled (f), ==, 0);
  g_assert_cmpint (mkv_observer_get_health (f->reader->observer), ==, MKV_HEALTH_OK);
}

static void
test_killed_before_commit (Fixture *f, gconstpointer data)
{
  g_test_summary ("What a reader received and had not committed when it was killed comes again");
  mkv_test_storage_fail (f->storage, TRUE);
  inject_one (f, "a", "1", NOW, "w", 1);
  run (f, SECOND);
  mkv_replica_free (f->reader);
  mkv_test_storage_fail (f->storage, FALSE);
  f->reader = mkv_replica_new ("reader", f->clock, MKV_STORAGE (f->storage));
  mkv_replica_start (f->reader, BROKER, NULL);
  run (f, SECOND);
  assert_value (f, "a", "1");
  g_assert_cmpuint (count_unhandled (f), ==, 0);
}

static void
test_future (Fixture *f, gconstpointer data)
{
  g_autoptr (GPtrArray) entries = new_entries ();

  g_test_summary ("Events from the future are not applied; health names the writer until ten minutes later");
  add_entry (entries, "a", "1", NOW + 3600 * 1000, "fast", 1);
  add_entry (entries, "b", "1", NOW, "w", 1);
  add_entry (entries, "c", "1", NOW + 7200 * 1000, "faster", 1);
  inject (f, entries);
  run (f, SECOND);
  assert_value (f, "a", NULL);
  assert_value (f, "b", "1");
  assert_value (f, "c", NULL);
  g_assert_cmpuint (count (f, MKV_COUNTER_EVENTS_FUTURE), ==, 2);
  g_assert_true (mkv_replica_has_condition (f->reader, "clock-skew", "The clock of faster is 7199 s ahead"));
  g_assert_cmpuint (count_unhandled (f), ==, 0);
  run (f, 9 * MINUTE);
  inject_one (f, "d", "1", NOW + 3600 * 1000, "fast", 2);
  run (f, 9 * MINUTE);
  g_assert_true (mkv_replica_has_condition (f->reader, "clock-skew", "The clock of fast is"));
  run (f, 2 * MINUTE);
  g_assert_cmpint (mkv_observer_get_health (f->reader->observer), ==, MKV_HEALTH_OK);
}

static void
test_stopped (Fixture *f, gconstpointer data)
{
  g_test_summary ("An applier that was stopped takes nothing more, and leaves it to the broker for the next run");
  mkv_applier_stop (f->reader->applier);
  inject_one (f, "a", "1", NOW, "w", 1);
  run (f, SECOND);
  assert_value (f, "a", NULL);
  g_assert_cmpuint (count_unhandled (f), ==, 1);
  mkv_replica_free (f->reader);
  f->reader = mkv_replica_new ("reader", f->clock, MKV_STORAGE (f->storage));
  mkv_replica_start (f->reader, BROKER, NULL);
  run (f, SECOND);
  assert_value (f, "a", "1");
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 50);

#define ADD(name, func) g_test_add ("/applier/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("applies", test_applies);
  ADD ("own", test_own);
  ADD ("bad-among-good", test_bad_among_good);
  ADD ("malformed", test_malformed);
  ADD ("one-write-for-many-messages", test_one_write_for_many_messages);
  ADD ("large-backlog", test_large_backlog);
  ADD ("storage-fails", test_storage_fails);
  ADD ("storage-fails-and-connection", test_storage_fails_and_connection);
  ADD ("killed-before-commit", test_killed_before_commit);
  ADD ("future", test_future);
  ADD ("stopped", test_stopped);
  return g_test_run ();
}
