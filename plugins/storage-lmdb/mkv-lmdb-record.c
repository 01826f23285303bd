/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-lmdb-record.h"

#include <glib/gi18n-lib.h>

gsize
mkv_lmdb_record_get_size (const MkvEntry *entry)
{
  gsize node_id_length, value_length;

  mkv_entry_peek_node_id (entry, &node_id_length);
  mkv_entry_peek_value (entry, &value_length);
  return MKV_LMDB_RECORD_HEAD + node_id_length + value_length;
}

static void
write_number (guint8 *out, gint64 number)
{
  guint64 octets = GUINT64_TO_LE ((guint64) number);

  memcpy (out, &octets, sizeof octets);
}

static gint64
read_number (const guint8 *octets)
{
  guint64 number;

  memcpy (&number, octets, sizeof number);
  return (gint64) GUINT64_FROM_LE (number);
}

void
mkv_lmdb_record_write (guint8 *out, const MkvEntry *entry)
{
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  gsize node_id_length, value_length;
  const char *node_id = mkv_entry_peek_node_id (entry, &node_id_length);
  const guint8 *value = mkv_entry_peek_value (entry, &value_length);

  memcpy (out, mkv_entry_peek_digest (entry), MKV_DIGEST_BYTES);
  write_number (out + 32, stamp->timestamp);
  write_number (out + 40, stamp->seq);
  out[48] = value == NULL ? MKV_LMDB_TOMBSTONE : 0;
  out[49] = (guint8) node_id_length;
  memcpy (out + MKV_LMDB_RECORD_HEAD, node_id, node_id_length);
  if (value_length > 0)
    memcpy (out + MKV_LMDB_RECORD_HEAD + node_id_length, value, value_length);
}

gboolean
mkv_lmdb_record_is_later (const MDB_val *a, const MDB_val *b)
{
  const guint8 *x = a->mv_data, *y = b->mv_data;
  gint64 x_time = read_number (x + 32), y_time = read_number (y + 32);

  return x_time != y_time ? x_time > y_time : read_number (x + 40) > read_number (y + 40);
}

/* Where the value of a whole record is, NULL in a tombstone. */
static const guint8 *
get_value (const MDB_val *record, gsize *length)
{
  const guint8 *octets = record->mv_data;
  gsize start = MKV_LMDB_RECORD_HEAD + (gsize) octets[49];

  *length = record->mv_size - start;
  return mkv_lmdb_record_is_tombstone (record) ? NULL : octets + start;
}

MkvEntry *
mkv_lmdb_record_read (const MDB_val *key, const MDB_val *record, GError **error)
{
  const guint8 *octets = record->mv_data, *value;
  g_autoptr (GError) local_error = NULL;
  gsize value_length;
  MkvEntry *entry = NULL;

  if (mkv_lmdb_record_is_whole (record))
    {
      value = get_value (record, &value_length);
      entry = mkv_entry_new_from_octets_with_digest (key->mv_data, key->mv_size, value, value_length,
                                                     read_number (octets + 32),
                                                     (const char *) octets + MKV_LMDB_RECORD_HEAD, octets[49],
                                                     read_number (octets + 40), octets, &local_error);
    }
  if (entry == NULL)
    g_set_error (error, MKV_ERROR, MKV_ERROR_CORRUPT,
                 _("An entry in the LMDB storage is damaged (%s): `merklekv repair` sets it aside"),
                 local_error != NULL ? local_error->message : _("it is too short"));
  return entry;
}

char *
mkv_lmdb_record_find_fault (const MDB_val *key, const MDB_val *record)
{
  const guint8 *octets = record->mv_data, *value;
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvEntry) entry = NULL;
  gsize value_length;

  if (!mkv_lmdb_record_is_whole (record))
    return g_strdup_printf (_("the record has only %zu octets"), record->mv_size);
  if ((octets[48] & ~MKV_LMDB_TOMBSTONE) != 0)
    return g_strdup_printf (_("the flags 0x%02x are unknown"), octets[48]);
  value = get_value (record, &value_length);
  if (value == NULL && value_length > 0)
    return g_strdup_printf (_("a tombstone has a value of %zu octets"), value_length);
  entry = mkv_entry_new_from_octets (key->mv_data, key->mv_size, value, value_length, read_number (octets + 32),
                                     (const char *) octets + MKV_LMDB_RECORD_HEAD, octets[49],
                                     read_number (octets + 40), &error);
  if (entry == NULL)
    return g_strdup (error->message);
  if (memcmp (mkv_entry_peek_digest (entry), octets, MKV_DIGEST_BYTES) != 0)
    return g_strdup (_("the digest is not that of the entry"));
  return NULL;
}
