/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

G_BEGIN_DECLS

/* The daemon's place on a bus. What makes it free of races is the order: the
 * objects are there before the name, and the name is this process's before the
 * storage is touched, so that the bus decides which of two daemons may open it;
 * calls of the store wait until it is open. On the way out the name goes first,
 * so that what is called from then on activates another daemon; what came before
 * is answered. */
typedef struct _MkvDaemonBus MkvDaemonBus;

typedef enum
{
  MKV_DAEMON_BUS_NOT_REACHED, /* there is no such bus */
  MKV_DAEMON_BUS_REFUSED,     /* it won't let this process be what it wants to be */
  MKV_DAEMON_BUS_TAKEN,       /* another daemon runs */
  MKV_DAEMON_BUS_REPLACED,    /* another daemon has taken this one's place */
  MKV_DAEMON_BUS_GONE,        /* the bus itself has ended */
} MkvDaemonBusEnd;

typedef struct
{
  /* The name is this process's. */
  void (*owned) (gpointer user_data);

  /* It is not, or not any more; @text says why, for people. Called once at most. */
  void (*ended) (MkvDaemonBusEnd end, const char *text, gpointer user_data);
} MkvDaemonBusFuncs;

/* @type is G_BUS_TYPE_SESSION or G_BUS_TYPE_SYSTEM. */
MkvDaemonBus *mkv_daemon_bus_new (GBusType type, gboolean replace, MkvNode *node, const MkvDaemonBusFuncs *funcs,
                                  MkvReloadFunc reload, gpointer user_data);
void mkv_daemon_bus_free (MkvDaemonBus *self);

/* Starts; one of the functions is called later. */
void mkv_daemon_bus_start (MkvDaemonBus *self);

/* The store is open, or never will be: calls that wait for it are answered. */
void mkv_daemon_bus_open (MkvDaemonBus *self);

/* Gives the name away, if this process has it; @func is called when no more calls
 * come, and those that had come have reached the store. */
void mkv_daemon_bus_release (MkvDaemonBus *self, void (*func) (gpointer user_data));

/* Leaves the bus, when all answers are out; @func is called then. */
void mkv_daemon_bus_leave (MkvDaemonBus *self, void (*func) (gpointer user_data));

/* NULL before there is one. */
GDBusConnection *mkv_daemon_bus_get_connection (MkvDaemonBus *self);
MkvBusService *mkv_daemon_bus_get_service (MkvDaemonBus *self);

/* How many calls there were so far, and how many of them are not answered yet. */
void mkv_daemon_bus_get_calls (MkvDaemonBus *self, guint *n_calls, guint *n_open);

G_END_DECLS
