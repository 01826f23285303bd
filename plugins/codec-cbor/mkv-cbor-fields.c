/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cbor-fields.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"

static guint
find_field (const MkvCborFields *self, const MkvCborItem *key)
{
  guint i = 0;

  for (; self->names[i] != NULL; i++)
    if (mkv_cbor_item_is (key, self->names[i], strlen (self->names[i])))
      break;
  return i;
}

gboolean
mkv_cbor_fields_read (MkvCborFields *self, MkvCborReader *reader, const char *const *names)
{
  MkvCborContainer map;
  MkvCborItem item;

  memset (self, 0, sizeof *self);
  self->reader = reader;
  self->names = names;
  if (!mkv_cbor_reader_take (reader, &item))
    return FALSE;
  if (item.type != MKV_CBOR_MAP)
    return mkv_cbor_reader_fail (reader, _("there is no map"));
  if (!mkv_cbor_reader_enter (reader, &item, &map))
    return FALSE;
  while (mkv_cbor_reader_more (reader, &map))
    {
      const guint8 *at;
      guint field;

      if (!mkv_cbor_reader_key (reader, &item))
        return FALSE;
      field = find_field (self, &item);
      if (names[field] == NULL ? !mkv_cbor_reader_keep_key (reader, &item)
                               : self->at[field] != NULL && !mkv_cbor_reader_duplicate (reader))
        return FALSE;
      at = reader->at;
      if (!mkv_cbor_reader_skip (reader))
        return FALSE;
      if (names[field] != NULL)
        self->at[field] = at;
    }
  return reader->error == NULL;
}

gboolean
mkv_cbor_fields_read_payload (MkvCborFields *self, MkvCborReader *reader, GBytes *payload,
                              const char *const *names, GError **error)
{
  mkv_cbor_reader_init (reader, payload);
  if (mkv_cbor_fields_read (self, reader, names) && mkv_cbor_reader_finish (reader))
    return TRUE;
  mkv_cbor_reader_set_error (reader, error);
  return FALSE;
}

void
mkv_cbor_fields_set_wrong (MkvCborFields *self, guint field)
{
  if (self->wrong == NULL)
    self->wrong = self->names[field];
}

gboolean
mkv_cbor_fields_check (MkvCborFields *self, GError **error)
{
  if (self->wrong != NULL)
    g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("The field “%s” is not what it has to be"), self->wrong);
  return self->wrong == NULL;
}

gboolean
mkv_cbor_fields_seek (MkvCborFields *self, guint field)
{
  if (self->at[field] == NULL)
    return FALSE;
  self->reader->at = self->at[field];
  self->reader->error = NULL;
  self->reader->depth = 1;
  return TRUE;
}

/* Everything was read once: nothing can be malformed but a tag, which is taken
 * for a wrong type. */
static gboolean
take_field (MkvCborFields *self, guint field, MkvCborItem *item)
{
  if (!mkv_cbor_fields_seek (self, field))
    return FALSE;
  if (mkv_cbor_reader_take (self->reader, item))
    return TRUE;
  self->reader->error = NULL;
  mkv_cbor_fields_set_wrong (self, field);
  return FALSE;
}

char *
mkv_cbor_item_dup_text (const MkvCborItem *item)
{
  if (item->type != MKV_CBOR_TEXT || memchr (item->octets, 0, item->length) != NULL)
    return NULL;
  return g_strndup ((const char *) item->octets, item->length);
}

GBytes *
mkv_cbor_item_dup_octets (const MkvCborItem *item)
{
  return item->type == MKV_CBOR_BYTES ? g_bytes_new (item->octets, item->length) : NULL;
}

GBytes *
mkv_cbor_item_dup_value (const MkvCborItem *item)
{
  if (item->type != MKV_CBOR_TEXT && item->type != MKV_CBOR_BYTES)
    return NULL;
  return g_bytes_new (item->octets, item->length);
}

char *
mkv_cbor_fields_dup_text (MkvCborFields *self, guint field)
{
  MkvCborItem item;
  char *text;

  if (!take_field (self, field, &item))
    return NULL;
  text = mkv_cbor_item_dup_text (&item);
  if (text == NULL)
    mkv_cbor_fields_set_wrong (self, field);
  return text;
}

static GBytes *
dup_bytes (MkvCborFields *self, guint field, GBytes *(*dup) (const MkvCborItem *item))
{
  MkvCborItem item;
  GBytes *bytes;

  if (!take_field (self, field, &item))
    return NULL;
  bytes = dup (&item);
  if (bytes == NULL)
    mkv_cbor_fields_set_wrong (self, field);
  return bytes;
}

GBytes *
mkv_cbor_fields_dup_octets (MkvCborFields *self, guint field)
{
  return dup_bytes (self, field, mkv_cbor_item_dup_octets);
}

GBytes *
mkv_cbor_fields_dup_value (MkvCborFields *self, guint field)
{
  return dup_bytes (self, field, mkv_cbor_item_dup_value);
}

gint64
mkv_cbor_fields_get_int (MkvCborFields *self, guint field, gint64 min, gint64 max, gint64 default_number)
{
  MkvCborItem item;
  gint64 number;

  if (!take_field (self, field, &item))
    return default_number;
  if (mkv_cbor_item_get_int (&item, min, max, &number))
    return number;
  mkv_cbor_fields_set_wrong (self, field);
  return default_number;
}

gboolean
mkv_cbor_fields_get_boolean (MkvCborFields *self, guint field)
{
  MkvCborItem item;

  if (!take_field (self, field, &item))
    return FALSE;
  if (item.type == MKV_CBOR_BOOLEAN)
    return item.number != 0;
  mkv_cbor_fields_set_wrong (self, field);
  return FALSE;
}

gboolean
mkv_cbor_fields_enter (MkvCborFields *self, guint field, MkvCborType type, MkvCborContainer *container)
{
  MkvCborItem item;

  if (!take_field (self, field, &item))
    return FALSE;
  if (item.type == type)
    return mkv_cbor_reader_enter (self->reader, &item, container);
  mkv_cbor_fields_set_wrong (self, field);
  return FALSE;
}
