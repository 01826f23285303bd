/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "delivery/mkv-router-private.h"
#include "store/mkv-local-store-private.h"

G_BEGIN_DECLS

/* What the ids of mirrored commands begin with; nobody executes them. */
#define MKV_MIRROR_PREFIX "mirror:"

/* Lets an observer see local writes: publishes each as a command to this node,
 * and its answer, for as long as the object lives. Best effort. */
#define MKV_TYPE_COMMAND_MIRROR (mkv_command_mirror_get_type ())

G_DECLARE_FINAL_TYPE (MkvCommandMirror, mkv_command_mirror, MKV, COMMAND_MIRROR, GObject)

MkvCommandMirror *mkv_command_mirror_new (MkvRouter *router, MkvLocalStore *store, MkvCodec *codec, MkvCodec *cbor,
                                          MkvObserver *observer);

G_END_DECLS
