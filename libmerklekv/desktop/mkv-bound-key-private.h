/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-clock.h"
#include "store/mkv-store.h"

G_BEGIN_DECLS

/* So long after a write the next of the same key waits, in us. */
#define MKV_BOUND_KEY_PAUSE 100000

/* A key that something on the screen shows and changes. What is written to it
 * goes out at once, then at most once in MKV_BOUND_KEY_PAUSE, and the last value
 * always. While a write is on its way, and so long after, what is told of the key
 * may be older than that write: then the key is read when all is over, and nothing
 * of it is shown before. Belongs to the store's context. */
typedef struct _MkvBoundKey MkvBoundKey;

/* Called when somebody else has changed the key, or when a write has failed:
 * @value is to be shown, %NULL if the key is not there. */
typedef void (*MkvBoundKeyFunc) (GBytes *value, gpointer user_data);

MkvBoundKey *mkv_bound_key_new (MkvStore *store, const char *key, MkvClock *clock, MkvBoundKeyFunc func,
                                gpointer user_data);

/* Calls no more; what is to be written still is. */
void mkv_bound_key_close (MkvBoundKey *self);

/* Reads the key for the first time; @func is called only if it is there. */
void mkv_bound_key_read (MkvBoundKey *self);

/* What the store tells of the key; %NULL: it is not there. */
void mkv_bound_key_feed (MkvBoundKey *self, GBytes *value);

/* %NULL: the key is deleted. */
void mkv_bound_key_write (MkvBoundKey *self, GBytes *value);

G_END_DECLS
