/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-holding-private.h"

void
mkv_holding_init (MkvHolding *self, gint64 horizon, gint64 limit, gint64 margin)
{
  *self = (MkvHolding){ .horizon = horizon, .limit = limit, .margin = margin, .high = -1 };
  self->tree = mkv_tree_new ();
  self->tombstones = mkv_tombstones_new ();
  self->graves = mkv_tombstones_new ();
  self->unsent = mkv_tombstones_new ();
  self->ahead = mkv_ahead_new ();
}

void
mkv_holding_clear (MkvHolding *self)
{
  g_clear_pointer (&self->builder, mkv_tree_builder_free);
  g_clear_pointer (&self->tree, mkv_tree_free);
  g_clear_pointer (&self->tombstones, mkv_tombstones_free);
  g_clear_pointer (&self->graves, mkv_tombstones_free);
  g_clear_pointer (&self->unsent, mkv_tombstones_free);
  g_clear_pointer (&self->ahead, mkv_ahead_free);
}

void
mkv_holding_begin (MkvHolding *self)
{
  self->builder = mkv_tree_builder_new (self->tree);
}

void
mkv_holding_end (MkvHolding *self)
{
  mkv_tree_builder_finish (g_steal_pointer (&self->builder));
}

static void
count_withheld (MkvHolding *self, const MkvAheadEntry *entry, gint n)
{
  self->n_withheld += (guint64) n;
  if (entry->tombstone)
    self->n_withheld_tombstones += (guint64) n;
}

static void
forget (MkvHolding *self, const char *key, gint64 timestamp, gboolean tombstone)
{
  const MkvAheadEntry *watched = NULL;

  if (tombstone)
    {
      if (!mkv_tombstones_remove (self->tombstones, timestamp, key) &&
          !mkv_tombstones_remove (self->graves, timestamp, key))
        mkv_tombstones_remove (self->unsent, timestamp, key);
    }
  if (!mkv_ahead_is_empty (self->ahead))
    watched = mkv_ahead_find (self->ahead, timestamp, key);
  if (watched == NULL)
    return;
  if (watched->timestamp > self->limit)
    count_withheld (self, watched, -1);
  mkv_ahead_remove (self->ahead, watched);
}

gboolean
mkv_holding_put (MkvHolding *self, const MkvEntry *entry, gint64 old_timestamp, gboolean old_tombstone)
{
  const char *key = mkv_entry_get_key (entry);
  gint64 timestamp = mkv_entry_get_stamp (entry)->timestamp;
  gboolean tombstone = mkv_entry_is_tombstone (entry), grave = tombstone && timestamp < self->horizon;

  if (old_timestamp >= 0)
    forget (self, key, old_timestamp, old_tombstone);
  if (tombstone)
    mkv_tombstones_add (grave ? self->graves : self->tombstones, timestamp, key);
  if (timestamp > self->limit - self->margin)
    mkv_ahead_add (self->ahead, entry);
  else
    self->high = MAX (self->high, timestamp);
  if (timestamp > self->limit)
    {
      self->n_withheld++;
      self->n_withheld_tombstones += tombstone ? 1 : 0;
    }
  if (grave || timestamp > self->limit)
    return old_timestamp >= 0 && mkv_tree_remove (self->tree, key);
  if (self->builder == NULL)
    return mkv_tree_put (self->tree, key, mkv_entry_peek_digest (entry));
  mkv_tree_builder_add (self->builder, key, mkv_entry_peek_digest (entry));
  return TRUE;
}

void
mkv_holding_remove_grave (MkvHolding *self, gint64 timestamp, const char *key)
{
  forget (self, key, timestamp, TRUE);
}

void
mkv_holding_keep_grave (MkvHolding *self, gint64 timestamp, const char *key)
{
  if (mkv_tombstones_remove (self->graves, timestamp, key))
    mkv_tombstones_add (self->unsent, timestamp, key);
}

void
mkv_holding_release_grave (MkvHolding *self, gint64 timestamp, const char *key)
{
  if (mkv_tombstones_remove (self->unsent, timestamp, key))
    mkv_tombstones_add (self->graves, timestamp, key);
}

static void
bury (const char *key, gpointer user_data)
{
  mkv_tree_remove (((MkvHolding *) user_data)->tree, key);
}

gboolean
mkv_holding_raise_horizon (MkvHolding *self, gint64 horizon, guint n, gboolean begin)
{
  gboolean changed = FALSE;
  gint64 hour;

  while ((hour = mkv_tombstones_get_oldest (self->tombstones)) < horizon)
    {
      guint there = mkv_tombstones_count_oldest (self->tombstones), taken = MIN (n, there);

      if (taken < there && !begin && !self->between)
        return changed;
      /* None is older: what comes now and is, is a grave at once. */
      self->horizon = hour;
      mkv_tombstones_move_oldest (self->tombstones, self->graves, taken, bury, self);
      changed = changed || taken > 0;
      self->between = taken < there;
      if (self->between)
        return changed;
      self->horizon = hour + MKV_HOUR;
      n -= taken;
    }
  self->horizon = MAX (self->horizon, horizon);
  self->between = FALSE;
  return changed;
}

gboolean
mkv_holding_finish_hour (MkvHolding *self)
{
  return self->between && mkv_holding_raise_horizon (self, self->horizon + MKV_HOUR, G_MAXUINT, FALSE);
}

static void
admit (const MkvAheadEntry *entry, gpointer user_data)
{
  MkvHolding *self = user_data;

  mkv_tree_put (self->tree, entry->key, entry->digest);
  count_withheld (self, entry, -1);
}

static void
withhold (const MkvAheadEntry *entry, gpointer user_data)
{
  MkvHolding *self = user_data;

  mkv_tree_remove (self->tree, entry->key);
  count_withheld (self, entry, 1);
}

gboolean
mkv_holding_set_limit (MkvHolding *self, gint64 limit)
{
  gint64 old_limit = self->limit;
  guint64 n_withheld = self->n_withheld;
  const MkvAheadEntry *first;

  self->limit = limit;
  if (limit == old_limit || mkv_ahead_is_empty (self->ahead))
    return FALSE;
  if (limit > old_limit)
    mkv_ahead_foreach (self->ahead, old_limit, limit, admit, self);
  else
    mkv_ahead_foreach (self->ahead, limit, old_limit, withhold, self);
  while ((first = mkv_ahead_get_first_after (self->ahead, -1)) != NULL && first->timestamp <= limit - self->margin)
    {
      self->high = MAX (self->high, first->timestamp);
      mkv_ahead_remove (self->ahead, first);
    }
  return self->n_withheld != n_withheld;
}
