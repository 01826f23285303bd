/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The worst of what a stranger can do by anti-entropy, to a merklekvd over a
 * mosquitto: it goes on answering, its memory stays bounded, its data are what
 * they were, and an honest merklekvd converges with it. */
#include <string.h>

#include "base/mkv-limits.h"
#include "mkv-mosquitto.h"
#include "mkv-program.h"
#include "mkv-raw-message.h"
#include "mkv-test.h"
#include "mkv-transport-mqtt.h"

#define PREFIX "merkle_kv_mobile"
#define N_BATCHES (8)
#define BATCH (250)

/* Of merklekvd: 5 sessions with a turn of 4 MiB each, and what malloc keeps. */
#define MAX_GROWTH_KIB (64 * 1024)

typedef struct
{
  MkvMosquitto *broker;
  MkvDaemonProgram *victim;
  MkvStranger *stranger;
  char *environment;
  char *root;
  guint64 resident;
  gint64 longest; /* us from an attack's end to the answer of a ping */
} World;

static char *
run (World *w, const char *line)
{
  g_autoptr (MkvProgramResult) result = mkv_program_run (w->environment, NULL, "merklekv %s", line);

  if (result->status != 0)
    {
      g_autofree char *errors = mkv_daemon_program_read_errors (w->victim);

      g_error ("merklekv %s: %d, %s\nmerklekvd: %s", line, result->status, result->err, errors);
    }
  return g_steal_pointer (&result->out);
}

static guint64
get_resident_kib (World *w)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", (int) mkv_daemon_program_get_pid (w->victim));
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return g_ascii_strtoull (strstr (text, "VmRSS:") + strlen ("VmRSS:"), NULL, 10);
}

static MkvDaemonProgram *
start (World *w, const char *id)
{
  return mkv_daemon_program_new (NULL, "--set node.client-id=%s --set storage.backend=memory "
                                       "--set transport.broker=%s", id, mkv_mosquitto_get_uri (w->broker));
}

static gboolean
set_up (World *w)
{
  const MkvMosquittoOptions options = { .max_queued = 100000 };

  w->broker = mkv_mosquitto_new (&options);
  if (w->broker == NULL)
    return FALSE;
  w->environment = g_strdup_printf ("MKV_NODE=victim MKV_BROKER=%s", mkv_mosquitto_get_uri (w->broker));
  w->victim = start (w, "victim");
  for (guint batch = 0; batch < N_BATCHES; batch++)
    {
      GString *line = g_string_new ("--timeout 20 mset");
      g_autofree char *out = NULL;

      for (guint i = 0; i < BATCH; i++)
        g_string_append_printf (line, " key-%u-%u=precious", batch, i);
      out = run (w, line->str);
      g_string_free (line, TRUE);
    }
  w->root = run (w, "root");
  w->stranger = mkv_stranger_new_over (mkv_transport_mqtt_get_type (), "stranger", PREFIX,
                                       mkv_mosquitto_get_uri (w->broker));
  w->resident = get_resident_kib (w);
  return TRUE;
}

static void
tear_down (World *w)
{
  if (w->broker == NULL)
    return;
  mkv_stranger_free (w->stranger);
  mkv_daemon_program_free (w->victim);
  mkv_mosquitto_free (w->broker);
  g_free (w->environment);
  g_free (w->root);
}

/* The attack is over: the victim answers, is what it was, and not much larger. */
static void
check (World *w, const char *what)
{
  g_autofree char *root = NULL;
  gint64 begin;

  mkv_stranger_flush (w->stranger);
  begin = g_get_monotonic_time ();
  g_free (run (w, "--timeout 20 ping"));
  begin = g_get_monotonic_time () - begin;
  w->longest = MAX (w->longest, begin);
  root = run (w, "root");
  g_assert_cmpstr (root, ==, w->root);
  g_test_message ("%s: answers after %.0f ms, %" G_GINT64_FORMAT " KiB more", what, (double) begin / 1000,
                  (gint64) (get_resident_kib (w) - w->resident));
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__ /* which keep what was freed, and more */
  g_assert_cmpuint (get_resident_kib (w), <, w->resident + MAX_GROWTH_KIB);
#endif
  mkv_stranger_count (w->stranger, MKV_SYNC_OPERATION_ROOT);
}

static void
tell (World *w, MkvSyncMessage *message)
{
  mkv_stranger_tell (w->stranger, "victim", message);
}

static MkvSyncMessage *
make_sync (World *w, const char *id)
{
  return mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_SYNC, id);
}

static void
add_cells (MkvSyncMessage *message, guint32 bits, guint n_bits, guint depth, guint seed)
{
  g_autoptr (GBytes) cells = mkv_stranger_make_noise (seed, (gsize) MKV_CELL_BYTES << depth);

  mkv_sync_message_add_prefix (message, mkv_sync_prefix_new (bits, n_bits, depth, cells));
}

typedef struct
{
  World *world;
  MkvSyncOperation operation;
  MkvSyncMessage *message;
} Wait;

static gboolean
has_heard (gpointer user_data)
{
  Wait *wait = user_data;

  wait->message = mkv_stranger_hear_next (wait->world->stranger, wait->operation);
  return wait->message != NULL;
}

static MkvSyncMessage *
wait_for (World *w, MkvSyncOperation operation)
{
  Wait wait = { w, operation, NULL };

  mkv_test_run_until (has_heard, &wait);
  return wait.message;
}

static void
attack_parts (World *w)
{
  for (guint i = 0; i < 100; i++)
    {
      MkvSyncMessage *message = make_sync (w, "endless");
      g_autoptr (GBytes) wants = mkv_stranger_make_noise (i, 8 * 2000);
      g_autoptr (GBytes) offers = mkv_stranger_make_noise (i, 19 * 500);

      for (guint j = 0; j < 10; j++)
        add_cells (message, (i * 10 + j) << 20, 12, 8, i);
      mkv_sync_message_set_want (message, wants);
      mkv_sync_message_set_offer (message, offers);
      mkv_sync_message_set_more (message, TRUE);
      tell (w, message);
    }
  check (w, "parts without end");
  for (guint i = 0; i < 64; i++)
    {
      MkvSyncMessage *message = make_sync (w, "unknown");
      g_autoptr (GBytes) octets = mkv_stranger_make_noise (i, i % 2 == 0 ? 8 * 8000 : 19 * 3400);

      if (i % 2 == 0)
        mkv_sync_message_set_want (message, octets);
      else
        mkv_sync_message_set_offer (message, octets);
      mkv_sync_message_set_more (message, i < 63);
      tell (w, message);
    }
  check (w, "short ids that nobody has");
  for (guint i = 0; i < 48; i++)
    {
      MkvSyncMessage *message = make_sync (w, "open");

      for (guint j = 0; j < 1800; j++)
        add_cells (message, (i * 1800 + j) << 15, 17, 1, j);
      mkv_sync_message_set_more (message, i < 47);
      tell (w, message);
    }
  check (w, "prefixes opened");
}

static void
attack_messages (World *w)
{
  static const guint lists[] = { 16000, 100000, 130000 };

  for (guint i = 0; i < G_N_ELEMENTS (lists); i++)
    {
      g_autoptr (GByteArray) octets = mkv_raw_make_lists (w->stranger, "many", lists[i], FALSE);

      for (gsize length = octets->len; length > 0; length = length * 3 / 4)
        mkv_stranger_tell_octets (w->stranger, "victim", octets->data, length);
    }
  check (w, "many prefixes, whole and cut off");
  for (guint i = 0; i < 2000; i++)
    {
      g_autofree char *id = g_strdup_printf ("left-%u", i);
      MkvSyncMessage *message = make_sync (w, id);

      add_cells (message, 0, 0, 6, i);
      tell (w, message);
    }
  check (w, "sessions opened and left");
  for (guint i = 0; i < 200; i++)
    {
      MkvSyncMessage *message = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_NODES, "left-0");

      for (guint j = 0; j < 4096; j++)
        mkv_sync_message_add_query (message, "");
      tell (w, message);
    }
  check (w, "questions for nodes");
}

static void
attack_as_peer (World *w)
{
  g_autofree char *id = NULL;
  g_autoptr (MkvSyncMessage) first = NULL;
  g_autoptr (MkvSyncMessage) last = NULL;
  guint n = 0;

  mkv_stranger_tell_root (w->stranger, 1);
  first = wait_for (w, MKV_SYNC_OPERATION_SYNC);
  while (!g_str_has_prefix (mkv_sync_message_get_id (first), "left-") && id == NULL)
    id = g_strdup (mkv_sync_message_get_id (first));
  g_assert_nonnull (id);
  tell (w, mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_DONE, id));
  for (; n < 1000; n++)
    {
      g_autoptr (MkvSyncMessage) question = wait_for (w, MKV_SYNC_OPERATION_NODES);
      MkvSyncMessage *answer = mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_NODES, id);
      GPtrArray *queries = mkv_sync_message_get_queries (question);

      g_assert_nonnull (queries);
      for (guint i = 0; i < queries->len; i++)
        {
          g_autoptr (GBytes) digests = mkv_stranger_make_noise (24 * n + i, 256);

          mkv_sync_message_add_node (answer, mkv_sync_node_new (queries->pdata[i], 1, digests, NULL));
        }
      tell (w, answer);
    }
  check (w, "nodes without end");
  tell (w, mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_ERROR, id));
}

static void
attack_everyone (World *w)
{
  g_autofree char *own = g_strdup (w->stranger->id);

  for (guint i = 0; i < 20000; i++)
    {
      g_autofree char *id = i % 100 == 0 ? g_strdup ("victim") : g_strdup_printf ("made-up-%u", i);

      g_free (w->stranger->id);
      w->stranger->id = g_steal_pointer (&id);
      mkv_stranger_tell_root (w->stranger, 1 + i % 7);
      if (i % 4 != 0)
        continue;
      mkv_stranger_tell_claim (w->stranger, i % 8 == 0 ? "victim" : "honest");
      tell (w, mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_DONE, "nobody-knows"));
      tell (w, mkv_stranger_make (w->stranger, MKV_SYNC_OPERATION_ERROR, "nobody-knows"));
    }
  g_free (w->stranger->id);
  w->stranger->id = g_steal_pointer (&own);
  check (w, "roots, claims, ends and errors");
}

static void
test_process (void)
{
  g_autoptr (MkvDaemonProgram) honest = NULL;
  World w = { NULL };
  gint64 begin;

  g_test_summary ("A merklekvd survives hostile anti-entropy over a real broker, and serves an honest peer after it");
  if (!set_up (&w))
    return;
  attack_as_peer (&w);
  attack_parts (&w);
  attack_messages (&w);
  attack_everyone (&w);

  begin = g_get_monotonic_time ();
  honest = start (&w, "honest");
  for (;;)
    {
      g_autofree char *root = run (&w, "--timeout 20 --node honest root");

      if (g_str_equal (root, w.root))
        break;
      g_assert_cmpint (g_get_monotonic_time () - begin, <, 90 * G_USEC_PER_SEC);
      g_usleep (G_USEC_PER_SEC / 2);
    }
  g_test_message ("equal to an honest node after %.1f s; a ping waited %.0f ms at most",
                  (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC, (double) w.longest / 1000);
  check (&w, "in the end");
  tear_down (&w);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 220);
  g_test_add_func ("/hostile-process/anti-entropy", test_process);
  return g_test_run ();
}
