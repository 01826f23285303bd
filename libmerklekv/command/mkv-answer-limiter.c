/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "command/mkv-answer-limiter-private.h"

typedef struct
{
  double tokens;
  gint64 filled_at; /* monotonic, us */
} Bucket;

struct _MkvAnswerLimiter
{
  MkvClock *clock;
  Bucket all;
  GHashTable *topics; /* topic > Bucket; one that is not there is full */
};

static void
fill (Bucket *bucket, gint64 now, guint burst, guint per_second)
{
  double more = (double) (now - bucket->filled_at) * per_second / G_USEC_PER_SEC;

  bucket->tokens = MIN (bucket->tokens + more, burst);
  bucket->filled_at = now;
}

static gboolean
drop_if_full (gpointer topic, gpointer value, gpointer now)
{
  Bucket *bucket = value;

  fill (bucket, *(const gint64 *) now, MKV_ANSWER_BURST, MKV_ANSWERS_PER_SECOND);
  return bucket->tokens >= MKV_ANSWER_BURST;
}

MkvAnswerLimiter *
mkv_answer_limiter_new (MkvClock *clock)
{
  MkvAnswerLimiter *self = g_new0 (MkvAnswerLimiter, 1);

  self->clock = g_object_ref (clock);
  self->all.tokens = MKV_ALL_ANSWERS_BURST;
  self->all.filled_at = mkv_clock_get_monotonic_time (clock);
  self->topics = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  return self;
}

void
mkv_answer_limiter_free (MkvAnswerLimiter *self)
{
  g_hash_table_unref (self->topics);
  g_object_unref (self->clock);
  g_free (self);
}

gboolean
mkv_answer_limiter_take (MkvAnswerLimiter *self, const char *topic)
{
  gint64 now = mkv_clock_get_monotonic_time (self->clock);
  Bucket *bucket = g_hash_table_lookup (self->topics, topic);

  fill (&self->all, now, MKV_ALL_ANSWERS_BURST, MKV_ALL_ANSWERS_PER_SECOND);
  if (self->all.tokens < 1)
    return FALSE;
  if (bucket == NULL)
    {
      if (g_hash_table_size (self->topics) >= MKV_MAX_LIMITED_TOPICS)
        g_hash_table_foreach_remove (self->topics, drop_if_full, &now);
      /* So many topics at once are one peer making them up. */
      if (g_hash_table_size (self->topics) >= MKV_MAX_LIMITED_TOPICS)
        return FALSE;
      bucket = g_new0 (Bucket, 1);
      bucket->tokens = MKV_ANSWER_BURST;
      bucket->filled_at = now;
      g_hash_table_insert (self->topics, g_strdup (topic), bucket);
    }
  fill (bucket, now, MKV_ANSWER_BURST, MKV_ANSWERS_PER_SECOND);
  if (bucket->tokens < 1)
    return FALSE;
  bucket->tokens--;
  self->all.tokens--;
  return TRUE;
}
