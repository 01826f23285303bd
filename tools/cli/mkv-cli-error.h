/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What the program exits with. */
enum
{
  MKV_CLI_OK = 0,
  MKV_CLI_FAILURE = 1,
  MKV_CLI_USAGE = 2,
  MKV_CLI_NOT_FOUND = 3,
  MKV_CLI_NOT_CONNECTED = 5,
  MKV_CLI_DENIED = 6,
  MKV_CLI_TIMEOUT = 7,
  MKV_CLI_TOO_LARGE = 8,
  MKV_CLI_CONFIGURATION = 78,
};

/* Says on stderr what failed, why, and what helps. Returns @status. */
int mkv_cli_fail (int status, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* The same for @error, when @what was tried. */
int mkv_cli_fail_with (const char *what, const GError *error);

G_END_DECLS
