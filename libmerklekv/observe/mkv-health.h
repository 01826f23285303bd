/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib-object.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

/**
 * MkvHealth:
 * @MKV_HEALTH_OK: nothing to do
 * @MKV_HEALTH_DEGRADED: it works, and somebody should look
 * @MKV_HEALTH_FAILED: it does not do its work until somebody mends something
 *
 * How a node is.
 *
 * Since: 0.1
 */
typedef enum
{
  MKV_HEALTH_OK,
  MKV_HEALTH_DEGRADED,
  MKV_HEALTH_FAILED,
} MkvHealth;

G_END_DECLS
