/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "model/mkv-entry-private.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "base/mkv-sha256-private.h"
#include "model/mkv-names-private.h"

/**
 * MkvEntry:
 *
 * What the store holds of a key: its value, or a tombstone where it was
 * deleted, with the stamp of the write and a digest of it all. Entries are
 * immutable and may be used from any thread. A replication event is an entry.
 *
 * Since: 0.1
 */
struct _MkvEntry
{
  gint ref_count;       /* atomic */
  gint block_count;     /* atomic: of who needs this memory: the entry, and the GBytes that is value */
  gint is_text;         /* atomic: 0 not known yet, 1 text, 2 binary */
  guint16 key_length;
  guint16 node_id_length;
  GBytes *value;        /* atomic: NULL in a tombstone, and until someone asks where octets are in data */
  const guint8 *octets; /* the value's, in value or in data; NULL in a tombstone */
  gsize length;         /* of octets */
  MkvStamp stamp;       /* node_id points into data */
  guint8 digest[MKV_DIGEST_BYTES];
  char data[]; /* the key, NUL, the node id, NUL, and perhaps the value: one allocation */
};

G_STATIC_ASSERT (MKV_MAX_KEY_BYTES <= G_MAXUINT16 && MKV_MAX_NAME_BYTES <= G_MAXUINT16);

G_DEFINE_BOXED_TYPE (MkvEntry, mkv_entry, mkv_entry_ref, mkv_entry_unref)

/* The head of a CBOR item in its shortest form (RFC 8949, 4.2.1). Writes over
 * up to 7 octets behind it. */
static inline guint8 *
write_head (guint8 *out, guint8 major, guint64 number)
{
  guint8 type = (guint8) (major << 5);
  guint log; /* the argument takes 2^log octets */

  if (number < 24)
    {
      *out++ = type | (guint8) number;
      return out;
    }
  log = number <= 0xFF ? 0 : number <= 0xFFFF ? 1 : number <= 0xFFFFFFFF ? 2 : 3;
  *out++ = type | (guint8) (24 + log);
  number = GUINT64_TO_BE (number << (64 - (8u << log)));
  memcpy (out, &number, sizeof number);
  return out + (1u << log);
}

static inline guint8 *
write_octets (guint8 *out, guint8 major, const void *octets, gsize length)
{
  out = write_head (out, major, length);
  memcpy (out, octets, length);
  return out + length;
}

/* SHA-256 of the deterministic CBOR array ["mkv1", key, timestamp, node id,
 * seq, value or null]: doc/protocol.md, "Entry digest". The parts but the stamp
 * are taken from where the caller has them: copies in @self that were made just
 * before would have to be waited for. */
static void
compute_digest (MkvEntry *self, const char *key, const char *node_id, const guint8 *value, gsize value_length)
{
  /* The start, 5 heads of up to 9 octets and 7 behind the last: enough for any
   * key and node id, and for a value of the size that most have. */
  guint8 buffer[1024];
  static const char start[] = "\x86\x64mkv1"; /* the heads of the array and of the text, and that */
  guint8 *p = buffer;
  gnutls_hash_hd_t hash = mkv_sha256_get ();

  memcpy (p, start, sizeof start - 1);
  p += sizeof start - 1;
  p = write_octets (p, 3, key, self->key_length);
  p = write_head (p, 0, (guint64) self->stamp.timestamp);
  p = write_octets (p, 3, node_id, self->node_id_length);
  p = write_head (p, 0, (guint64) self->stamp.seq);
  if (value == NULL)
    *p++ = 0xF6; /* null */
  else
    p = write_head (p, 2, value_length);
  if (value_length <= (gsize) (buffer + sizeof buffer - p))
    {
      if (value_length > 0)
        memcpy (p, value, value_length);
      p += value_length;
      gnutls_hash (hash, buffer, (gsize) (p - buffer));
    }
  else
    {
      gnutls_hash (hash, buffer, (gsize) (p - buffer));
      gnutls_hash (hash, value, value_length);
    }
  gnutls_hash_output (hash, self->digest);
}

/* @n_more: how many octets behind the ids */
static MkvEntry *
entry_alloc (const char *key, gsize key_length, gint64 timestamp, const char *node_id, gsize node_id_length,
             gint64 seq, gsize n_more)
{
  MkvEntry *self = g_malloc (sizeof (MkvEntry) + key_length + node_id_length + 2 + n_more);

  self->ref_count = 1;
  self->block_count = 1;
  self->is_text = 0;
  self->key_length = (guint16) key_length;
  self->node_id_length = (guint16) node_id_length;
  self->value = NULL;
  self->octets = NULL;
  self->length = 0;
  memcpy (self->data, key, key_length);
  self->data[key_length] = 0;
  self->stamp.node_id = memcpy (self->data + key_length + 1, node_id, node_id_length);
  self->data[key_length + 1 + node_id_length] = 0;
  self->stamp.timestamp = timestamp;
  self->stamp.seq = seq;
  return self;
}

static void
set_value (MkvEntry *self, GBytes *value)
{
  if (value == NULL)
    return;
  self->value = g_bytes_ref (value);
  self->octets = g_bytes_get_data (value, &self->length);
  if (self->octets == NULL)
    self->octets = (const guint8 *) "";
}

MkvEntry *
mkv_entry_new_checked (const char *key, gsize key_length, GBytes *value, gint64 timestamp,
                       const char *node_id, gsize node_id_length, gint64 seq)
{
  MkvEntry *self = entry_alloc (key, key_length, timestamp, node_id, node_id_length, seq, 0);

  set_value (self, value);
  compute_digest (self, key, node_id, self->octets, self->length);
  return self;
}

static gboolean
check_parts (gsize value_length, gint64 timestamp, gint64 seq, GError **error)
{
  if (value_length > MKV_MAX_VALUE_BYTES)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                   _("The value has %zu octets, at most %d are allowed"), value_length, MKV_MAX_VALUE_BYTES);
      return FALSE;
    }
  if (timestamp < 0 || timestamp > MKV_MAX_TIMESTAMP)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("The timestamp %" PRId64 " is not between 0 and 2^53-1"), timestamp);
      return FALSE;
    }
  if (seq < 1)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("The seq %" PRId64 " is not between 1 and 2^63-1"), seq);
      return FALSE;
    }
  return TRUE;
}

/**
 * mkv_entry_new:
 * @key: the key
 * @value: (nullable): the value, or %NULL for a tombstone
 * @timestamp: ms since 1970-01-01 UTC, of the write
 * @node_id: the writer
 * @seq: the writer's number for the write
 * @error: return location for an error
 *
 * Makes an entry and computes its digest (SHA-256, FIPS 180-4).
 *
 * Returns: (transfer full): the entry; %NULL with %MKV_ERROR_INVALID_ARGUMENT
 *   or %MKV_ERROR_TOO_LARGE if a part breaks its rule
 *
 * Since: 0.1
 */
MkvEntry *
mkv_entry_new (const char *key, GBytes *value, gint64 timestamp, const char *node_id, gint64 seq,
               GError **error)
{
  g_return_val_if_fail (key != NULL, NULL);
  g_return_val_if_fail (node_id != NULL, NULL);

  if (!mkv_key_check (key, error) || !mkv_name_check (node_id, error) ||
      !check_parts (value != NULL ? g_bytes_get_size (value) : 0, timestamp, seq, error))
    return NULL;
  return mkv_entry_new_checked (key, strlen (key), value, timestamp, node_id, strlen (node_id), seq);
}

/* Why octets are no key or no node id. */
static void
set_octets_error (const char *octets, gsize length, gboolean (*check) (const char *, GError **), GError **error)
{
  g_autofree char *copy = g_strndup (octets, length);

  if (strlen (copy) < length)
    g_set_error_literal (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("A key or an id has a NUL in it"));
  else
    check (copy, error);
}

/* An entry without its digest, of parts that may break their rules. */
static MkvEntry *
copy_octets (const char *key, gsize key_length, const guint8 *value, gsize value_length, gint64 timestamp,
             const char *node_id, gsize node_id_length, gint64 seq, GError **error)
{
  MkvEntry *self;

  if (!mkv_key_octets_are_valid (key, key_length))
    {
      set_octets_error (key, key_length, mkv_key_check, error);
      return NULL;
    }
  if (!mkv_name_octets_are_valid (node_id, node_id_length))
    {
      set_octets_error (node_id, node_id_length, mkv_name_check, error);
      return NULL;
    }
  if (!check_parts (value_length, timestamp, seq, error))
    return NULL;
  self = entry_alloc (key, key_length, timestamp, node_id, node_id_length, seq, value_length);
  if (value != NULL)
    {
      self->octets = memcpy (self->data + key_length + node_id_length + 2, value, value_length);
      self->length = value_length;
    }
  return self;
}

/**
 * mkv_entry_new_from_octets: (skip)
 * @key: the octets of the key, which no NUL ends
 * @key_length: how many
 * @value: (nullable): the octets of the value, or %NULL for a tombstone
 * @value_length: how many
 * @timestamp: ms since 1970-01-01 UTC, of the write
 * @node_id: the octets of the writer's id, which no NUL ends
 * @node_id_length: how many
 * @seq: the writer's number for the write
 * @error: return location for an error
 *
 * As [ctor@Entry.new], for parts that stand in a message: they are copied into
 * the entry's one allocation.
 *
 * Returns: (transfer full): the entry; %NULL with %MKV_ERROR_INVALID_ARGUMENT
 *   or %MKV_ERROR_TOO_LARGE if a part breaks its rule
 *
 * Since: 0.1
 */
MkvEntry *
mkv_entry_new_from_octets (const char *key, gsize key_length, const guint8 *value, gsize value_length,
                           gint64 timestamp, const char *node_id, gsize node_id_length, gint64 seq,
                           GError **error)
{
  MkvEntry *self = copy_octets (key, key_length, value, value_length, timestamp, node_id, node_id_length, seq,
                                error);

  if (self != NULL)
    compute_digest (self, key, node_id, value, self->length);
  return self;
}

/**
 * mkv_entry_new_from_octets_with_digest: (skip)
 * @key: the octets of the key, which no NUL ends
 * @key_length: how many
 * @value: (nullable): the octets of the value, or %NULL for a tombstone
 * @value_length: how many
 * @timestamp: ms since 1970-01-01 UTC, of the write
 * @node_id: the octets of the writer's id, which no NUL ends
 * @node_id_length: how many
 * @seq: the writer's number for the write
 * @digest: the entry's digest, 32 octets
 * @error: return location for an error
 *
 * As [ctor@Entry.new_with_digest], for parts that stand in a storage's memory:
 * they are copied into the entry's one allocation.
 *
 * Returns: (transfer full): the entry; %NULL with %MKV_ERROR_INVALID_ARGUMENT
 *   or %MKV_ERROR_TOO_LARGE if a part breaks its rule
 *
 * Since: 0.1
 */
MkvEntry *
mkv_entry_new_from_octets_with_digest (const char *key, gsize key_length, const guint8 *value, gsize value_length,
                                       gint64 timestamp, const char *node_id, gsize node_id_length, gint64 seq,
                                       const guint8 *digest, GError **error)
{
  MkvEntry *self = copy_octets (key, key_length, value, value_length, timestamp, node_id, node_id_length, seq,
                                error);

  if (self != NULL)
    memcpy (self->digest, digest, MKV_DIGEST_BYTES);
  return self;
}

/**
 * mkv_entry_new_with_digest:
 * @key: the key
 * @value: (nullable): the value, or %NULL for a tombstone
 * @timestamp: ms since 1970-01-01 UTC, of the write
 * @node_id: the writer
 * @seq: the writer's number for the write
 * @digest: the entry's digest, 32 octets
 * @error: return location for an error
 *
 * Makes an entry whose digest is known, without computing it: for a storage
 * that keeps digests beside what it stores. A wrong digest makes replicas
 * disagree for ever; octets from outside go through [ctor@Entry.new].
 *
 * Returns: (transfer full): the entry; %NULL with %MKV_ERROR_INVALID_ARGUMENT
 *   or %MKV_ERROR_TOO_LARGE if a part breaks its rule
 *
 * Since: 0.1
 */
MkvEntry *
mkv_entry_new_with_digest (const char *key, GBytes *value, gint64 timestamp, const char *node_id,
                           gint64 seq, GBytes *digest, GError **error)
{
  MkvEntry *self;

  g_return_val_if_fail (key != NULL, NULL);
  g_return_val_if_fail (node_id != NULL, NULL);
  g_return_val_if_fail (digest != NULL, NULL);

  if (!mkv_key_check (key, error) || !mkv_name_check (node_id, error) ||
      !check_parts (value != NULL ? g_bytes_get_size (value) : 0, timestamp, seq, error))
    return NULL;
  if (g_bytes_get_size (digest) != MKV_DIGEST_BYTES)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("A digest has %d octets, this one has %zu"), MKV_DIGEST_BYTES, g_bytes_get_size (digest));
      return NULL;
    }
  self = entry_alloc (key, strlen (key), timestamp, node_id, strlen (node_id), seq, 0);
  set_value (self, value);
  memcpy (self->digest, g_bytes_get_data (digest, NULL), MKV_DIGEST_BYTES);
  return self;
}

/**
 * mkv_entry_ref:
 * @self: an entry
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 *
 * Since: 0.1
 */
MkvEntry *
mkv_entry_ref (MkvEntry *self)
{
  g_atomic_int_inc (&self->ref_count);
  return self;
}

static void
unref_block (gpointer data)
{
  MkvEntry *self = data;

  if (g_atomic_int_dec_and_test (&self->block_count))
    g_free (self);
}

/**
 * mkv_entry_unref:
 * @self: (transfer full): an entry
 *
 * Drops a reference, and frees the entry with the last.
 *
 * Since: 0.1
 */
void
mkv_entry_unref (MkvEntry *self)
{
  if (!g_atomic_int_dec_and_test (&self->ref_count))
    return;
  /* Who still has the value keeps the memory that it is in. */
  if (self->value != NULL)
    g_bytes_unref (self->value);
  unref_block (self);
}

/**
 * mkv_entry_get_key:
 * @self: an entry
 *
 * Gets the key of the entry.
 *
 * Returns: (transfer none): the key
 *
 * Since: 0.1
 */
const char *
mkv_entry_get_key (const MkvEntry *self)
{
  return self->data;
}

/**
 * mkv_entry_peek_key: (skip)
 * @self: an entry
 * @length: (out): how many octets the key has
 *
 * The key, and its length without counting.
 *
 * Returns: (transfer none): the key, valid as long as @self
 *
 * Since: 0.1
 */
const char *
mkv_entry_peek_key (const MkvEntry *self, gsize *length)
{
  *length = self->key_length;
  return self->data;
}

/**
 * mkv_entry_peek_node_id: (skip)
 * @self: an entry
 * @length: (out): how many octets the writer's id has
 *
 * The writer's id, and its length without counting.
 *
 * Returns: (transfer none): the writer's id, valid as long as @self
 *
 * Since: 0.1
 */
const char *
mkv_entry_peek_node_id (const MkvEntry *self, gsize *length)
{
  *length = self->node_id_length;
  return self->stamp.node_id;
}

/**
 * mkv_entry_get_value:
 * @self: an entry
 *
 * Gets the value of the entry.
 *
 * Returns: (transfer none) (nullable): the value; %NULL in a tombstone
 *
 * Since: 0.1
 */
GBytes *
mkv_entry_get_value (const MkvEntry *self)
{
  MkvEntry *mutable = (MkvEntry *) self;
  GBytes *value = g_atomic_pointer_get (&mutable->value);

  if (value != NULL || self->octets == NULL)
    return value;
  g_atomic_int_inc (&mutable->block_count);
  value = g_bytes_new_with_free_func (self->octets, self->length, unref_block, mutable);
  if (g_atomic_pointer_compare_and_exchange (&mutable->value, NULL, value))
    return value;
  /* Another thread was faster. */
  g_bytes_unref (value);
  return g_atomic_pointer_get (&mutable->value);
}

/**
 * mkv_entry_peek_value: (skip)
 * @self: an entry
 * @length: (out): how many octets the value has; 0 in a tombstone
 *
 * The value without a [struct@GLib.Bytes] around it, which need not be there.
 *
 * Returns: (transfer none) (nullable): the value's octets, valid as long as
 *   @self; %NULL in a tombstone alone
 *
 * Since: 0.1
 */
const guint8 *
mkv_entry_peek_value (const MkvEntry *self, gsize *length)
{
  *length = self->length;
  return self->octets;
}

/**
 * mkv_entry_dup_text:
 * @self: an entry
 *
 * The value as a string, if it is text.
 *
 * Returns: (transfer full) (nullable): the text; %NULL in a tombstone and for
 *   a binary value
 *
 * Since: 0.1
 */
char *
mkv_entry_dup_text (const MkvEntry *self)
{
  if (!mkv_entry_is_text (self))
    return NULL;
  return g_strndup ((const char *) self->octets, self->length);
}

/**
 * mkv_entry_is_text:
 * @self: an entry
 *
 * Whether the value is valid UTF-8 without NUL. Computed when first asked for.
 *
 * Returns: %TRUE for text, %FALSE for a binary value and a tombstone
 *
 * Since: 0.1
 */
gboolean
mkv_entry_is_text (const MkvEntry *self)
{
  gint *is_text = (gint *) &self->is_text;
  gint known = g_atomic_int_get (is_text);

  if (self->octets == NULL)
    return FALSE;
  if (known == 0)
    {
      known = mkv_text_is_valid ((const char *) self->octets, self->length) ? 1 : 2;
      g_atomic_int_set (is_text, known);
    }
  return known == 1;
}

/**
 * mkv_entry_is_tombstone:
 * @self: an entry
 *
 * Tells whether the entry says that its key was deleted.
 *
 * Returns: whether the entry says that its key was deleted
 *
 * Since: 0.1
 */
gboolean
mkv_entry_is_tombstone (const MkvEntry *self)
{
  return self->octets == NULL;
}

/**
 * mkv_entry_get_stamp:
 * @self: an entry
 *
 * Tells when and by whom it was written.
 *
 * Returns: (transfer none): when and by whom it was written; valid as long as
 *   @self
 *
 * Since: 0.1
 */
const MkvStamp *
mkv_entry_get_stamp (const MkvEntry *self)
{
  return &self->stamp;
}

/**
 * mkv_entry_peek_digest: (skip)
 * @self: an entry
 *
 * Gets the octets of the digest without a copy.
 *
 * Returns: (transfer none): the digest's 32 octets, valid as long as @self
 *
 * Since: 0.1
 */
const guint8 *
mkv_entry_peek_digest (const MkvEntry *self)
{
  return self->digest;
}

/**
 * mkv_entry_get_digest:
 * @self: an entry
 *
 * The entry's digest: SHA-256 over key, stamp and value.
 *
 * Returns: (transfer full): 32 octets
 *
 * Since: 0.1
 */
GBytes *
mkv_entry_get_digest (const MkvEntry *self)
{
  return g_bytes_new (self->digest, sizeof self->digest);
}

/**
 * mkv_entry_compare:
 * @a: an entry
 * @b: an entry of the same key
 *
 * The order in which the last write wins: by stamp, then by digest.
 *
 * Returns: below 0 if @b wins over @a, 0 if they are the same entry, above 0
 *   if @a wins
 *
 * Since: 0.1
 */
gint
mkv_entry_compare (const MkvEntry *a, const MkvEntry *b)
{
  gint order = mkv_stamp_compare (&a->stamp, &b->stamp);

  return order != 0 ? order : memcmp (a->digest, b->digest, sizeof a->digest);
}
