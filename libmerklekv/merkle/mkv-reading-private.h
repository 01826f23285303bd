/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "merkle/mkv-tree-private.h"

G_BEGIN_DECLS

/* What the cells of two replicas say of one prefix (doc/protocol.md, "Reading a
 * difference"), in the order in which they are tried. */
typedef enum
{
  MKV_READING_EQUAL,        /* nothing to do */
  MKV_READING_PUSH_ALL,     /* they have nothing here */
  MKV_READING_WANT_ALL,     /* I have nothing here: ask with an empty list */
  MKV_READING_PUSH_ONE,     /* @mine is what I have more */
  MKV_READING_WANT_ONE,     /* @theirs is what they have more */
  MKV_READING_TWO_VERSIONS, /* offer @mine for @theirs, of the same key */
  MKV_READING_SEVERAL,      /* look closer */
} MkvReadingCase;

typedef struct
{
  MkvReadingCase what;
  guint64 mine;   /* a short id in the tree; with PUSH_ONE and TWO_VERSIONS, else 0 */
  guint64 theirs; /* a short id; with WANT_ONE and TWO_VERSIONS, else 0 */
} MkvReading;

/* How many entries may be looked at in one turn for one key in two versions. */
#define MKV_READING_BUDGET (4194304)

/* Reads the difference between @mine, the cell of @prefix in @tree, and
 * @theirs. @budget is how many entries may still be looked at for one key in two
 * versions: a search takes as many off as the prefix has, and is left out, as if
 * it had found nothing, where that is more. */
MkvReading mkv_reading_make (const MkvTree *tree, MkvPrefix prefix, MkvCell mine, MkvCell theirs, guint64 *budget);

/* The search for one key in two versions, which can be made piece by piece: the
 * tree may change in between. */
typedef struct
{
  MkvPrefix prefix;
  MkvCell difference;
  guint depth; /* there are 2^depth pieces, */
  guint next;  /* and so many were searched */
} MkvReadingSearch;

/* As mkv_reading_make(), but leaves it to @search where entries have to be looked
 * at one by one: FALSE then, and @reading is not set. */
gboolean mkv_reading_begin (const MkvTree *tree, MkvPrefix prefix, MkvCell mine, MkvCell theirs, guint64 *budget,
                            MkvReading *reading, MkvReadingSearch *search);

/* Looks at @n_entries more, or at some thousand more than that, and sets it to how
 * many it were. Whether that was the end of it: then @reading is set. */
gboolean mkv_reading_search (const MkvTree *tree, MkvReadingSearch *search, guint64 *n_entries, MkvReading *reading);

G_END_DECLS
