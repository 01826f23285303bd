/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cbor-reader.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "model/mkv-names.h"

gboolean
mkv_cbor_reader_fail (MkvCborReader *self, const char *error)
{
  if (self->error == NULL)
    self->error = error;
  return FALSE;
}

void
mkv_cbor_reader_set_error (MkvCborReader *self, GError **error)
{
  g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("The CBOR is malformed at octet %zu: %s"),
               (gsize) (self->at - self->start), self->error);
}

/* NUL is a character of UTF-8 like any other, but not for GLib. */
gboolean
mkv_cbor_reader_check_text (MkvCborReader *self, const MkvCborItem *item)
{
  const char *at = (const char *) item->octets;
  gsize left = item->length;

  while (G_UNLIKELY (!mkv_text_is_valid (at, left)))
    {
      const char *nul = memchr (at, 0, left);

      if (nul == NULL || !mkv_text_is_valid (at, (gsize) (nul - at)))
        return mkv_cbor_reader_fail (self, _("a text is not UTF-8"));
      left -= (gsize) (nul + 1 - at);
      at = nul + 1;
    }
  return TRUE;
}

/* Takes the chunks of a string. Each chunk of a text is a text of its own. */
static gboolean
take_chunks (MkvCborReader *self, MkvCborItem *item)
{
  MkvCborType type = item->type == MKV_CBOR_TEXT_START ? MKV_CBOR_TEXT : MKV_CBOR_BYTES;
  g_autoptr (GByteArray) whole = g_byte_array_new ();
  MkvCborItem chunk;

  while (mkv_cbor_reader_next (self, &chunk) && chunk.type == type && (type == MKV_CBOR_BYTES || mkv_cbor_reader_check_text (self, &chunk)))
    g_byte_array_append (whole, chunk.octets, (guint) chunk.length);
  if (self->error != NULL)
    return FALSE;
  if (chunk.type != MKV_CBOR_BREAK)
    return mkv_cbor_reader_fail (self, _("a string in chunks holds something else"));
  item->type = type;
  item->length = whole->len;
  item->octets = (const guint8 *) "";
  if (whole->len == 0)
    return TRUE;
  item->octets = g_byte_array_free (g_steal_pointer (&whole), FALSE);
  if (self->joined == NULL)
    self->joined = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (self->joined, (gpointer) item->octets);
  return TRUE;
}

/* What a head alone does not say. */
gboolean
mkv_cbor_reader_complete (MkvCborReader *self, MkvCborItem *item)
{
  switch (item->type)
    {
    case MKV_CBOR_TEXT:
      return mkv_cbor_reader_check_text (self, item);
    case MKV_CBOR_TEXT_START:
    case MKV_CBOR_BYTES_START:
      return take_chunks (self, item);
    case MKV_CBOR_TAG:
      return mkv_cbor_reader_fail (self, _("a tag stands where none is skipped"));
    case MKV_CBOR_BREAK:
      return mkv_cbor_reader_fail (self, _("a break stands where an item should"));
    default:
      return TRUE;
    }
}

gboolean
mkv_cbor_reader_take (MkvCborReader *self, MkvCborItem *item)
{
  return mkv_cbor_reader_next (self, item) && mkv_cbor_reader_complete (self, item);
}

gboolean
mkv_cbor_reader_take_any (MkvCborReader *self, MkvCborItem *item)
{
  do
    {
      if (!mkv_cbor_reader_next (self, item))
        return FALSE;
    }
  while (item->type == MKV_CBOR_TAG);
  return mkv_cbor_reader_complete (self, item);
}

gboolean
mkv_cbor_reader_enter (MkvCborReader *self, const MkvCborItem *item, MkvCborContainer *container)
{
  guint64 room = (guint64) (self->end - self->at);

  if (++self->depth > MKV_MAX_NESTING)
    return mkv_cbor_reader_fail (self, _("it is nested too deep"));
  container->is_map = item->type == MKV_CBOR_MAP;
  container->indefinite = item->indefinite;
  container->left = item->indefinite ? 0 : item->number;
  container->first_key = mkv_key_stack_get_length (&self->keys);
  /* Each item takes an octet at least. */
  if (container->left > (container->is_map ? room / 2 : room))
    return mkv_cbor_reader_fail (self, _("a container has more items than there are octets"));
  return TRUE;
}

gboolean
mkv_cbor_reader_more_or_leave (MkvCborReader *self, MkvCborContainer *container)
{
  if (self->error != NULL)
    return FALSE;
  if (container->indefinite)
    {
      if (self->at == self->end)
        return mkv_cbor_reader_fail (self, _("it ends within a container"));
      if (*self->at != 0xFF)
        return TRUE;
      self->at++;
    }
  self->depth--;
  if (!mkv_key_stack_pop (&self->keys, container->first_key))
    mkv_cbor_reader_duplicate (self);
  return FALSE;
}

gboolean
mkv_cbor_reader_key (MkvCborReader *self, MkvCborItem *key)
{
  if (!mkv_cbor_reader_next (self, key))
    return FALSE;
  if (key->type == MKV_CBOR_TEXT_START)
    return take_chunks (self, key);
  return key->type == MKV_CBOR_TEXT || mkv_cbor_reader_fail (self, _("the key of a map is not a text"));
}

gboolean
mkv_cbor_reader_keep_key (MkvCborReader *self, const MkvCborItem *item)
{
  if (!mkv_cbor_reader_check_text (self, item))
    return FALSE;
  mkv_key_stack_push (&self->keys, item->octets, item->length);
  return TRUE;
}

gboolean
mkv_cbor_reader_duplicate (MkvCborReader *self)
{
  return mkv_cbor_reader_fail (self, _("a map has a key twice"));
}

gboolean
mkv_cbor_reader_leave_behind (MkvCborReader *self, const MkvCborItem *head)
{
  MkvCborContainer open[MKV_MAX_NESTING];
  MkvCborItem item = *head;
  guint n = 0;

  do
    {
      if (item.type == MKV_CBOR_ARRAY || item.type == MKV_CBOR_MAP)
        {
          if (!mkv_cbor_reader_enter (self, &item, &open[n]))
            return FALSE;
          n++;
        }
      while (n > 0 && !mkv_cbor_reader_more (self, &open[n - 1]))
        {
          if (self->error != NULL)
            return FALSE;
          n--;
        }
      if (n == 0)
        return TRUE;
      if (open[n - 1].is_map && (!mkv_cbor_reader_key (self, &item) || !mkv_cbor_reader_keep_key (self, &item)))
        return FALSE;
    }
  while (mkv_cbor_reader_take_any (self, &item));
  return FALSE;
}

gboolean
mkv_cbor_reader_skip (MkvCborReader *self)
{
  MkvCborItem item;

  return mkv_cbor_reader_take_any (self, &item) && mkv_cbor_reader_leave_behind (self, &item);
}

gboolean
mkv_cbor_item_get_int (const MkvCborItem *item, gint64 min, gint64 max, gint64 *number)
{
  gint64 value;

  switch (item->type)
    {
    case MKV_CBOR_UINT:
      if (item->number > G_MAXINT64)
        return FALSE;
      value = (gint64) item->number;
      break;
    case MKV_CBOR_NEGINT:
      if (item->number > G_MAXINT64)
        return FALSE;
      value = -1 - (gint64) item->number;
      break;
    case MKV_CBOR_FLOAT:
      /* 2^63; written so that NaN is outside, too. */
      if (!(item->real >= -0x1p63 && item->real < 0x1p63))
        return FALSE;
      value = (gint64) item->real;
      if ((double) value != item->real)
        return FALSE;
      break;
    default:
      return FALSE;
    }
  *number = value;
  return value >= min && value <= max;
}
