/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A node in a process of its own, which a test tells what to do and asks how it
 * is. The process is the test program itself, in mkv_peer_main(). */
typedef struct _MkvPeer MkvPeer;

/* Starts one with settings as "group.key=value", and waits until its store is
 * open. Its storage is memory, or, as `storage.backend=held`, one that
 * mkv_peer_hold() blocks. */
MkvPeer *mkv_peer_new (const char *client_id, const char *broker, ...) G_GNUC_NULL_TERMINATED;
MkvPeer *mkv_peer_new_with_settings (const char *const *settings);

/* Ends it with SIGKILL, if it is still there. */
void mkv_peer_free (MkvPeer *self);

/* Ends it with SIGTERM, gracefully, and waits. */
void mkv_peer_stop (MkvPeer *self);

void mkv_peer_set (MkvPeer *self, const char *key, const char *value);
void mkv_peer_delete (MkvPeer *self, const char *key);

/* Writes key-0 to key-(n-1), prefixed, each a moment after the other, without
 * anybody waiting. */
void mkv_peer_write_many (MkvPeer *self, const char *prefix, guint n);

/* From now on whatever is written waits, in the middle of being applied. */
void mkv_peer_hold (MkvPeer *self);

/* "KEY=VALUE\n" of all, in order; "state"; "level\ncondition\n…"; the number of
 * marks in the outbox and of writes still to do; a counter. */
char *mkv_peer_dump (MkvPeer *self);
char *mkv_peer_get_state (MkvPeer *self);
char *mkv_peer_get_health (MkvPeer *self);
guint mkv_peer_get_n_unwritten (MkvPeer *self);
guint64 mkv_peer_get_counter (MkvPeer *self, const char *name);

/* Wait until it is so, for at most 45 s, and fail if it is not. */
void mkv_peer_wait_state (MkvPeer *self, const char *state);
void mkv_peer_wait_health (MkvPeer *self, const char *text);
void mkv_peer_wait_line (MkvPeer *self, const char *line);
void mkv_peer_wait_counter (MkvPeer *self, const char *name, guint64 least);
void mkv_peer_wait_equal (MkvPeer *self, MkvPeer *other);

/* If the arguments are a peer's, runs it and returns TRUE when it is done. */
gboolean mkv_peer_main (int argc, char **argv);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvPeer, mkv_peer_free)

G_END_DECLS
