/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "store/mkv-store.h"

G_BEGIN_DECLS

#define MKV_TYPE_ACTION_GROUP (mkv_action_group_get_type ())

MKV_API
G_DECLARE_FINAL_TYPE (MkvActionGroup, mkv_action_group, MKV, ACTION_GROUP, GObject)

MKV_API
MkvActionGroup *mkv_action_group_new (MkvStore *store, const char *prefix);

MKV_API
void mkv_action_group_add (MkvActionGroup *self, const char *name, GVariant *initial);

MKV_API
MkvStore *mkv_action_group_get_store (MkvActionGroup *self);

MKV_API
const char *mkv_action_group_get_prefix (MkvActionGroup *self);

G_END_DECLS
