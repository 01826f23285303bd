/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-replica.h"
#include "mkv-sim-model.h"

G_BEGIN_DECLS

#define MKV_SIM_MS G_GINT64_CONSTANT (1000)
#define MKV_SIM_SECOND G_GINT64_CONSTANT (1000000)
#define MKV_SIM_HOUR (3600 * MKV_SIM_SECOND)

/* How far a clock may be off and still count as right, in ms. */
#define MKV_SIM_MAX_OFFSET (60000)

typedef struct
{
  char *id;
  MkvManualClock *clock;
  gint64 offset; /* ms, of its wall clock */
  MkvStorage *storage; /* stays while the replica is off */
  MkvReplica *replica; /* NULL while it is off */
} MkvSimNode;

/* Replicas over one broker on one flow of virtual time. All that happens
 * follows from the seed: everything is in one thread, as the storages are in
 * memory. */
typedef struct
{
  guint32 seed;
  GRand *random;
  GString *trace;
  MkvManualClock *clock; /* true time */
  gint64 started;        /* of its monotonic time */
  MkvLoopbackBroker *broker;
  MkvSimModel *model;
  guint n;
  MkvSimNode *nodes;
  guint n_keys;
  guint n_values;
} MkvSimWorld;

/* What replicas say of a net that is bad on purpose would fill the log. */
void mkv_sim_drop_log (void);

/* All are on, and connected. */
MkvSimWorld *mkv_sim_world_new (guint32 seed, guint n_nodes, guint n_keys);
void mkv_sim_world_free (MkvSimWorld *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvSimWorld, mkv_sim_world_free)

/* A random number below @n. */
guint mkv_sim_world_draw (MkvSimWorld *self, guint n);

/* Adds a line to the trace, with the time. */
void mkv_sim_world_trace (MkvSimWorld *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Adds what the broker has counted so far: two runs that differ anywhere differ
 * there soon. */
void mkv_sim_world_trace_counts (MkvSimWorld *self);

/* Lets time run. */
void mkv_sim_world_run (MkvSimWorld *self, gint64 us);

/* A replica goes without taking leave, or comes with what is in its storage. */
void mkv_sim_world_switch_off (MkvSimWorld *self, guint node);
void mkv_sim_world_switch_on (MkvSimWorld *self, guint node);

/* Its storage is lost. Does nothing, and says so, where others don't hold all
 * that was in it. */
gboolean mkv_sim_world_wipe (MkvSimWorld *self, guint node);

/* Sets its wall clock, in ms ahead of true time. */
void mkv_sim_world_set_offset (MkvSimWorld *self, guint node, gint64 offset);

/* Writes, of whatever kind; the model gets to know. */
void mkv_sim_world_set (MkvSimWorld *self, guint node, const char *key);
void mkv_sim_world_delete (MkvSimWorld *self, guint node, const char *key);
void mkv_sim_world_increment (MkvSimWorld *self, guint node, const char *key);

/* Ends every trouble: what is off comes on, clocks become right, everybody
 * reaches everybody. */
void mkv_sim_world_heal (MkvSimWorld *self);

/* The root of a replica that is on, in hexadecimal digits. */
char *mkv_sim_world_dup_root (MkvSimWorld *self, guint node);

/* NULL if its tree is what one made from its storage would be, else what is
 * wrong. */
char *mkv_sim_world_check_tree (MkvSimWorld *self, guint node);

/* Whether all roots are equal, and nobody has anything left to send. */
gboolean mkv_sim_world_is_equal (MkvSimWorld *self);

/* Lets at most @us pass until they do. Returns NULL if they do, and hold what
 * they have to; else what is wrong. */
char *mkv_sim_world_settle (MkvSimWorld *self, gint64 us);

G_END_DECLS
