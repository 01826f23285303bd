/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "store/mkv-write-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "model/mkv-names.h"

/* Takes copies of @key and @value; what else the kind needs the caller hands
 * over by setting it. */
MkvWrite *
mkv_write_new (MkvWriteKind kind, const char *key, GBytes *value)
{
  MkvWrite *write = g_new0 (MkvWrite, 1);

  write->kind = kind;
  write->key = g_strdup (key);
  write->value = value != NULL ? g_bytes_ref (value) : NULL;
  return write;
}

void
mkv_write_free (MkvWrite *write)
{
  g_free ((char *) write->key);
  g_clear_pointer (&write->value, g_bytes_unref);
  g_strfreev ((char **) write->keys);
  g_clear_pointer (&write->values, g_ptr_array_unref);
  g_clear_pointer (&write->entries, g_ptr_array_unref);
  g_clear_error (&write->error);
  g_clear_pointer (&write->entry, mkv_entry_unref);
  g_clear_pointer (&write->result, g_bytes_unref);
  g_clear_pointer (&write->applied, g_ptr_array_unref);
  g_clear_pointer (&write->winners, g_ptr_array_unref);
  g_free (write);
}

static gboolean
check_value (GBytes *value, GError **error)
{
  if (value != NULL && g_bytes_get_size (value) <= MKV_MAX_VALUE_BYTES)
    return TRUE;
  if (value == NULL)
    g_set_error_literal (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("There is no value to write"));
  else
    g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                 _("The value has %zu octets, at most %d are allowed"), g_bytes_get_size (value),
                 MKV_MAX_VALUE_BYTES);
  return FALSE;
}

static gboolean
check_set_many (const MkvWrite *write, GError **error)
{
  guint n = write->keys != NULL ? g_strv_length ((char **) write->keys) : 0;
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  if (n < 1 || n > MKV_MAX_BULK_KEYS)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("Between 1 and %d keys are written at once, not %u"), MKV_MAX_BULK_KEYS, n);
      return FALSE;
    }
  if (write->values == NULL || write->values->len != n)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("There are %u keys, but values for %u"), n,
                   write->values != NULL ? write->values->len : 0);
      return FALSE;
    }
  for (guint i = 0; i < n; i++)
    {
      if (!mkv_key_check (write->keys[i], error) || !check_value (write->values->pdata[i], error))
        return FALSE;
      if (!g_hash_table_add (seen, (gpointer) write->keys[i]))
        {
          g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("The key “%s” is there twice"),
                       write->keys[i]);
          return FALSE;
        }
    }
  return TRUE;
}

gboolean
mkv_write_check (const MkvWrite *write, GError **error)
{
  switch (write->kind)
    {
    case MKV_WRITE_SET:
    case MKV_WRITE_APPEND:
    case MKV_WRITE_PREPEND:
      return mkv_key_check (write->key, error) && check_value (write->value, error);
    case MKV_WRITE_DELETE:
    case MKV_WRITE_INCREMENT:
    case MKV_WRITE_DECREMENT:
      return mkv_key_check (write->key, error);
    case MKV_WRITE_SET_MANY:
      return check_set_many (write, error);
    case MKV_WRITE_APPLY:
    case MKV_WRITE_LOAD:
    case MKV_WRITE_CALL:
    case MKV_WRITE_CLEAR_OUTBOX:
    case MKV_WRITE_HEAL:
    case MKV_WRITE_MAINTAIN:
    case MKV_WRITE_PROBE:
      return TRUE;
    default:
      g_assert_not_reached ();
    }
}
