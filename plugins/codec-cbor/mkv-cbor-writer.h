/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The longest head of an item. */
#define MKV_CBOR_HEAD_BYTES (9)

/* Writes the core deterministic encoding (RFC 8949, 4.2.1), as far as a writer
 * of items can: the order of a map's keys is its caller's. All zero is an empty
 * one. */
typedef struct
{
  guint8 *octets;
  gsize length;
  gsize size;
  guint n_fields; /* of a payload that is a map of at most 23 of them */
} MkvCborWriter;

void mkv_cbor_writer_map (MkvCborWriter *self, gsize n_pairs);
void mkv_cbor_writer_array (MkvCborWriter *self, gsize n_items);
void mkv_cbor_writer_int (MkvCborWriter *self, gint64 number);
void mkv_cbor_writer_boolean (MkvCborWriter *self, gboolean value);
void mkv_cbor_writer_text (MkvCborWriter *self, const char *text, gsize length);
void mkv_cbor_writer_bytes (MkvCborWriter *self, gconstpointer octets, gsize length);

void mkv_cbor_writer_octets (MkvCborWriter *self, GBytes *octets);

/* Octets that are encoded already. */
void mkv_cbor_writer_raw (MkvCborWriter *self, gconstpointer octets, gsize length);

/* Room for @length octets behind what was written, for a caller that writes there
 * and then adds to length what it wrote. */
guint8 *mkv_cbor_writer_reserve (MkvCborWriter *self, gsize length);

void mkv_cbor_writer_string (MkvCborWriter *self, const char *text);
void mkv_cbor_writer_value (MkvCborWriter *self, GBytes *value);

/* A map that is the payload: its fields are those of the following that are not
 * NULL, and what was written behind mkv_cbor_writer_field(). */
void mkv_cbor_writer_begin_fields (MkvCborWriter *self);
void mkv_cbor_writer_field (MkvCborWriter *self, const char *name);
void mkv_cbor_writer_field_string (MkvCborWriter *self, const char *name, const char *text);
void mkv_cbor_writer_field_value (MkvCborWriter *self, const char *name, GBytes *value);
void mkv_cbor_writer_field_octets (MkvCborWriter *self, const char *name, GBytes *octets);
void mkv_cbor_writer_field_int (MkvCborWriter *self, const char *name, gint64 number);
void mkv_cbor_writer_field_boolean (MkvCborWriter *self, const char *name, gboolean value);

/* What was written; MKV_ERROR_TOO_LARGE if it has more than @max_bytes. */
GBytes *mkv_cbor_writer_end_fields (MkvCborWriter *self, gsize max_bytes, GError **error);

/* How long the head of a string, or of an integer from 0 on, is. */
static inline gsize
mkv_cbor_head_length (guint64 number)
{
  return number < 24 ? 1 : number <= 0xFF ? 2 : number <= 0xFFFF ? 3 : number <= 0xFFFFFFFF ? 5 : 9;
}

/* The order of the keys of a map: that of their encoded form. */
gint mkv_cbor_compare_keys (const char *a, const char *b);

/* What was written, which ends the writer. */
GBytes *mkv_cbor_writer_end (MkvCborWriter *self);

void mkv_cbor_writer_clear (MkvCborWriter *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MkvCborWriter, mkv_cbor_writer_clear)

G_END_DECLS
