/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "sync/mkv-sync-sort-private.h"

#include <string.h>

/* Runs of that many are sorted in one go; that is as much work as to look so
 * often at each. */
#define FIRST_WIDTH (256)
#define FIRST_COST (8)

void
mkv_sync_sort_init (MkvSyncSort *self, gpointer elements, guint n, gsize size, GCompareFunc compare)
{
  *self = (MkvSyncSort){ .elements = elements, .n = n, .size = size, .compare = compare };
}

void
mkv_sync_sort_clear (MkvSyncSort *self)
{
  g_clear_pointer (&self->spare, g_free);
}

/* Most arrays come in order. */
static guint
find_order (MkvSyncSort *self, guint n_elements)
{
  guint n = 0;

  for (self->done = MAX (self->done, 1); self->done < self->n && n < n_elements; self->done++, n++)
    {
      const guint8 *element = self->elements + self->done * self->size;

      if (self->compare (element - self->size, element) > 0)
        {
          self->width = 1;
          self->done = 0;
          return n + 1;
        }
    }
  if (self->done >= self->n)
    self->width = self->n;
  return n + 1;
}

static gint
compare_elements (gconstpointer a, gconstpointer b, gpointer user_data)
{
  return ((MkvSyncSort *) user_data)->compare (a, b);
}

static guint
sort_run (MkvSyncSort *self)
{
  guint n = MIN (FIRST_WIDTH, self->n - self->done);

  g_qsort_with_data (self->elements + self->done * self->size, (gint) n, self->size, compare_elements, self);
  self->done += n;
  if (self->done == self->n)
    {
      self->width = FIRST_WIDTH;
      self->done = 0;
    }
  return n * FIRST_COST;
}

/* Two runs become one, in the other array. */
static guint
merge_runs (MkvSyncSort *self, guint n_elements)
{
  guint8 *from = self->is_in_spare ? self->spare : self->elements;
  guint8 *to = self->is_in_spare ? self->elements : self->spare;
  guint n_left = MIN (self->width, self->n - self->done);
  guint n_right = MIN (self->width, self->n - self->done - n_left);
  guint n = 0;

  for (; n < n_elements && self->left + self->right < n_left + n_right; n++)
    {
      const guint8 *left = from + (self->done + self->left) * self->size;
      const guint8 *right = from + (self->done + n_left + self->right) * self->size;
      gboolean is_left = self->right == n_right || (self->left < n_left && self->compare (left, right) <= 0);

      memcpy (to + (self->done + self->left + self->right) * self->size, is_left ? left : right, self->size);
      self->left += is_left ? 1 : 0;
      self->right += is_left ? 0 : 1;
    }
  if (self->left + self->right < n_left + n_right)
    return n;
  self->done += n_left + n_right;
  self->left = self->right = 0;
  if (self->done == self->n)
    {
      self->width = self->width < self->n - self->width ? 2 * self->width : self->n;
      self->is_in_spare = !self->is_in_spare;
      self->done = 0;
    }
  return n;
}

/* Where the last merge was into the spare array. */
static guint
copy_back (MkvSyncSort *self, guint n_elements)
{
  guint n = MIN (n_elements, self->n - self->done);

  memcpy (self->elements + self->done * self->size, self->spare + self->done * self->size, n * self->size);
  self->done += n;
  if (self->done == self->n)
    self->is_in_spare = FALSE;
  return n;
}

gboolean
mkv_sync_sort_step (MkvSyncSort *self, guint n_elements)
{
  for (guint n = 0; n < n_elements && (self->width < self->n || self->is_in_spare);)
    {
      if (self->width == 0)
        n += find_order (self, n_elements - n);
      else if (self->width == 1)
        n += sort_run (self);
      else if (self->width < self->n)
        {
          if (self->spare == NULL)
            self->spare = g_malloc (self->n * self->size);
          n += merge_runs (self, n_elements - n);
        }
      else
        n += copy_back (self, n_elements - n);
    }
  return self->width >= self->n && !self->is_in_spare;
}
