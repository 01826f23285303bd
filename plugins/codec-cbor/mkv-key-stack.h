/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The keys of the maps that are being read, the innermost map's on top, to find
 * those that come twice. All zero is an empty one. */
typedef struct
{
  GArray *keys; /* NULL until there is one */
} MkvKeyStack;

/* @octets have to stay where they are until the key is popped. */
void mkv_key_stack_push (MkvKeyStack *self, gconstpointer octets, gsize length);

/* How many keys there are: where the keys of a map begin that is entered now. */
guint mkv_key_stack_get_length (const MkvKeyStack *self);

/* Pops the keys of the innermost map, which begin at @first. FALSE if two of
 * them are the same. */
gboolean mkv_key_stack_pop (MkvKeyStack *self, guint first);

void mkv_key_stack_clear (MkvKeyStack *self);

G_END_DECLS
