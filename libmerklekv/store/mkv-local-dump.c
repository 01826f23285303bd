/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-local-dump-private.h"

#include "store/mkv-dump-cbor-private.h"
#include "store/mkv-dump-dconf-private.h"
#include "store/mkv-dump-json-private.h"

/* What is read at once: so many entries, or about so many octets. */
#define MAX_PAGE_ENTRIES 1024
#define MAX_PAGE_BYTES (1024 * 1024)
/* What is written at once is at least so long. */
#define MIN_WRITE_BYTES (256 * 1024)

typedef struct
{
  MkvDumpFormat format;
  MkvCodec *codec; /* of CBOR */
  char *group;     /* of dconf */
  GString *octets; /* not written yet */
} Dump;

static void
dump_clear (Dump *self)
{
  g_clear_object (&self->codec);
  g_free (self->group);
  g_string_free (self->octets, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Dump, dump_clear)

static gboolean
add_page (Dump *self, GPtrArray *page, GError **error)
{
  if (self->format == MKV_DUMP_CBOR)
    return page->len == 0 || mkv_dump_cbor_add (self->octets, self->codec, page, error);
  for (guint i = 0; i < page->len; i++)
    if (self->format == MKV_DUMP_JSON_LINES)
      mkv_dump_json_add (self->octets, page->pdata[i]);
    else if (!mkv_entry_is_tombstone (page->pdata[i]))
      mkv_dump_dconf_add (self->octets, page->pdata[i], &self->group);
  return TRUE;
}

static gboolean
write_out (Dump *self, GOutputStream *stream, GCancellable *cancellable, GError **error)
{
  if (!g_output_stream_write_all (stream, self->octets->str, self->octets->len, NULL, cancellable, error))
    return FALSE;
  g_string_truncate (self->octets, 0);
  return TRUE;
}

/* How many entries to read next, so that they are about as long as they may be. */
static guint
get_next_limit (GPtrArray *page)
{
  gsize n_bytes = 1;

  for (guint i = 0; i < page->len; i++)
    {
      gsize length;

      mkv_entry_peek_value (page->pdata[i], &length);
      n_bytes += 128 + length;
    }
  return (guint) CLAMP ((guint64) page->len * MAX_PAGE_BYTES / n_bytes, 1, MAX_PAGE_ENTRIES);
}

gboolean
mkv_local_dump (MkvStorage *storage, GOutputStream *stream, MkvDumpFormat format, const char *prefix,
                MkvProgress *progress, GCancellable *cancellable, GError **error)
{
  g_auto (Dump) self = { .format = format, .octets = g_string_sized_new (2 * MIN_WRITE_BYTES) };
  guint64 n_live = 0, n_tombstones = 0, n_bytes, done = 0;
  g_autofree char *after = NULL;
  guint limit = 64, n;

  if (format == MKV_DUMP_CBOR && (self.codec = mkv_dump_cbor_new_codec (error)) == NULL)
    return FALSE;
  /* How many have the prefix nobody knows. */
  if (prefix == NULL && !mkv_storage_stats (storage, &n_live, &n_tombstones, &n_bytes, error))
    return FALSE;
  do
    {
      g_autoptr (GPtrArray) page = NULL;

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      page = mkv_storage_scan (storage, prefix, after, limit, error);
      if (page == NULL || !add_page (&self, page, error))
        return FALSE;
      if (self.octets->len >= MIN_WRITE_BYTES && !write_out (&self, stream, cancellable, error))
        return FALSE;
      n = page->len;
      done += n;
      mkv_progress_set (progress, done, n_live + n_tombstones);
      if (n < limit)
        break;
      g_free (after);
      after = g_strdup (mkv_entry_get_key (page->pdata[n - 1]));
      limit = get_next_limit (page);
    }
  while (TRUE);
  return write_out (&self, stream, cancellable, error) && g_output_stream_flush (stream, cancellable, error);
}
