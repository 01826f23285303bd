/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "desktop/mkv-list-item.h"
#include "store/mkv-store.h"

G_BEGIN_DECLS

/* The items of a list that somebody holds, by the part of their key behind the
 * list's prefix, and the reading of their values. It holds no item itself. */
typedef struct _MkvItemPool MkvItemPool;

/* Called when values could not be read. */
typedef void (*MkvItemPoolErrorFunc) (const GError *error, gpointer user_data);

MkvItemPool *mkv_item_pool_new (MkvStore *store, const char *prefix, MkvItemPoolErrorFunc func, gpointer user_data);
void mkv_item_pool_free (MkvItemPool *self);

/* The item of @key, made if there is none; it is then read. (transfer full) */
MkvListItem *mkv_item_pool_get (MkvItemPool *self, const char *key);

/* The item of @key, if there is one. (transfer full) (nullable) */
MkvListItem *mkv_item_pool_lookup (MkvItemPool *self, const char *key);

/* The item of @key, if there is one, follows it no more. */
void mkv_item_pool_forget (MkvItemPool *self, const char *key);

/* Reads all again. */
void mkv_item_pool_reload (MkvItemPool *self);

G_END_DECLS
