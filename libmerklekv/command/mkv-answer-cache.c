/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "command/mkv-answer-cache-private.h"

#include <string.h>

/* What an answer takes beside its value, keys and texts. */
#define OVERHEAD 512

struct _MkvAnswerCache
{
  MkvClock *clock;
  MkvAnswerFunc evicted;
  gpointer user_data;

  GHashTable *answers; /* name > MkvAnswer; each is in both queues too */
  GQueue used;         /* least recently used first */
  GQueue aged;         /* first to expire first */
  gsize n_bytes;       /* of all answers */
};

static gsize
measure (const char *name, MkvResponse *response)
{
  gsize n = OVERHEAD + strlen (name);

  if (response == NULL)
    return n;
  if (mkv_response_get_value (response) != NULL)
    n += g_bytes_get_size (mkv_response_get_value (response));
  if (mkv_response_get_error_text (response) != NULL)
    n += strlen (mkv_response_get_error_text (response));
  for (guint i = 0; mkv_response_get_results (response) != NULL && i < mkv_response_get_results (response)->len; i++)
    {
      const MkvResult *result = mkv_response_get_results (response)->pdata[i];

      n += strlen (mkv_result_get_key (result)) + 64;
      if (mkv_result_get_value (result) != NULL)
        n += g_bytes_get_size (mkv_result_get_value (result));
    }
  for (guint i = 0; mkv_response_get_keys (response) != NULL && mkv_response_get_keys (response)[i] != NULL; i++)
    n += strlen (mkv_response_get_keys (response)[i]) + 32;
  if (mkv_response_get_info (response) != NULL)
    n += g_variant_get_size (mkv_response_get_info (response));
  return n;
}

static void
answer_free (gpointer data)
{
  MkvAnswer *answer = data;

  g_free (answer->name);
  g_clear_pointer (&answer->response, mkv_response_unref);
  g_free (answer);
}

static void
remove_answer (MkvAnswerCache *self, MkvAnswer *answer)
{
  g_queue_unlink (&self->used, &answer->used);
  g_queue_unlink (&self->aged, &answer->aged);
  self->n_bytes -= answer->n_bytes;
  g_hash_table_remove (self->answers, answer->name);
}

static void
evict (MkvAnswerCache *self, MkvAnswer *answer)
{
  if (self->evicted != NULL)
    self->evicted (answer, self->user_data);
  remove_answer (self, answer);
}

static void
evict_expired (MkvAnswerCache *self)
{
  gint64 now = mkv_clock_get_monotonic_time (self->clock);

  while (self->aged.head != NULL && ((MkvAnswer *) self->aged.head->data)->expires <= now)
    evict (self, self->aged.head->data);
}

MkvAnswerCache *
mkv_answer_cache_new (MkvClock *clock, MkvAnswerFunc evicted, gpointer user_data)
{
  MkvAnswerCache *self = g_new0 (MkvAnswerCache, 1);

  self->clock = g_object_ref (clock);
  self->evicted = evicted;
  self->user_data = user_data;
  self->answers = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, answer_free);
  return self;
}

void
mkv_answer_cache_free (MkvAnswerCache *self)
{
  g_hash_table_unref (self->answers);
  g_object_unref (self->clock);
  g_free (self);
}

const MkvAnswer *
mkv_answer_cache_look_up (MkvAnswerCache *self, const char *name)
{
  MkvAnswer *answer;

  evict_expired (self);
  answer = g_hash_table_lookup (self->answers, name);
  if (answer != NULL)
    {
      g_queue_unlink (&self->used, &answer->used);
      g_queue_push_tail_link (&self->used, &answer->used);
    }
  return answer;
}

void
mkv_answer_cache_put (MkvAnswerCache *self, const char *name, const guint8 *fingerprint, MkvResponse *response,
                      gint64 age)
{
  MkvAnswer *answer = g_hash_table_lookup (self->answers, name);
  GList *later;

  if (answer != NULL)
    remove_answer (self, answer);
  evict_expired (self);
  if (age >= MKV_ANSWER_LIFETIME_MS)
    age = MKV_ANSWER_LIFETIME_MS;

  answer = g_new0 (MkvAnswer, 1);
  answer->name = g_strdup (name);
  memcpy (answer->fingerprint, fingerprint, sizeof answer->fingerprint);
  answer->response = response != NULL ? mkv_response_ref (response) : NULL;
  answer->expires = mkv_clock_get_monotonic_time (self->clock) + (MKV_ANSWER_LIFETIME_MS - age) * 1000;
  answer->n_bytes = measure (name, response);
  answer->used.data = answer->aged.data = answer;
  g_hash_table_insert (self->answers, answer->name, answer);
  self->n_bytes += answer->n_bytes;
  g_queue_push_tail_link (&self->used, &answer->used);
  /* All but those that come with an age belong at the end. */
  later = self->aged.tail;
  while (later != NULL && ((MkvAnswer *) later->data)->expires > answer->expires)
    later = later->prev;
  g_queue_insert_after_link (&self->aged, later, &answer->aged);

  while (self->used.length > MKV_MAX_ANSWERS || self->n_bytes > MKV_MAX_ANSWERS_BYTES)
    evict (self, self->used.head->data);
}
