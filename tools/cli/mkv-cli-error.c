/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-cli-error.h"

#include <merklekv.h>

int
mkv_cli_fail (int status, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_printerr ("merklekv: %s\n", text);
  return status;
}

static int
get_status (const GError *error)
{
  if (error->domain != MKV_ERROR)
    return MKV_CLI_FAILURE;
  switch (error->code)
    {
    case MKV_ERROR_NOT_FOUND:
      return MKV_CLI_NOT_FOUND;
    case MKV_ERROR_NOT_CONNECTED:
      return MKV_CLI_NOT_CONNECTED;
    case MKV_ERROR_UNAUTHORIZED:
    case MKV_ERROR_FORBIDDEN:
      return MKV_CLI_DENIED;
    case MKV_ERROR_TIMEOUT:
      return MKV_CLI_TIMEOUT;
    case MKV_ERROR_TOO_LARGE:
    case MKV_ERROR_UNAVAILABLE:
      return MKV_CLI_TOO_LARGE;
    case MKV_ERROR_CONFIGURATION:
      return MKV_CLI_CONFIGURATION;
    default:
      return MKV_CLI_FAILURE;
    }
}

int
mkv_cli_fail_with (const char *what, const GError *error)
{
  return mkv_cli_fail (get_status (error), "%s: %s", what, error->message);
}
