/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-json-fields.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "mkv-json-token.h"

/* What a string value holds; NULL if it is none. */
static char *
dup_string (const char *value, gsize *length)
{
  const char *end;

  if (*value != '"')
    return NULL;
  end = mkv_json_get_end (value);
  return mkv_json_unescape (value + 1, (gsize) (end - value) - 2, length);
}

char *
mkv_json_value_dup_text (const char *value)
{
  gsize length;
  g_autofree char *text = dup_string (value, &length);

  return text != NULL && strlen (text) == length ? g_steal_pointer (&text) : NULL;
}

GBytes *
mkv_json_value_dup_octets (const char *value)
{
  gsize length;
  char *text = dup_string (value, &length);

  return text != NULL ? g_bytes_new_take (text, length) : NULL;
}

/* -1 if it is no lower-case hexadecimal digit. */
static gint
get_digit (char c)
{
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

GBytes *
mkv_json_value_dup_hex (const char *value)
{
  gsize length;
  g_autofree char *text = dup_string (value, &length);

  if (text == NULL || length % 2 != 0)
    return NULL;
  /* In place: an octet for two digits. */
  for (gsize i = 0; i < length; i += 2)
    {
      gint high = get_digit (text[i]), low = get_digit (text[i + 1]);

      if (high < 0 || low < 0)
        return NULL;
      text[i / 2] = (char) (high << 4 | low);
    }
  return g_bytes_new_take (g_steal_pointer (&text), length / 2);
}

gboolean
mkv_json_value_get_int (const char *value, gint64 min, gint64 max, gint64 *integer)
{
  gboolean is_integer;

  if (*value != '-' && !g_ascii_isdigit (*value))
    return FALSE;
  mkv_json_read_number (&value, mkv_json_get_end (value), &is_integer, integer);
  return is_integer && *integer >= min && *integer <= max;
}

void
mkv_json_iter_init (MkvJsonIter *self, const char *container)
{
  self->at = container + 1;
  self->is_object = *container == '{';
}

static void
skip_between (MkvJsonIter *self)
{
  while (*self->at == ' ' || *self->at == '\n' || *self->at == '\r' || *self->at == '\t' || *self->at == ',' ||
         *self->at == ':')
    self->at++;
}

gboolean
mkv_json_iter_next (MkvJsonIter *self, const char **name, const char **value)
{
  skip_between (self);
  if (*self->at == ']' || *self->at == '}')
    return FALSE;
  if (self->is_object)
    {
      if (name != NULL)
        *name = self->at;
      self->at = mkv_json_get_end (self->at);
      skip_between (self);
    }
  *value = self->at;
  self->at = mkv_json_get_end (self->at);
  return TRUE;
}

void
mkv_json_fields_init (MkvJsonFields *self, const char *object, const char *const *names)
{
  MkvJsonIter iter;
  const char *name, *value;

  memset (self, 0, sizeof *self);
  self->names = names;
  mkv_json_iter_init (&iter, object);
  while (mkv_json_iter_next (&iter, &name, &value))
    {
      gsize length;
      g_autofree char *text = dup_string (name, &length);

      for (guint i = 0; names[i] != NULL; i++)
        if (strlen (names[i]) == length && memcmp (names[i], text, length) == 0)
          self->at[i] = value;
    }
}

void
mkv_json_fields_set_wrong (MkvJsonFields *self, guint field)
{
  if (self->wrong == NULL)
    self->wrong = self->names[field];
}

gboolean
mkv_json_fields_check (MkvJsonFields *self, GError **error)
{
  if (self->wrong != NULL)
    g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("The field “%s” is not what it has to be"), self->wrong);
  return self->wrong == NULL;
}

char *
mkv_json_fields_dup_text (MkvJsonFields *self, guint field)
{
  char *text;

  if (self->at[field] == NULL)
    return NULL;
  text = mkv_json_value_dup_text (self->at[field]);
  if (text == NULL)
    mkv_json_fields_set_wrong (self, field);
  return text;
}

GBytes *
mkv_json_fields_dup_hex (MkvJsonFields *self, guint field)
{
  GBytes *octets;

  if (self->at[field] == NULL)
    return NULL;
  octets = mkv_json_value_dup_hex (self->at[field]);
  if (octets == NULL)
    mkv_json_fields_set_wrong (self, field);
  return octets;
}

gint64
mkv_json_fields_get_int (MkvJsonFields *self, guint field, gint64 min, gint64 max, gint64 default_number)
{
  gint64 integer;

  if (self->at[field] == NULL)
    return default_number;
  if (mkv_json_value_get_int (self->at[field], min, max, &integer))
    return integer;
  mkv_json_fields_set_wrong (self, field);
  return default_number;
}

gboolean
mkv_json_fields_get_boolean (MkvJsonFields *self, guint field)
{
  if (self->at[field] == NULL)
    return FALSE;
  if (*self->at[field] != 't' && *self->at[field] != 'f')
    mkv_json_fields_set_wrong (self, field);
  return *self->at[field] == 't';
}

/* What padded base64 (RFC 4648, section 4) stands for; NULL if it is not exactly
 * what an encoder writes. */
static GBytes *
decode_base64 (const char *base64)
{
  gsize length;
  guint8 *octets = g_base64_decode (base64, &length);
  g_autoptr (GBytes) bytes = g_bytes_new_take (octets, length);
  g_autofree char *canonical = g_base64_encode (octets, length);

  /* GLib passes over what is no base64: what was passed over does not come back. */
  return g_str_equal (canonical, base64) ? g_steal_pointer (&bytes) : NULL;
}

GBytes *
mkv_json_fields_dup_value (MkvJsonFields *self, guint field, guint encoding)
{
  g_autofree char *encoding_name = mkv_json_fields_dup_text (self, encoding);
  g_autofree char *base64 = NULL;
  GBytes *value;

  if (encoding_name != NULL && !g_str_equal (encoding_name, "base64"))
    mkv_json_fields_set_wrong (self, encoding);
  if (self->at[field] == NULL)
    return NULL;
  if (encoding_name == NULL)
    value = mkv_json_value_dup_octets (self->at[field]);
  else
    {
      base64 = mkv_json_fields_dup_text (self, field);
      value = base64 != NULL ? decode_base64 (base64) : NULL;
    }
  if (value == NULL)
    mkv_json_fields_set_wrong (self, field);
  return value;
}

gboolean
mkv_json_fields_enter (MkvJsonFields *self, guint field, char bracket, MkvJsonIter *iter)
{
  if (self->at[field] == NULL)
    return FALSE;
  if (*self->at[field] == bracket)
    {
      mkv_json_iter_init (iter, self->at[field]);
      return TRUE;
    }
  mkv_json_fields_set_wrong (self, field);
  return FALSE;
}
