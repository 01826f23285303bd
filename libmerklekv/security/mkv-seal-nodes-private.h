/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The ids of nodes that are too long to stand, sealed, in an entry's stamp: it
 * has their number instead, and the storage keeps them in meta. A number is
 * given once, and not forgotten while the storage is open. For any thread. */
typedef struct _MkvSealNodes MkvSealNodes;

MkvSealNodes *mkv_seal_nodes_new (void);
void mkv_seal_nodes_free (MkvSealNodes *self);

/* What is stored; NULL for an id that can't be read. */
void mkv_seal_nodes_set (MkvSealNodes *self, guint32 number, const char *node_id);

/* The number of a node; *@stored is FALSE where the caller has to store it. */
guint32 mkv_seal_nodes_add (MkvSealNodes *self, const char *node_id, gboolean *stored);

/* Whether that was done, for all that were to be stored since the last time. */
void mkv_seal_nodes_end_storing (MkvSealNodes *self, gboolean stored);

/* Nothing of it is stored any more. */
void mkv_seal_nodes_unstore (MkvSealNodes *self);

/* NULL if there is none; otherwise valid as long as @self. */
const char *mkv_seal_nodes_get (MkvSealNodes *self, guint32 number);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvSealNodes, mkv_seal_nodes_free)

G_END_DECLS
