/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "model/mkv-sync-message.h"

G_BEGIN_DECLS

struct _MkvSyncMessage
{
  gatomicrefcount ref_count;
  MkvSyncOperation operation;
  char *id;
  char *from;
  gint64 timestamp; /* this and the following numbers: -1 if unknown */
  gint64 horizon;
  GBytes *root;
  gint64 count;
  char *node_id;
  GBytes *cell;
  char *to;
  GPtrArray *cells; /* this and the following arrays: NULL if nothing was added */
  GPtrArray *lists;
  GBytes *want; /* and octets: NULL if there are none */
  GBytes *offer;
  GPtrArray *events;
  gboolean more;
  gboolean ack;
  GPtrArray *queries;
  GPtrArray *nodes;
  gint64 until;
  MkvErrorCode error_code;
  char *error_text;
};

void mkv_sync_message_set_octets (GBytes **place, GBytes *octets);

G_END_DECLS
