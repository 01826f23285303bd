/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-clock.h"

G_BEGIN_DECLS

/* How many requests that are not executed get an answer all the same: token
 * buckets, one for each response topic and one for all of them together. */
#define MKV_ANSWER_BURST 100
#define MKV_ANSWERS_PER_SECOND 20
#define MKV_ALL_ANSWERS_BURST 400
#define MKV_ALL_ANSWERS_PER_SECOND 100
#define MKV_MAX_LIMITED_TOPICS 256

typedef struct _MkvAnswerLimiter MkvAnswerLimiter;

MkvAnswerLimiter *mkv_answer_limiter_new (MkvClock *clock);
void mkv_answer_limiter_free (MkvAnswerLimiter *self);

/* Takes a token; FALSE if there is none. */
gboolean mkv_answer_limiter_take (MkvAnswerLimiter *self, const char *topic);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvAnswerLimiter, mkv_answer_limiter_free)

G_END_DECLS
