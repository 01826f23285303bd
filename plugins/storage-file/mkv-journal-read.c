/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include <glib/gi18n-lib.h>

#include "mkv-journal.h"
#include "mkv-snapshot.h"

typedef struct
{
  MkvJournalReading *reading;
  MkvLineReader reader;
  gnutls_hash_hd_t hash;
  MkvStorageBatch *batch; /* the lines since the last commit */
  guint64 n_lines;        /* of those */
  gboolean has_damage;    /* between the last commit and here */
  gboolean looked_ahead;
} Scan;

static void
drop_batch (Scan *scan)
{
  if (scan->n_lines == 0)
    return;
  mkv_storage_batch_unref (scan->batch);
  scan->batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
  scan->n_lines = 0;
}

static void
apply_batch (Scan *scan, guint64 commit)
{
  if (scan->n_lines > 0 && commit > scan->reading->snapshot && scan->reading->table != NULL)
    mkv_entry_table_apply (scan->reading->table, scan->batch);
  drop_batch (scan);
}

/* What the rest of the file says of what is on the disk for sure. */
static gboolean
look_ahead (Scan *scan, GError **error)
{
  MkvJournalReading *reading = scan->reading;
  g_auto (MkvLineReader) reader = { 0 };

  mkv_line_reader_init (&reader, reading->fd, reading->path, reading->limit);
  mkv_line_reader_seek (&reader, scan->reader.offset);
  for (;;)
    {
      g_auto (MkvLine) line = { 0 };
      const char *problem;
      MkvRawLine raw;

      if (!mkv_line_reader_next (&reader, &raw, error))
        return FALSE;
      if (raw.octets == NULL)
        return TRUE;
      if (mkv_line_parse (&line, raw.octets, raw.length, scan->hash, &problem) && line.kind == MKV_LINE_COMMIT)
        reading->synced = MAX (reading->synced, line.synced);
    }
}

/* Whether the batch of that number is on the disk for sure. */
static gboolean
was_synced (Scan *scan, guint64 commit, GError **error)
{
  if (commit > scan->reading->synced && !scan->looked_ahead)
    {
      scan->looked_ahead = TRUE;
      if (!look_ahead (scan, error))
        return FALSE;
    }
  return commit <= scan->reading->synced;
}

/* Something is wrong with @raw. FALSE if that is where the file ends. */
static gboolean
tolerate (Scan *scan, const MkvRawLine *raw, const char *problem, GError **error)
{
  MkvJournalReading *reading = scan->reading;
  guint64 commit = reading->commit + 1;

  if (!was_synced (scan, commit, error))
    return FALSE;
  if (commit > reading->snapshot || raw->offset == 0)
    mkv_damages_add (reading->damages, MKV_JOURNAL_FILE, raw->offset, problem, raw->octets, raw->length);
  apply_batch (scan, commit);
  reading->end = raw->end;
  scan->has_damage = TRUE;
  return TRUE;
}

static gboolean
take_commit (Scan *scan, const MkvLine *line, const MkvRawLine *raw, GError **error)
{
  MkvJournalReading *reading = scan->reading;
  gboolean follows = line->commit == reading->commit + 1 || (scan->has_damage && line->commit > reading->commit);

  if (!follows || line->n_lines != scan->n_lines)
    {
      if (line->commit <= reading->commit)
        return tolerate (scan, raw, _("its number was there before"), error);
      if (!was_synced (scan, line->commit, error))
        return FALSE;
      /* Else that is because of what is told of already. */
      if (!scan->has_damage && line->commit > reading->snapshot)
        mkv_damages_add (reading->damages, MKV_JOURNAL_FILE, raw->offset, _("lines are missing before it"), "", 0);
    }
  apply_batch (scan, line->commit);
  reading->commit = line->commit;
  reading->synced = MAX (reading->synced, line->synced);
  reading->end = raw->end;
  scan->has_damage = FALSE;
  return TRUE;
}

/* FALSE without an error where what is torn begins. */
static gboolean
take_line (Scan *scan, const MkvRawLine *raw, GError **error)
{
  g_auto (MkvLine) line = { 0 };
  const char *problem;

  if (raw->has_gap && !was_synced (scan, scan->reading->commit + 1, error))
    return FALSE;
  if (!raw->complete)
    return tolerate (scan, raw, _("its end is missing"), error);
  if (!mkv_line_parse (&line, raw->octets, raw->length, scan->hash, &problem))
    return tolerate (scan, raw, problem, error);
  switch (line.kind)
    {
    case MKV_LINE_ENTRY:
      mkv_storage_batch_put (scan->batch, line.entry);
      break;
    case MKV_LINE_REMOVE:
      mkv_storage_batch_remove (scan->batch, line.name);
      break;
    case MKV_LINE_META:
      mkv_storage_batch_set_meta (scan->batch, line.name, line.value);
      break;
    case MKV_LINE_COMMIT:
      return take_commit (scan, &line, raw, error);
    default:
      return tolerate (scan, raw, _("it does not belong there"), error);
    }
  scan->n_lines++;
  return TRUE;
}

/* A first line that is damaged is, with salvage, a line that does not belong there. */
static gboolean
read_header (Scan *scan, GError **error)
{
  MkvJournalReading *reading = scan->reading;
  GError *local_error = NULL;

  if (mkv_header_read (&scan->reader, MKV_LINE_JOURNAL, scan->hash, &reading->first, &local_error))
    {
      if (reading->first <= reading->snapshot || reading->salvage)
        return TRUE;
      g_set_error (error, MKV_ERROR, MKV_ERROR_CORRUPT,
                   _("can't read %s: it goes on from a snapshot that is newer than %s, or there is none; put back "
                     "the files that belong together, or repair the storage to save what is there"),
                   reading->path, MKV_SNAPSHOT_FILE);
      return FALSE;
    }
  if (!reading->salvage || !g_error_matches (local_error, MKV_ERROR, MKV_ERROR_CORRUPT))
    {
      g_propagate_error (error, local_error);
      return FALSE;
    }
  g_error_free (local_error);
  mkv_line_reader_seek (&scan->reader, 0);
  reading->synced = MAX (reading->synced, 1);
  return TRUE;
}

static gboolean
read_lines (Scan *scan, GError **error)
{
  for (;;)
    {
      GError *local_error = NULL;
      MkvRawLine raw;

      if (!mkv_line_reader_next (&scan->reader, &raw, error))
        return FALSE;
      if (raw.octets == NULL)
        return TRUE;
      if (take_line (scan, &raw, &local_error))
        continue;
      if (local_error == NULL)
        return TRUE;
      g_propagate_error (error, local_error);
      return FALSE;
    }
}

gboolean
mkv_journal_read (MkvJournalReading *self, GError **error)
{
  Scan scan = { .reading = self };
  gboolean done;

  scan.hash = mkv_line_hash_new ();
  scan.batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
  mkv_line_reader_init (&scan.reader, self->fd, self->path, self->limit);
  self->first = self->commit = self->end = 0;
  self->synced = self->snapshot;
  done = read_header (&scan, error);
  if (done)
    {
      self->commit = self->first;
      self->end = scan.reader.offset;
      done = read_lines (&scan, error);
    }
  mkv_line_reader_clear (&scan.reader);
  mkv_storage_batch_unref (scan.batch);
  gnutls_hash_deinit (scan.hash, NULL);
  return done;
}
