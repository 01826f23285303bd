/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-stranger.h"
#include "node/mkv-node.h"
#include "observe/mkv-observer-private.h"

G_BEGIN_DECLS

/* A running node with something to lose, and a stranger, over the loopback
 * transport: time is virtual for the node, and real for how long it is busy. */
typedef struct
{
  MkvManualClock *clock;
  MkvPluginRegistry *registry;
  MkvLoopbackBroker *broker;
  MkvNode *victim;
  MkvStranger *stranger;
  char *root; /* of the victim, before anything happened */

  GSource *beat;
  gint64 beat_at;      /* real time, us */
  gint64 longest;      /* that the 10 ms timer was late, us */
  gsize octets_before; /* on the heap */
  gsize octets_most;
  guint64 refused_before;
  guint64 sent_before;
} MkvHostileWorld;

#define MKV_HOSTILE_ENTRIES (5000)
#define MKV_HOSTILE_NOW G_GINT64_CONSTANT (1700000000000)

void mkv_hostile_world_set_up (MkvHostileWorld *self, gconstpointer data);
void mkv_hostile_world_tear_down (MkvHostileWorld *self, gconstpointer data);

/* Until the victim has dealt with all that it was told. */
void mkv_hostile_world_settle (MkvHostileWorld *self);

/* Lets time run. */
void mkv_hostile_world_run (MkvHostileWorld *self, gint64 us);

/* All counters of what was dropped or refused; and one of them. */
guint64 mkv_hostile_world_count_refusals (MkvHostileWorld *self);
guint64 mkv_hostile_world_count (MkvHostileWorld *self, MkvCounter counter);

/* The attack is over: at least @n_refused things were dropped or refused, at most
 * @max_sent messages sent, the heap grew by at most @max_kib meanwhile, the data
 * is what it was; and an honest node that comes now gets it all, and the other
 * way round. */
void mkv_hostile_world_check (MkvHostileWorld *self, guint64 n_refused, guint64 max_sent, guint max_kib);

G_END_DECLS
