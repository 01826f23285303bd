/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "storage/mkv-storage.h"

G_BEGIN_DECLS

/* What every key has to be in the end: last write wins over everything that was
 * acknowledged to anybody. */
typedef struct _MkvSimModel MkvSimModel;

MkvSimModel *mkv_sim_model_new (void);
void mkv_sim_model_free (MkvSimModel *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvSimModel, mkv_sim_model_free)

/* @entry was acknowledged. @latest: the greatest timestamp that is not too far
 * in the future for its writer; what it wrote beyond that it writes again with
 * the time of now, which may not win over what was there before. */
void mkv_sim_model_add (MkvSimModel *self, MkvEntry *entry, gint64 latest);

/* The same for all entries in @storage that are @node_id's own. */
void mkv_sim_model_add_own (MkvSimModel *self, MkvStorage *storage, const char *node_id, gint64 latest);

/* The clock of @node_id was set, so that @latest is that now: what it wrote
 * beyond that counts where somebody got to see it, but may be gone. */
void mkv_sim_model_doubt (MkvSimModel *self, const char *node_id, gint64 latest);

/* NULL if @storage holds what it has to, else what is wrong with it. */
char *mkv_sim_model_check (MkvSimModel *self, MkvStorage *storage);

/* A list of everything a person can read in @storage, by key. */
char *mkv_sim_describe (MkvStorage *storage);

/* Whether others hold every entry of @storage, or one that wins over it. */
gboolean mkv_sim_is_held (MkvStorage *storage, MkvStorage **others, guint n_others);

/* One line of an entry, which may be NULL. */
char *mkv_sim_entry_to_string (MkvEntry *entry);

G_END_DECLS
