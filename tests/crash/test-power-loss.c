/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What a writer does to the disk is written down (power-shim.c), and the power
 * fails at many moments of it: the store opens, verifies, and has what it
 * promised. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mkv-crash-work.h"
#include "mkv-power-disk.h"
#include "mkv-test.h"

/* Of each thread. */
#define N_OPS "120"

static guint n_states = 100;
static guint32 seed;

typedef struct
{
  const char *backend;
  const char *durability;
} Case;

static void
record_run (const Case *c, const char *path, const char *log_name, GMappedFile **log)
{
  g_autofree char *program = g_test_build_filename (G_TEST_BUILT, "crash", "crash-writer", NULL);
  g_autofree char *shim = g_test_build_filename (G_TEST_BUILT, "crash", "power-shim.so", NULL);
  g_autofree char *store_path = g_build_filename (path, "store", NULL);
  g_autofree char *crash_name = g_build_filename (path, "crash-log", NULL);
  g_autofree char *acks_name = g_build_filename (path, "acks", NULL);
  g_auto (GStrv) environment = g_get_environ ();
  char *argv[] = { program, (char *) c->backend, store_path, (char *) c->durability, crash_name, N_OPS, NULL };
  g_autoptr (GError) error = NULL;
  int fd = open (crash_name, O_RDWR | O_CREAT, 0600);
  CrashLog *start;
  int status;

  g_assert_cmpint (ftruncate (fd, sizeof (CrashLog)), ==, 0);
  start = mmap (NULL, sizeof (CrashLog), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  g_assert_true (start != MAP_FAILED);
  for (guint t = 0; t < CRASH_THREADS; t++)
    start->first[t] = 1;
  munmap (start, sizeof (CrashLog));
  close (fd);

  environment = g_environ_setenv (environment, "LD_PRELOAD", shim, TRUE);
  environment = g_environ_setenv (environment, "MKV_POWER_FOLDER", store_path, TRUE);
  environment = g_environ_setenv (environment, "MKV_POWER_LOG", log_name, TRUE);
  environment = g_environ_setenv (environment, "MKV_POWER_ACKS", acks_name, TRUE);
  g_spawn_sync (NULL, argv, environment, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, &error);
  g_assert_no_error (error);
  g_spawn_check_wait_status (status, &error);
  g_assert_no_error (error);
  *log = g_mapped_file_new (log_name, FALSE, &error);
  g_assert_no_error (error);
}

/* Where each record begins. */
static GArray *
index_log (const guint8 *octets, gsize length)
{
  GArray *offsets = g_array_new (FALSE, FALSE, sizeof (gsize));

  for (gsize at = 0; at < length;)
    {
      PowerRecord record;

      memcpy (&record, octets + at, sizeof record);
      g_array_append_val (offsets, at);
      at += sizeof record + record.length;
    }
  return offsets;
}

static void
note_ack (CrashLog *log, const guint8 *data)
{
  gint64 ack[3];

  memcpy (ack, data, sizeof ack);
  g_assert_cmpint (ack[1], ==, log->acked[ack[0]] + 1);
  log->seqs[ack[0]][log->acked[ack[0]]] = ack[2];
  log->acked[ack[0]]++;
}

static void
check_state (const Case *c, const guint8 *octets, GArray *offsets, guint n_records, PowerLoss loss, guint32 state_seed,
             const char *path)
{
  g_autoptr (PowerDisk) disk = power_disk_new ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (state_seed);
  g_autofree CrashLog *log = g_new0 (CrashLog, 1);
  g_autofree char *store_path = g_build_filename (path, "after", NULL);
  CrashModel model = { 0 };

  for (guint i = 0; i < n_records; i++)
    {
      gsize at = g_array_index (offsets, gsize, i);
      PowerRecord record;

      memcpy (&record, octets + at, sizeof record);
      if (record.kind == POWER_ACK)
        note_ack (log, octets + at + sizeof record);
      else
        power_disk_play (disk, &record, octets + at + sizeof record);
    }
  for (guint t = 0; t < CRASH_THREADS; t++)
    {
      log->first[t] = 1;
      log->started[t] = log->acked[t] + 1;
    }
  power_disk_lose (disk, loss, rand, store_path);
  crash_check (c->backend, store_path, log, g_str_equal (c->durability, "durable"), &model);
  mkv_test_remove_folder (store_path);
}

static void
test_power_loss (gconstpointer data)
{
  const Case *c = data;
  g_autofree char *path = g_dir_make_tmp ("mkv-power-XXXXXX", NULL);
  g_autofree char *log_name = g_build_filename (path, "log", NULL);
  g_autoptr (GMappedFile) log = NULL;
  g_autoptr (GArray) offsets = NULL;
  g_autoptr (GRand) rand = g_rand_new_with_seed (seed);
  const guint8 *octets;

  g_test_summary ("After a loss of power at any moment the store opens, verifies, and has what it promised");
  record_run (c, path, log_name, &log);
  octets = (const guint8 *) g_mapped_file_get_contents (log);
  offsets = index_log (octets, g_mapped_file_get_length (log));
  g_test_message ("seed %u, %u records", seed, offsets->len);
  g_assert_cmpuint (offsets->len, >, 200);
  for (guint i = 0; i < n_states; i++)
    {
      guint n_records = (guint) g_rand_int_range (rand, 0, (gint) offsets->len + 1);
      PowerLoss loss = i % POWER_N_LOSSES;
      guint32 state_seed = g_rand_int (rand);

      g_test_message ("state %u: after record %u, loss %d, seed %u", i, n_records, (gint) loss, state_seed);
      check_state (c, octets, offsets, n_records, loss, state_seed, path);
    }
  mkv_test_remove_folder (path);
}

int
main (int argc, char **argv)
{
  static const Case cases[] = {
    { "file", "durable" },
    { "file", "ordered" },
    { "lmdb", "durable" },
    { "lmdb", "ordered" },
  };

  mkv_test_init (&argc, &argv, 3600);
  /* A storage tells of what a crash left half written. */
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
  seed = (guint32) g_get_real_time ();
  for (gint i = 1; i + 1 < argc; i += 2)
    if (g_str_equal (argv[i], "--states"))
      n_states = (guint) atoi (argv[i + 1]);
    else if (g_str_equal (argv[i], "--seed"))
      seed = (guint32) strtoul (argv[i + 1], NULL, 10);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *name = g_strdup_printf ("/power-loss/%s/%s", cases[i].backend, cases[i].durability);

      g_test_add_data_func (name, &cases[i], test_power_loss);
    }
  return g_test_run ();
}
