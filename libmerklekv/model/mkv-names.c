/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "model/mkv-names-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"

/* The high bit of an octet is set if one of eight octets is 0 or above 0x7F: it
 * is in (word - ones) where the octet is 0, and in word where it is above. */
static inline guint64
get_odd_bits (const char *octets)
{
  guint64 word;

  memcpy (&word, octets, sizeof word);
  return word | (word - G_GUINT64_CONSTANT (0x0101010101010101));
}

#define HIGH_BITS G_GUINT64_CONSTANT (0x8080808080808080)

/**
 * mkv_text_is_valid: (skip)
 * @octets: some octets
 * @length: how many
 *
 * Whether @octets are valid UTF-8 without NUL: a text, in the protocol's terms.
 *
 * Returns: whether they are
 *
 * Since: 0.1
 */
gboolean
mkv_text_is_valid (const char *octets, gsize length)
{
  gsize i = 0;

  /* As many octets at a time as may be while they are ASCII, which they mostly
   * are; GLib decides about the rest. */
  for (; i + 32 <= length; i += 32)
    if (((get_odd_bits (octets + i) | get_odd_bits (octets + i + 8) | get_odd_bits (octets + i + 16) |
          get_odd_bits (octets + i + 24)) & HIGH_BITS) != 0)
      break;
  for (; i + 8 <= length; i += 8)
    if ((get_odd_bits (octets + i) & HIGH_BITS) != 0)
      break;
  for (; i < length; i++)
    if (octets[i] == 0)
      return FALSE;
    else if ((octets[i] & 0x80) != 0)
      return g_utf8_validate_len (octets + i, length - i, NULL);
  return TRUE;
}

gboolean
mkv_key_octets_are_valid (const char *key, gsize length)
{
  return length >= 1 && length <= MKV_MAX_KEY_BYTES && mkv_text_is_valid (key, length);
}

/* Stores the length in *@length, also where it is too long. */
gboolean
mkv_key_is_valid (const char *key, gsize *length)
{
  gsize n = strlen (key);

  *length = n;
  return mkv_key_octets_are_valid (key, n);
}

/**
 * mkv_key_check:
 * @key: what may be a key
 * @error: return location for an error
 *
 * Checks the rule for keys: 1 to 256 octets of UTF-8.
 *
 * Returns: whether @key is one; if not, @error is %MKV_ERROR_INVALID_ARGUMENT
 *
 * Since: 0.1
 */
gboolean
mkv_key_check (const char *key, GError **error)
{
  gsize length;

  g_return_val_if_fail (key != NULL, FALSE);

  if (mkv_key_is_valid (key, &length))
    return TRUE;
  if (length == 0)
    g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("The key is empty: it needs 1 to %d octets"),
                 MKV_MAX_KEY_BYTES);
  else if (length > MKV_MAX_KEY_BYTES)
    g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                 _("The key has %zu octets, at most %d are allowed"), length, MKV_MAX_KEY_BYTES);
  else
    g_set_error_literal (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("The key is not valid UTF-8"));
  return FALSE;
}

static const guint8 name_octets[256] = {
  ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1, ['_'] = 1, ['-'] = 1, ['.'] = 1, [':'] = 1,
};

static inline gboolean
is_name_octet (char c)
{
  return name_octets[(guchar) c];
}

static gboolean
is_topic_word (const char *name, gsize length)
{
  if (length == strlen ("global"))
    return memcmp (name, "global", length) == 0;
  return length == strlen ("replication") &&
         (memcmp (name, "replication", length) == 0 || memcmp (name, "antientropy", length) == 0);
}

G_STATIC_ASSERT (sizeof "replication" == sizeof "antientropy");

gboolean
mkv_name_octets_are_valid (const char *name, gsize length)
{
  if (length < 1 || length > MKV_MAX_NAME_BYTES)
    return FALSE;
  for (gsize i = 0; i < length; i++)
    if (!is_name_octet (name[i]))
      return FALSE;
  return !is_topic_word (name, length);
}

/**
 * mkv_name_check:
 * @name: what may be a client id or a node id
 * @error: return location for an error
 *
 * Checks the rule for client ids and node ids: 1 to 128 octets of `A-Z a-z 0-9
 * _ - . :`, and none of the words that topics are made of.
 *
 * Returns: whether @name is one; if not, @error is %MKV_ERROR_INVALID_ARGUMENT
 *
 * Since: 0.1
 */
gboolean
mkv_name_check (const char *name, GError **error)
{
  gsize length;

  g_return_val_if_fail (name != NULL, FALSE);

  length = strlen (name);
  if (length < 1 || length > MKV_MAX_NAME_BYTES)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("An id needs 1 to %d octets, this one has %zu"), MKV_MAX_NAME_BYTES, length);
      return FALSE;
    }
  for (const char *p = name; *p != 0; p++)
    if (!is_name_octet (*p))
      {
        g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                     _("An id may hold A-Z a-z 0-9 _ - . : only, not the octet 0x%02x"), (guchar) *p);
        return FALSE;
      }
  if (is_topic_word (name, length))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("“%s” is a word of the topics and can't be an id"), name);
      return FALSE;
    }
  return TRUE;
}

/**
 * mkv_topic_prefix_normalize:
 * @prefix: what may be a topic prefix
 * @error: return location for an error
 *
 * Removes blanks and slashes from both ends of @prefix, and checks what is
 * left: 1 to 50 octets of `A-Z a-z 0-9 _ - /` in at most 4 levels.
 *
 * Returns: (transfer full): the prefix; %NULL with %MKV_ERROR_INVALID_ARGUMENT
 *   if it is none
 *
 * Since: 0.1
 */
char *
mkv_topic_prefix_normalize (const char *prefix, GError **error)
{
  gsize length;
  guint levels = 1;

  g_return_val_if_fail (prefix != NULL, NULL);

  while (*prefix == '/' || g_ascii_isspace (*prefix))
    prefix++;
  length = strlen (prefix);
  while (length > 0 && (prefix[length - 1] == '/' || g_ascii_isspace (prefix[length - 1])))
    length--;
  if (length < 1 || length > MKV_MAX_PREFIX_BYTES)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("A topic prefix needs 1 to %d octets, this one has %zu"), MKV_MAX_PREFIX_BYTES, length);
      return NULL;
    }
  for (gsize i = 0; i < length; i++)
    {
      if (prefix[i] == '/')
        levels++;
      else if (!g_ascii_isalnum (prefix[i]) && prefix[i] != '_' && prefix[i] != '-')
        {
          g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                       _("A topic prefix may hold A-Z a-z 0-9 _ - / only, not the octet 0x%02x"),
                       (guchar) prefix[i]);
          return NULL;
        }
      if (prefix[i] == '/' && prefix[i + 1] == '/')
        {
          g_set_error_literal (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                               _("A topic prefix can't have an empty level"));
          return NULL;
        }
    }
  if (levels > MKV_MAX_PREFIX_LEVELS)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("A topic prefix may have %d levels, this one has %u"), MKV_MAX_PREFIX_LEVELS, levels);
      return NULL;
    }
  return g_strndup (prefix, length);
}
