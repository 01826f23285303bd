/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "merkle/mkv-tree-private.h"

G_BEGIN_DECLS

/* Fills an empty tree with all that a storage has, in a third of the time that
 * putting entry after entry takes, because it makes each leaf once. It needs as
 * much memory as the tree for as long. */
typedef struct _MkvTreeBuilder MkvTreeBuilder;

/* @tree is empty, and stays as it is until mkv_tree_builder_finish(). */
MkvTreeBuilder *mkv_tree_builder_new (MkvTree *tree);

/* As mkv_tree_put(); each key at most once. */
void mkv_tree_builder_add (MkvTreeBuilder *self, const char *key, const guint8 *digest);

/* Fills the tree, and frees @self. */
void mkv_tree_builder_finish (MkvTreeBuilder *self);

/* Frees @self, and leaves the tree empty. */
void mkv_tree_builder_free (MkvTreeBuilder *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvTreeBuilder, mkv_tree_builder_free)

G_END_DECLS
