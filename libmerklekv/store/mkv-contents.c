/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * `mutex` guards everything that is not set once and for all. It is never held
 * over I/O or while `func` is called, and no other lock is taken under it. Only
 * a leader adds or removes entries, so what it reads from the storage while it
 * builds the contents afresh does not change under it.
 */
#include "config.h"

#include "store/mkv-contents-commit-private.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

#include "base/mkv-error.h"
#include "store/mkv-belief-private.h"
#include "store/mkv-young-private.h"

#define META_HORIZON "horizon"
#define META_BELIEF "believed-time"
#define DEFAULT_TOMBSTONE_RETENTION (24 * MKV_HOUR)
#define DEFAULT_GRAVE_RETENTION (90 * 24 * MKV_HOUR)
#define DEFAULT_MAX_GRAVES 1000000
/* By how much another clock may be ahead for its horizon to be taken. */
#define HORIZON_TOLERANCE (10 * 60 * 1000)
#define BUILD_PAGE 1024
/* How many tombstones leave the tree while others wait: about 1 ms. */
#define HORIZON_PAGE 256
/* How long the store's timer waits at most, in ms: who sleeps, or sets the wall
 * clock, does not wake it. */
#define MAX_WAIT MKV_HOUR
#define MIN_WAIT 1000
#define PREFETCH 8
/* After maintenance that failed, in us. */
#define RETRY_TIME (60 * G_USEC_PER_SEC)
#define LONG_AGO (G_MININT64 / 2)

struct _MkvContents
{
  MkvStorage *storage;
  MkvClock *clock;
  MkvContentsFunc func;
  gpointer user_data;

  GMutex mutex;
  MkvContentsPolicy policy;
  MkvHolding holding;
  gint64 target; /* what the holding's horizon is on its way to */
  gint64 alarm;  /* what the store's timer is set to, ms; G_MAXINT64 for none */
  MkvBelief belief;
  MkvYoung *young;
  guint64 generation;
  gint64 last_change; /* us */
  gint64 now;         /* what the wall clock said last */
  gint64 stored_horizon;
  gboolean built;
  gboolean stepped_back; /* the clock, behind entries that may be this node's */
  gboolean told;         /* a MKV_WRITE_MAINTAIN is on its way */
  gboolean rung;         /* a call of mkv_contents_ask() is */
  gint64 retry_at; /* us; none is asked for before */
};

static gint64
get_full_hour (gint64 time)
{
  return time < 0 ? 0 : time - time % MKV_HOUR;
}

gint64
mkv_horizon_get_greatest (gint64 now)
{
  return get_full_hour (now + HORIZON_TOLERANCE - MKV_HOUR);
}

static void
set_policy (MkvContents *self, const MkvContentsPolicy *policy)
{
  self->policy = *policy;
  if (policy->tombstone_retention == 0)
    self->policy.tombstone_retention = DEFAULT_TOMBSTONE_RETENTION;
  self->policy.tombstone_retention = MAX (self->policy.tombstone_retention, MKV_HOUR);
  if (policy->grave_retention == 0)
    self->policy.grave_retention = DEFAULT_GRAVE_RETENTION;
  if (policy->max_graves == 0)
    self->policy.max_graves = DEFAULT_MAX_GRAVES;
  /* Half of it: a clock that steps back by less costs nothing, and entries of
   * clocks that are a little ahead need not be watched. */
  self->holding.margin = policy->skew_max_future / 2;
}

MkvContents *
mkv_contents_new (MkvStorage *storage, MkvClock *clock, const MkvContentsPolicy *policy, MkvContentsFunc func,
                  gpointer user_data)
{
  MkvContents *self = g_new0 (MkvContents, 1);

  self->storage = g_object_ref (storage);
  self->clock = g_object_ref (clock);
  self->func = func;
  self->user_data = user_data;
  g_mutex_init (&self->mutex);
  mkv_holding_init (&self->holding, 0, 0, 0);
  mkv_belief_init (&self->belief);
  set_policy (self, policy);
  self->young = mkv_young_new ();
  self->last_change = LONG_AGO;
  self->retry_at = LONG_AGO;
  self->stored_horizon = -1;
  self->alarm = G_MAXINT64;
  return self;
}

void
mkv_contents_free (MkvContents *self)
{
  mkv_holding_clear (&self->holding);
  mkv_young_free (self->young);
  g_mutex_clear (&self->mutex);
  g_object_unref (self->storage);
  g_object_unref (self->clock);
  g_free (self);
}

static gint64
compute_horizon (MkvContents *self, gint64 now)
{
  return get_full_hour (now - self->policy.tombstone_retention);
}

/* Called with the mutex held. */
static void
note_change (MkvContents *self)
{
  self->generation++;
  self->last_change = mkv_clock_get_monotonic_time (self->clock);
}

/* Called with the mutex held: what the passing of time does. Begins what takes
 * long if @begin. */
static void
move_to (MkvContents *self, gint64 now, gboolean begin)
{
  const gint64 old_limit = self->holding.limit;
  gboolean changed;

  self->now = now;
  self->target = MIN (MAX (self->target, compute_horizon (self, now)), mkv_horizon_get_greatest (now));
  mkv_belief_look (&self->belief, now, mkv_clock_get_monotonic_time (self->clock), self->policy.grave_retention);
  changed = mkv_holding_set_limit (&self->holding, now + self->policy.skew_max_future);
  if (self->holding.limit < old_limit && self->holding.n_withheld > 0)
    self->stepped_back = TRUE;
  if (self->target > self->holding.horizon)
    changed = mkv_holding_raise_horizon (&self->holding, self->target, HORIZON_PAGE, begin) || changed;
  if (changed)
    note_change (self);
}

/* Called with the mutex held: whether tombstones are still to leave the tree. */
static gboolean
is_behind (MkvContents *self)
{
  return self->holding.horizon < self->target;
}

/* Called with the mutex held: whether the contents can't be mended without a
 * look at the storage, because the clock stepped back. */
static gboolean
is_stale (MkvContents *self)
{
  return mkv_holding_is_stale (&self->holding) || self->holding.horizon > mkv_horizon_get_greatest (self->now);
}

/* Called with the mutex held. Graves older than this are to go: by the horizon,
 * and by what has passed, too, as they are gone for good. */
static gint64
get_end_of_graves (MkvContents *self)
{
  return MIN (self->holding.horizon, compute_horizon (self, mkv_belief_get_certain (&self->belief))) -
         self->policy.grave_retention;
}

/* Called with the mutex held. By how many graves there are too many. */
static guint64
count_surplus (MkvContents *self)
{
  guint64 n_graves = mkv_tombstones_get_count (self->holding.graves);

  return n_graves - MIN (n_graves, self->policy.max_graves);
}

/* Called with the mutex held. */
static gboolean
is_due (MkvContents *self)
{
  return self->holding.horizon != self->stored_horizon || is_stale (self) || self->stepped_back ||
         is_behind (self) || count_surplus (self) > 0 ||
         mkv_tombstones_get_oldest (self->holding.graves) < get_end_of_graves (self);
}

/* Called with the mutex held: whether there is maintenance to be asked for now. */
static gboolean
may_ask (MkvContents *self)
{
  return !self->told && self->built && is_due (self) &&
         (self->retry_at == LONG_AGO || mkv_clock_get_monotonic_time (self->clock) >= self->retry_at);
}

/* Called with the mutex held: as may_ask(), and then it is. */
static gboolean
take_due (MkvContents *self)
{
  if (!may_ask (self))
    return FALSE;
  self->told = TRUE;
  return TRUE;
}

/* Called with the mutex held: when the wall clock, in ms, changes something. */
static gint64
get_next (MkvContents *self)
{
  const MkvHolding *holding = &self->holding;
  const MkvAheadEntry *ahead = NULL;
  gint64 tombstone = mkv_tombstones_get_oldest (holding->tombstones);
  gint64 grave = mkv_tombstones_get_oldest (holding->graves);
  gint64 next = G_MAXINT64;

  if (!mkv_ahead_is_empty (holding->ahead))
    ahead = mkv_ahead_get_first_after (holding->ahead, holding->limit);
  if (ahead != NULL)
    next = ahead->timestamp - self->policy.skew_max_future;
  if (tombstone != G_MAXINT64)
    next = MIN (next, tombstone + MKV_HOUR + self->policy.tombstone_retention);
  if (grave != G_MAXINT64)
    {
      gint64 end = grave + MKV_HOUR + self->policy.tombstone_retention + self->policy.grave_retention;

      /* Where the time is in doubt it is looked at again and again. */
      next = MIN (next, end > self->now ? end : self->now + MKV_HOUR);
    }
  return next;
}

/* Called with the mutex held: whether the store's context has to do something. */
static gboolean
take_ring (MkvContents *self)
{
  if (self->rung || !self->built || (!may_ask (self) && get_next (self) >= self->alarm))
    return FALSE;
  self->rung = TRUE;
  return TRUE;
}

static void
get_state (MkvContents *self, MkvContentsState *state)
{
  const MkvHolding *holding = &self->holding;
  const MkvAheadEntry *next = mkv_ahead_get_first_after (holding->ahead, holding->limit);

  state->generation = self->generation;
  state->last_change = self->last_change;
  state->horizon = holding->horizon;
  state->n_entries = mkv_tree_get_count (holding->tree);
  state->n_tombstones = mkv_tombstones_get_count (holding->tombstones) - holding->n_withheld_tombstones;
  state->n_graves = mkv_holding_count_graves (holding);
  state->n_withheld = holding->n_withheld;
  state->next_admission = next != NULL ? next->timestamp - self->policy.skew_max_future : -1;
}

MkvTree *
mkv_contents_lock (MkvContents *self, MkvContentsState *state)
{
  gint64 now = mkv_clock_get_time (self->clock);
  gboolean can_wait;

  g_mutex_lock (&self->mutex);
  move_to (self, now, FALSE);
  /* What is wrong can't wait where it can be mended at once. */
  can_wait = !is_stale (self);
  if (can_wait ? take_ring (self) : take_due (self))
    {
      g_mutex_unlock (&self->mutex);
      self->func (can_wait, self->user_data);
      g_mutex_lock (&self->mutex);
    }
  /* A tree in between is nobody's. */
  if (mkv_holding_finish_hour (&self->holding))
    note_change (self);
  if (state != NULL)
    get_state (self, state);
  return self->holding.tree;
}

void
mkv_contents_unlock (MkvContents *self)
{
  g_mutex_unlock (&self->mutex);
}

void
mkv_contents_get_state (MkvContents *self, MkvContentsState *state)
{
  mkv_contents_lock (self, state);
  mkv_contents_unlock (self);
}

void
mkv_contents_get_root (MkvContents *self, guint8 *root)
{
  mkv_tree_get_root (mkv_contents_lock (self, NULL), root);
  mkv_contents_unlock (self);
}

char *
mkv_contents_dup_root (MkvContents *self)
{
  guint8 root[MKV_DIGEST_BYTES];
  GString *text = g_string_sized_new (2 * sizeof root);

  mkv_contents_get_root (self, root);
  for (guint i = 0; i < sizeof root; i++)
    g_string_append_printf (text, "%02x", root[i]);
  return g_string_free (text, FALSE);
}

gboolean
mkv_contents_is_horizon_allowed (MkvContents *self, gint64 horizon)
{
  return horizon >= 0 && horizon % MKV_HOUR == 0 &&
         horizon <= mkv_horizon_get_greatest (mkv_clock_get_time (self->clock));
}

gboolean
mkv_contents_raise_horizon (MkvContents *self, gint64 horizon)
{
  if (!mkv_contents_is_horizon_allowed (self, horizon))
    return FALSE;
  g_mutex_lock (&self->mutex);
  self->target = MAX (self->target, horizon);
  /* Whoever heard of it reads the tree next. */
  if (horizon > self->holding.horizon && mkv_holding_raise_horizon (&self->holding, horizon, G_MAXUINT, TRUE))
    note_change (self);
  g_mutex_unlock (&self->mutex);
  mkv_contents_ask (self);
  return TRUE;
}

gboolean
mkv_contents_is_young (MkvContents *self, const char *key)
{
  gint64 now = mkv_clock_get_monotonic_time (self->clock);
  gboolean young;

  g_mutex_lock (&self->mutex);
  young = mkv_young_has (self->young, key, now);
  g_mutex_unlock (&self->mutex);
  return young;
}

void
mkv_contents_set_policy (MkvContents *self, const MkvContentsPolicy *policy)
{
  g_mutex_lock (&self->mutex);
  set_policy (self, policy);
  g_mutex_unlock (&self->mutex);
  mkv_contents_get_state (self, NULL);
}

/* What an earlier run kept under @name: "" where there is nothing. */
static char *
read_text (MkvContents *self, const char *name, GError **error)
{
  GError *local_error = NULL;
  g_autoptr (GBytes) value = mkv_storage_get_meta (self->storage, name, &local_error);

  if (value != NULL && g_bytes_get_size (value) > 0)
    return g_strndup (g_bytes_get_data (value, NULL), g_bytes_get_size (value));
  if (local_error == NULL || g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
    {
      g_clear_error (&local_error);
      return g_strdup ("");
    }
  g_propagate_error (error, local_error);
  return NULL;
}

/* *@horizon is -1 where there is none that can be read, and it is computed. */
static gboolean
read_horizon (MkvContents *self, gint64 *horizon, GError **error)
{
  g_autofree char *text = read_text (self, META_HORIZON, error);
  g_autofree char *belief = text != NULL ? read_text (self, META_BELIEF, error) : NULL;

  if (belief == NULL)
    return FALSE;
  if (!g_ascii_string_to_signed (text, 10, 0, G_MAXINT64, horizon, NULL) || *horizon % MKV_HOUR != 0)
    *horizon = -1;
  g_mutex_lock (&self->mutex);
  mkv_belief_from_string (&self->belief, belief);
  g_mutex_unlock (&self->mutex);
  return TRUE;
}

static void
add_text (MkvStorageBatch *batch, const char *name, const char *text)
{
  g_autoptr (GBytes) value = g_bytes_new (text, strlen (text));

  mkv_storage_batch_set_meta (batch, name, value);
}

void
mkv_contents_add_horizon (MkvContents *self, MkvStorageBatch *batch, gint64 horizon)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, horizon);
  g_autofree char *belief = NULL;

  g_mutex_lock (&self->mutex);
  belief = mkv_belief_to_string (&self->belief);
  g_mutex_unlock (&self->mutex);
  add_text (batch, META_HORIZON, text);
  add_text (batch, META_BELIEF, belief);
  mkv_storage_batch_raise_durability (batch, MKV_DURABILITY_ORDERED);
}

static gboolean
fill (MkvContents *self, MkvHolding *holding, GError **error)
{
  g_autofree char *after = NULL;

  mkv_holding_begin (holding);
  for (;;)
    {
      g_autoptr (GPtrArray) page = mkv_storage_scan (self->storage, NULL, after, BUILD_PAGE, error);

      if (page == NULL)
        return FALSE;
      for (guint i = 0; i < page->len; i++)
        {
          /* Entries lie anywhere in a storage's memory: ask for one while another is put. */
          if (i + PREFETCH < page->len)
            __builtin_prefetch (mkv_entry_peek_digest (page->pdata[i + PREFETCH]));
          mkv_holding_put (holding, page->pdata[i], -1, FALSE);
        }
      if (page->len < BUILD_PAGE)
        break;
      g_free (after);
      after = g_strdup (mkv_entry_get_key (page->pdata[page->len - 1]));
    }
  mkv_holding_end (holding);
  return TRUE;
}

gboolean
mkv_contents_build (MkvContents *self, GError **error)
{
  gint64 now = mkv_clock_get_time (self->clock), horizon = -1, least, limit, margin;
  MkvHolding holding, old;

  if (!self->built && !read_horizon (self, &horizon, error))
    return FALSE;
  g_mutex_lock (&self->mutex);
  if (!self->built)
    self->stored_horizon = horizon;
  else
    horizon = self->holding.horizon;
  least = compute_horizon (self, now);
  limit = now + self->policy.skew_max_future;
  margin = self->holding.margin;
  g_mutex_unlock (&self->mutex);

  if (horizon < least || horizon > mkv_horizon_get_greatest (now))
    horizon = least;
  mkv_holding_init (&holding, horizon, limit, margin);
  if (!fill (self, &holding, error))
    {
      mkv_holding_clear (&holding);
      return FALSE;
    }
  g_mutex_lock (&self->mutex);
  old = self->holding;
  holding.margin = old.margin;
  /* Somebody may have raised it meanwhile. */
  if (old.horizon > holding.horizon && old.horizon <= mkv_horizon_get_greatest (now))
    mkv_holding_raise_horizon (&holding, old.horizon, G_MAXUINT, TRUE);
  self->target = holding.horizon;
  self->holding = holding;
  self->now = now;
  if (self->built)
    note_change (self);
  self->built = TRUE;
  g_mutex_unlock (&self->mutex);
  mkv_holding_clear (&old);
  return TRUE;
}

/* What the storage counts. */
static gboolean
check_counts (MkvContents *self, guint64 n_live, guint64 n_tombstones, GPtrArray *problems, GError **error)
{
  guint64 counted_live, counted_tombstones, n_bytes;

  if (!mkv_storage_stats (self->storage, &counted_live, &counted_tombstones, &n_bytes, error))
    return FALSE;
  if (counted_live != n_live || counted_tombstones != n_tombstones)
    g_ptr_array_add (problems, g_strdup_printf (_("The storage counts %" PRIu64 " entries and %" PRIu64 " tombstones, "
                                                  "there are %" PRIu64 " and %" PRIu64),
                                                counted_live, counted_tombstones, n_live, n_tombstones));
  return TRUE;
}

gboolean
mkv_contents_check (MkvContents *self, GPtrArray *problems, GError **error)
{
  guint8 root[MKV_DIGEST_BYTES], fresh_root[MKV_DIGEST_BYTES];
  guint64 n_tombstones, n_live;
  MkvHolding fresh;

  g_mutex_lock (&self->mutex);
  mkv_holding_init (&fresh, self->holding.horizon, self->holding.limit, self->holding.margin);
  g_mutex_unlock (&self->mutex);
  if (!fill (self, &fresh, error))
    {
      mkv_holding_clear (&fresh);
      return FALSE;
    }
  g_mutex_lock (&self->mutex);
  /* Time has passed, and somebody may have raised the horizon. */
  if (mkv_holding_finish_hour (&self->holding))
    note_change (self);
  mkv_holding_set_limit (&fresh, self->holding.limit);
  mkv_holding_raise_horizon (&fresh, self->holding.horizon, G_MAXUINT, TRUE);
  mkv_tree_get_root (self->holding.tree, root);
  mkv_tree_get_root (fresh.tree, fresh_root);
  if (!is_stale (self) && (memcmp (root, fresh_root, sizeof root) != 0 ||
                           mkv_holding_count_graves (&self->holding) != mkv_holding_count_graves (&fresh)))
    g_ptr_array_add (problems, g_strdup (_("The tree that is compared with other replicas is not that of the entries: "
                                           "it is right again when the store is opened the next time")));
  g_mutex_unlock (&self->mutex);
  n_tombstones = mkv_tombstones_get_count (fresh.tombstones);
  n_live = mkv_tree_get_count (fresh.tree) + fresh.n_withheld - n_tombstones;
  n_tombstones += mkv_holding_count_graves (&fresh);
  mkv_holding_clear (&fresh);
  return check_counts (self, n_live, n_tombstones, problems, error);
}

gboolean
mkv_contents_prepare (MkvContents *self, gint64 now, gint64 *horizon)
{
  gboolean unstored;

  g_mutex_lock (&self->mutex);
  move_to (self, now, TRUE);
  *horizon = self->holding.horizon;
  unstored = *horizon != self->stored_horizon && *horizon <= mkv_horizon_get_greatest (now);
  g_mutex_unlock (&self->mutex);
  return unstored;
}

GPtrArray *
mkv_contents_list_due (MkvContents *self, guint n)
{
  const MkvHolding *holding = &self->holding;
  guint64 n_over;
  GPtrArray *list;

  g_mutex_lock (&self->mutex);
  n_over = count_surplus (self);
  /* By a clock that was wrong no grave has come of age. */
  if (is_stale (self))
    list = mkv_tombstones_list (holding->graves, 0, 0);
  else if (n_over > 0)
    list = mkv_tombstones_list (holding->graves, holding->horizon, (guint) MIN (n, n_over));
  else
    list = mkv_tombstones_list (holding->graves, get_end_of_graves (self), n);
  g_mutex_unlock (&self->mutex);
  return list;
}

void
mkv_contents_keep (MkvContents *self, GPtrArray *graves)
{
  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < graves->len; i++)
    {
      const MkvTombstone *grave = graves->pdata[i];

      mkv_holding_keep_grave (&self->holding, grave->hour, grave->key);
    }
  g_mutex_unlock (&self->mutex);
}

void
mkv_contents_published (MkvContents *self, GPtrArray *entries)
{
  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < entries->len; i++)
    if (mkv_entry_is_tombstone (entries->pdata[i]))
      mkv_holding_release_grave (&self->holding, mkv_entry_get_stamp (entries->pdata[i])->timestamp,
                                 mkv_entry_get_key (entries->pdata[i]));
  g_mutex_unlock (&self->mutex);
}

gboolean
mkv_contents_commit (MkvContents *self, GPtrArray *entries, const GArray *staged, GPtrArray *removed,
                     gint64 stored_horizon)
{
  gint64 now = mkv_clock_get_monotonic_time (self->clock);
  gboolean changed = FALSE, due, ring;

  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < entries->len; i++)
    {
      const MkvStaged *one = &g_array_index (staged, MkvStaged, i);

      mkv_young_add (self->young, mkv_entry_get_key (entries->pdata[i]), now);
      if (mkv_holding_put (&self->holding, entries->pdata[i], one->old_timestamp, one->old_tombstone))
        changed = TRUE;
    }
  for (guint i = 0; removed != NULL && i < removed->len; i++)
    {
      const MkvTombstone *grave = removed->pdata[i];

      mkv_holding_remove_grave (&self->holding, grave->hour, grave->key);
    }
  if (changed)
    {
      self->generation++;
      self->last_change = now;
    }
  if (stored_horizon >= 0)
    self->stored_horizon = stored_horizon;
  due = take_due (self);
  ring = take_ring (self);
  g_mutex_unlock (&self->mutex);
  if (ring)
    self->func (TRUE, self->user_data);
  return due;
}

gboolean
mkv_contents_is_stale (MkvContents *self)
{
  gboolean stale;

  g_mutex_lock (&self->mutex);
  stale = is_stale (self);
  g_mutex_unlock (&self->mutex);
  return stale;
}

gboolean
mkv_contents_end_maintenance (MkvContents *self, gboolean success)
{
  gboolean more;

  g_mutex_lock (&self->mutex);
  self->told = FALSE;
  self->stepped_back = self->stepped_back && !success;
  self->retry_at = success ? LONG_AGO : mkv_clock_get_monotonic_time (self->clock) + RETRY_TIME;
  more = success && is_due (self);
  g_mutex_unlock (&self->mutex);
  return more;
}

void
mkv_contents_ask (MkvContents *self)
{
  gint64 now = mkv_clock_get_time (self->clock);
  gboolean due;

  g_mutex_lock (&self->mutex);
  self->rung = FALSE;
  move_to (self, now, FALSE);
  due = take_due (self);
  g_mutex_unlock (&self->mutex);
  if (due)
    self->func (FALSE, self->user_data);
}

gint64
mkv_contents_get_wait (MkvContents *self)
{
  gint64 next, wait;

  g_mutex_lock (&self->mutex);
  next = self->alarm = get_next (self);
  /* What could not be done is tried again. */
  if (self->built && is_due (self))
    next = MIN (next, self->now + RETRY_TIME / 1000);
  wait = next == G_MAXINT64 ? -1 : CLAMP (next - self->now, MIN_WAIT, MAX_WAIT);
  g_mutex_unlock (&self->mutex);
  return wait;
}
