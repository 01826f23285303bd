/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "base/mkv-error.h"

#include <gio/gio.h>
#include <glib/gi18n-lib.h>

#define BUS_ERROR(name) DBUS_NAME ".Error." name

static const GDBusErrorEntry error_entries[] = {
  { MKV_ERROR_FAILED, BUS_ERROR ("Failed") },
  { MKV_ERROR_NOT_FOUND, BUS_ERROR ("NotFound") },
  { MKV_ERROR_INVALID_ARGUMENT, BUS_ERROR ("InvalidArgument") },
  { MKV_ERROR_MALFORMED, BUS_ERROR ("Malformed") },
  { MKV_ERROR_TIMEOUT, BUS_ERROR ("Timeout") },
  { MKV_ERROR_TOO_LARGE, BUS_ERROR ("TooLarge") },
  { MKV_ERROR_RANGE_OVERFLOW, BUS_ERROR ("RangeOverflow") },
  { MKV_ERROR_INVALID_TYPE, BUS_ERROR ("InvalidType") },
  { MKV_ERROR_UNAUTHORIZED, BUS_ERROR ("Unauthorized") },
  { MKV_ERROR_FORBIDDEN, BUS_ERROR ("Forbidden") },
  { MKV_ERROR_RATE_LIMITED, BUS_ERROR ("RateLimited") },
  { MKV_ERROR_UNAVAILABLE, BUS_ERROR ("Unavailable") },
  { MKV_ERROR_NOT_CONNECTED, BUS_ERROR ("NotConnected") },
  { MKV_ERROR_NOT_SUPPORTED, BUS_ERROR ("NotSupported") },
  { MKV_ERROR_CORRUPT, BUS_ERROR ("Corrupt") },
  { MKV_ERROR_CONFIGURATION, BUS_ERROR ("Configuration") },
};

G_STATIC_ASSERT (G_N_ELEMENTS (error_entries) == MKV_ERROR_CONFIGURATION + 1);

/* Applications know neither the library's domain nor where its translations
 * are. This opens no file; the first text does. */
__attribute__ ((constructor)) static void
bind_texts (void)
{
  bindtextdomain (GETTEXT_PACKAGE, LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
}

/**
 * mkv_error_quark:
 *
 * The domain of [error@Error], registered for D-Bus, so that a client of the
 * daemon gets the same codes as one in process.
 *
 * Returns: the quark
 *
 * Since: 0.1
 */
GQuark
mkv_error_quark (void)
{
  static gsize quark;

  g_dbus_error_register_error_domain ("mkv-error-quark", &quark, error_entries,
                                      G_N_ELEMENTS (error_entries));
  return (GQuark) quark;
}
