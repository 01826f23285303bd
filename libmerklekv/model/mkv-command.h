/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib-object.h>

#include "model/mkv-operation.h"

G_BEGIN_DECLS

#define MKV_TYPE_COMMAND (mkv_command_get_type ())

typedef struct _MkvCommand MkvCommand;

MKV_API
GType mkv_command_get_type (void);

MKV_API
MkvCommand *mkv_command_new (MkvOperation operation);

MKV_API
MkvCommand *mkv_command_ref (MkvCommand *self);

MKV_API
void mkv_command_unref (MkvCommand *self);

MKV_API
MkvOperation mkv_command_get_operation (const MkvCommand *self);

MKV_API
const char *mkv_command_get_id (const MkvCommand *self);

MKV_API
void mkv_command_set_id (MkvCommand *self, const char *id);

MKV_API
const char *mkv_command_get_key (const MkvCommand *self);

MKV_API
void mkv_command_set_key (MkvCommand *self, const char *key);

MKV_API
GBytes *mkv_command_get_value (const MkvCommand *self);

MKV_API
void mkv_command_set_value (MkvCommand *self, GBytes *value);

MKV_API
gint64 mkv_command_get_amount (const MkvCommand *self);

MKV_API
void mkv_command_set_amount (MkvCommand *self, gint64 amount);

MKV_API
GPtrArray *mkv_command_get_keys (const MkvCommand *self);

MKV_API
GPtrArray *mkv_command_get_values (const MkvCommand *self);

MKV_API
void mkv_command_add_key (MkvCommand *self, const char *key);

MKV_API
void mkv_command_add_pair (MkvCommand *self, const char *key, GBytes *value);

MKV_API
const char *mkv_command_get_prefix (const MkvCommand *self);

MKV_API
void mkv_command_set_prefix (MkvCommand *self, const char *prefix);

MKV_API
const char *mkv_command_get_after (const MkvCommand *self);

MKV_API
void mkv_command_set_after (MkvCommand *self, const char *after);

MKV_API
guint mkv_command_get_limit (const MkvCommand *self);

MKV_API
void mkv_command_set_limit (MkvCommand *self, guint limit);

MKV_API
gint64 mkv_command_get_timestamp (const MkvCommand *self);

MKV_API
void mkv_command_set_timestamp (MkvCommand *self, gint64 timestamp);

MKV_API
const char *mkv_command_get_token (const MkvCommand *self);

MKV_API
void mkv_command_set_token (MkvCommand *self, const char *token);

MKV_API
const char *mkv_command_get_peer (const MkvCommand *self);

MKV_API
void mkv_command_set_peer (MkvCommand *self, const char *peer);

MKV_API
gboolean mkv_command_validate (const MkvCommand *self, GError **error);

MKV_API
gboolean mkv_command_id_check (const char *id, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvCommand, mkv_command_unref)

G_END_DECLS
