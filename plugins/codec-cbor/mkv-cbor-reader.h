/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>
#include <string.h>

#include "mkv-key-stack.h"

G_BEGIN_DECLS

typedef enum
{
  MKV_CBOR_UINT,        /* number */
  MKV_CBOR_NEGINT,      /* number: the integer is -1 - number */
  MKV_CBOR_BYTES,       /* octets, length */
  MKV_CBOR_TEXT,        /* octets, length */
  MKV_CBOR_ARRAY,       /* number, indefinite */
  MKV_CBOR_MAP,         /* number, indefinite */
  MKV_CBOR_TAG,         /* stands before another item */
  MKV_CBOR_FLOAT,       /* real */
  MKV_CBOR_BOOLEAN,     /* number */
  MKV_CBOR_SIMPLE,      /* null, undefined, or not assigned */
  MKV_CBOR_BYTES_START, /* of a string in chunks */
  MKV_CBOR_TEXT_START,
  MKV_CBOR_BREAK,
} MkvCborType;

typedef struct
{
  MkvCborType type;
  gboolean indefinite; /* an array or a map that ends with a break */
  guint64 number;
  double real;
  const guint8 *octets; /* in the payload, or the reader's */
  gsize length;
} MkvCborItem;

/* A container that is being read. */
typedef struct
{
  gboolean is_map;
  gboolean indefinite;
  guint64 left;    /* items, or pairs, that are still to come */
  guint first_key; /* of its keys on the reader's stack */
} MkvCborContainer;

/* Reads one payload from its first octet to its last, without recursion.
 * Whatever makes a payload malformed as a whole sets error, and FALSE is
 * returned from then on; what is only of a wrong type is for the caller to see.
 * Nothing is allocated but for strings in chunks, and for the keys of maps that
 * the caller does not know beforehand. */
typedef struct
{
  const guint8 *start;
  const guint8 *at;
  const guint8 *end;
  guint depth;
  const char *error; /* static */
  MkvKeyStack keys;  /* those that were kept, of the maps that are open */
  GPtrArray *joined; /* strings that came in chunks; NULL if none did */
} MkvCborReader;

static inline void
mkv_cbor_reader_init (MkvCborReader *self, GBytes *payload)
{
  gsize length;

  self->at = self->start = g_bytes_get_data (payload, &length);
  self->end = self->start + length;
  self->depth = 0;
  self->error = NULL;
  self->keys = (MkvKeyStack){ NULL };
  self->joined = NULL;
}

static inline void
mkv_cbor_reader_clear (MkvCborReader *self)
{
  if (self->keys.keys != NULL)
    mkv_key_stack_clear (&self->keys);
  g_clear_pointer (&self->joined, g_ptr_array_unref);
}

/* Says what makes the payload malformed: a static text. Returns FALSE. */
gboolean mkv_cbor_reader_fail (MkvCborReader *self, const char *error);

/* What is inline here is what every event goes through; the rest of it. The first
 * is in mkv-cbor-libcbor.c. */
gboolean mkv_cbor_reader_next_by_libcbor (MkvCborReader *self, MkvCborItem *item);
gboolean mkv_cbor_reader_complete (MkvCborReader *self, MkvCborItem *item);
gboolean mkv_cbor_reader_check_text (MkvCborReader *self, const MkvCborItem *item);
gboolean mkv_cbor_reader_more_or_leave (MkvCborReader *self, MkvCborContainer *container);

/* Reads the argument of a head: @info, at most 27, is the low bits of its first
 * octet, and *@at is behind that octet. */
static inline guint64
mkv_cbor_read_argument (const guint8 **at, guint info)
{
  const guint8 *octets = *at;
  guint64 number;

  if (info < 24)
    return info;
  if (info == 24)
    number = octets[0];
  else if (info == 25)
    number = (guint64) octets[0] << 8 | octets[1];
  else if (info == 26)
    {
      guint32 half;

      memcpy (&half, octets, 4);
      number = GUINT32_FROM_BE (half);
    }
  else
    {
      memcpy (&number, octets, 8);
      number = GUINT64_FROM_BE (number);
    }
  *at = octets + (1u << (info - 24));
  return number;
}

/* Takes the head of an item, or all of a string of definite length. Does not
 * look at the text: mkv_cbor_reader_check_text() or _complete() does.
 *
 * Integers, strings and containers of definite length are nearly everything
 * that ever comes. Their heads are read here, in a fifth of the time that
 * libcbor takes to tell two hundred first octets apart. */
static inline gboolean
mkv_cbor_reader_next (MkvCborReader *self, MkvCborItem *item)
{
  static const gint8 types[8] = { MKV_CBOR_UINT,  -1, MKV_CBOR_BYTES, MKV_CBOR_TEXT,
                                  MKV_CBOR_ARRAY, MKV_CBOR_MAP, -1, -1 };
  const guint8 *at = self->at;
  gsize left = (gsize) (self->end - at);
  guint64 number;
  gint8 type;
  guint info;

  item->indefinite = FALSE;
  if (G_UNLIKELY (left == 0))
    return mkv_cbor_reader_next_by_libcbor (self, item);
  type = types[*at >> 5];
  info = *at & 0x1F;
  /* A head has at most 9 octets: where there are as many, there is no need to
   * look again. */
  if (G_UNLIKELY (type < 0 || info > 27 || (left < 9 && info > 23)))
    return mkv_cbor_reader_next_by_libcbor (self, item);
  at++;
  number = mkv_cbor_read_argument (&at, info);
  item->type = (MkvCborType) type;
  item->number = number;
  if (type == MKV_CBOR_BYTES || type == MKV_CBOR_TEXT)
    {
      if (G_UNLIKELY (number > (gsize) (self->end - at)))
        return mkv_cbor_reader_fail (self, "a string is longer than what is there");
      item->octets = at;
      item->length = (gsize) number;
      at += number;
    }
  self->at = at;
  return TRUE;
}

/* Takes the next item of a place where the protocol knows what comes: no tag,
 * text in UTF-8. Of a container it takes the head: it has to be entered or
 * left behind before anything else is taken. */
gboolean mkv_cbor_reader_take (MkvCborReader *self, MkvCborItem *item);

/* The same where anything may come: tags are skipped. */
gboolean mkv_cbor_reader_take_any (MkvCborReader *self, MkvCborItem *item);

/* Takes what is in the container whose head @item is, if it is one. */
gboolean mkv_cbor_reader_leave_behind (MkvCborReader *self, const MkvCborItem *item);

/* Takes the next item, whatever it is, and all that is in it. */
gboolean mkv_cbor_reader_skip (MkvCborReader *self);

/* Enters the array or the map whose head was taken. */
gboolean mkv_cbor_reader_enter (MkvCborReader *self, const MkvCborItem *item, MkvCborContainer *container);

/* Whether the innermost container has another item or pair. If not, it was
 * left, unless there is an error: also if a key was kept twice. */
static inline gboolean
mkv_cbor_reader_more (MkvCborReader *self, MkvCborContainer *container)
{
  if (container->left == 0)
    return mkv_cbor_reader_more_or_leave (self, container);
  container->left--;
  return TRUE;
}

/* Takes the key of a pair. The caller finds that it came before, or keeps it. */
gboolean mkv_cbor_reader_key (MkvCborReader *self, MkvCborItem *key);
gboolean mkv_cbor_reader_keep_key (MkvCborReader *self, const MkvCborItem *key);
gboolean mkv_cbor_reader_duplicate (MkvCborReader *self);

/* Whether an array comes next. */
static inline gboolean
mkv_cbor_reader_is_array (const MkvCborReader *self)
{
  return self->at < self->end && *self->at >> 5 == 4;
}

/* Whether nothing is wrong and nothing is left. */
static inline gboolean
mkv_cbor_reader_finish (MkvCborReader *self)
{
  if (self->error == NULL && self->at != self->end)
    mkv_cbor_reader_fail (self, "there is more behind its end");
  return self->error == NULL;
}

/* MKV_ERROR_MALFORMED, of what is wrong. */
void mkv_cbor_reader_set_error (MkvCborReader *self, GError **error);

/* Whether an item is an integer from @min to @max, or a float that is one. */
gboolean mkv_cbor_item_get_int (const MkvCborItem *item, gint64 min, gint64 max, gint64 *number);

/* Whether a text item is @text, of @length octets. */
static inline gboolean
mkv_cbor_item_is (const MkvCborItem *item, const char *text, gsize length)
{
  return item->length == length && memcmp (item->octets, text, length) == 0;
}

G_END_DECLS
