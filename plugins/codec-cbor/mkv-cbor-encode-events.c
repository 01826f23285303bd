/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cbor-messages.h"

#include <cbor.h>
#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-cbor-literals.h"
#include "mkv-cbor-sync.h"

typedef struct
{
  const char *key;
  gsize key_length;
  const char *node_id;
  gsize node_id_length;
  const guint8 *value;
  gsize value_length;
  gsize size; /* of the event, encoded */
} Parts;

static inline void
measure (const MkvEntry *entry, Parts *parts)
{
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);

  parts->key = mkv_entry_peek_key (entry, &parts->key_length);
  parts->node_id = mkv_entry_peek_node_id (entry, &parts->node_id_length);
  parts->size = LENGTH (SEQ) + LENGTH (NODE_ID) + LENGTH (CHECKSUM_HEAD) + MKV_CHECKSUM_BYTES +
                LENGTH (TIMESTAMP) + mkv_cbor_head_length (parts->key_length) + parts->key_length +
                mkv_cbor_head_length ((guint64) stamp->seq) + mkv_cbor_head_length (parts->node_id_length) +
                parts->node_id_length + mkv_cbor_head_length ((guint64) stamp->timestamp);
  parts->value = mkv_entry_peek_value (entry, &parts->value_length);
  if (parts->value == NULL)
    parts->size += LENGTH (DELETE_HEAD);
  else
    {
      parts->size += LENGTH (SET_HEAD) + LENGTH (VALUE) + mkv_cbor_head_length (parts->value_length) +
                     parts->value_length;
    }
}

/* What follows writes into room that was measured. */
static inline guint8 *
put (guint8 *at, const void *octets, gsize length)
{
  memcpy (at, octets, length);
  return at + length;
}

#define PUT(at, literal) put (at, literal, LENGTH (literal))

/* The heads that most events have are written here, as the reader reads them. */
static inline guint8 *
put_string (guint8 *at, gboolean is_text, const void *octets, gsize length)
{
  guint8 major = is_text ? 0x60 : 0x40;

  if (G_LIKELY (length < 24))
    *at++ = major | (guint8) length;
  else if (G_LIKELY (length <= 0xFF))
    {
      *at++ = major | 24;
      *at++ = (guint8) length;
    }
  else if (is_text)
    at += cbor_encode_string_start (length, at, MKV_CBOR_HEAD_BYTES);
  else
    at += cbor_encode_bytestring_start (length, at, MKV_CBOR_HEAD_BYTES);
  return put (at, octets, length);
}

static inline guint8 *
put_uint (guint8 *at, guint64 number)
{
  guint64 octets = GUINT64_TO_BE (number);

  if (G_UNLIKELY (number <= G_MAXUINT32))
    return at + cbor_encode_uint (number, at, MKV_CBOR_HEAD_BYTES);
  *at++ = 0x1B;
  return put (at, &octets, sizeof octets);
}

static guint8 *
put_event (guint8 *at, const MkvEntry *entry, const Parts *parts)
{
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  gboolean deleted = parts->value == NULL;

  at = deleted ? PUT (at, DELETE_HEAD) : PUT (at, SET_HEAD);
  at = put_string (at, TRUE, parts->key, parts->key_length);
  at = PUT (at, SEQ);
  at = put_uint (at, (guint64) stamp->seq);
  if (!deleted)
    {
      at = PUT (at, VALUE);
      at = put_string (at, mkv_entry_is_text (entry), parts->value, parts->value_length);
    }
  at = PUT (at, NODE_ID);
  at = put_string (at, TRUE, parts->node_id, parts->node_id_length);
  at = PUT (at, CHECKSUM_HEAD);
  at = put (at, mkv_entry_peek_digest (entry), MKV_CHECKSUM_BYTES);
  at = PUT (at, TIMESTAMP);
  return put_uint (at, (guint64) stamp->timestamp);
}

gboolean
mkv_cbor_write_event (MkvCborWriter *writer, const MkvEntry *entry)
{
  guint8 *start;
  Parts parts;

  measure (entry, &parts);
  if (parts.size > MKV_MAX_EVENT_BYTES)
    return FALSE;
  start = mkv_cbor_writer_reserve (writer, parts.size + MKV_CBOR_HEAD_BYTES);
  writer->length += (gsize) (put_event (start, entry, &parts) - start);
  return TRUE;
}

GBytes *
mkv_cbor_encode_events (GPtrArray *entries, gsize max_bytes, guint *n_encoded, GError **error)
{
  gsize max_several = MIN (max_bytes, MKV_MAX_EVENTS_BYTES);
  gsize total;
  guint n = 1;
  guint8 *octets, *at;
  Parts parts;

  measure (entries->pdata[0], &parts);
  total = parts.size;
  if (total > MIN (max_bytes, MKV_MAX_EVENT_BYTES))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                   _("The event takes %zu octets in CBOR, at most %zu are allowed"), total,
                   MIN (max_bytes, MKV_MAX_EVENT_BYTES));
      return NULL;
    }
  for (; n < MIN (entries->len, MKV_MAX_EVENTS); n++)
    {
      Parts next;

      measure (entries->pdata[n], &next);
      if (mkv_cbor_head_length (n + 1) + total + next.size > max_several)
        break;
      total += next.size;
    }

  /* libcbor is told for each head that there is room for the longest. */
  at = octets = g_malloc (total + 2 * MKV_CBOR_HEAD_BYTES);
  if (n == 1)
    at = put_event (at, entries->pdata[0], &parts);
  else
    {
      at += cbor_encode_array_start (n, at, MKV_CBOR_HEAD_BYTES);
      for (guint i = 0; i < n; i++)
        {
          measure (entries->pdata[i], &parts);
          at = put_event (at, entries->pdata[i], &parts);
        }
    }
  *n_encoded = n;
  return g_bytes_new_take (octets, (gsize) (at - octets));
}
