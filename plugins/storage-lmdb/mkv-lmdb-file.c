/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The format is that of LMDB 0.9 (its data version 1), in the word size and byte
 * order of this machine: pages of one size, each with a head. The first two are
 * meta pages, of which every commit writes one; the others are branches and
 * leaves of B+ trees, or runs of pages for long values. A tree is free pages by
 * version, the main database, or a database that a record of the main one
 * describes. */
#include "config.h"

#include "mkv-lmdb-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mkv-lmdb-env.h"

#define LMDB_MAGIC 0xBEEFC0DE
#define LMDB_DATA_VERSION 1
#define LEAST_PAGE 512
#define GREATEST_PAGE 65536
/* LMDB's own limit. */
#define MAX_DEPTH 32
#define NO_PAGE G_MAXSIZE
/* MDB_INTEGERKEY: the versions that the tree of free pages has for keys. */
#define FREE_FLAGS 0x08
/* One is told of each kind; the rest is counted. */
#define MAX_FAULTS 50

enum
{
  PAGE_BRANCH = 0x01,
  PAGE_LEAF = 0x02,
  PAGE_OVERFLOW = 0x04,
  PAGE_META = 0x08,
};

enum
{
  NODE_BIG = 0x01,
  NODE_TREE = 0x02,
};

typedef struct
{
  gsize number;
  guint16 pad;
  guint16 flags;
  union
  {
    struct
    {
      guint16 lower, upper; /* where the room between pointers and nodes begins and ends */
    };
    guint32 n_pages; /* of a run */
  };
} Head;

typedef struct
{
  guint32 pad; /* the size of a page, in the tree of free pages */
  guint16 flags;
  guint16 depth;
  gsize n_branches, n_leaves, n_overflows, n_records, root;
} Root;

typedef struct
{
  Head head;
  guint32 magic, version;
  gsize address, map_size;
  Root free, main;
  gsize last_page, txn;
} Meta;

typedef struct
{
  guint16 low, high; /* the length of the value, or the lower half of the child's number */
  guint16 flags;     /* of a child: the rest of its number */
  guint16 key_length;
} Node;

struct _MkvLmdbFile
{
  int fd;
  guint64 size; /* octets */
  gsize page_size;
  Meta metas[2];
  gboolean valid[2];

  /* Of the walk that goes on, or the last one. */
  gsize n_pages;
  guint8 *reached; /* a bit a page */
  GPtrArray *faults;
  guint n_faults;
  MkvLmdbRecordFunc func;
  gpointer user_data;
  gboolean shallow, ended, strange;
};

typedef struct
{
  MkvLmdbTree tree;
  Root root;
  gsize n_records;
  /* The one before, for the order: NULL at first. */
  guint8 *last_key;
  gsize last_length;
  /* What a branch says that the next key is at least; NULL where none does. */
  const Node *least;
  gsize n_branches, n_leaves, n_overflows;
} Walk;

static void add_fault (MkvLmdbFile *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

static void
add_fault (MkvLmdbFile *self, const char *format, ...)
{
  va_list args;

  if (self->n_faults++ >= MAX_FAULTS)
    return;
  va_start (args, format);
  g_ptr_array_add (self->faults, g_strdup_vprintf (format, args));
  va_end (args);
}

static gboolean
read_octets (MkvLmdbFile *self, guint64 offset, void *octets, gsize length)
{
  for (gsize done = 0; done < length;)
    {
      gssize n = pread (self->fd, (guint8 *) octets + done, length - done, (off_t) (offset + done));

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return FALSE;
      done += (gsize) n;
    }
  return TRUE;
}

static gboolean
meta_is_valid (const Meta *meta, guint64 size)
{
  gsize page_size = meta->free.pad;

  return (meta->head.flags & PAGE_META) != 0 && meta->magic == LMDB_MAGIC && meta->version == LMDB_DATA_VERSION &&
         page_size >= LEAST_PAGE && page_size <= GREATEST_PAGE && (page_size & (page_size - 1)) == 0 &&
         meta->last_page >= 1 && meta->last_page < G_MAXSIZE / page_size && 2 * page_size <= size;
}

/* Looks for the second meta page where one says that it is; where the first is
 * damaged, wherever it may be. */
static void
read_metas (MkvLmdbFile *self)
{
  self->valid[0] = read_octets (self, 0, &self->metas[0], sizeof (Meta)) &&
                   meta_is_valid (&self->metas[0], self->size);
  for (gsize size = self->valid[0] ? self->metas[0].free.pad : LEAST_PAGE; size <= GREATEST_PAGE && !self->valid[1];
       size *= 2)
    {
      self->valid[1] = read_octets (self, size, &self->metas[1], sizeof (Meta)) &&
                       meta_is_valid (&self->metas[1], self->size) && self->metas[1].free.pad == size;
      if (self->valid[0])
        break;
    }
  self->page_size = self->valid[0] ? self->metas[0].free.pad : self->valid[1] ? self->metas[1].free.pad : 0;
}

MkvLmdbFile *
mkv_lmdb_file_open (const char *path, GError **error)
{
  g_autoptr (MkvLmdbFile) self = g_new0 (MkvLmdbFile, 1);
  g_autofree char *what = NULL;
  struct stat info;

  self->fd = g_open (path, O_RDONLY | O_CLOEXEC, 0);
  if (self->fd >= 0 && fstat (self->fd, &info) == 0)
    {
      self->size = (guint64) info.st_size;
      read_metas (self);
      return g_steal_pointer (&self);
    }
  what = g_strdup_printf (_("%s can't be read"), path);
  mkv_storage_set_error_from_errno (error, errno, what);
  return NULL;
}

void
mkv_lmdb_file_free (MkvLmdbFile *self)
{
  if (self->fd >= 0)
    close (self->fd);
  g_free (self->reached);
  g_free (self);
}

static guint64
get_version (MkvLmdbFile *self, guint i)
{
  return self->valid[i] ? self->metas[i].txn : 0;
}

guint64
mkv_lmdb_file_get_newest (MkvLmdbFile *self)
{
  return MAX (get_version (self, 0), get_version (self, 1));
}

guint64
mkv_lmdb_file_get_older (MkvLmdbFile *self)
{
  return MIN (get_version (self, 0), get_version (self, 1));
}

guint64
mkv_lmdb_file_get_size (MkvLmdbFile *self)
{
  return self->size;
}

gboolean
mkv_lmdb_file_is_strange (MkvLmdbFile *self)
{
  return self->strange;
}

/* Marks pages; FALSE where one was marked before. */
static gboolean
reach (MkvLmdbFile *self, gsize number, gsize n)
{
  gboolean first = TRUE;

  for (gsize i = number; i < number + n; i++)
    {
      guint8 bit = (guint8) (1 << (i % 8));

      first = first && (self->reached[i / 8] & bit) == 0;
      self->reached[i / 8] |= bit;
    }
  return first;
}

/* A page of a tree, whose pointers lead into it. */
static gboolean
page_is_whole (MkvLmdbFile *self, const guint8 *page, guint16 kind)
{
  const Head *head = (const Head *) page;
  const guint16 *pointers = (const guint16 *) (page + sizeof (Head));
  gsize n;

  /* All of them: LMDB would write to a page that says it is dirty where it lies. */
  if (head->flags != kind || head->lower < sizeof (Head) ||
      head->lower % 2 != 0 || head->lower > head->upper || head->upper > self->page_size)
    return FALSE;
  n = (head->lower - sizeof (Head)) / 2;
  for (gsize i = 0; i < n; i++)
    {
      const Node *node = (const Node *) (page + pointers[i]);
      gsize length;

      if (pointers[i] < head->upper || pointers[i] % 2 != 0 || pointers[i] + sizeof (Node) > self->page_size)
        return FALSE;
      length = sizeof (Node) + node->key_length;
      if (kind == PAGE_LEAF)
        length += (node->flags & NODE_BIG) != 0 ? sizeof (gsize) : node->low | (gsize) node->high << 16;
      if (pointers[i] + length > self->page_size)
        return FALSE;
    }
  return n > 0;
}

static gsize
get_child (const Node *node)
{
  gsize number = node->low | (gsize) node->high << 16;

#if GLIB_SIZEOF_SIZE_T > 4
  number |= (gsize) node->flags << 32;
#endif
  return number;
}

/* The value of a node, in the page or in a run of others, which *@buffer then
 * owns. @n_run is how many those are, NULL not to mark them. */
static const char *
read_value (MkvLmdbFile *self, const Node *node, gsize *n_run, MDB_val *value, guint8 **buffer)
{
  const guint8 *octets = (const guint8 *) (node + 1) + node->key_length;
  gsize number, n_pages;
  Head head;

  value->mv_size = node->low | (gsize) node->high << 16;
  value->mv_data = (void *) octets;
  if ((node->flags & NODE_BIG) == 0)
    return NULL;
  memcpy (&number, octets, sizeof number);
  n_pages = (sizeof (Head) + value->mv_size + self->page_size - 1) / self->page_size;
  if (number < 2 || number >= self->n_pages || n_pages > self->n_pages - number)
    return _("it points out of the file");
  if (!read_octets (self, number * self->page_size, &head, sizeof head))
    return _("it can't be read");
  if (head.number != number || head.flags != PAGE_OVERFLOW || head.n_pages < n_pages ||
      head.n_pages > self->n_pages - number)
    return _("it points at a page of another kind");
  if (n_run != NULL && !reach (self, number, head.n_pages))
    return _("its pages are used twice");
  if (n_run != NULL)
    *n_run = head.n_pages;
  *buffer = g_malloc (value->mv_size + 1);
  value->mv_data = *buffer;
  return read_octets (self, number * self->page_size + sizeof (Head), *buffer, value->mv_size)
             ? NULL
             : _("it can't be read");
}

static int
compare_keys (MkvLmdbTree tree, const guint8 *a, gsize a_length, const guint8 *b, gsize b_length)
{
  int order;

  if (tree == MKV_LMDB_TREE_FREE && a_length == sizeof (gsize) && b_length == sizeof (gsize))
    {
      gsize x, y;

      memcpy (&x, a, sizeof x);
      memcpy (&y, b, sizeof y);
      return x < y ? -1 : x > y;
    }
  order = memcmp (a, b, MIN (a_length, b_length));
  return order != 0 ? order : a_length < b_length ? -1 : a_length > b_length;
}

static const char *
get_name (MkvLmdbTree tree)
{
  static const char *const names[] = { N_("free pages"), "main", MKV_LMDB_ENTRIES, MKV_LMDB_META };

  return _(names[tree]);
}

static void walk_tree (MkvLmdbFile *self, MkvLmdbTree tree, const Root *root);
static void walk_child (MkvLmdbFile *self, Walk *walk, const Node *node, gboolean first, guint depth);

/* What a version has of free pages: their number, and each of them. */
static void
take_free (MkvLmdbFile *self, const MDB_val *value)
{
  gsize n = 0, number;

  if (value->mv_size >= sizeof n)
    memcpy (&n, value->mv_data, sizeof n);
  if (n == 0 || n > value->mv_size / sizeof n - 1)
    {
      add_fault (self, _("The list of free pages is damaged"));
      return;
    }
  for (gsize i = 1; i <= n; i++)
    {
      memcpy (&number, (const guint8 *) value->mv_data + i * sizeof n, sizeof number);
      if (number < 2 || number >= self->n_pages)
        add_fault (self, _("The list of free pages has page %zu, which is not in the file"), number);
      else if (!reach (self, number, 1))
        add_fault (self, _("Page %zu is in use, or listed as free a second time"), number);
    }
}

static void
take_record (MkvLmdbFile *self, Walk *walk, const Node *node, const MDB_val *value)
{
  MDB_val key = { node->key_length, (void *) (node + 1) };
  Root root;

  if (walk->tree == MKV_LMDB_TREE_FREE)
    take_free (self, value);
  else if (walk->tree == MKV_LMDB_TREE_MAIN && (node->flags & NODE_TREE) != 0)
    {
      memcpy (&root, value->mv_data, MIN (sizeof root, value->mv_size));
      if (value->mv_size == sizeof root && key.mv_size == 7 && memcmp (key.mv_data, MKV_LMDB_ENTRIES, 7) == 0)
        walk_tree (self, MKV_LMDB_TREE_ENTRIES, &root);
      else if (value->mv_size == sizeof root && key.mv_size == 4 && memcmp (key.mv_data, MKV_LMDB_META, 4) == 0)
        walk_tree (self, MKV_LMDB_TREE_META, &root);
      else
        {
          self->strange = TRUE;
          add_fault (self, _("The main database holds a database that is not ours"));
        }
    }
  else if (self->func != NULL && !self->func (walk->tree, &key, value, self->user_data))
    self->ended = TRUE;
}

static void
walk_leaf (MkvLmdbFile *self, Walk *walk, const guint8 *page, gsize number)
{
  const Head *head = (const Head *) page;
  const guint16 *pointers = (const guint16 *) (page + sizeof (Head));
  gsize n = (head->lower - sizeof (Head)) / 2;

  for (gsize i = 0; i < n && !self->ended; i++)
    {
      const Node *node = (const Node *) (page + pointers[i]);
      const guint8 *key = (const guint8 *) (node + 1);
      g_autofree guint8 *buffer = NULL;
      const char *fault;
      gsize n_run = 0;
      MDB_val value;

      walk->n_records++;
      if (walk->least != NULL && compare_keys (walk->tree, (const guint8 *) (walk->least + 1), walk->least->key_length,
                                               key, node->key_length) > 0)
        add_fault (self, _("Page %zu (%s): a key is not where lookups go"), number, get_name (walk->tree));
      walk->least = NULL;
      if (walk->last_key != NULL &&
          compare_keys (walk->tree, walk->last_key, walk->last_length, key, node->key_length) >= 0)
        add_fault (self, _("Page %zu (%s): a key is out of order"), number, get_name (walk->tree));
      g_free (walk->last_key);
      walk->last_key = g_memdup2 (key, node->key_length + (gsize) 1);
      walk->last_length = node->key_length;
      if ((node->flags & ~(walk->tree == MKV_LMDB_TREE_MAIN ? NODE_BIG | NODE_TREE : NODE_BIG)) != 0)
        {
          add_fault (self, _("Page %zu (%s): a record is damaged"), number, get_name (walk->tree));
          continue;
        }
      fault = read_value (self, node, &n_run, &value, &buffer);
      walk->n_overflows += n_run;
      if (fault != NULL)
        add_fault (self, _("Page %zu (%s): a long value is damaged: %s"), number, get_name (walk->tree), fault);
      else
        take_record (self, walk, node, &value);
    }
}

static void
walk_page (MkvLmdbFile *self, Walk *walk, gsize number, guint depth)
{
  guint16 kind = depth == 1 ? PAGE_LEAF : PAGE_BRANCH;
  const char *name = get_name (walk->tree);
  g_autofree guint8 *page = NULL;
  const Head *head;
  const guint16 *pointers;

  if (number < 2 || number >= self->n_pages)
    {
      add_fault (self, _("Page %zu (%s) is not in the file"), number, name);
      return;
    }
  if (!reach (self, number, 1))
    {
      add_fault (self, _("Page %zu (%s) is used twice"), number, name);
      return;
    }
  page = g_malloc (self->page_size + 1);
  head = (const Head *) page;
  pointers = (const guint16 *) (page + sizeof (Head));
  if (!read_octets (self, number * self->page_size, page, self->page_size))
    add_fault (self, _("Page %zu (%s) can't be read"), number, name);
  else if (head->number != number || !page_is_whole (self, page, kind))
    add_fault (self, _("Page %zu (%s) is damaged"), number, name);
  else if (kind == PAGE_LEAF && (!self->shallow || walk->tree == MKV_LMDB_TREE_MAIN))
    {
      walk->n_leaves++;
      walk_leaf (self, walk, page, number);
    }
  else if (kind == PAGE_BRANCH && (!self->shallow || walk->tree == MKV_LMDB_TREE_MAIN))
    {
      walk->n_branches++;
      for (gsize i = 0; i < (head->lower - sizeof (Head)) / 2 && !self->ended; i++)
        walk_child (self, walk, (const Node *) (page + pointers[i]), i == 0, depth - 1);
    }
}

/* All keys before a child are less than the one that leads to it, but the first
 * child has none. */
static void
walk_child (MkvLmdbFile *self, Walk *walk, const Node *node, gboolean first, guint depth)
{
  if (!first)
    {
      if (walk->last_key != NULL && compare_keys (walk->tree, walk->last_key, walk->last_length,
                                                  (const guint8 *) (node + 1), node->key_length) >= 0)
        add_fault (self, _("Page %zu (%s): a key is not where lookups go"), get_child (node), get_name (walk->tree));
      walk->least = node;
    }
  walk_page (self, walk, get_child (node), depth);
}

static void
walk_tree (MkvLmdbFile *self, MkvLmdbTree tree, const Root *root)
{
  Walk walk = { .tree = tree };
  guint n_faults = self->n_faults;

  /* Above them are those with which the file was made. */
  if ((root->flags & 0xFF) != (tree == MKV_LMDB_TREE_FREE ? FREE_FLAGS : 0))
    add_fault (self, _("The database %s is damaged: its flags are 0x%04x"), get_name (tree), root->flags);
  if (root->root == NO_PAGE)
    {
      if (root->n_records != 0)
        add_fault (self, _("The database %s has no pages, and should have %zu records"), get_name (tree),
                   root->n_records);
      return;
    }
  if (root->depth < 1 || root->depth > MAX_DEPTH)
    {
      add_fault (self, _("The database %s is damaged: it can't be %d pages deep"), get_name (tree), root->depth);
      return;
    }
  walk_page (self, &walk, root->root, root->depth);
  g_free (walk.last_key);
  if (self->shallow || self->ended || self->n_faults > n_faults)
    return;
  if (walk.n_records != root->n_records)
    add_fault (self, _("The database %s has %zu records, and should have %zu"), get_name (tree), walk.n_records,
               root->n_records);
  if (walk.n_branches != root->n_branches || walk.n_leaves != root->n_leaves ||
      walk.n_overflows != root->n_overflows)
    add_fault (self, _("The database %s has counted its pages wrongly"), get_name (tree));
}

static void
start_walk (MkvLmdbFile *self, gsize n_pages, MkvLmdbRecordFunc func, gpointer user_data, GPtrArray *faults,
            gboolean shallow)
{
  g_free (self->reached);
  self->n_pages = n_pages;
  self->reached = g_malloc0 (n_pages / 8 + 1);
  self->faults = faults;
  self->n_faults = 0;
  self->func = func;
  self->user_data = user_data;
  self->shallow = shallow;
  self->ended = self->strange = FALSE;
}

static gsize
count_lost (MkvLmdbFile *self)
{
  gsize n = 0;

  for (gsize i = 2; i < self->n_pages; i++)
    n += (self->reached[i / 8] & (1 << (i % 8))) == 0 ? 1 : 0;
  return n;
}

static gboolean
walk (MkvLmdbFile *self, guint64 version, MkvLmdbRecordFunc func, gpointer user_data, GPtrArray *faults,
      gboolean shallow)
{
  guint64 n_held = self->page_size > 0 ? self->size / self->page_size : 0;
  const Meta *meta = NULL;
  gsize n_lost;

  for (guint i = 0; i < 2; i++)
    if (self->valid[i] && self->metas[i].txn == version)
      meta = &self->metas[i];
  start_walk (self, meta != NULL ? (gsize) MIN (meta->last_page + 1, n_held) : 0, func, user_data, faults, shallow);
  if (!self->valid[0] || !self->valid[1])
    add_fault (self, _("Meta page %d is damaged"), self->valid[0] ? 1 : 0);
  if (meta == NULL)
    {
      add_fault (self, _("No meta page tells where the data is"));
      return TRUE;
    }
  if (meta->last_page >= n_held)
    add_fault (self, _("The file is cut short: it should have %zu pages of %zu octets"), meta->last_page + 1,
               self->page_size);
  walk_tree (self, MKV_LMDB_TREE_FREE, &meta->free);
  walk_tree (self, MKV_LMDB_TREE_MAIN, &meta->main);
  if (self->ended)
    return FALSE;
  n_lost = shallow || self->n_faults > 0 ? 0 : count_lost (self);
  if (n_lost > 0)
    add_fault (self, _("%zu pages are neither in use nor listed as free"), n_lost);
  if (self->n_faults > MAX_FAULTS)
    g_ptr_array_add (faults, g_strdup_printf (_("%u more faults are not listed"), self->n_faults - MAX_FAULTS));
  return TRUE;
}

gboolean
mkv_lmdb_file_walk (MkvLmdbFile *self, guint64 version, MkvLmdbRecordFunc func, gpointer user_data,
                    GPtrArray *faults)
{
  return walk (self, version, func, user_data, faults, FALSE);
}

void
mkv_lmdb_file_look (MkvLmdbFile *self, guint64 version, GPtrArray *faults)
{
  walk (self, version, NULL, NULL, faults, TRUE);
}

gboolean
mkv_lmdb_file_walk_lost (MkvLmdbFile *self, MkvLmdbRecordFunc func, gpointer user_data)
{
  gsize page_size = self->page_size > 0 ? self->page_size : 4096;
  gsize n_known = self->n_pages;
  g_autofree guint8 *page = g_malloc (page_size + 1);

  self->page_size = page_size;
  self->n_pages = (gsize) (self->size / page_size);
  for (gsize i = 2; i < self->n_pages; i++)
    {
      const guint16 *pointers = (const guint16 *) (page + sizeof (Head));
      const Head *head = (const Head *) page;

      if ((i < n_known && (self->reached[i / 8] & (1 << (i % 8))) != 0) ||
          !read_octets (self, i * page_size, page, page_size) || head->number != i ||
          !page_is_whole (self, page, PAGE_LEAF))
        continue;
      for (gsize j = 0; j < (head->lower - sizeof (Head)) / 2; j++)
        {
          const Node *node = (const Node *) (page + pointers[j]);
          MDB_val key = { node->key_length, (void *) (node + 1) }, value;
          g_autofree guint8 *buffer = NULL;

          if (read_value (self, node, NULL, &value, &buffer) == NULL &&
              !func (MKV_LMDB_TREE_ENTRIES, &key, &value, user_data))
            return FALSE;
        }
    }
  return TRUE;
}
