/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-cbor-reader.h"
#include "mkv-cbor-writer.h"
#include "model/mkv-entry.h"

G_BEGIN_DECLS

/* Events as they stand in a message of anti-entropy. */

/* Writes one. FALSE if it is longer than one may be. */
gboolean mkv_cbor_write_event (MkvCborWriter *writer, const MkvEntry *entry);

/* Takes an array of them. What is good goes to @entries; why the rest is not, to
 * *@refused, which is NULL until something is refused. FALSE if the array is
 * malformed. */
gboolean mkv_cbor_take_events (MkvCborReader *reader, GPtrArray *entries, GPtrArray **refused);

/* (transfer full): the reasons, if there are any, as a codec returns them. */
char **mkv_cbor_refused_to_strv (GPtrArray *refused);

G_END_DECLS
