/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-clock.h"
#include "base/mkv-limits.h"
#include "model/mkv-response.h"

G_BEGIN_DECLS

/* The bounds of each cache. A lifetime is counted from the answer, however
 * often it is used. */
#define MKV_MAX_ANSWERS 1000
#define MKV_MAX_ANSWERS_BYTES (8 * 1024 * 1024)
#define MKV_ANSWER_LIFETIME_MS (10 * 60 * 1000)

typedef struct
{
  char *name;
  guint8 fingerprint[MKV_DIGEST_BYTES]; /* of the request */
  MkvResponse *response;                /* NULL while it may still come */

  /* The cache's own. */
  gint64 expires; /* monotonic, us */
  gsize n_bytes;
  GList used; /* in MkvAnswerCache.used */
  GList aged; /* in MkvAnswerCache.aged */
} MkvAnswer;

/* Answers by name: a bounded number, of bounded size, for a bounded time, least
 * recently used out first. For one thread. */
typedef struct _MkvAnswerCache MkvAnswerCache;

typedef void (*MkvAnswerFunc) (const MkvAnswer *answer, gpointer user_data);

/* @evicted, if given, is told of every answer that leaves for want of room or
 * for its age. */
MkvAnswerCache *mkv_answer_cache_new (MkvClock *clock, MkvAnswerFunc evicted, gpointer user_data);
void mkv_answer_cache_free (MkvAnswerCache *self);

/* The answer of that name, used by that; NULL if there is none. */
const MkvAnswer *mkv_answer_cache_look_up (MkvAnswerCache *self, const char *name);

/* Takes the place of an answer of the same name. @age, in ms, is how much of
 * its lifetime is over. */
void mkv_answer_cache_put (MkvAnswerCache *self, const char *name, const guint8 *fingerprint,
                           MkvResponse *response, gint64 age);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvAnswerCache, mkv_answer_cache_free)

G_END_DECLS
