/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What a sealed entry is to the inner storage: an entry of the same key, and a
 * tombstone if it is one. Its value has as many octets as the true one, so that
 * every limit holds for both. What AES-GCM adds, and the stamp, stand in the
 * node id, 64 letters of which are free to use: timestamp 0, seq 1, and as node
 * id, in the letters of base64url,
 *
 *     version 1 | key id 4 | nonce 12 | tag 16 | head, a multiple of 3
 *
 * Head and value are what is encrypted, as one, under the key's name as
 * additional data. The head in the clear is
 *
 *     flags 1 | timestamp 8 | seq 8 | length 1 | node id | zeros
 *
 * with a number of 4 octets for a node id that is too long. All numbers are
 * big-endian. The digest is not kept: it follows from the rest.
 *
 * A meta value becomes version, key id, nonce, the octets encrypted, tag. Its
 * additional data begins with NUL, which no key has.
 */
#include "config.h"

#include "security/mkv-seal-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"

#define FORMAT_VERSION 1
#define NODE_ID_LETTERS (MKV_SEAL_HEAD_BYTES / 3 * 4)
#define SEALED_TIMESTAMP 0
#define SEALED_SEQ 1

/* In the node id, and in a meta value. */
#define KEY_ID_AT 1
#define NONCE_AT (KEY_ID_AT + MKV_SEAL_ID_BYTES)
#define BODY_AT (NONCE_AT + MKV_SEAL_NONCE_BYTES)
#define HEAD_AT (BODY_AT + MKV_SEAL_TAG_BYTES)

/* In the head. */
#define TIMESTAMP_AT 1
#define SEQ_AT 9
#define LENGTH_AT 17
#define NODE_AT 18
#define MAX_NODE_BYTES (MKV_SEAL_HEAD_BYTES - HEAD_AT - NODE_AT)

enum
{
  FLAG_TOMBSTONE = 1 << 0,
  FLAG_NODE_NUMBER = 1 << 1,
};

G_STATIC_ASSERT (NODE_ID_LETTERS <= MKV_MAX_NAME_BYTES);
G_STATIC_ASSERT (HEAD_AT % 3 == 0);

/* What is sealed or opened is copied twice: on the stack, unless it is long. */
#define SMALL_BYTES 1024

static void
write_number (guint8 *out, guint64 number)
{
  number = GUINT64_TO_BE (number);
  memcpy (out, &number, sizeof number);
}

static guint64
read_number (const guint8 *in)
{
  guint64 number;

  memcpy (&number, in, sizeof number);
  return GUINT64_FROM_BE (number);
}

/* base64url (RFC 4648, 5) without padding; @length is a multiple of 3. */
static gsize
write_letters (char *out, const guint8 *octets, gsize length)
{
  gint state = 0, save = 0;
  gsize n = g_base64_encode_step (octets, length, FALSE, out, &state, &save);

  for (gsize i = 0; i < n; i++)
    if (out[i] == '+')
      out[i] = '-';
    else if (out[i] == '/')
      out[i] = '_';
  return n;
}

/* Returns how many octets, 0 if these are not the letters of any. */
static gsize
read_letters (guint8 *out, const char *letters, gsize length)
{
  char copy[NODE_ID_LETTERS];
  gint state = 0;
  guint save = 0;

  if (length > sizeof copy || length % 4 != 0)
    return 0;
  for (gsize i = 0; i < length; i++)
    copy[i] = letters[i] == '-' ? '+' : letters[i] == '_' ? '/' : letters[i];
  /* It passes over what is no letter: then octets are missing. */
  return g_base64_decode_step (copy, length, out, &state, &save) == length / 4 * 3 ? length / 4 * 3 : 0;
}

gboolean
mkv_seal_node_is_long (const MkvEntry *entry)
{
  gsize length;

  mkv_entry_peek_node_id (entry, &length);
  return length > MAX_NODE_BYTES;
}

/* Returns the length, a multiple of 3. */
static gsize
write_head (guint8 *head, MkvEntry *entry, guint32 node)
{
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  gboolean is_long = mkv_seal_node_is_long (entry);
  gsize length;
  const char *node_id = mkv_entry_peek_node_id (entry, &length);

  head[0] = (mkv_entry_is_tombstone (entry) ? FLAG_TOMBSTONE : 0) | (is_long ? FLAG_NODE_NUMBER : 0);
  write_number (head + TIMESTAMP_AT, (guint64) stamp->timestamp);
  write_number (head + SEQ_AT, (guint64) stamp->seq);
  node = GUINT32_TO_BE (node);
  if (is_long)
    length = sizeof node;
  head[LENGTH_AT] = (guint8) length;
  memcpy (head + NODE_AT, is_long ? (const char *) &node : node_id, length);
  length += NODE_AT;
  while (length % 3 != 0)
    head[length++] = 0;
  return length;
}

MkvEntry *
mkv_seal_entry (MkvSealKey *key, MkvEntry *entry, guint32 node, GError **error)
{
  guint8 head[MKV_SEAL_HEAD_BYTES], plain_head[MKV_SEAL_HEAD_BYTES];
  gsize head_length = write_head (plain_head, entry, node);
  char letters[NODE_ID_LETTERS];
  gsize key_length, value_length;
  const char *name = mkv_entry_peek_key (entry, &key_length);
  const guint8 *value = mkv_entry_peek_value (entry, &value_length);
  gsize length = head_length + value_length;
  guint8 small[2 * SMALL_BYTES];
  g_autofree guint8 *large = length + MKV_SEAL_TAG_BYTES > SMALL_BYTES ? g_malloc (2 * length + MKV_SEAL_TAG_BYTES) : NULL;
  guint8 *in = large != NULL ? large : small;
  guint8 *out = in + length;

  memcpy (in, plain_head, head_length);
  if (value_length > 0)
    memcpy (in + head_length, value, value_length);
  head[0] = FORMAT_VERSION;
  memcpy (head + KEY_ID_AT, key->check, MKV_SEAL_ID_BYTES);
  if (!mkv_seal_key_seal (key, name, key_length, in, length, head + NONCE_AT, out, error))
    return NULL;
  memcpy (head + BODY_AT, out + length, MKV_SEAL_TAG_BYTES);
  memcpy (head + HEAD_AT, out, head_length);
  return mkv_entry_new_from_octets (name, key_length, value != NULL ? out + head_length : NULL, value_length,
                                    SEALED_TIMESTAMP, letters,
                                    write_letters (letters, head, HEAD_AT + head_length), SEALED_SEQ, error);
}

gboolean
mkv_seal_head_read (MkvSealHead *head, const MkvEntry *entry)
{
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  gsize length;
  const char *letters = mkv_entry_peek_node_id (entry, &length);

  if (stamp->timestamp != SEALED_TIMESTAMP || stamp->seq != SEALED_SEQ)
    return FALSE;
  head->length = read_letters (head->octets, letters, length);
  return head->length > HEAD_AT + NODE_AT && head->octets[0] == FORMAT_VERSION;
}

const guint8 *
mkv_seal_head_get_key_id (const MkvSealHead *head)
{
  return head->octets + KEY_ID_AT;
}

static void
set_damaged (const MkvEntry *sealed, GError **error)
{
  g_set_error (error, MKV_ERROR, MKV_ERROR_CORRUPT,
               _("The entry of “%s” is damaged, or was changed by somebody without the storage's key"),
               mkv_entry_get_key (sealed));
}

/* What was sealed once is right, unless a node's number was lost. The value
 * stands behind @head. */
static MkvEntry *
make_entry (MkvSealNodes *nodes, const guint8 *head, gsize head_length, const MkvEntry *sealed, gsize value_length)
{
  gsize key_length, node_length = head[LENGTH_AT];
  const char *key = mkv_entry_peek_key (sealed, &key_length);
  const char *node_id = (const char *) head + NODE_AT;
  gboolean is_tombstone = (head[0] & FLAG_TOMBSTONE) != 0;
  guint32 number;

  if (node_length > head_length - NODE_AT || is_tombstone != mkv_entry_is_tombstone (sealed))
    return NULL;
  if ((head[0] & FLAG_NODE_NUMBER) != 0)
    {
      if (node_length != sizeof number)
        return NULL;
      memcpy (&number, node_id, sizeof number);
      node_id = mkv_seal_nodes_get (nodes, GUINT32_FROM_BE (number));
      if (node_id == NULL)
        return NULL;
      node_length = strlen (node_id);
    }
  return mkv_entry_new_from_octets (key, key_length, is_tombstone ? NULL : head + head_length, value_length,
                                    (gint64) read_number (head + TIMESTAMP_AT), node_id, node_length,
                                    (gint64) read_number (head + SEQ_AT), NULL);
}

MkvEntry *
mkv_seal_open_entry (MkvSealKey *key, MkvSealNodes *nodes, const MkvSealHead *head, const MkvEntry *sealed,
                     GError **error)
{
  gsize head_length = head->length - HEAD_AT;
  gsize key_length, value_length;
  const char *name = mkv_entry_peek_key (sealed, &key_length);
  const guint8 *value = mkv_entry_peek_value (sealed, &value_length);
  gsize length = head_length + value_length;
  guint8 small[2 * SMALL_BYTES];
  g_autofree guint8 *large = length + MKV_SEAL_TAG_BYTES > SMALL_BYTES ? g_malloc (2 * length + MKV_SEAL_TAG_BYTES) : NULL;
  guint8 *out = large != NULL ? large : small;
  guint8 *in = out + length;
  MkvEntry *entry = NULL;

  memcpy (in, head->octets + HEAD_AT, head_length);
  if (value_length > 0)
    memcpy (in + head_length, value, value_length);
  memcpy (in + length, head->octets + BODY_AT, MKV_SEAL_TAG_BYTES);
  if (mkv_seal_key_open (key, name, key_length, head->octets + NONCE_AT, in, length, out))
    entry = make_entry (nodes, out, head_length, sealed, value_length);
  if (entry == NULL)
    set_damaged (sealed, error);
  return entry;
}

/* NUL and the name: nothing that a key could be. The memory is to be freed
 * unless it is @small. */
static guint8 *
make_meta_data (guint8 *small, const char *name, gsize *length)
{
  gsize name_length = strlen (name);
  guint8 *data = name_length < SMALL_BYTES ? small : g_malloc (1 + name_length);

  data[0] = 0;
  memcpy (data + 1, name, name_length);
  *length = 1 + name_length;
  return data;
}

/* As mkv_seal_key_seal() and mkv_seal_key_open(), under a name of meta. */
static gboolean
seal_octets (MkvSealKey *key, const char *name, const guint8 *in, gsize length, guint8 *nonce, guint8 *out,
             GError **error)
{
  guint8 small[SMALL_BYTES];
  gsize data_length;
  guint8 *data = make_meta_data (small, name, &data_length);
  gboolean done = mkv_seal_key_seal (key, data, data_length, in, length, nonce, out, error);

  if (data != small)
    g_free (data);
  return done;
}

static gboolean
open_octets (MkvSealKey *key, const char *name, const guint8 *nonce, const guint8 *in, gsize length, guint8 *out)
{
  guint8 small[SMALL_BYTES];
  gsize data_length;
  guint8 *data = make_meta_data (small, name, &data_length);
  gboolean done = mkv_seal_key_open (key, data, data_length, nonce, in, length, out);

  if (data != small)
    g_free (data);
  return done;
}

GBytes *
mkv_seal_meta (MkvSealKey *key, const char *name, GBytes *value, GError **error)
{
  gsize length;
  const guint8 *octets = g_bytes_get_data (value, &length);
  g_autofree guint8 *out = g_malloc (BODY_AT + length + MKV_SEAL_TAG_BYTES);

  out[0] = FORMAT_VERSION;
  memcpy (out + KEY_ID_AT, key->check, MKV_SEAL_ID_BYTES);
  if (!seal_octets (key, name, octets != NULL ? octets : (const guint8 *) "", length, out + NONCE_AT, out + BODY_AT,
                    error))
    return NULL;
  return g_bytes_new_take (g_steal_pointer (&out), BODY_AT + length + MKV_SEAL_TAG_BYTES);
}

const guint8 *
mkv_seal_meta_get_key_id (GBytes *sealed)
{
  gsize length;
  const guint8 *octets = g_bytes_get_data (sealed, &length);

  return length >= BODY_AT + MKV_SEAL_TAG_BYTES && octets[0] == FORMAT_VERSION ? octets + KEY_ID_AT : NULL;
}

GBytes *
mkv_seal_open_meta (MkvSealKey *key, const char *name, GBytes *sealed, GError **error)
{
  gsize length;
  const guint8 *octets = g_bytes_get_data (sealed, &length);
  gsize value_length = length - BODY_AT - MKV_SEAL_TAG_BYTES;
  /* Room for what is no octet at all. */
  g_autofree guint8 *value = g_malloc (value_length + 1);

  if (open_octets (key, name, octets + NONCE_AT, octets + BODY_AT, value_length, value))
    return g_bytes_new_take (g_steal_pointer (&value), value_length);
  g_set_error (error, MKV_ERROR, MKV_ERROR_CORRUPT,
               _("The storage's record “%s” is damaged, or was changed by somebody without the storage's key"), name);
  return NULL;
}
