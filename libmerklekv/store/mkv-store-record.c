/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "store/mkv-store-record-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "store/mkv-decision-private.h"

#define META_FORMAT "format"
#define META_NODE_ID "node-id"
#define META_CLOCK "clock"

/* What is kept under @name: *@text is NULL if there is nothing. */
static gboolean
read_meta (MkvStorage *storage, const char *name, char **text, GError **error)
{
  GError *local_error = NULL;
  g_autoptr (GBytes) value = mkv_storage_get_meta (storage, name, &local_error);
  gsize length;
  gconstpointer data;

  *text = NULL;
  if (value != NULL)
    {
      data = g_bytes_get_data (value, &length);
      *text = g_strndup (length > 0 ? data : "", length);
      return TRUE;
    }
  if (g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
    {
      g_error_free (local_error);
      return TRUE;
    }
  g_propagate_error (error, local_error);
  return FALSE;
}

/* Takes @text apart, and changes it. */
static gboolean
parse_clock (char *text, MkvStoreRecord *self)
{
  guint64 seq, clock_high;

  if (strlen (text) != 33 || text[16] != ' ')
    return FALSE;
  text[16] = 0;
  if (!g_ascii_string_to_unsigned (text + 17, 16, 0, G_MAXINT64, &clock_high, NULL) ||
      !g_ascii_string_to_unsigned (text, 16, 0, G_MAXINT64, &seq, NULL))
    return FALSE;
  self->seq = (gint64) seq;
  self->clock_high = (gint64) clock_high;
  return TRUE;
}

gboolean
mkv_store_record_read (MkvStoreRecord *self, MkvStorage *storage, gboolean *damaged, GError **error)
{
  g_autofree char *clock = NULL;

  *self = (MkvStoreRecord){ .seq = -1 };
  if (damaged != NULL)
    *damaged = FALSE;
  if (!read_meta (storage, META_FORMAT, &self->format, error) ||
      !read_meta (storage, META_NODE_ID, &self->node_id, error) || !read_meta (storage, META_CLOCK, &clock, error))
    return FALSE;
  if (self->format != NULL && !g_str_equal (self->format, MKV_STORE_FORMAT))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED,
                   _("The store has format %s, this version reads format %s: use the version that wrote it, or a "
                     "newer one"), self->format, MKV_STORE_FORMAT);
      return FALSE;
    }
  if (clock == NULL || parse_clock (clock, self))
    return TRUE;
  if (damaged != NULL)
    {
      *damaged = TRUE;
      return TRUE;
    }
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_CORRUPT,
                       _("The store's record of its clock and seq is damaged: repair it, or restore it from a backup"));
  return FALSE;
}

void
mkv_store_record_clear (MkvStoreRecord *self)
{
  g_clear_pointer (&self->format, g_free);
  g_clear_pointer (&self->node_id, g_free);
}

void
mkv_store_record_add_names (MkvStorageBatch *batch, const char *node_id)
{
  g_autoptr (GBytes) format = g_bytes_new_static (MKV_STORE_FORMAT, strlen (MKV_STORE_FORMAT));
  g_autoptr (GBytes) name = g_bytes_new (node_id, strlen (node_id));

  mkv_storage_batch_set_meta (batch, META_FORMAT, format);
  mkv_storage_batch_set_meta (batch, META_NODE_ID, name);
}

void
mkv_store_record_add_clock (MkvStorageBatch *batch, gint64 seq, gint64 clock_high)
{
  char text[33];
  g_autoptr (GBytes) value = NULL;

  mkv_write_hex (text, (guint64) seq);
  text[16] = ' ';
  mkv_write_hex (text + 17, (guint64) clock_high);
  value = g_bytes_new (text, sizeof text);
  mkv_storage_batch_set_meta (batch, META_CLOCK, value);
}
