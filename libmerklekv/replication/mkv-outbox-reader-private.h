/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "store/mkv-local-store-private.h"

G_BEGIN_DECLS

/* Goes through the outbox in rounds, in the order of seq, about two payloads
 * ahead of what is taken out. */
typedef struct _MkvOutboxReader MkvOutboxReader;

MkvOutboxReader *mkv_outbox_reader_new (MkvLocalStore *store);
void mkv_outbox_reader_free (MkvOutboxReader *self);

/* Begins again with the least seq. */
void mkv_outbox_reader_rewind (MkvOutboxReader *self);

/* Reads on until there is enough for a payload of so many events or octets. */
gboolean mkv_outbox_reader_fill (MkvOutboxReader *self, guint max_events, gsize max_bytes, GError **error);
gboolean mkv_outbox_reader_is_full (MkvOutboxReader *self, guint max_events, gsize max_bytes);

/* What was read and not taken yet. */
guint mkv_outbox_reader_get_n_events (MkvOutboxReader *self);
gsize mkv_outbox_reader_get_n_bytes (MkvOutboxReader *self);

/* Whether nothing is left, and the last look at the outbox found nothing more. */
gboolean mkv_outbox_reader_is_at_end (MkvOutboxReader *self);

/* The first entries, for one payload: rather too many than too few. */
GPtrArray *mkv_outbox_reader_peek (MkvOutboxReader *self, guint max_events, gsize max_bytes);

/* Takes the first @n out. */
void mkv_outbox_reader_take (MkvOutboxReader *self, guint n);

/* Forgets what was read and not taken: the next reading finds what is newest
 * then. */
void mkv_outbox_reader_put_back (MkvOutboxReader *self);

/* At least what an event takes besides its key and value, in any codec. */
#define MKV_OUTBOX_EVENT_OVERHEAD (88)

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvOutboxReader, mkv_outbox_reader_free)

G_END_DECLS
