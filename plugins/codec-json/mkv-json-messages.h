/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "model/mkv-command.h"
#include "model/mkv-entry.h"
#include "model/mkv-response.h"
#include "model/mkv-sync-message.h"

G_BEGIN_DECLS

/* The vfuncs of MkvCodec, without the object. */
GBytes *mkv_json_encode_events (GPtrArray *entries, gboolean ascii, gsize max_bytes, guint *n_encoded,
                                GError **error);
GPtrArray *mkv_json_decode_events (GBytes *payload, char ***refused, GError **error);

GBytes *mkv_json_encode_command (MkvCommand *command, gboolean ascii, GError **error);
MkvCommand *mkv_json_decode_command (GBytes *payload, char **id, GError **error);

GBytes *mkv_json_encode_response (MkvResponse *response, gboolean ascii, GError **error);
MkvResponse *mkv_json_decode_response (GBytes *payload, GError **error);

GBytes *mkv_json_encode_sync (MkvSyncMessage *message, gboolean ascii, guint first, gsize max_bytes,
                              guint *n_encoded, GError **error);
MkvSyncMessage *mkv_json_decode_sync (GBytes *payload, char ***refused, GError **error);

G_END_DECLS
