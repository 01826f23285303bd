/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-cbor-reader.h"

G_BEGIN_DECLS

#define MKV_CBOR_MAX_FIELDS (24)

/* A map whose fields are wanted in another order than they come in: it is read
 * once from end to end, so that all of it is known to be well-formed, noting
 * where the known fields are. Field numbers are places in names.
 *
 * What a getter does not find is the default; where it finds something of
 * another type, it remembers the first such field as wrong. */
typedef struct
{
  MkvCborReader *reader;
  const char *const *names; /* the last is NULL */
  const guint8 *at[MKV_CBOR_MAX_FIELDS];
  const char *wrong;
} MkvCborFields;

/* Takes the map that comes next. Where it is malformed, what stands before that
 * can still be got. */
gboolean mkv_cbor_fields_read (MkvCborFields *self, MkvCborReader *reader, const char *const *names);

/* Takes a payload that is one map; MKV_ERROR_MALFORMED if it is not. @reader is
 * to be cleared when @self is not used any more. */
gboolean mkv_cbor_fields_read_payload (MkvCborFields *self, MkvCborReader *reader, GBytes *payload,
                                       const char *const *names, GError **error);

char *mkv_cbor_fields_dup_text (MkvCborFields *self, guint field);
GBytes *mkv_cbor_fields_dup_value (MkvCborFields *self, guint field);
GBytes *mkv_cbor_fields_dup_octets (MkvCborFields *self, guint field); /* of a byte string */
gint64 mkv_cbor_fields_get_int (MkvCborFields *self, guint field, gint64 min, gint64 max, gint64 default_number);
gboolean mkv_cbor_fields_get_boolean (MkvCborFields *self, guint field);

/* Goes to where the value of a field begins. FALSE if the field is not there. Items
 * are then taken from the reader. */
gboolean mkv_cbor_fields_seek (MkvCborFields *self, guint field);

/* Enters the array or the map that a field is. FALSE if the field is not there
 * or of another type. Items are then taken from the reader. */
gboolean mkv_cbor_fields_enter (MkvCborFields *self, guint field, MkvCborType type, MkvCborContainer *container);

/* Says that a field is wrong. */
void mkv_cbor_fields_set_wrong (MkvCborFields *self, guint field);

/* Whether nothing was wrong; if not, MKV_ERROR_MALFORMED. */
gboolean mkv_cbor_fields_check (MkvCborFields *self, GError **error);

/* A text item as a string, the octets of a byte string, or a value; NULL if the
 * item is none. */
char *mkv_cbor_item_dup_text (const MkvCborItem *item);
GBytes *mkv_cbor_item_dup_octets (const MkvCborItem *item);
GBytes *mkv_cbor_item_dup_value (const MkvCborItem *item);

G_END_DECLS
