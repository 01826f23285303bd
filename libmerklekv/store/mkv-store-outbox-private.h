/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "storage/mkv-storage.h"

G_BEGIN_DECLS

/* The entries of @node_id that are marked in the outbox of @storage, as
 * mkv_local_store_list_outbox() has it, without those after @latest, ms. */
GPtrArray *mkv_store_outbox_list (MkvStorage *storage, const char *node_id, gint64 latest, gint64 after_seq,
                                  guint limit, gint64 *last_seq, GError **error);

/* The entry that @mark, the name of a record of the outbox, stands for: NULL in
 * *@entry where another one has its key by now, or it never was. */
gboolean mkv_store_outbox_get_entry (MkvStorage *storage, const char *node_id, const char *mark, MkvEntry **entry,
                                     GError **error);

G_END_DECLS
