/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "sync/mkv-sync-answer-private.h"

void
mkv_sync_answer_init (MkvSyncAnswer *self)
{
  memset (self, 0, sizeof *self);
  self->pushes = g_array_new (FALSE, FALSE, sizeof (MkvSyncPush));
  self->wants = g_array_new (FALSE, FALSE, sizeof (guint64));
  self->offers = g_array_new (FALSE, FALSE, sizeof (MkvSyncOffer));
  self->opened = g_array_new (FALSE, FALSE, sizeof (MkvPrefix));
  self->missing = g_array_new (FALSE, FALSE, sizeof (MkvPrefix));
  self->until = -1;
}

void
mkv_sync_answer_clear (MkvSyncAnswer *self)
{
  g_clear_pointer (&self->pushes, g_array_unref);
  g_clear_pointer (&self->wants, g_array_unref);
  g_clear_pointer (&self->offers, g_array_unref);
  g_clear_pointer (&self->opened, g_array_unref);
  g_clear_pointer (&self->missing, g_array_unref);
}

void
mkv_sync_answer_push_one (MkvSyncAnswer *self, guint64 short_id, gboolean is_asked)
{
  MkvSyncPush push = { short_id, MKV_SYNC_PUSH_ONE, is_asked };

  g_array_append_val (self->pushes, push);
}

void
mkv_sync_answer_push_all (MkvSyncAnswer *self, MkvPrefix prefix)
{
  MkvSyncPush push = { (guint64) prefix.bits << 32, prefix.length, FALSE };

  g_array_append_val (self->pushes, push);
}

void
mkv_sync_answer_offer (MkvSyncAnswer *self, guint64 mine, guint64 theirs)
{
  MkvSyncOffer offer = { mine, theirs };

  g_array_append_val (self->offers, offer);
}

void
mkv_sync_answer_want (MkvSyncAnswer *self, guint64 short_id)
{
  g_array_append_val (self->wants, short_id);
}

gint
mkv_sync_answer_compare_pushes (gconstpointer a, gconstpointer b)
{
  const MkvSyncPush *x = a, *y = b;

  if (x->start != y->start)
    return x->start < y->start ? -1 : 1;
  return x->length != y->length ? (gint) x->length - (gint) y->length : (gint) y->is_asked - (gint) x->is_asked;
}

/* To one of the two arrays of prefixes that the answer has. */
static void
add_prefix (MkvSyncAnswer *self, GArray *prefixes, MkvPrefix prefix)
{
  if (self->opened->len + self->missing->len < MKV_SYNC_MAX_OPENED)
    g_array_append_val (prefixes, prefix);
  else
    self->n_ignored++;
}

void
mkv_sync_answer_open (MkvSyncAnswer *self, MkvPrefix prefix)
{
  add_prefix (self, self->opened, prefix);
}

void
mkv_sync_answer_miss (MkvSyncAnswer *self, MkvPrefix prefix)
{
  add_prefix (self, self->missing, prefix);
}

void
mkv_sync_answer_compare (MkvSyncAnswer *self, const guint64 *mine, guint n_mine, const guint64 *theirs, guint n_theirs)
{
  if (n_mine == 1 && n_theirs == 1)
    {
      mkv_sync_answer_offer (self, mine[0], theirs[0]);
      return;
    }
  for (guint i = 0; i < n_mine; i++)
    mkv_sync_answer_push_one (self, mine[i], FALSE);
  for (guint i = 0; i < n_theirs; i++)
    mkv_sync_answer_want (self, theirs[i]);
}
