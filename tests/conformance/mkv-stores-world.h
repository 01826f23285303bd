/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-bus-world.h"
#include "mkv-test.h"
#include "store/mkv-store-private.h"

G_BEGIN_DECLS

/* A store to be tried, whichever it is: in process, or another's through a bus. */
typedef struct
{
  MkvStore *store; /* NULL where there is no bus: the test is skipped */
  MkvStore *inner; /* the one in process, where what other nodes wrote comes in */
  MkvBusWorld *bus;
} StoresWorld;

/* The kinds: what g_test_add() is given as data. */
typedef MkvStore *(*StoresOpenFunc) (StoresWorld *self);
MkvStore *stores_world_open_local (StoresWorld *self);
MkvStore *stores_world_open_bus (StoresWorld *self);

/* @data is a StoresOpenFunc. */
void stores_world_set_up (StoresWorld *self, gconstpointer data);
void stores_world_tear_down (StoresWorld *self, gconstpointer data);

void stores_world_set (StoresWorld *self, const char *key, const char *value);
/* @value NULL: the key is not there. */
void stores_world_assert_value (StoresWorld *self, const char *key, const char *value);
/* An entry of another node comes in, with a stamp that wins. */
void stores_world_apply (StoresWorld *self, const char *key, const char *value, MkvOrigin origin);

/* Adds a test for each kind. */
typedef void (*StoresTestFunc) (StoresWorld *self, gconstpointer data);
void stores_world_add (const char *name, StoresTestFunc func);

G_END_DECLS
