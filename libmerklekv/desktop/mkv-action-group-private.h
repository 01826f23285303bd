/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "desktop/mkv-action-group.h"
#include "desktop/mkv-list-model-private.h"

G_BEGIN_DECLS

struct _MkvActionGroup
{
  GObject parent_instance;

  MkvStore *store;
  char *prefix;
  MkvClock *clock;
  GHashTable *actions; /* name to Action */

  MkvListModel *keys;
  GPtrArray *names; /* of the keys without the prefix, as `keys` has told */
};

/* With another clock than the system's. */
MkvActionGroup *mkv_action_group_new_full (MkvStore *store, const char *prefix, MkvClock *clock);

G_END_DECLS
