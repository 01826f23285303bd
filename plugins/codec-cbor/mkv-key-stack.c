/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-key-stack.h"

#include <stdlib.h>
#include <string.h>

typedef struct
{
  const void *octets;
  gsize length;
} Key;

void
mkv_key_stack_push (MkvKeyStack *self, gconstpointer octets, gsize length)
{
  Key key = { octets, length };

  if (self->keys == NULL)
    self->keys = g_array_new (FALSE, FALSE, sizeof (Key));
  g_array_append_val (self->keys, key);
}

guint
mkv_key_stack_get_length (const MkvKeyStack *self)
{
  return self->keys != NULL ? self->keys->len : 0;
}

static int
compare_keys (const void *a, const void *b)
{
  const Key *x = a, *y = b;

  if (x->length != y->length)
    return x->length < y->length ? -1 : 1;
  return memcmp (x->octets, y->octets, x->length);
}

static gboolean
are_ascending (const Key *keys, guint n)
{
  for (guint i = 1; i < n; i++)
    if (compare_keys (&keys[i - 1], &keys[i]) >= 0)
      return FALSE;
  return TRUE;
}

/* Sorting takes n log n steps whatever the keys are; a hash table would have to
 * be safe from keys that were made to collide. Deterministic CBOR has them in
 * this order already. */
gboolean
mkv_key_stack_pop (MkvKeyStack *self, guint first)
{
  guint n = mkv_key_stack_get_length (self) - first;
  Key *keys;

  if (n == 0)
    return TRUE;
  keys = &g_array_index (self->keys, Key, first);
  if (!are_ascending (keys, n))
    {
      qsort (keys, n, sizeof *keys, compare_keys);
      if (!are_ascending (keys, n))
        return FALSE;
    }
  g_array_set_size (self->keys, first);
  return TRUE;
}

void
mkv_key_stack_clear (MkvKeyStack *self)
{
  g_clear_pointer (&self->keys, g_array_unref);
}
