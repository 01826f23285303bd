/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "delivery/mkv-router-private.h"
#include "store/mkv-local-store-private.h"
#include "sync/mkv-syncer-private.h"

G_BEGIN_DECLS

/* Who may give commands. */
typedef enum
{
  MKV_COMMAND_ACCESS_ALLOW, /* everyone */
  MKV_COMMAND_ACCESS_DENY,  /* nobody */
} MkvCommandAccess;

/* What INFO says about the node: static strings. */
typedef void (*MkvDescribeFunc) (const char **state, const char **health, gpointer user_data);

/* Executes the commands that other nodes send, and answers them. Lives in the
 * node's context. */
#define MKV_TYPE_COMMAND_PROCESSOR (mkv_command_processor_get_type ())

G_DECLARE_FINAL_TYPE (MkvCommandProcessor, mkv_command_processor, MKV, COMMAND_PROCESSOR, GObject)

MkvCommandProcessor *mkv_command_processor_new (MkvRouter *router, MkvLocalStore *store, MkvCodec *json,
                                                MkvCodec *cbor, MkvClock *clock, MkvObserver *observer);

void mkv_command_processor_set_access (MkvCommandProcessor *self, MkvCommandAccess access);

/* What SYNC runs; without one it is refused. */
void mkv_command_processor_set_syncer (MkvCommandProcessor *self, MkvSyncer *syncer);

void mkv_command_processor_set_describe_func (MkvCommandProcessor *self, MkvDescribeFunc func, gpointer user_data);

/* Reads the receipts of earlier runs and begins to take commands. */
gboolean mkv_command_processor_start (MkvCommandProcessor *self, GError **error);

/* From now on commands are answered with UNAVAILABLE; what is being executed is
 * answered still. */
void mkv_command_processor_stop (MkvCommandProcessor *self);

G_END_DECLS
