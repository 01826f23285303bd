/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A TCP relay on a loopback port, to cut, heal and slow down the way to a
 * broker. Lives in the context that was thread-default when it was made.
 *
 * Needs GIO only, so that programs and tests can link it whatever else they link. */
#define MKV_TYPE_RELAY (mkv_relay_get_type ())

G_DECLARE_FINAL_TYPE (MkvRelay, mkv_relay, MKV, RELAY, GObject)

/* Listens on a free port of 127.0.0.1 and forwards to @target_port there. */
MkvRelay *mkv_relay_new (guint16 target_port, GError **error);
guint16 mkv_relay_get_port (MkvRelay *self);

/* Where a client finds the broker behind it. */
const char *mkv_relay_get_uri (MkvRelay *self);

/* Breaks every connection, and each new one as soon as it comes, until healed. */
void mkv_relay_cut (MkvRelay *self);
void mkv_relay_heal (MkvRelay *self);
gboolean mkv_relay_is_cut (MkvRelay *self);

/* From now on lets octets lie, in either direction, without breaking anything:
 * what a silent peer looks like. Healing lets them go on. */
void mkv_relay_stall (MkvRelay *self);

/* How long octets are under way to and from the target; of connections that
 * come from now on. */
void mkv_relay_set_delay (MkvRelay *self, guint to_target_ms, guint from_target_ms);

/* Connections that were made since the start. */
guint mkv_relay_get_n_connections (MkvRelay *self);

G_END_DECLS
