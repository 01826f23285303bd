/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "model/mkv-command.h"
#include "model/mkv-entry.h"
#include "model/mkv-response.h"
#include "model/mkv-sync-message.h"

G_BEGIN_DECLS

#define MKV_TYPE_CODEC (mkv_codec_get_type ())

MKV_API
G_DECLARE_INTERFACE (MkvCodec, mkv_codec, MKV, CODEC, GObject)

/**
 * MkvCodecInterface:
 * @parent_iface: the parent interface
 * @get_content_type: see [method@Codec.get_content_type]
 * @encode_events: see [method@Codec.encode_events]
 * @decode_events: see [method@Codec.decode_events]
 * @encode_command: see [method@Codec.encode_command]; left out by a codec of events alone
 * @decode_command: see [method@Codec.decode_command]; left out by a codec of events alone
 * @encode_response: see [method@Codec.encode_response]; left out by a codec of events alone
 * @decode_response: see [method@Codec.decode_response]; left out by a codec of events alone
 * @encode_sync: see [method@Codec.encode_sync]; left out by a codec without anti-entropy
 * @decode_sync: see [method@Codec.decode_sync]; left out by a codec without anti-entropy
 *
 * What a codec plugin implements.
 *
 * Since: 0.1
 */
struct _MkvCodecInterface
{
  GTypeInterface parent_iface;

  const char *(*get_content_type) (MkvCodec *self);
  GBytes *(*encode_events) (MkvCodec *self, GPtrArray *entries, gsize max_bytes, guint *n_encoded,
                            GError **error);
  GPtrArray *(*decode_events) (MkvCodec *self, GBytes *payload, char ***refused, GError **error);
  GBytes *(*encode_command) (MkvCodec *self, MkvCommand *command, GError **error);
  MkvCommand *(*decode_command) (MkvCodec *self, GBytes *payload, char **id, GError **error);
  GBytes *(*encode_response) (MkvCodec *self, MkvResponse *response, GError **error);
  MkvResponse *(*decode_response) (MkvCodec *self, GBytes *payload, GError **error);
  GBytes *(*encode_sync) (MkvCodec *self, MkvSyncMessage *message, guint first, gsize max_bytes, guint *n_encoded,
                          GError **error);
  MkvSyncMessage *(*decode_sync) (MkvCodec *self, GBytes *payload, char ***refused, GError **error);

  /*< private >*/
  gpointer padding[6];
};

MKV_API
const char *mkv_codec_get_content_type (MkvCodec *self);

MKV_API
gboolean mkv_codec_has_commands (MkvCodec *self);

MKV_API
GBytes *mkv_codec_encode_events (MkvCodec *self, GPtrArray *entries, gsize max_bytes, guint *n_encoded,
                                 GError **error);

MKV_API
GPtrArray *mkv_codec_decode_events (MkvCodec *self, GBytes *payload, char ***refused, GError **error);

MKV_API
GPtrArray *mkv_codec_decode_events_for_bindings (MkvCodec *self, GBytes *payload, char ***refused,
                                                 GError **error);

MKV_API
GBytes *mkv_codec_encode_command (MkvCodec *self, MkvCommand *command, GError **error);

MKV_API
MkvCommand *mkv_codec_decode_command (MkvCodec *self, GBytes *payload, char **id, GError **error);

MKV_API
GBytes *mkv_codec_encode_response (MkvCodec *self, MkvResponse *response, GError **error);

MKV_API
MkvResponse *mkv_codec_decode_response (MkvCodec *self, GBytes *payload, GError **error);

MKV_API
gboolean mkv_codec_has_sync (MkvCodec *self);

MKV_API
GBytes *mkv_codec_encode_sync (MkvCodec *self, MkvSyncMessage *message, guint first, gsize max_bytes,
                               guint *n_encoded, GError **error);

MKV_API
MkvSyncMessage *mkv_codec_decode_sync (MkvCodec *self, GBytes *payload, char ***refused, GError **error);

G_END_DECLS
