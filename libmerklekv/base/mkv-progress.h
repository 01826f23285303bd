/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

/**
 * MkvProgressFunc:
 * @done: how much has been done
 * @total: how much there is to do, as well as that is known; 0 if it isn't
 * @user_data: what was given with the function
 *
 * Tells how far something that takes long has come. What is counted, entries or
 * octets, the function says that takes this one. An asynchronous function calls
 * it in the context that its callback comes in.
 *
 * Since: 0.1
 */
typedef void (*MkvProgressFunc) (guint64 done, guint64 total, gpointer user_data);

G_END_DECLS
