/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A set of strings in bytewise order, in which each has a position: finding one
 * by its position, and a position by its string, takes the logarithm of how
 * many there are. It is made for millions: beyond its octets a string takes
 * about two more. Belongs to one thread. */
typedef struct _MkvKeySet MkvKeySet;

MkvKeySet *mkv_key_set_new (void);
void mkv_key_set_free (MkvKeySet *self);

guint mkv_key_set_get_length (const MkvKeySet *self);

/* The string at @position, which has to be below the length; it is the set's,
 * until the next change. */
const char *mkv_key_set_get (const MkvKeySet *self, guint position);

/* Whether @key is in it; @position is where it is, or would be put. */
gboolean mkv_key_set_find (const MkvKeySet *self, const char *key, guint *position);

/* Says whether anything changed. */
gboolean mkv_key_set_add (MkvKeySet *self, const char *key);
gboolean mkv_key_set_remove (MkvKeySet *self, const char *key);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvKeySet, mkv_key_set_free)

G_END_DECLS
