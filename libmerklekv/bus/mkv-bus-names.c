/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-bus-names-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"

static const char *const formats[] = {
  [MKV_DUMP_JSON_LINES] = "jsonl",
  [MKV_DUMP_CBOR] = "cbor",
  [MKV_DUMP_DCONF] = "dconf",
};

const char *
mkv_bus_format_to_name (MkvDumpFormat format)
{
  return formats[format];
}

int
mkv_bus_format_from_name (const char *name, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++)
    if (g_str_equal (formats[i], name))
      return (int) i;
  g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
               _("The format “%s” is none of jsonl, cbor and dconf"), name);
  return -1;
}

char *
mkv_bus_make_path (const char *folder, const char *name)
{
  GString *path = g_string_new (folder);

  g_string_append_c (path, '/');
  /* No element of a path is empty. */
  if (*name == '\0')
    g_string_append_c (path, '_');
  for (; *name != '\0'; name++)
    if (g_ascii_isalnum (*name))
      g_string_append_c (path, *name);
    else
      g_string_append_printf (path, "_%02x", (guchar) *name);
  return g_string_free (path, FALSE);
}

void
mkv_bus_return_error (GDBusMethodInvocation *invocation, GError *error)
{
  if (error->domain == MKV_ERROR)
    g_dbus_method_invocation_return_gerror (invocation, error);
  else
    g_dbus_method_invocation_return_error_literal (invocation, MKV_ERROR, MKV_ERROR_FAILED, error->message);
  g_error_free (error);
}
