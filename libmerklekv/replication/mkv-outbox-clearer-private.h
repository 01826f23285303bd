/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "store/mkv-local-store-private.h"

G_BEGIN_DECLS

/* Clears from the outbox what the broker has acknowledged: one write at a time,
 * and not one for each acknowledgement, because a writer of the application
 * waits while the store's worker thread commits. */
#define MKV_TYPE_OUTBOX_CLEARER (mkv_outbox_clearer_get_type ())

G_DECLARE_FINAL_TYPE (MkvOutboxClearer, mkv_outbox_clearer, MKV, OUTBOX_CLEARER, GObject)

/* "done" (GError *error) is emitted after each write. After an error nothing is
 * written until mkv_outbox_clearer_flush(). */
MkvOutboxClearer *mkv_outbox_clearer_new (MkvLocalStore *store, MkvClock *clock);

/* Clears @entries soon. */
void mkv_outbox_clearer_add (MkvOutboxClearer *self, GPtrArray *entries);

/* Clears what was added without waiting for more. */
void mkv_outbox_clearer_flush (MkvOutboxClearer *self);

gboolean mkv_outbox_clearer_is_idle (MkvOutboxClearer *self);

G_END_DECLS
