/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "model/mkv-sync-message.h"

G_BEGIN_DECLS

/* Which fields a message of anti-entropy has, whatever it is encoded in. */

/* In the order that deterministic CBOR wants. */
typedef enum
{
  MKV_SYNC_FIELD_ID,
  MKV_SYNC_FIELD_OP,
  MKV_SYNC_FIELD_TO,
  MKV_SYNC_FIELD_ACK,
  MKV_SYNC_FIELD_GET,
  MKV_SYNC_FIELD_CELL,
  MKV_SYNC_FIELD_FROM,
  MKV_SYNC_FIELD_MORE,
  MKV_SYNC_FIELD_ROOT,
  MKV_SYNC_FIELD_WANT,
  MKV_SYNC_FIELD_CELLS,
  MKV_SYNC_FIELD_COUNT,
  MKV_SYNC_FIELD_ERROR,
  MKV_SYNC_FIELD_LISTS,
  MKV_SYNC_FIELD_NODES,
  MKV_SYNC_FIELD_OFFER,
  MKV_SYNC_FIELD_UNTIL,
  MKV_SYNC_FIELD_EVENTS,
  MKV_SYNC_FIELD_HORIZON,
  MKV_SYNC_FIELD_NODE_ID,
  MKV_SYNC_FIELD_ERROR_CODE,
  MKV_SYNC_FIELD_TIMESTAMP,
  MKV_SYNC_N_FIELDS
} MkvSyncField;

/* The last is NULL. */
extern const char *const mkv_sync_field_names[MKV_SYNC_N_FIELDS + 1];

/* What writes fields. Of text and octets, NULL is not written. */
typedef struct
{
  void (*text) (gpointer writer, MkvSyncField field, const char *text);
  void (*octets) (gpointer writer, MkvSyncField field, GBytes *octets);
  void (*integer) (gpointer writer, MkvSyncField field, gint64 integer);
  void (*flag) (gpointer writer, MkvSyncField field); /* true */
  void (*items) (gpointer writer, MkvSyncField field); /* what is to be written of them */
} MkvSyncWriterClass;

/* Writes all that @message has, in the order of the fields. @more: of a SYNC. */
void mkv_sync_message_write (const MkvSyncMessage *message, gboolean more, const MkvSyncWriterClass *klass,
                             gpointer writer);

/* What an item of an array is made of: one text, or an array of some of these in
 * this order. */
typedef struct
{
  char *digits;   /* of a node */
  GBytes *prefix;
  gint64 number;  /* from 0 on: how deep cells are, or the kind of a node */
  GBytes *octets;
} MkvSyncParts;

/* Which of them there are: @digits of the nodes, @prefix of the others, @number of
 * cells and nodes, @octets and an array around it of all but GET. */
gboolean mkv_sync_field_has_digits (MkvSyncField field);
gboolean mkv_sync_field_has_number (MkvSyncField field);

/* Adds an item to @message. */
gboolean mkv_sync_parts_add (const MkvSyncParts *parts, MkvSyncField field, MkvSyncMessage *message,
                             GError **error);

void mkv_sync_parts_clear (MkvSyncParts *parts);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MkvSyncParts, mkv_sync_parts_clear)

/* What reads fields. A field that is not there is the default; what is of another
 * type, too, and check says so. */
typedef struct
{
  char *(*dup_text) (gpointer fields, MkvSyncField field);
  GBytes *(*dup_octets) (gpointer fields, MkvSyncField field);
  gint64 (*get_integer) (gpointer fields, MkvSyncField field, gint64 max, gint64 default_integer); /* from 0 on */
  gboolean (*get_flag) (gpointer fields, MkvSyncField field);

  /* Adds the items of an array to @message. FALSE with an error if one that has
   * the right type breaks a rule. */
  gboolean (*read_items) (gpointer fields, MkvSyncField field, MkvSyncMessage *message, GError **error);

  /* Adds the events to @message. Gives how many there were, with those that were
   * refused, and how many octets they take in the payload. */
  gboolean (*read_events) (gpointer fields, MkvSyncMessage *message, guint *n, gsize *length, GError **error);
  gboolean (*check) (gpointer fields, GError **error);
} MkvSyncReaderClass;

/* The message of a payload of @length octets. */
MkvSyncMessage *mkv_sync_message_read (const MkvSyncReaderClass *klass, gpointer fields, gsize length,
                                       GError **error);

G_END_DECLS
