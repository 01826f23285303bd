/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * One line of text, so that whoever looks into a file sees what it is:
 *
 *     1 FORM [from FORM]
 *
 * where 1 is the version, and FORM is `plain`, or a salt and what tells the key,
 * joined by a colon, in hexadecimal digits.
 */
#include "config.h"

#include "security/mkv-seal-record-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"

#define VERSION_WORD "1"

static void
print_hex (GString *text, const guint8 *octets, gsize length)
{
  for (gsize i = 0; i < length; i++)
    g_string_append_printf (text, "%02x", octets[i]);
}

static void
print_form (GString *text, const MkvSealForm *form)
{
  if (form->plain)
    {
      g_string_append (text, "plain");
      return;
    }
  print_hex (text, form->salt, sizeof form->salt);
  g_string_append_c (text, ':');
  print_hex (text, form->check, sizeof form->check);
}

GBytes *
mkv_seal_record_print (const MkvSealRecord *self)
{
  GString *text = g_string_new (VERSION_WORD " ");

  print_form (text, &self->form);
  if (self->under_way)
    {
      g_string_append (text, " from ");
      print_form (text, &self->old);
    }
  return g_string_free_to_bytes (text);
}

static gboolean
parse_hex (const char *text, guint8 *octets, gsize length)
{
  for (gsize i = 0; i < length; i++)
    {
      gint high = g_ascii_xdigit_value (text[2 * i]);
      gint low = high >= 0 ? g_ascii_xdigit_value (text[2 * i + 1]) : -1;

      if (low < 0)
        return FALSE;
      octets[i] = (guint8) (high << 4 | low);
    }
  return TRUE;
}

static gboolean
parse_form (MkvSealForm *form, const char *text)
{
  form->plain = g_str_equal (text, "plain");
  return form->plain || (strlen (text) == 2 * (sizeof form->salt + sizeof form->check) + 1 &&
                         text[2 * sizeof form->salt] == ':' && parse_hex (text, form->salt, sizeof form->salt) &&
                         parse_hex (text + 2 * sizeof form->salt + 1, form->check, sizeof form->check));
}

gboolean
mkv_seal_record_parse (MkvSealRecord *self, GBytes *octets, GError **error)
{
  gsize length;
  const char *data = g_bytes_get_data (octets, &length);
  g_autofree char *text = g_strndup (length > 0 ? data : "", length);
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  guint n_words = g_strv_length (words);

  memset (self, 0, sizeof *self);
  if (n_words > 0 && !g_str_equal (words[0], VERSION_WORD) && words[0][0] != 0 &&
      words[0][strspn (words[0], "0123456789")] == 0)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED,
                   _("The storage is encrypted in format %s, and this version reads format %s: use the version that "
                     "wrote it, or a newer one"), words[0], VERSION_WORD);
      return FALSE;
    }
  self->under_way = n_words == 4 && g_str_equal (words[2], "from");
  if ((n_words == 2 || self->under_way) && parse_form (&self->form, words[1]) &&
      (!self->under_way || parse_form (&self->old, words[3])) && self->form.plain + self->old.plain < 2 &&
      (!self->form.plain || self->under_way))
    return TRUE;
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_CORRUPT,
                       _("The storage's record of its encryption is damaged: restore it from a backup"));
  return FALSE;
}

void
mkv_seal_form_set (MkvSealForm *self, const MkvSealKey *key)
{
  memset (self, 0, sizeof *self);
  self->plain = key == NULL;
  if (key == NULL)
    return;
  memcpy (self->salt, key->salt, sizeof self->salt);
  memcpy (self->check, key->check, sizeof self->check);
}

void
mkv_seal_record_set_error (GError **error)
{
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                       _("The storage is encrypted, and no key is given: set storage.encryption-key-file to the file "
                         "of its key"));
}

gboolean
mkv_seal_record_check_absent (MkvStorage *storage, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GBytes) octets = mkv_storage_get_meta (storage, MKV_SEAL_RECORD, &local_error);

  if (octets != NULL)
    mkv_seal_record_set_error (error);
  else if (g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
    return TRUE;
  else
    g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}
