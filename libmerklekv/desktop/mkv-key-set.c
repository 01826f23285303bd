/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A counted B+-tree of two levels. A page has its strings one behind the other,
 * each with its NUL, so they take no pointer, no node and no allocation of their
 * own; an array has the pages. How many strings stand before a page comes from a
 * Fenwick tree over the pages' counts, which is made afresh when pages come or
 * go: once in about a hundred changes, and a million strings of 16 octets have
 * some 9,000 pages.
 */
#include "desktop/mkv-key-set-private.h"

#include <string.h>

/* A page is split above this. A string may be longer: then it is alone. */
#define PAGE_BYTES 2048

/* Pages are given memory in such steps: what they don't use is a twentieth. */
#define STEP_BYTES 128

/* Neighbours that have become so small together are made one. */
#define SMALL_BYTES (PAGE_BYTES / 2)

typedef struct
{
  char *octets;
  guint32 size; /* of octets in use */
  guint32 n;    /* of strings; at least 1 */
} Page;

struct _MkvKeySet
{
  GArray *pages; /* of Page, in order */
  guint *sums;   /* Fenwick tree over the pages' n; [0] is unused */
  guint length;
};

MkvKeySet *
mkv_key_set_new (void)
{
  MkvKeySet *self = g_new0 (MkvKeySet, 1);

  self->pages = g_array_new (FALSE, FALSE, sizeof (Page));
  return self;
}

static inline Page *
get_page (const MkvKeySet *self, guint index)
{
  return &g_array_index (self->pages, Page, index);
}

void
mkv_key_set_free (MkvKeySet *self)
{
  for (guint i = 0; i < self->pages->len; i++)
    g_free (get_page (self, i)->octets);
  g_array_unref (self->pages);
  g_free (self->sums);
  g_free (self);
}

guint
mkv_key_set_get_length (const MkvKeySet *self)
{
  return self->length;
}

/* Pages have come or gone. */
static void
make_sums (MkvKeySet *self)
{
  guint n_pages = self->pages->len;

  self->sums = g_renew (guint, self->sums, n_pages + 1);
  for (guint i = 1; i <= n_pages; i++)
    self->sums[i] = get_page (self, i - 1)->n;
  for (guint i = 1; i <= n_pages; i++)
    {
      guint above = i + (i & -i);

      if (above <= n_pages)
        self->sums[above] += self->sums[i];
    }
}

static void
add_to_sums (MkvKeySet *self, guint index, gint n)
{
  for (guint i = index + 1; i <= self->pages->len; i += i & -i)
    self->sums[i] += (guint) n;
}

/* How many strings stand before the page. */
static guint
count_before (const MkvKeySet *self, guint index)
{
  guint n = 0;

  for (guint i = index; i > 0; i -= i & -i)
    n += self->sums[i];
  return n;
}

const char *
mkv_key_set_get (const MkvKeySet *self, guint position)
{
  guint index = 0, left = position;
  const char *string;

  for (guint step = 1u << g_bit_storage (self->pages->len); step > 0; step >>= 1)
    if (index + step <= self->pages->len && self->sums[index + step] <= left)
      {
        index += step;
        left -= self->sums[index];
      }
  string = get_page (self, index)->octets;
  for (; left > 0; left--)
    string += strlen (string) + 1;
  return string;
}

/* The page that has @key, or is to have it. There is at least one. */
static guint
find_page (const MkvKeySet *self, const char *key)
{
  guint low = 0, high = self->pages->len;

  while (high - low > 1)
    {
      guint middle = low + (high - low) / 2;

      if (strcmp (get_page (self, middle)->octets, key) <= 0)
        low = middle;
      else
        high = middle;
    }
  return low;
}

/* Whether @key is in the page; @offset is where its octets are, or are to go,
 * and @n how many strings of the page stand before it. */
static gboolean
find_in_page (const Page *page, const char *key, guint32 *offset, guint *n)
{
  gint order = 1;

  for (*offset = 0, *n = 0; *offset < page->size; (*n)++)
    {
      order = strcmp (page->octets + *offset, key);
      if (order >= 0)
        break;
      *offset += (guint32) strlen (page->octets + *offset) + 1;
    }
  return order == 0;
}

gboolean
mkv_key_set_find (const MkvKeySet *self, const char *key, guint *position)
{
  guint index, n = 0;
  guint32 offset;
  gboolean found;

  *position = 0;
  if (self->pages->len == 0)
    return FALSE;
  index = find_page (self, key);
  found = find_in_page (get_page (self, index), key, &offset, &n);
  *position = count_before (self, index) + n;
  return found;
}

/* Gives the page room for @size octets, and no more than it needs. */
static void
set_room (Page *page, guint32 size)
{
  guint32 have = (page->size + STEP_BYTES - 1) / STEP_BYTES, want = (size + STEP_BYTES - 1) / STEP_BYTES;

  if (have != want)
    page->octets = g_realloc (page->octets, (gsize) want * STEP_BYTES);
}

static void
insert_page (MkvKeySet *self, guint index, const char *octets, guint32 size, guint32 n)
{
  Page page = { NULL, 0, n };

  set_room (&page, size);
  memcpy (page.octets, octets, size);
  page.size = size;
  g_array_insert_val (self->pages, index, page);
}

/* Puts what stands from @offset on, with @n strings before it, on a page of its
 * own. */
static void
split_page (MkvKeySet *self, guint index, guint32 offset, guint n)
{
  Page *page = get_page (self, index);

  insert_page (self, index + 1, page->octets + offset, page->size - offset, page->n - n);
  page = get_page (self, index);
  set_room (page, offset);
  page->size = offset;
  page->n = n;
}

/* Where the page's second half begins. */
static void
find_middle (const Page *page, guint32 *offset, guint *n)
{
  for (*offset = 0, *n = 0; *offset < page->size / 2; (*n)++)
    *offset += (guint32) strlen (page->octets + *offset) + 1;
}

gboolean
mkv_key_set_add (MkvKeySet *self, const char *key)
{
  guint32 size = (guint32) strlen (key) + 1, offset = 0;
  guint index = 0, n = 0;
  Page *page;

  if (self->pages->len > 0)
    {
      index = find_page (self, key);
      if (find_in_page (get_page (self, index), key, &offset, &n))
        return FALSE;
    }
  self->length++;
  if (self->pages->len == 0)
    {
      insert_page (self, 0, key, size, 1);
      make_sums (self);
      return TRUE;
    }
  page = get_page (self, index);
  if (page->size + size > PAGE_BYTES)
    {
      /* Strings mostly come in order: then a page stays as full as it is. */
      if (offset == page->size)
        {
          insert_page (self, index + 1, key, size, 1);
          make_sums (self);
          return TRUE;
        }
      find_middle (page, &offset, &n);
      if (offset < page->size)
        {
          split_page (self, index, offset, n);
          make_sums (self);
          index = find_page (self, key);
          page = get_page (self, index);
        }
      find_in_page (page, key, &offset, &n);
    }
  set_room (page, page->size + size);
  memmove (page->octets + offset + size, page->octets + offset, page->size - offset);
  memcpy (page->octets + offset, key, size);
  page->size += size;
  page->n++;
  add_to_sums (self, index, 1);
  return TRUE;
}

static void
remove_page (MkvKeySet *self, guint index)
{
  g_free (get_page (self, index)->octets);
  g_array_remove_index (self->pages, index);
}

/* Makes the page and the next one. */
static gboolean
join_pages (MkvKeySet *self, guint index)
{
  Page *page, *next;

  if (index + 1 >= self->pages->len)
    return FALSE;
  page = get_page (self, index);
  next = get_page (self, index + 1);
  if (page->size + next->size > SMALL_BYTES)
    return FALSE;
  set_room (page, page->size + next->size);
  memcpy (page->octets + page->size, next->octets, next->size);
  page->size += next->size;
  page->n += next->n;
  remove_page (self, index + 1);
  return TRUE;
}

gboolean
mkv_key_set_remove (MkvKeySet *self, const char *key)
{
  guint32 size = (guint32) strlen (key) + 1, offset;
  guint index, n;
  Page *page;

  if (self->pages->len == 0)
    return FALSE;
  index = find_page (self, key);
  page = get_page (self, index);
  if (!find_in_page (page, key, &offset, &n))
    return FALSE;
  self->length--;
  memmove (page->octets + offset, page->octets + offset + size, page->size - offset - size);
  if (page->n == 1)
    {
      remove_page (self, index);
      make_sums (self);
      return TRUE;
    }
  set_room (page, page->size - size);
  page->size -= size;
  page->n--;
  if (join_pages (self, index) || (index > 0 && join_pages (self, index - 1)))
    make_sums (self);
  else
    add_to_sums (self, index, -1);
  return TRUE;
}
