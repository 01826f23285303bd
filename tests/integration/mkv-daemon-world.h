/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-program.h"

G_BEGIN_DECLS

/* A private bus that can start the daemon. */
typedef struct
{
  GTestDBus *bus;
  char *folder;
  char *service; /* the file that says how to start it */
  char *data;
  GDBusConnection *client;
} MkvDaemonWorld;

/* The command line in the service file has @arguments, too; NULL for no file. */
MkvDaemonWorld *mkv_daemon_world_new (const char *arguments);

/* Ends a daemon that is still there. */
void mkv_daemon_world_free (MkvDaemonWorld *self);

/* Another connection to the bus. */
GDBusConnection *mkv_daemon_world_connect (MkvDaemonWorld *self);

/* A daemon with the same data that the bus has not started. @environment may be
 * empty; in it, BUS stands for the bus's address. */
MkvDaemonProgram *mkv_daemon_world_start (MkvDaemonWorld *self, const char *arguments);
MkvDaemonProgram *mkv_daemon_world_start_with (MkvDaemonWorld *self, const char *environment, const char *arguments);

/* Of whoever is the daemon; 0 if nobody is. */
GPid mkv_daemon_world_get_pid (MkvDaemonWorld *self);
void mkv_daemon_world_wait_for_none (MkvDaemonWorld *self);
void mkv_daemon_world_wait_for_lock (MkvDaemonWorld *self);

/* Calls a method of `Store` or `Manager`, and waits. */
GVariant *mkv_daemon_world_call (MkvDaemonWorld *self, const char *object, const char *method, GVariant *arguments,
                                 const char *type, GError **error);
GVariant *mkv_daemon_world_make_set (const char *key, const char *text);
void mkv_daemon_world_set (MkvDaemonWorld *self, const char *key, const char *text);
void mkv_daemon_world_expect (MkvDaemonWorld *self, const char *key, const char *text);

/* Iterates the default context, for what the test offers on the bus. */
void mkv_daemon_world_wait_for_state (MkvDaemonWorld *self, const char *state);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvDaemonWorld, mkv_daemon_world_free)

G_END_DECLS
