/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gio/gio.h>

#include "base/mkv-clock.h"
#include "observe/mkv-health.h"

G_BEGIN_DECLS

/* What a node counts. Every message or event that is dropped has a counter of
 * its own; mkv_counter_get_name() gives the name that people and metrics see. */
typedef enum
{
  MKV_COUNTER_WRITES,
  MKV_COUNTER_MESSAGES_RECEIVED,
  MKV_COUNTER_MESSAGES_SENT,
  MKV_COUNTER_BYTES_RECEIVED,
  MKV_COUNTER_BYTES_SENT,
  MKV_COUNTER_COMMANDS,
  MKV_COUNTER_COMMANDS_REPLAYED,
  MKV_COUNTER_EVENTS_APPLIED,
  MKV_COUNTER_EVENTS_STALE,
  MKV_COUNTER_EVENTS_DUPLICATE,
  MKV_COUNTER_EVENTS_PUBLISHED,
  MKV_COUNTER_SYNC_SESSIONS,
  MKV_COUNTER_SYNC_APPLIED,
  /* From here on: something was dropped or refused. */
  MKV_COUNTER_DROPPED_RETAINED,
  MKV_COUNTER_DROPPED_OWN,
  MKV_COUNTER_DROPPED_TOPIC,
  MKV_COUNTER_DROPPED_MALFORMED,
  MKV_COUNTER_DROPPED_TOO_LARGE,
  MKV_COUNTER_DROPPED_RATE_LIMITED,
  MKV_COUNTER_DROPPED_MIRROR,
  MKV_COUNTER_EVENTS_REFUSED,
  MKV_COUNTER_EVENTS_FUTURE,
  MKV_COUNTER_EVENTS_NOT_STORED,
  MKV_COUNTER_EVENTS_REJECTED_BY_BROKER,
  MKV_COUNTER_COMMANDS_INVALID,
  MKV_COUNTER_COMMANDS_REFUSED,
  MKV_COUNTER_RESPONSE_TOPIC_REFUSED,
  MKV_COUNTER_RESPONSES_LATE,
  MKV_COUNTER_RESPONSES_NOT_SENT,
  MKV_COUNTER_RESPONSES_UNKNOWN,
  MKV_COUNTER_MIRRORED_NOT_SENT,
  MKV_COUNTER_MESSAGES_NOT_SENT,
  MKV_COUNTER_SYNC_IGNORED,
  MKV_COUNTER_SYNC_REFUSED,
  MKV_COUNTER_BUS_CALLS_REFUSED,
  MKV_COUNTER_BUS_CALLS_LIMITED,
  MKV_COUNTER_BUS_CHANGES_MISSED,
  MKV_N_COUNTERS
} MkvCounter;

const char *mkv_counter_get_name (MkvCounter counter);

/* Where the rooms report what happened: counters, and conditions that make the
 * node's health. May be called from any thread; `changed` is emitted in the
 * context that was thread-default when the observer was made. */
#define MKV_TYPE_OBSERVER (mkv_observer_get_type ())

G_DECLARE_FINAL_TYPE (MkvObserver, mkv_observer, MKV, OBSERVER, GObject)

MkvObserver *mkv_observer_new (MkvClock *clock);
void mkv_observer_count (MkvObserver *self, MkvCounter counter, guint n);
void mkv_observer_drop (MkvObserver *self, MkvCounter counter, const char *format, ...) G_GNUC_PRINTF (3, 4);
guint64 mkv_observer_get_count (MkvObserver *self, MkvCounter counter);
GVariant *mkv_observer_list_counters (MkvObserver *self);

void mkv_observer_set_condition (MkvObserver *self, const char *name, MkvHealth level, const char *format, ...)
    G_GNUC_PRINTF (4, 5);
void mkv_observer_clear_condition (MkvObserver *self, const char *name);
MkvHealth mkv_observer_get_health (MkvObserver *self);
char **mkv_observer_list_conditions (MkvObserver *self);

G_END_DECLS
