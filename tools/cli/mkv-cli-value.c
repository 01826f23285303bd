/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cli-value.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <merklekv.h>
#include <string.h>
#include <unistd.h>

#include "mkv-cli-error.h"

/* Base64 and hexadecimal digits of the largest value, with line breaks, and more:
 * what is longer is not even read to its end. */
#define MAX_READ_BYTES (4 * MKV_MAX_VALUE_BYTES)

static GBytes *
read_all (int fd, const char *name, int *status)
{
  g_autoptr (GByteArray) octets = g_byte_array_new ();
  guint8 buffer[16384];
  gssize n;

  while ((n = read (fd, buffer, sizeof buffer)) != 0)
    {
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        {
          *status = mkv_cli_fail (MKV_CLI_FAILURE, _("%s can't be read: %s"), name, g_strerror (errno));
          return NULL;
        }
      g_byte_array_append (octets, buffer, n);
      if (octets->len > MAX_READ_BYTES)
        {
          *status = mkv_cli_fail (MKV_CLI_TOO_LARGE, _("%s is too large: a value has at most %d octets"), name,
                                  MKV_MAX_VALUE_BYTES);
          return NULL;
        }
    }
  return g_byte_array_free_to_bytes (g_steal_pointer (&octets));
}

static GBytes *
read_file (const char *name, int *status)
{
  int fd = g_open (name, O_RDONLY | O_CLOEXEC, 0);
  GBytes *bytes;

  if (fd < 0)
    {
      *status = mkv_cli_fail (MKV_CLI_FAILURE, _("%s can't be opened: %s"), name, g_strerror (errno));
      return NULL;
    }
  bytes = read_all (fd, name, status);
  close (fd);
  return bytes;
}

static gboolean
decode_hex (GByteArray *octets, const char *text)
{
  for (; text[0] != 0; text += 2)
    {
      guint8 octet;

      if (!g_ascii_isxdigit (text[0]) || !g_ascii_isxdigit (text[1]))
        return FALSE;
      octet = (guint8) (g_ascii_xdigit_value (text[0]) << 4 | g_ascii_xdigit_value (text[1]));
      g_byte_array_append (octets, &octet, 1);
    }
  return TRUE;
}

static gboolean
decode_base64 (GByteArray *octets, const char *text)
{
  g_autofree guchar *decoded = NULL;
  g_autofree char *again = NULL;
  gsize length;

  if (strlen (text) % 4 != 0)
    return FALSE;
  /* GLib passes over what is none; only the right form comes back the same. */
  decoded = g_base64_decode (text, &length);
  again = g_base64_encode (decoded, length);
  g_byte_array_append (octets, decoded, length);
  return g_str_equal (text, again);
}

static GBytes *
decode (const MkvCliOptions *options, GBytes *bytes, int *status)
{
  g_autoptr (GByteArray) octets = g_byte_array_new ();
  g_autoptr (GString) text = g_string_new (NULL);
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);

  for (gsize i = 0; i < length; i++)
    if (data[i] != 0 && !g_ascii_isspace (data[i]))
      g_string_append_c (text, data[i]);
    else if (data[i] == 0)
      g_string_append_c (text, '!');
  if (options->hex ? decode_hex (octets, text->str) : decode_base64 (octets, text->str))
    return g_byte_array_free_to_bytes (g_steal_pointer (&octets));
  *status = options->hex ? mkv_cli_fail (MKV_CLI_USAGE, _("the value is not hexadecimal: pairs of 0-9, a-f"))
                         : mkv_cli_fail (MKV_CLI_USAGE, _("the value is not base64, padded with ="));
  return NULL;
}

GBytes *
mkv_cli_value_read (const MkvCliOptions *options, const char *argument, int *status)
{
  g_autoptr (GBytes) bytes = NULL;

  if (options->base64 && options->hex)
    {
      *status = mkv_cli_fail (MKV_CLI_USAGE, _("a value is --base64 or --hex, not both"));
      return NULL;
    }
  if (g_str_equal (argument, "-"))
    bytes = read_all (STDIN_FILENO, _("stdin"), status);
  else if (*argument == '@')
    bytes = read_file (argument + 1, status);
  else
    bytes = g_bytes_new (argument, strlen (argument));
  if (bytes == NULL || (!options->base64 && !options->hex))
    return g_steal_pointer (&bytes);
  return decode (options, bytes, status);
}

gboolean
mkv_cli_number_read (const char *text, gint64 least, gint64 most, const char *what, gint64 *number)
{
  g_autofree char *from = NULL, *to = NULL;

  if (g_ascii_string_to_signed (text, 10, least, most, number, NULL))
    return TRUE;
  from = g_strdup_printf ("%" G_GINT64_FORMAT, least);
  to = g_strdup_printf ("%" G_GINT64_FORMAT, most);
  mkv_cli_fail (MKV_CLI_USAGE, _("%s: “%s” is not a number from %s to %s"), what, text, from, to);
  return FALSE;
}
