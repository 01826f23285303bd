/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A set of prefixes, each with those who want it, in which all that a key begins
 * with are found by one search: sorted, and each knows the longest other one
 * that it begins with. */
typedef struct _MkvPrefixes MkvPrefixes;

/* Called for each who wants a prefix of the key; more than once for one who
 * wants several. */
typedef void (*MkvPrefixesFunc) (gpointer who, gpointer user_data);

MkvPrefixes *mkv_prefixes_new (void);
void mkv_prefixes_free (MkvPrefixes *self);

/* Nobody may want a prefix twice. Returns the set's own copy of @prefix, good
 * until it is removed for @who. */
const char *mkv_prefixes_add (MkvPrefixes *self, const char *prefix, gpointer who);
void mkv_prefixes_remove (MkvPrefixes *self, const char *prefix, gpointer who);

void mkv_prefixes_find (MkvPrefixes *self, const char *key, MkvPrefixesFunc func, gpointer user_data);

G_END_DECLS
