/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-clock.h"
#include "desktop/mkv-item-pool-private.h"
#include "desktop/mkv-key-set-private.h"
#include "desktop/mkv-list-model.h"

G_BEGIN_DECLS

/* Changes are gathered for so long before they are told, in us: a frame. */
#define MKV_LIST_MODEL_GATHERING 16000

struct _MkvListModel
{
  GObject parent_instance;

  MkvStore *store;
  char *prefix;
  gsize prefix_length;
  gulong changed_id;

  /* All keys below are without the prefix. */
  MkvKeySet *keys;
  MkvItemPool *items;

  GTree *pending;     /* key to whether it is there, where `keys` does not say so yet */
  char *last_changed; /* changes behind this one come next; NULL: from the start */

  gboolean loading;
  gboolean listing;    /* a page is on its way */
  gboolean reload;     /* begin again once it has come */
  char **page;         /* of whole keys, being worked into `keys`; NULL if none */
  guint page_next;     /* the first of its keys that is not in yet */
  gboolean page_more;  /* others follow */
  char *listed;        /* up to here the listing is in `keys`; NULL: nothing yet */
  GHashTable *touched; /* keys that were told of since the page was asked for */
  GError *error;

  MkvClock *clock;
  GMainContext *context;
  GSource *source; /* does the work, when it is ready */
  GSource *timer;  /* while changes are gathered */
  GCancellable *cancellable;
};

/* With another clock than the system's. */
MkvListModel *mkv_list_model_new_full (MkvStore *store, const char *prefix, MkvClock *clock);

/* mkv-list-model.c */
void mkv_list_model_set_error (MkvListModel *self, const GError *error);
void mkv_list_model_set_loading (MkvListModel *self, gboolean loading);
void mkv_list_model_notify_n_items (MkvListModel *self);

/* mkv-list-model-work.c */
void mkv_list_model_start (MkvListModel *self);
void mkv_list_model_stop (MkvListModel *self);
void mkv_list_model_list_again (MkvListModel *self);

G_END_DECLS
