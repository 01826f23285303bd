/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-tree-model.h"

#include <string.h>

MkvTreeModel *
mkv_tree_model_new (MkvTreePositionFunc get_position)
{
  MkvTreeModel *self = g_new0 (MkvTreeModel, 1);

  self->get_position = get_position;
  self->digests = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_bytes_unref);
  return self;
}

void
mkv_tree_model_free (MkvTreeModel *self)
{
  g_hash_table_unref (self->digests);
  g_free (self);
}

void
mkv_tree_model_put (MkvTreeModel *self, const char *key, const guint8 *digest)
{
  g_hash_table_replace (self->digests, g_strdup (key), g_bytes_new (digest, MKV_DIGEST_BYTES));
}

void
mkv_tree_model_remove (MkvTreeModel *self, const char *key)
{
  g_hash_table_remove (self->digests, key);
}

static gint
compare_entries (gconstpointer a, gconstpointer b)
{
  const MkvTreeModelEntry *x = a, *y = b;

  return memcmp (x->position, y->position, sizeof x->position);
}

static guint64
read_number (const guint8 *octets, guint length)
{
  guint64 number = 0;

  for (guint i = 0; i < length; i++)
    number = number << 8 | octets[i];
  return number;
}

static gboolean
has_bit (const guint8 *octets, guint i)
{
  return (octets[i / 8] >> (7 - i % 8) & 1) != 0;
}

static gboolean
is_under (const guint8 *position, MkvPrefix prefix)
{
  for (guint i = 0; i < prefix.length; i++)
    if (has_bit (position, i) != ((prefix.bits >> (31 - i) & 1) != 0))
      return FALSE;
  return TRUE;
}

GArray *
mkv_tree_model_get_entries (MkvTreeModel *self, MkvPrefix prefix)
{
  GArray *entries = g_array_new (FALSE, FALSE, sizeof (MkvTreeModelEntry));
  GHashTableIter iter;
  gpointer key, digest;

  g_hash_table_iter_init (&iter, self->digests);
  while (g_hash_table_iter_next (&iter, &key, &digest))
    {
      MkvTreeModelEntry entry = { .key = key };

      self->get_position (key, strlen (key), entry.position);
      if (!is_under (entry.position, prefix))
        continue;
      memcpy (entry.digest, g_bytes_get_data (digest, NULL), sizeof entry.digest);
      entry.short_id = read_number (entry.position, 4) << 32 | read_number (entry.digest, 4);
      g_array_append_val (entries, entry);
    }
  g_array_sort (entries, compare_entries);
  return entries;
}

static guint64
mix (guint64 z)
{
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

MkvCell
mkv_tree_model_get_cell (GArray *entries, MkvPrefix prefix)
{
  MkvCell cell = { 0, 0 };

  for (guint i = 0; i < entries->len; i++)
    {
      const MkvTreeModelEntry *entry = &g_array_index (entries, MkvTreeModelEntry, i);

      if (!is_under (entry->position, prefix))
        continue;
      cell.s += entry->short_id;
      cell.k += (guint32) mix (entry->short_id + 0x9E3779B97F4A7C15u);
    }
  return cell;
}

static void
add_digest (GByteArray *octets, const guint8 *message, gsize length)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  guint8 digest[MKV_DIGEST_BYTES];
  gsize size = sizeof digest;

  g_checksum_update (checksum, message, (gssize) length);
  g_checksum_get_digest (checksum, digest, &size);
  g_byte_array_append (octets, digest, sizeof digest);
}

static guint
get_digit (const MkvTreeModelEntry *entry, guint depth)
{
  return depth % 2 == 0 ? entry->position[depth / 2] >> 4 : entry->position[depth / 2] & 0xF;
}

/* Appends the digest of the node of @n entries, which begin with the same @depth
 * digits. */
static void
add_node (GByteArray *octets, const MkvTreeModelEntry *entries, guint n, guint depth)
{
  static const guint8 nothing[MKV_DIGEST_BYTES];
  const guint8 kind = n <= 64 ? 0x00 : 0x01;
  g_autoptr (GByteArray) message = g_byte_array_new ();

  if (n == 0)
    {
      g_byte_array_append (octets, nothing, sizeof nothing);
      return;
    }
  g_byte_array_append (message, &kind, 1);
  if (n <= 64)
    for (guint i = 0; i < n; i++)
      g_byte_array_append (message, entries[i].digest, MKV_DIGEST_BYTES);
  else
    for (guint digit = 0, from = 0, to; digit < 16; digit++, from = to)
      {
        for (to = from; to < n && get_digit (&entries[to], depth) == digit; to++)
          ;
        add_node (message, entries + from, to - from, depth + 1);
      }
  add_digest (octets, message->data, message->len);
}

void
mkv_tree_model_get_root (MkvTreeModel *self, guint8 *root)
{
  g_autoptr (GArray) entries = mkv_tree_model_get_entries (self, MKV_PREFIX_ALL);
  g_autoptr (GByteArray) octets = g_byte_array_new ();

  add_node (octets, (MkvTreeModelEntry *) (gpointer) entries->data, entries->len, 0);
  memcpy (root, octets->data, MKV_DIGEST_BYTES);
}

MkvTreeNodeKind
mkv_tree_model_get_node (MkvTreeModel *self, const char *digits, GByteArray *octets)
{
  g_autoptr (GArray) all = mkv_tree_model_get_entries (self, MKV_PREFIX_ALL);
  const MkvTreeModelEntry *entries = (MkvTreeModelEntry *) (gpointer) all->data;
  guint from = 0, to = all->len, depth = 0;

  for (; digits[depth] != 0; depth++)
    {
      guint digit = (guint) g_ascii_xdigit_value (digits[depth]);

      while (from < to && get_digit (&entries[from], depth) != digit)
        from++;
      while (to > from && get_digit (&entries[to - 1], depth) != digit)
        to--;
    }
  if (to - from <= 64)
    {
      for (guint i = from; i < to; i++)
        {
          g_byte_array_append (octets, entries[i].position, 4);
          g_byte_array_append (octets, entries[i].digest, MKV_DIGEST_BYTES);
        }
      return MKV_TREE_LEAF;
    }
  for (guint digit = 0, end = to; digit < 16; digit++, from = to)
    {
      g_autoptr (GByteArray) digest = g_byte_array_new ();

      for (to = from; to < end && get_digit (&entries[to], depth) == digit; to++)
        ;
      add_node (digest, entries + from, to - from, depth + 1);
      g_byte_array_append (octets, digest->data, 16);
    }
  return MKV_TREE_INNER;
}

void
mkv_tree_model_true_position (const char *key, gsize length, guint8 *position)
{
  g_autoptr (GByteArray) digest = g_byte_array_new ();

  add_digest (digest, (const guint8 *) key, length);
  memcpy (position, digest->data, MKV_DIGEST_BYTES);
}

void
mkv_tree_model_near_position (const char *key, gsize length, guint8 *position)
{
  mkv_tree_model_true_position (key, length, position);
  if (key[0] >= 'x' && key[0] <= 'z')
    memset (position, 0xA0 + key[0] - 'x', key[0] == 'x' ? 4 : key[0] == 'y' ? 8 : 20);
}

char *
mkv_tree_model_make_key (guint i)
{
  static const guint lengths[] = { 0, 8, 16, 16, 16, 30, 100, 255 };
  const char kinds[] = "abcdefghijklxyz";
  g_autofree char *number = g_strdup_printf ("%c%x", kinds[i % (sizeof kinds - 1)], i);
  guint length = MAX (lengths[i / 7 % G_N_ELEMENTS (lengths)], (guint) strlen (number));
  char *key = g_malloc (length + 2);

  memset (key, '.', length);
  memcpy (key, number, strlen (number));
  key[length] = (char) ('0' + i % 10);
  key[length + 1] = 0;
  return key;
}

void
mkv_tree_model_make_digest (GRand *rand, guint8 *digest)
{
  for (guint i = 0; i < MKV_DIGEST_BYTES; i++)
    digest[i] = (guint8) g_rand_int (rand);
}

guint32
mkv_tree_model_get_seed (void)
{
  const char *given = g_getenv ("MKV_TEST_SEED");
  guint32 seed = given != NULL ? (guint32) g_ascii_strtoull (given, NULL, 10) : g_random_int ();

  g_test_message ("MKV_TEST_SEED=%u", seed);
  return seed;
}
