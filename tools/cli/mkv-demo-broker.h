/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* A mosquitto of our own, on a free loopback port, gone with this process. */
typedef struct _MkvDemoBroker MkvDemoBroker;

/* Where mosquitto is, or what MKV_MOSQUITTO names instead; NULL if there is none. */
char *mkv_demo_broker_find (void);

/* Starts @program, and waits until it listens. */
MkvDemoBroker *mkv_demo_broker_new (const char *program, GError **error);
guint16 mkv_demo_broker_get_port (MkvDemoBroker *self);
void mkv_demo_broker_free (MkvDemoBroker *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvDemoBroker, mkv_demo_broker_free)

G_END_DECLS
