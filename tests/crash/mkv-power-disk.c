/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-power-disk.h"

#include <glib/gstdio.h>
#include <string.h>

#define PAGE 4096
#define SECTOR 512

typedef struct
{
  GByteArray *safe;
  GPtrArray *pending; /* of Change */
} File;

typedef struct
{
  PowerKind kind;
  guint64 offset;
  guint length;
  const guint8 *data;
} Change;

typedef struct
{
  PowerKind kind;
  char *name, *new_name;
  File *file; /* of CREATE */
} NameChange;

struct _PowerDisk
{
  GHashTable *files; /* the number it is known by to File */
  GPtrArray *all;    /* owns every File */
  GHashTable *names; /* safe: name to File */
  GPtrArray *pending; /* of NameChange */
};

static void
file_free (gpointer data)
{
  File *file = data;

  g_byte_array_unref (file->safe);
  g_ptr_array_unref (file->pending);
  g_free (file);
}

static void
name_change_free (gpointer data)
{
  NameChange *change = data;

  g_free (change->name);
  g_free (change->new_name);
  g_free (change);
}

PowerDisk *
power_disk_new (void)
{
  PowerDisk *self = g_new0 (PowerDisk, 1);

  self->files = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  self->all = g_ptr_array_new_with_free_func (file_free);
  self->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->pending = g_ptr_array_new_with_free_func (name_change_free);
  return self;
}

void
power_disk_free (PowerDisk *self)
{
  g_hash_table_unref (self->files);
  g_hash_table_unref (self->names);
  g_ptr_array_unref (self->pending);
  g_ptr_array_unref (self->all);
  g_free (self);
}

static void
resize (GByteArray *octets, guint64 length)
{
  guint old = octets->len;

  g_byte_array_set_size (octets, (guint) length);
  if (length > old)
    memset (octets->data + old, 0, length - old);
}

static void
put (GByteArray *octets, guint64 offset, const guint8 *data, guint length)
{
  if (offset + length > octets->len)
    resize (octets, offset + length);
  memcpy (octets->data + offset, data, length);
}

static void
apply (GByteArray *octets, const Change *change)
{
  if (change->kind == POWER_TRUNCATE)
    resize (octets, change->offset);
  else
    put (octets, change->offset, change->data, change->length);
}

/* Any of its pages; the last one that is written may be torn between sectors. */
static void
apply_some (GByteArray *octets, const Change *change, GRand *rand)
{
  guint from = 0;

  if (change->kind == POWER_TRUNCATE)
    {
      if (g_rand_boolean (rand))
        resize (octets, change->offset);
      return;
    }
  while (from < change->length)
    {
      guint to = MIN (change->length, from + PAGE - (guint) ((change->offset + from) % PAGE));
      guint until = to;

      if (g_rand_int_range (rand, 0, 8) == 0)
        until = MIN (to, from + SECTOR * (guint) g_rand_int_range (rand, 0, PAGE / SECTOR));
      if (g_rand_boolean (rand))
        put (octets, change->offset + from, change->data + from, until - from);
      from = to;
    }
}

static void
apply_name (GHashTable *names, const NameChange *change)
{
  gpointer file = change->file;

  if (change->kind != POWER_CREATE)
    {
      file = g_hash_table_lookup (names, change->name);
      g_hash_table_remove (names, change->name);
    }
  if (change->kind == POWER_RENAME && file != NULL)
    g_hash_table_replace (names, g_strdup (change->new_name), file);
  else if (change->kind == POWER_CREATE)
    g_hash_table_replace (names, g_strdup (change->name), file);
}

static File *
create (PowerDisk *self, guint64 number)
{
  File *file = g_new0 (File, 1);

  file->safe = g_byte_array_new ();
  file->pending = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->all, file);
  /* Numbers are given again when a file is gone. */
  g_hash_table_replace (self->files, g_memdup2 (&number, sizeof number), file);
  return file;
}

static void
add_name_change (PowerDisk *self, PowerKind kind, const guint8 *names, guint length, File *file)
{
  NameChange *change = g_new0 (NameChange, 1);
  gsize first = strnlen ((const char *) names, length);

  change->kind = kind;
  change->name = g_strndup ((const char *) names, first);
  if (kind == POWER_RENAME)
    change->new_name = g_strndup ((const char *) names + first + 1, length - first - 1);
  change->file = file;
  g_ptr_array_add (self->pending, change);
}

/* What is pending for these pages goes to the disk with them. */
static void
write_back (File *file, guint64 first_page, guint64 end_page)
{
  for (guint i = 0; i < file->pending->len;)
    {
      const Change *change = file->pending->pdata[i];

      if (change->kind == POWER_WRITE && change->offset / PAGE < end_page &&
          change->offset + change->length > first_page * PAGE)
        {
          apply (file->safe, change);
          g_ptr_array_remove_index (file->pending, i);
        }
      else
        i++;
    }
}

void
power_disk_play (PowerDisk *self, const PowerRecord *record, const guint8 *data)
{
  File *file = g_hash_table_lookup (self->files, &record->file);
  Change *change;

  switch ((PowerKind) record->kind)
    {
    case POWER_CREATE:
      add_name_change (self, POWER_CREATE, data, record->length, create (self, record->file));
      break;
    case POWER_RENAME:
    case POWER_UNLINK:
      add_name_change (self, record->kind, data, record->length, NULL);
      break;
    case POWER_SYNC_FOLDER:
      for (guint i = 0; i < self->pending->len; i++)
        apply_name (self->names, self->pending->pdata[i]);
      g_ptr_array_set_size (self->pending, 0);
      break;
    case POWER_SYNC:
      g_assert_nonnull (file);
      for (guint i = 0; i < file->pending->len; i++)
        apply (file->safe, file->pending->pdata[i]);
      g_ptr_array_set_size (file->pending, 0);
      break;
    case POWER_WRITE_SAFE:
      g_assert_nonnull (file);
      write_back (file, record->offset / PAGE, (record->offset + record->length + PAGE - 1) / PAGE);
      put (file->safe, record->offset, data, record->length);
      break;
    case POWER_WRITE:
    case POWER_TRUNCATE:
      g_assert_nonnull (file);
      change = g_new0 (Change, 1);
      change->kind = record->kind;
      change->offset = record->offset;
      change->length = record->length;
      change->data = data;
      g_ptr_array_add (file->pending, change);
      break;
    case POWER_ACK:
      break;
    }
}

static void
write_file (File *file, PowerLoss loss, GRand *rand, const char *name)
{
  g_autoptr (GByteArray) octets = g_byte_array_new ();
  g_autoptr (GError) error = NULL;

  g_byte_array_append (octets, file->safe->data, file->safe->len);
  for (guint i = 0; i < file->pending->len && loss != POWER_NOTHING; i++)
    if (loss == POWER_ALL)
      apply (octets, file->pending->pdata[i]);
    else
      apply_some (octets, file->pending->pdata[i], rand);
  g_file_set_contents_full (name, (const char *) octets->data, octets->len, G_FILE_SET_CONTENTS_NONE, 0600, &error);
  g_assert_no_error (error);
}

void
power_disk_lose (PowerDisk *self, PowerLoss loss, GRand *rand, const char *path)
{
  g_autoptr (GHashTable) names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  guint n_kept = loss == POWER_NOTHING ? 0 : self->pending->len;
  GHashTableIter iter;
  gpointer name, file;

  if (loss == POWER_SOME_NAMES)
    n_kept = (guint) g_rand_int_range (rand, 0, (gint) self->pending->len + 1);
  g_hash_table_iter_init (&iter, self->names);
  while (g_hash_table_iter_next (&iter, &name, &file))
    g_hash_table_insert (names, g_strdup (name), file);
  for (guint i = 0; i < n_kept; i++)
    apply_name (names, self->pending->pdata[i]);
  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  g_hash_table_iter_init (&iter, names);
  while (g_hash_table_iter_next (&iter, &name, &file))
    {
      g_autofree char *full = g_build_filename (path, name, NULL);

      write_file (file, loss, rand, full);
    }
}
