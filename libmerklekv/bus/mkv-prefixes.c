/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-prefixes-private.h"

#include <string.h>

typedef struct _Prefix Prefix;

struct _Prefix
{
  char *text;
  Prefix *parent;  /* the longest other that this one begins with */
  GPtrArray *whos;
};

struct _MkvPrefixes
{
  GPtrArray *sorted; /* of Prefix, by octets */
};

static void
prefix_free (gpointer data)
{
  Prefix *prefix = data;

  g_free (prefix->text);
  g_ptr_array_unref (prefix->whos);
  g_free (prefix);
}

MkvPrefixes *
mkv_prefixes_new (void)
{
  MkvPrefixes *self = g_new0 (MkvPrefixes, 1);

  self->sorted = g_ptr_array_new_with_free_func (prefix_free);
  return self;
}

void
mkv_prefixes_free (MkvPrefixes *self)
{
  g_ptr_array_unref (self->sorted);
  g_free (self);
}

/* The index of the first that is greater than @text. */
static guint
find_behind (MkvPrefixes *self, const char *text)
{
  guint low = 0, high = self->sorted->len;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;
      const Prefix *prefix = self->sorted->pdata[middle];

      if (strcmp (prefix->text, text) <= 0)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

/* What lies between a prefix and a key that begins with it begins with it too: so
 * either the last one up to the key is one, or one of its parents is the longest. */
static Prefix *
find_longest (MkvPrefixes *self, const char *key, guint behind)
{
  Prefix *prefix = behind > 0 ? self->sorted->pdata[behind - 1] : NULL;

  while (prefix != NULL && !g_str_has_prefix (key, prefix->text))
    prefix = prefix->parent;
  return prefix;
}

/* Those from @index on that begin with @text, and had @from for a parent. */
static void
link_anew (MkvPrefixes *self, guint index, const char *text, Prefix *from, Prefix *to)
{
  for (; index < self->sorted->len; index++)
    {
      Prefix *prefix = self->sorted->pdata[index];

      if (!g_str_has_prefix (prefix->text, text))
        break;
      if (prefix->parent == from)
        prefix->parent = to;
    }
}

const char *
mkv_prefixes_add (MkvPrefixes *self, const char *text, gpointer who)
{
  guint behind = find_behind (self, text);
  Prefix *prefix = behind > 0 ? self->sorted->pdata[behind - 1] : NULL;

  if (prefix == NULL || strcmp (prefix->text, text) != 0)
    {
      prefix = g_new0 (Prefix, 1);
      prefix->text = g_strdup (text);
      prefix->whos = g_ptr_array_new ();
      prefix->parent = find_longest (self, text, behind);
      g_ptr_array_insert (self->sorted, (int) behind, prefix);
      link_anew (self, behind + 1, text, prefix->parent, prefix);
    }
  g_ptr_array_add (prefix->whos, who);
  return prefix->text;
}

void
mkv_prefixes_remove (MkvPrefixes *self, const char *text, gpointer who)
{
  guint behind = find_behind (self, text);
  Prefix *prefix = behind > 0 ? self->sorted->pdata[behind - 1] : NULL;

  g_return_if_fail (prefix != NULL && strcmp (prefix->text, text) == 0);

  g_ptr_array_remove_fast (prefix->whos, who);
  if (prefix->whos->len > 0)
    return;
  link_anew (self, behind, prefix->text, prefix, prefix->parent);
  g_ptr_array_remove_index (self->sorted, behind - 1);
}

void
mkv_prefixes_find (MkvPrefixes *self, const char *key, MkvPrefixesFunc func, gpointer user_data)
{
  Prefix *prefix = find_longest (self, key, find_behind (self, key));

  for (; prefix != NULL; prefix = prefix->parent)
    for (guint i = 0; i < prefix->whos->len; i++)
      func (prefix->whos->pdata[i], user_data);
}
