/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * What was read is split into lines, or items of CBOR; what they stand for is
 * collected and written, so much at a time that memory stays bounded and others
 * who write need not wait long.
 */
#include "config.h"

#include "store/mkv-local-dump-private.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "store/mkv-dump-cbor-private.h"
#include "store/mkv-dump-dconf-private.h"
#include "store/mkv-dump-json-private.h"

#define READ_BYTES (256 * 1024)
/* The largest value in the longest way to write it, six characters for each
 * octet, and more: a longer line is not kept to its end. */
#define MAX_LINE_BYTES (8 * MKV_MAX_VALUE_BYTES)
#define MAX_ITEM_BYTES (2 * MKV_MAX_PAYLOAD_BYTES)
/* What is written at once. */
#define MAX_ENTRIES 8192
#define MAX_BYTES (4 * 1024 * 1024)
/* What is decoded at once. */
#define MAX_ITEMS_BYTES (128 * 1024)
/* Above every seq that is ever used, and far from the end of all numbers: one
 * that came in would leave none for this node. */
#define MAX_SEQ (G_MAXINT64 / 2)
#define MAX_PROBLEMS 1000

typedef struct
{
  MkvStore *store;
  GInputStream *stream;
  MkvDumpFormat format;
  MkvProgress *progress;
  GCancellable *cancellable;
  MkvCodec *codec; /* of CBOR */
  char *group;     /* of dconf */

  GByteArray *octets; /* read; those before `at` are dealt with */
  gsize at;
  gboolean at_end; /* of the stream */
  guint64 n_read, total;
  guint64 number; /* of the last line or item */

  GPtrArray *entries; /* with stamps, to be written */
  GPtrArray *keys, *values; /* without, to be written */
  GArray *numbers; /* of the lines of these */
  GHashTable *pending; /* the keys; borrowed */
  gsize n_bytes; /* in all of these */

  guint64 n_loaded, n_unchanged, n_refused;
  GPtrArray *problems;
} Load;

static void
load_clear (Load *self)
{
  g_clear_object (&self->codec);
  g_free (self->group);
  g_byte_array_unref (self->octets);
  g_ptr_array_unref (self->entries);
  g_hash_table_unref (self->pending);
  g_ptr_array_unref (self->keys);
  g_ptr_array_unref (self->values);
  g_array_unref (self->numbers);
  g_ptr_array_unref (self->problems);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Load, load_clear)

static void
add_problem (Load *self, char *problem)
{
  if (self->problems->len < MAX_PROBLEMS)
    g_ptr_array_add (self->problems, problem);
  else
    g_free (problem);
}

static void
refuse (Load *self, guint64 number, const char *why)
{
  self->n_refused++;
  add_problem (self, g_strdup_printf (_("Line %" PRIu64 ": %s"), number, why));
}

static gboolean
write_entries (Load *self, GError **error)
{
  MkvWrite write = { .kind = MKV_WRITE_LOAD, .entries = self->entries, .origin = MKV_ORIGIN_LOAD };

  if (!mkv_store_submit (self->store, &write, self->cancellable))
    {
      g_propagate_error (error, write.error);
      return FALSE;
    }
  self->n_loaded += write.n_applied;
  self->n_unchanged += write.n_stale + write.n_duplicate;
  self->n_refused += write.n_future;
  if (write.n_future > 0)
    add_problem (self,
                 g_strdup_printf (g_dngettext (GETTEXT_PACKAGE,
                                               "%u entry is of a time that this clock does not reach yet: see that "
                                               "it is right, and load again",
                                               "%u entries are of a time that this clock does not reach yet: see "
                                               "that it is right, and load again", write.n_future),
                                  write.n_future));
  g_ptr_array_set_size (self->entries, 0);
  return TRUE;
}

/* Whether @error concerns one value, and others can be written. */
static gboolean
is_refusal (const GError *error)
{
  return g_error_matches (error, MKV_ERROR, MKV_ERROR_TOO_LARGE) ||
         g_error_matches (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT);
}

static gboolean
write_one_by_one (Load *self, GError **error)
{
  for (guint i = 0; self->keys->pdata[i] != NULL; i++)
    {
      g_autoptr (GError) why = NULL;

      if (mkv_store_set (self->store, self->keys->pdata[i], self->values->pdata[i], self->cancellable, &why))
        self->n_loaded++;
      else if (is_refusal (why))
        refuse (self, g_array_index (self->numbers, guint64, i), why->message);
      else
        {
          g_propagate_error (error, g_steal_pointer (&why));
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
write_values (Load *self, GError **error)
{
  guint n = self->keys->len;
  g_autoptr (GError) why = NULL;

  if (n == 0)
    return TRUE;
  g_ptr_array_add (self->keys, NULL);
  if (mkv_store_set_many (self->store, (const char *const *) self->keys->pdata, self->values, self->cancellable, &why))
    self->n_loaded += n;
  else if (!is_refusal (why))
    {
      g_propagate_error (error, g_steal_pointer (&why));
      return FALSE;
    }
  else if (!write_one_by_one (self, error))
    return FALSE;
  g_hash_table_remove_all (self->pending);
  g_ptr_array_set_size (self->keys, 0);
  g_ptr_array_set_size (self->values, 0);
  g_array_set_size (self->numbers, 0);
  return TRUE;
}

/* All that was collected. */
static gboolean
write_all (Load *self, GError **error)
{
  self->n_bytes = 0;
  return (self->entries->len == 0 || write_entries (self, error)) && write_values (self, error);
}

/* What is loaded with stamps is only ordered; one durable write at the end makes
 * all before it so. */
static gboolean
make_durable (Load *self, GError **error)
{
  MkvWrite write = { .kind = MKV_WRITE_PROBE };

  if (mkv_store_submit (self->store, &write, self->cancellable))
    return TRUE;
  g_propagate_error (error, write.error);
  return FALSE;
}

/* Takes @entry. */
static gboolean
add_entry (Load *self, MkvEntry *entry, GError **error)
{
  gsize length;

  if (mkv_entry_get_stamp (entry)->seq > MAX_SEQ)
    {
      mkv_entry_unref (entry);
      refuse (self, self->number, _("its seq is none that a node has come to"));
      return TRUE;
    }
  /* The order of the lines is kept. */
  if (self->keys->len > 0 && !write_all (self, error))
    {
      mkv_entry_unref (entry);
      return FALSE;
    }
  mkv_entry_peek_value (entry, &length);
  self->n_bytes += 128 + length;
  g_ptr_array_add (self->entries, entry);
  return (self->entries->len < MAX_ENTRIES && self->n_bytes < MAX_BYTES) || write_all (self, error);
}

/* Takes what is in @item. */
static gboolean
add_value (Load *self, MkvDumpItem *item, GError **error)
{
  if (g_bytes_get_size (item->value) > MKV_MAX_VALUE_BYTES)
    {
      refuse (self, self->number, _("its value is longer than 256 KiB"));
      return TRUE;
    }
  if ((self->entries->len > 0 || g_hash_table_contains (self->pending, item->key)) && !write_all (self, error))
    return FALSE;
  self->n_bytes += g_bytes_get_size (item->value);
  g_hash_table_add (self->pending, item->key);
  g_ptr_array_add (self->keys, g_steal_pointer (&item->key));
  g_ptr_array_add (self->values, g_steal_pointer (&item->value));
  g_array_append_val (self->numbers, self->number);
  return (self->keys->len < MKV_MAX_BULK_KEYS && self->n_bytes < MAX_BYTES) || write_all (self, error);
}

static gboolean
take_line (Load *self, const char *line, gsize length, GError **error)
{
  g_auto (MkvDumpItem) item = { 0 };
  g_autoptr (GError) why = NULL;
  gboolean parsed;

  self->number++;
  if (length == 0)
    return TRUE;
  if (self->format == MKV_DUMP_DCONF)
    parsed = mkv_dump_dconf_parse (line, length, &self->group, &item, &why);
  else
    parsed = mkv_dump_json_parse (line, length, &item, &why);
  if (!parsed)
    refuse (self, self->number, why->message);
  else if (item.entry != NULL)
    return add_entry (self, g_steal_pointer (&item.entry), error);
  else if (item.key != NULL)
    return add_value (self, &item, error);
  return TRUE;
}

/* Reads more, behind what is left. */
static gboolean
fill (Load *self, GError **error)
{
  gsize left;
  gssize n;

  g_byte_array_remove_range (self->octets, 0, (guint) self->at);
  self->at = 0;
  left = self->octets->len;
  g_byte_array_set_size (self->octets, (guint) (left + READ_BYTES));
  n = g_input_stream_read (self->stream, self->octets->data + left, READ_BYTES, self->cancellable, error);
  g_byte_array_set_size (self->octets, (guint) (left + (gsize) MAX (n, 0)));
  self->at_end = n == 0;
  self->n_read += (guint64) MAX (n, 0);
  mkv_progress_set (self->progress, self->n_read, self->total);
  return n >= 0;
}

static gboolean
load_lines (Load *self, GError **error)
{
  gboolean too_long = FALSE;

  for (;;)
    {
      const char *start = (const char *) self->octets->data + self->at;
      gsize left = self->octets->len - self->at;
      const char *end = left > 0 ? memchr (start, '\n', left) : NULL;

      if (end == NULL && left > MAX_LINE_BYTES)
        {
          too_long = TRUE;
          self->at += left;
          left = 0;
        }
      if (end == NULL && !self->at_end)
        {
          if (!fill (self, error))
            return FALSE;
          continue;
        }
      if (end == NULL && left == 0 && !too_long)
        return TRUE;
      left = end != NULL ? (gsize) (end - start) : left;
      if (too_long)
        refuse (self, ++self->number, _("it is longer than any entry's"));
      else if (!take_line (self, start, left, error))
        return FALSE;
      too_long = FALSE;
      self->at += left + (end != NULL);
    }
}

static gboolean
decode_items (Load *self, gsize length, guint n, GError **error)
{
  g_autoptr (GPtrArray) refused = g_ptr_array_new ();
  g_autoptr (GPtrArray) entries = NULL;

  entries = mkv_dump_cbor_parse (self->codec, self->octets->data + self->at, length, n, self->number + 1, refused, error);
  if (entries == NULL)
    return FALSE;
  self->at += length;
  self->number += n;
  self->n_refused += refused->len;
  for (guint i = 0; i < refused->len; i++)
    add_problem (self, refused->pdata[i]);
  for (guint i = 0; i < entries->len; i++)
    if (!add_entry (self, mkv_entry_ref (entries->pdata[i]), error))
      return FALSE;
  return TRUE;
}

static gboolean
load_items (Load *self, GError **error)
{
  for (;;)
    {
      const guint8 *start = self->octets->data + self->at;
      gsize left = self->octets->len - self->at, length = 0;
      gssize next = 0;
      guint n = 0;

      while (n < MKV_MAX_EVENTS && length < MAX_ITEMS_BYTES &&
             (next = mkv_dump_cbor_measure (start + length, left - length)) > 0)
        {
          length += (gsize) next;
          n++;
        }
      if (n > 0)
        {
          if (!decode_items (self, length, n, error))
            return FALSE;
        }
      else if (next == 0 && !self->at_end && left <= MAX_ITEM_BYTES)
        {
          if (!fill (self, error))
            return FALSE;
        }
      else
        {
          /* Nobody knows where the next item begins. */
          if (left > 0)
            {
              self->n_refused++;
              add_problem (self, g_strdup_printf (_("Item %" PRIu64 ": it is not well-formed CBOR, or cut off; what "
                                                    "follows it is not read"), self->number + 1));
            }
          return TRUE;
        }
    }
}

guint64
mkv_local_load_measure (GInputStream *stream, GCancellable *cancellable)
{
  g_autoptr (GFileInfo) info = NULL;

  if (G_IS_FILE_INPUT_STREAM (stream))
    info = g_file_input_stream_query_info (G_FILE_INPUT_STREAM (stream), G_FILE_ATTRIBUTE_STANDARD_SIZE, cancellable,
                                           NULL);
  return info != NULL ? (guint64) g_file_info_get_size (info) : 0;
}

static MkvLoadReport *
make_report (Load *self)
{
  MkvLoadReport *report = g_new0 (MkvLoadReport, 1);

  report->n_loaded = self->n_loaded;
  report->n_unchanged = self->n_unchanged;
  report->n_refused = self->n_refused;
  g_ptr_array_add (self->problems, NULL);
  report->problems = g_strdupv ((char **) self->problems->pdata);
  return report;
}

MkvLoadReport *
mkv_local_load (MkvStore *store, GInputStream *stream, MkvDumpFormat format, MkvProgress *progress,
                GCancellable *cancellable, GError **error)
{
  g_auto (Load) self = {
    .store = store,
    .stream = stream,
    .format = format,
    .progress = progress,
    .cancellable = cancellable,
    .octets = g_byte_array_new (),
    .total = mkv_local_load_measure (stream, cancellable),
    .entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref),
    .keys = g_ptr_array_new_with_free_func (g_free),
    .values = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref),
    .numbers = g_array_new (FALSE, FALSE, sizeof (guint64)),
    .pending = g_hash_table_new (g_str_hash, g_str_equal),
    .problems = g_ptr_array_new_with_free_func (g_free),
  };

  if (format == MKV_DUMP_CBOR && (self.codec = mkv_dump_cbor_new_codec (error)) == NULL)
    return NULL;
  if (!(format == MKV_DUMP_CBOR ? load_items (&self, error) : load_lines (&self, error)) || !write_all (&self, error))
    return NULL;
  if (!make_durable (&self, error))
    return NULL;
  return make_report (&self);
}
