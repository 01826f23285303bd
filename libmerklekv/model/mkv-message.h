/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib-object.h>

#include "base/mkv-macros.h"

G_BEGIN_DECLS

#define MKV_TYPE_MESSAGE (mkv_message_get_type ())

typedef struct _MkvMessage MkvMessage;

/**
 * MkvMessageHandledFunc: (skip)
 * @message: the message
 * @user_data: what was given with the function
 *
 * Called once, when @message has been handled.
 *
 * Since: 0.1
 */
typedef void (*MkvMessageHandledFunc) (MkvMessage *message, gpointer user_data);

MKV_API
GType mkv_message_get_type (void);

MKV_API
MkvMessage *mkv_message_new (const char *topic, GBytes *payload);

MKV_API
MkvMessage *mkv_message_ref (MkvMessage *self);

MKV_API
void mkv_message_unref (MkvMessage *self);

MKV_API
const char *mkv_message_get_topic (const MkvMessage *self);

MKV_API
GBytes *mkv_message_get_payload (const MkvMessage *self);

MKV_API
const char *mkv_message_get_content_type (const MkvMessage *self);

MKV_API
void mkv_message_set_content_type (MkvMessage *self, const char *content_type);

MKV_API
const char *mkv_message_get_response_topic (const MkvMessage *self);

MKV_API
void mkv_message_set_response_topic (MkvMessage *self, const char *topic);

MKV_API
GBytes *mkv_message_get_correlation_data (const MkvMessage *self);

MKV_API
void mkv_message_set_correlation_data (MkvMessage *self, GBytes *data);

MKV_API
guint mkv_message_get_expiry (const MkvMessage *self);

MKV_API
void mkv_message_set_expiry (MkvMessage *self, guint seconds);

MKV_API
gboolean mkv_message_get_retain (const MkvMessage *self);

MKV_API
void mkv_message_set_retain (MkvMessage *self, gboolean retain);

MKV_API
const char *mkv_message_get_user_property (const MkvMessage *self, const char *name);

MKV_API
void mkv_message_set_user_property (MkvMessage *self, const char *name, const char *value);

MKV_API
char **mkv_message_list_user_properties (const MkvMessage *self);

MKV_API
void mkv_message_set_handled_func (MkvMessage *self, MkvMessageHandledFunc func, gpointer user_data,
                                   GDestroyNotify destroy);

MKV_API
void mkv_message_claim (MkvMessage *self);

MKV_API
gboolean mkv_message_is_claimed (const MkvMessage *self);

MKV_API
void mkv_message_handled (MkvMessage *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvMessage, mkv_message_unref)

G_END_DECLS
