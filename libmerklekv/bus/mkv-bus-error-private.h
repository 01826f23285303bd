/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* What went wrong with a call to @name, said as the store in process says it:
 * takes @error, returns one of MKV_ERROR, or that the call was cancelled. */
GError *mkv_bus_error_convert (GError *error, const char *name);

G_END_DECLS
