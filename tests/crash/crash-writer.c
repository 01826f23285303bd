/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * crash-writer BACKEND PATH DURABILITY LOG [OPERATIONS]: writes with several
 * threads until it is killed, or OPERATIONS of each thread, half of them before
 * the storage is compacted. With MKV_POWER_ACKS, each acknowledgement is also
 * written there: see power-shim.c. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mkv-crash-work.h"

static CrashLog *crash_log;
static MkvLocalStore *store;
static MkvStorage *storage;
static guint n_ops;
static int acks = -1;

static gint64
get_seq (const char *key)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvEntry) entry = mkv_storage_get (storage, key, &error);

  g_assert_no_error (error);
  return mkv_entry_get_stamp (entry)->seq;
}

/* As if the broker had acknowledged it. */
static void
clear_mark (guint thread, guint key, const char *name)
{
  MkvWrite write = { .kind = MKV_WRITE_CLEAR_OUTBOX };
  g_autoptr (GError) error = NULL;
  MkvEntry *entry = mkv_storage_get (storage, name, &error);

  g_assert_no_error (error);
  write.entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  g_ptr_array_add (write.entries, entry);
  crash_log->cleared[thread][key] = mkv_entry_get_stamp (entry)->seq;
  mkv_store_submit (MKV_STORE (store), &write, NULL);
  g_assert_no_error (write.error);
  g_ptr_array_unref (write.entries);
}

static void
do_op (guint thread, guint number)
{
  CrashOp op = crash_op (thread, number);
  g_autofree char *first = crash_key (thread, op.keys[0]);
  g_autofree char *second = crash_key (thread, op.keys[1]);
  g_autoptr (GBytes) value = crash_value (thread, number);
  g_autoptr (GError) error = NULL;
  gint n = crash_log->acked[thread];
  gint64 ack[3];

  g_atomic_int_inc (&crash_log->started[thread]);
  if (op.kind == CRASH_SET)
    mkv_store_set (MKV_STORE (store), first, value, NULL, &error);
  else if (op.kind == CRASH_DELETE)
    mkv_store_delete (MKV_STORE (store), first, NULL, &error);
  else
    {
      const char *keys[] = { first, second, NULL };
      g_autoptr (GPtrArray) values = g_ptr_array_new ();

      g_ptr_array_add (values, value);
      g_ptr_array_add (values, value);
      mkv_store_set_many (MKV_STORE (store), keys, values, NULL, &error);
    }
  g_assert_no_error (error);
  crash_log->seqs[thread][n] = get_seq (op.kind == CRASH_PAIR ? second : first);
  ack[0] = thread;
  ack[1] = number;
  ack[2] = crash_log->seqs[thread][n];
  g_atomic_int_inc (&crash_log->acked[thread]);
  if (acks >= 0)
    g_assert_cmpint (write (acks, ack, sizeof ack), ==, sizeof ack);
  else if (number % 5 == 0)
    clear_mark (thread, op.keys[0], first);
}

static gpointer
run (gpointer data)
{
  guint thread = GPOINTER_TO_UINT (data);

  for (guint i = 0; i < n_ops; i++)
    do_op (thread, crash_log->first[thread] + (guint) crash_log->acked[thread]);
  return NULL;
}

static void
run_all (void)
{
  GThread *threads[CRASH_THREADS];

  for (guint i = 0; i < CRASH_THREADS; i++)
    threads[i] = g_thread_new ("writer", run, GUINT_TO_POINTER (i));
  for (guint i = 0; i < CRASH_THREADS; i++)
    g_thread_join (threads[i]);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int fd;

  g_assert_cmpint (argc, >=, 5);
  n_ops = argc > 5 ? (guint) atoi (argv[5]) : CRASH_MAX_OPS;
  fd = open (argv[4], O_RDWR);
  g_assert_cmpint (fd, >=, 0);
  crash_log = mmap (NULL, sizeof (CrashLog), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  g_assert_true (crash_log != MAP_FAILED);
  if (g_getenv ("MKV_POWER_ACKS") != NULL)
    {
      acks = open (g_getenv ("MKV_POWER_ACKS"), O_WRONLY | O_CREAT, 0600);
      g_assert_cmpint (acks, >=, 0);
    }

  storage = crash_open_storage (argv[1], argv[2], &error);
  g_assert_no_error (error);
  store = crash_open_store (storage, crash_parse_durability (argv[3]), &error);
  g_assert_no_error (error);
  puts ("ready");
  fflush (stdout);
  if (argc <= 5)
    {
      run_all ();
      return 0;
    }
  n_ops /= 2;
  run_all ();
  mkv_storage_compact (storage, &error);
  g_assert_no_error (error);
  run_all ();
  mkv_local_store_shut_down (store);
  mkv_storage_close (storage, &error);
  g_assert_no_error (error);
  return 0;
}
