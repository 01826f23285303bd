/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#if !defined (MKV_INSIDE) && !defined (MKV_COMPILATION)
#error "Only <merklekv.h> can be included directly"
#endif

#include <glib.h>

/**
 * MKV_API: (skip)
 *
 * Marks a function that the shared library exports; all others are hidden.
 */
#define MKV_API __attribute__ ((visibility ("default"))) extern
