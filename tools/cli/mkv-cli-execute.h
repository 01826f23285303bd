/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

G_BEGIN_DECLS

/* Does with @store what a node does that is sent @command, unless that is about
 * the node itself: PING, INFO and SYNC are the caller's. Waits; from any thread. */
MkvResponse *mkv_cli_execute (MkvStore *store, MkvCommand *command, GCancellable *cancellable, GError **error);

G_END_DECLS
