/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-limits.h"
#include "model/mkv-command.h"
#include "model/mkv-response.h"

G_BEGIN_DECLS

/* What a storage keeps of a write that somebody asked for: enough to answer
 * once more without doing it once more. */
#define MKV_RECEIPT_PREFIX "receipt/"

/* The name of the receipt for a request, by where its answer goes and its id. */
char *mkv_receipt_name (const char *topic, const char *id);

/* What makes two requests the same: the operation and its arguments, and
 * @client_id, who is asked, if given. @digest has MKV_DIGEST_BYTES. */
void mkv_receipt_fingerprint (const MkvCommand *command, const char *client_id, guint8 *digest);

/* @response is that of a write that was done. */
GBytes *mkv_receipt_serialize (const char *topic, const guint8 *fingerprint, MkvResponse *response);

/* @name is what the storage has it under. */
MkvResponse *mkv_receipt_parse (GBytes *record, const char *name, guint8 *fingerprint, GError **error);

G_END_DECLS
