/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The files of file storage. No fuzzer finds checksums, so the input is lines
 * without: each gets the right one, but for those that end in ~.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mkv-fuzz.h"
#include "mkv-journal.h"
#include "mkv-snapshot.h"

/* A line that is read is written in the same way. */
static void
check_line (const char *octets, gsize length, gnutls_hash_hd_t hash)
{
  g_auto (MkvLine) line = { 0 };
  g_auto (MkvLineWriter) writer = { 0 };
  const char *problem = NULL;

  if (!mkv_line_parse (&line, octets, length, hash, &problem))
    {
      g_assert_nonnull (problem);
      return;
    }
  mkv_line_writer_init (&writer);
  mkv_line_writer_add (&writer, &line);
  g_assert_cmpmem (writer.octets, writer.length - 1, octets, length);
}

static GString *
make_file (const char *octets, gsize length)
{
  GString *file = g_string_new (NULL);
  gnutls_hash_hd_t hash = mkv_line_hash_new ();
  const char *end = octets + length;

  for (const char *next; octets < end; octets = next)
    {
      const char *feed = memchr (octets, '\n', (gsize) (end - octets));
      gsize start = file->len, n = (gsize) ((feed != NULL ? feed : end) - octets);
      guint8 digest[32];

      next = octets + n + 1;
      g_string_append_len (file, octets, (gssize) n);
      if (n > 0 && octets[n - 1] != '~')
        {
          gnutls_hash (hash, octets, n);
          gnutls_hash_output (hash, digest);
          g_string_append (file, MKV_LINE_CHECKSUM);
          for (guint i = 0; i < MKV_LINE_CHECKSUM_DIGITS / 2; i++)
            g_string_append_printf (file, "%02x", digest[i]);
          g_string_append (file, MKV_LINE_END);
        }
      check_line (file->str + start, file->len - start, hash);
      if (feed != NULL)
        g_string_append_c (file, '\n');
    }
  gnutls_hash_deinit (hash, NULL);
  return file;
}

static void
check_error (const GError *error)
{
  g_assert_nonnull (error);
  g_assert_cmpint (error->domain, ==, MKV_ERROR);
}

/* Reads the file up to @limit. */
static gboolean
read_journal (int fd, guint64 limit, gboolean salvage, MkvJournalReading *reading, guint64 *n_entries)
{
  g_autoptr (MkvEntryTable) table = mkv_entry_table_new ();
  g_autoptr (GPtrArray) damages = mkv_damages_new ();
  g_autoptr (GError) error = NULL;
  guint64 n_tombstones, n_bytes;

  *reading = (MkvJournalReading){ .fd = fd, .path = "journal", .limit = limit, .snapshot = 2, .salvage = salvage,
                                  .table = table, .damages = damages };
  if (!mkv_journal_read (reading, &error))
    {
      check_error (error);
      return FALSE;
    }
  g_assert_no_error (error);
  mkv_entry_table_get_stats (table, n_entries, &n_tombstones, &n_bytes);
  *n_entries += n_tombstones;
  return TRUE;
}

static void
check_journal (int fd, guint64 length, gboolean salvage)
{
  MkvJournalReading reading, again;
  guint64 n_entries, n_again;

  if (!read_journal (fd, length, salvage, &reading, &n_entries))
    return;
  g_assert_cmpuint (reading.end, <=, length);
  /* Without what is torn, it says the same. What is torn can say that more of it
   * was on the disk, so some of what is damaged may be torn then. */
  g_assert_true (read_journal (fd, reading.end, salvage, &again, &n_again));
  g_assert_cmpuint (again.end, <=, reading.end);
  if (again.end == reading.end)
    {
      g_assert_cmpuint (again.commit, ==, reading.commit);
      g_assert_cmpuint (n_again, ==, n_entries);
    }
}

static void
check_snapshot (int fd, gboolean salvage)
{
  g_autoptr (MkvEntryTable) table = mkv_entry_table_new ();
  g_autoptr (GPtrArray) damages = mkv_damages_new ();
  g_autoptr (GError) error = NULL;
  guint64 commit;

  if (!mkv_snapshot_read (fd, "snapshot", salvage, table, damages, &commit, &error))
    check_error (error);
  else
    g_assert_no_error (error);
}

int
LLVMFuzzerTestOneInput (const guint8 *octets, size_t length)
{
  static int fd = -1;
  GString *file;

  if (fd < 0)
    fd = memfd_create ("journal", MFD_CLOEXEC);
  file = make_file ((const char *) octets, length);
  g_assert_cmpint (ftruncate (fd, 0), ==, 0);
  g_assert_cmpint (pwrite (fd, file->str, file->len, 0), ==, (gssize) file->len);
  for (guint salvage = 0; salvage < 2; salvage++)
    {
      check_journal (fd, file->len, salvage != 0);
      check_snapshot (fd, salvage != 0);
    }
  g_string_free (file, TRUE);
  return 0;
}
