/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A write goes: mkv_store_*() > commit queue (who leads) > commit() below >
 * decision (what it does) > storage, all of the batch at once > contents (what
 * the tree holds) > change queue > ::changed, and the bells. Locks:
 * `policy_mutex` guards the policy alone; the decision and everything marked so
 * belong to the leader, of whom there is one at a time; the contents, the bells
 * and the queues have their own. None is held while another is taken, but for
 * those of a main context.
 */
#include "config.h"

#include "store/mkv-local-store-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "model/mkv-names.h"
#include "security/mkv-seal-record-private.h"
#include "storage/mkv-storage-batch-private.h"
#include "store/mkv-change-queue-private.h"
#include "store/mkv-commit-queue-private.h"
#include "store/mkv-contents-commit-private.h"
#include "store/mkv-decision-private.h"
#include "store/mkv-local-dump-private.h"
#include "store/mkv-probe-private.h"
#include "store/mkv-store-outbox-private.h"
#include "store/mkv-store-record-private.h"
#include "store/mkv-store-room-private.h"
#include "store/mkv-upkeep-private.h"

#define DEFAULT_SKEW_MS 300000
/* How many graves one commit removes, so that nobody waits long behind it. */
#define GRAVE_PAGE 256

struct _MkvLocalStore
{
  MkvStore parent_instance;

  GMainContext *context;
  MkvStorage *storage;
  char *node_id;
  MkvClock *clock;
  MkvObserver *observer;
  MkvCommitQueue *commits;
  MkvContents *contents;
  MkvChangeQueue *changes;
  MkvBell *outbox_bell;
  MkvUpkeep *upkeep;
  MkvProbe *probe;

  GMutex policy_mutex;
  MkvStorePolicy policy;

  /* The leader's. */
  MkvDecision decision;
  gint64 seq;
  gint64 clock_high;
  gboolean healing;     /* a HEAL is in the queue */
  gboolean apply_failed; /* the last batch; the condition "storage" is set */
  gint64 lacking;        /* octets; what the condition "storage-full" is set for, or 0 */
};

struct _MkvLocalStoreClass
{
  MkvStoreClass parent_class;
};

G_DEFINE_FINAL_TYPE (MkvLocalStore, mkv_local_store, MKV_TYPE_STORE)

static MkvEntry *
mkv_local_store_get_entry (MkvStore *store, const char *key, GCancellable *cancellable, GError **error)
{
  MkvLocalStore *self = (MkvLocalStore *) store;
  MkvEntry *entry = mkv_storage_get (self->storage, key, error);

  if (entry != NULL && mkv_entry_is_tombstone (entry))
    {
      g_clear_pointer (&entry, mkv_entry_unref);
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_NOT_FOUND, _("There is no such key"));
    }
  return entry;
}

static GPtrArray *
mkv_local_store_get_many (MkvStore *store, const char *const *keys, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);

  for (guint i = 0; keys[i] != NULL; i++)
    {
      GError *local_error = NULL;
      MkvEntry *entry = mkv_local_store_get_entry (store, keys[i], cancellable, &local_error);

      if (entry != NULL)
        g_ptr_array_add (entries, entry);
      else if (g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
        g_error_free (local_error);
      else
        {
          g_propagate_error (error, local_error);
          return NULL;
        }
    }
  return g_steal_pointer (&entries);
}

static char **
mkv_local_store_list_keys (MkvStore *store, const char *prefix, const char *after, guint limit, gboolean *more,
                           GCancellable *cancellable, GError **error)
{
  MkvLocalStore *self = (MkvLocalStore *) store;
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *behind = g_strdup (after);
  gboolean at_end = FALSE;

  /* One more than asked for tells whether there are others. Tombstones are
   * passed over, so it may take several pages. */
  while (!at_end && keys->len <= limit)
    {
      guint page_size = limit + 1 - keys->len;
      g_autoptr (GPtrArray) page = NULL;

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return NULL;
      page = mkv_storage_scan (self->storage, prefix, behind, page_size, error);
      if (page == NULL)
        return NULL;
      for (guint i = 0; i < page->len; i++)
        if (!mkv_entry_is_tombstone (page->pdata[i]))
          g_ptr_array_add (keys, g_strdup (mkv_entry_get_key (page->pdata[i])));
      at_end = page->len < page_size;
      if (page->len > 0)
        {
          g_free (behind);
          behind = g_strdup (mkv_entry_get_key (page->pdata[page->len - 1]));
        }
    }
  *more = keys->len > limit;
  if (*more)
    g_ptr_array_set_size (keys, limit);
  g_ptr_array_set_free_func (keys, NULL);
  g_ptr_array_add (keys, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&keys), FALSE);
}

/* Nothing of a batch that could not be applied has happened. */
static void
fail_batch (MkvLocalStore *self, MkvWrite *first, GError *error)
{
  mkv_observer_set_condition (self->observer, "storage", MKV_HEALTH_DEGRADED,
                              _("The store is read-only until the storage takes writes again: %s"),
                              error->message);
  self->apply_failed = TRUE;
  mkv_probe_tell (self->probe, TRUE);
  for (MkvWrite *write = first; write != NULL; write = write->next)
    if (write->error == NULL)
      {
        write->error = g_error_copy (error);
        g_clear_pointer (&write->entry, mkv_entry_unref);
        g_clear_pointer (&write->applied, g_ptr_array_unref);
        g_clear_pointer (&write->winners, g_ptr_array_unref);
        write->n_applied = write->n_stale = write->n_duplicate = write->n_future = 0;
      }
  g_error_free (error);
}

static void
queue_heal (MkvLocalStore *self)
{
  self->healing = TRUE;
  mkv_commit_queue_push (self->commits, mkv_write_new (MKV_WRITE_HEAL, NULL, NULL), NULL);
}

/* What of the batch was marked in the outbox. */
static void
tell_outbox (MkvLocalStore *self, MkvDecision *decision)
{
  GPtrArray *entries = mkv_storage_batch_get_entries (decision->batch);
  gsize n_bytes = 0;
  guint n = 0;

  for (guint i = 0; i < entries->len; i++)
    if (g_array_index (decision->staged, MkvStaged, i).origin == MKV_ORIGIN_LOCAL)
      {
        gsize value_length;

        mkv_entry_peek_value (entries->pdata[i], &value_length);
        n++;
        n_bytes += strlen (mkv_entry_get_key (entries->pdata[i])) + value_length;
      }
  if (n > 0)
    mkv_bell_ring (self->outbox_bell, n, n_bytes);
}

static void
queue_probe (gpointer user_data)
{
  MkvLocalStore *self = user_data;

  mkv_commit_queue_push (self->commits, mkv_write_new (MKV_WRITE_PROBE, NULL, NULL), NULL);
}

static void
queue_maintenance (gboolean can_wait, gpointer user_data)
{
  MkvLocalStore *self = user_data;

  if (can_wait)
    mkv_upkeep_wake (self->upkeep);
  else
    mkv_commit_queue_push (self->commits, mkv_write_new (MKV_WRITE_MAINTAIN, NULL, NULL), NULL);
}

static void
end_maintenance (MkvLocalStore *self, gboolean success)
{
  g_autoptr (GError) error = NULL;

  if (success && mkv_contents_is_stale (self->contents) && !mkv_contents_build (self->contents, &error))
    {
      mkv_observer_set_condition (self->observer, "tree", MKV_HEALTH_DEGRADED,
                                  _("The clock stepped back, and the tree can't be built afresh: %s"),
                                  error->message);
      success = FALSE;
    }
  else if (success)
    mkv_observer_clear_condition (self->observer, "tree");
  if (!mkv_contents_end_maintenance (self->contents, success))
    return;
  /* Where no worker leads, whoever does would go on and on. */
  if (mkv_storage_is_instant (self->storage))
    mkv_upkeep_wake (self->upkeep);
  else
    mkv_contents_ask (self->contents);
}

static void
commit (MkvWrite *first, gpointer user_data)
{
  MkvLocalStore *self = user_data;
  MkvDecision *decision = &self->decision;
  GError *error = NULL;
  g_autoptr (GPtrArray) graves = NULL, unsent = NULL;
  GPtrArray *entries;
  gboolean unstored, readable = TRUE, maintenance = FALSE, probe = FALSE;

  g_mutex_lock (&self->policy_mutex);
  decision->policy = self->policy;
  g_mutex_unlock (&self->policy_mutex);
  decision->now = mkv_clock_get_time (self->clock);
  decision->seq = self->seq;
  decision->clock_high = self->clock_high;
  decision->several = first->next != NULL || first->kind == MKV_WRITE_APPLY || first->kind == MKV_WRITE_LOAD ||
                      first->kind == MKV_WRITE_HEAL;
  unstored = mkv_contents_prepare (self->contents, decision->now, &decision->horizon);
  mkv_decision_reset (decision);
  decision->room = mkv_store_room_measure (self->storage, decision->policy.max_size);

  for (MkvWrite *write = first; write != NULL; write = write->next)
    {
      mkv_decision_write (decision, write);
      if (write->kind == MKV_WRITE_HEAL)
        self->healing = FALSE;
      if (write->kind == MKV_WRITE_MAINTAIN)
        maintenance = TRUE;
      if (write->kind == MKV_WRITE_PROBE)
        probe = TRUE;
    }
  if (maintenance)
    {
      graves = mkv_contents_list_due (self->contents, GRAVE_PAGE);
      unsent = g_ptr_array_new_with_free_func (g_free);
      readable = mkv_decision_remove_graves (decision, graves, unsent);
    }
  if (unstored)
    mkv_contents_add_horizon (self->contents, decision->batch, decision->horizon);
  if (probe)
    mkv_storage_batch_raise_durability (decision->batch, decision->policy.durability);
  if (probe || decision->seq != self->seq || decision->clock_high != self->clock_high)
    mkv_store_record_add_clock (decision->batch, decision->seq, decision->clock_high);
  if (!mkv_storage_batch_is_empty (decision->batch) &&
      !mkv_storage_apply (self->storage, decision->batch, &error))
    {
      fail_batch (self, first, error);
      mkv_decision_reset (decision);
      if (maintenance)
        end_maintenance (self, FALSE);
      return;
    }
  self->seq = decision->seq;
  self->clock_high = decision->clock_high;
  if (self->apply_failed)
    {
      self->apply_failed = FALSE;
      mkv_observer_clear_condition (self->observer, "storage");
      mkv_probe_tell (self->probe, FALSE);
    }
  mkv_store_room_tell (self->observer, &self->lacking, decision);

  if (unsent != NULL)
    mkv_contents_keep (self->contents, unsent);
  for (MkvWrite *write = first; write != NULL; write = write->next)
    if (write->kind == MKV_WRITE_CLEAR_OUTBOX)
      mkv_contents_published (self->contents, write->entries);
  entries = mkv_storage_batch_get_entries (decision->batch);
  if (mkv_contents_commit (self->contents, entries, decision->staged, graves, unstored ? decision->horizon : -1))
    queue_maintenance (FALSE, self);
  mkv_observer_count (self->observer, MKV_COUNTER_WRITES, entries->len);
  if (entries->len > 0 && mkv_store_has_changed_handlers (MKV_STORE (self)))
    for (guint i = 0; i < entries->len; i++)
      mkv_change_queue_push (self->changes, entries->pdata[i],
                             g_array_index (decision->staged, MkvStaged, i).origin);
  if (decision->policy.outbox)
    tell_outbox (self, decision);
  mkv_decision_reset (decision);

  if (maintenance)
    end_maintenance (self, readable);
  for (MkvWrite *write = first; write != NULL; write = write->next)
    if (write->kind == MKV_WRITE_CALL)
      write->call (write->call_data, &write->error);
  /* The clock has stepped back behind what was written with it. */
  if (!self->healing && self->clock_high > decision->now + decision->policy.skew_max_future)
    queue_heal (self);
}

static gboolean
mkv_local_store_write (MkvStore *store, MkvWrite *write, GCancellable *cancellable)
{
  MkvLocalStore *self = (MkvLocalStore *) store;

  mkv_commit_queue_run (self->commits, write, cancellable);
  return write->error == NULL;
}

static void
mkv_local_store_write_async (MkvStore *store, MkvWrite *write, GTask *task)
{
  mkv_commit_queue_push (((MkvLocalStore *) store)->commits, write, task);
}

static gboolean
mkv_local_store_dump (MkvStore *store, GOutputStream *stream, MkvDumpFormat format, const char *prefix,
                      MkvProgress *progress, GCancellable *cancellable, GError **error)
{
  return mkv_local_dump (((MkvLocalStore *) store)->storage, stream, format, prefix, progress, cancellable, error);
}

static void
on_change (MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  mkv_store_emit_changed (user_data, entry, origin);
}

static gboolean
on_dropped (gpointer user_data)
{
  return G_SOURCE_REMOVE;
}

/* Any thread may drop the last reference, also that of a task or of a garbage
 * collector, while the context runs what belongs to the store: then it lives on
 * until its context can end it. */
static void
mkv_local_store_dispose (GObject *object)
{
  MkvLocalStore *self = (MkvLocalStore *) object;

  if (!g_main_context_acquire (self->context))
    {
      g_autoptr (GSource) source = g_idle_source_new ();

      g_source_set_priority (source, G_PRIORITY_DEFAULT);
      g_source_set_callback (source, on_dropped, g_object_ref (self), g_object_unref);
      g_source_attach (source, self->context);
      return;
    }
  if (self->commits != NULL)
    mkv_commit_queue_shut_down (self->commits);
  g_clear_pointer (&self->changes, mkv_change_queue_free);
  g_clear_pointer (&self->outbox_bell, mkv_bell_free);
  g_clear_pointer (&self->upkeep, mkv_upkeep_free);
  g_clear_pointer (&self->probe, mkv_probe_free);
  g_main_context_release (self->context);
  G_OBJECT_CLASS (mkv_local_store_parent_class)->dispose (object);
}

static void
mkv_local_store_finalize (GObject *object)
{
  MkvLocalStore *self = (MkvLocalStore *) object;

  g_clear_pointer (&self->commits, mkv_commit_queue_free);
  g_clear_pointer (&self->contents, mkv_contents_free);
  g_clear_object (&self->storage);
  g_clear_object (&self->clock);
  g_clear_object (&self->observer);
  g_main_context_unref (self->context);
  g_free (self->node_id);
  mkv_decision_clear (&self->decision);
  g_mutex_clear (&self->policy_mutex);
  G_OBJECT_CLASS (mkv_local_store_parent_class)->finalize (object);
}

static void
mkv_local_store_class_init (MkvLocalStoreClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  MkvStoreClass *store_class = (MkvStoreClass *) klass;

  object_class->dispose = mkv_local_store_dispose;
  object_class->finalize = mkv_local_store_finalize;
  store_class->get_entry = mkv_local_store_get_entry;
  store_class->get_many = mkv_local_store_get_many;
  store_class->list_keys = mkv_local_store_list_keys;
  store_class->write = mkv_local_store_write;
  store_class->write_async = mkv_local_store_write_async;
  store_class->dump = mkv_local_store_dump;
  store_class->load = mkv_local_load;
}

static void
mkv_local_store_init (MkvLocalStore *self)
{
  g_mutex_init (&self->policy_mutex);
  mkv_decision_init (&self->decision);
}

/* Whose store it is, and where its clock and seq stand. */
static gboolean
read_record (MkvLocalStore *self, GError **error)
{
  g_auto (MkvStoreRecord) record = { 0 };

  if (!mkv_seal_record_check_absent (self->storage, error) ||
      !mkv_store_record_read (&record, self->storage, NULL, error))
    return FALSE;
  if (self->node_id == NULL && record.node_id == NULL)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_NOT_FOUND,
                           _("The storage belongs to no node yet: give it a node id"));
      return FALSE;
    }
  if (self->node_id == NULL)
    self->node_id = g_strdup (record.node_id);
  self->decision.node_id = self->node_id;
  self->decision.node_id_length = strlen (self->node_id);
  if (record.node_id != NULL && !g_str_equal (record.node_id, self->node_id))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                   _("The store belongs to node “%s” and can't be opened as “%s”: set node.node-id to “%s”, or "
                     "use another storage.path"), record.node_id, self->node_id, record.node_id);
      return FALSE;
    }
  self->seq = MAX (record.seq, MAX (1, mkv_clock_get_time (self->clock) * MKV_STORE_SEQ_PER_MS) - 1);
  self->clock_high = record.clock_high;
  return TRUE;
}

static MkvContentsPolicy
get_contents_policy (const MkvStorePolicy *policy)
{
  return (MkvContentsPolicy){
    .skew_max_future = policy->skew_max_future,
    .tombstone_retention = policy->tombstone_retention,
    .grave_retention = policy->grave_retention,
    .max_graves = policy->max_graves,
  };
}

/* Opening reads everything, so the storage knows by then. */
static void
tell_damage (MkvLocalStore *self)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) damage = mkv_storage_list_damage (self->storage, &error);

  if (damage == NULL || damage[0] != NULL)
    mkv_observer_set_condition (self->observer, "storage-damaged", MKV_HEALTH_DEGRADED,
                                _("The storage is damaged and serves the rest: %s; “verify” tells more, “repair” sets "
                                  "it right"),
                                damage != NULL ? damage[0] : error->message);
  else
    mkv_observer_clear_condition (self->observer, "storage-damaged");
}

/* Makes the store this node's, and mends what a wrong clock left behind. */
static gboolean
open_store (MkvLocalStore *self, GError **error)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (self->policy.durability);

  if (!read_record (self, error) || !mkv_contents_build (self->contents, error))
    return FALSE;
  tell_damage (self);
  mkv_store_record_add_names (batch, self->node_id);
  mkv_store_record_add_clock (batch, self->seq, self->clock_high);
  if (!mkv_storage_apply (self->storage, batch, error))
    return FALSE;
  if (self->clock_high > mkv_clock_get_time (self->clock) + self->policy.skew_max_future)
    {
      MkvWrite heal = { .kind = MKV_WRITE_HEAL };

      mkv_commit_queue_run (self->commits, &heal, NULL);
      if (heal.error != NULL)
        {
          g_propagate_error (error, heal.error);
          return FALSE;
        }
    }
  return TRUE;
}

MkvLocalStore *
mkv_local_store_new_full (MkvStorage *storage, const char *node_id, MkvClock *clock, MkvObserver *observer,
                          const MkvStorePolicy *policy, GError **error)
{
  g_autoptr (GMainContext) context = g_main_context_ref_thread_default ();

  return mkv_local_store_new_in_context (context, storage, node_id, clock, observer, policy, error);
}

MkvLocalStore *
mkv_local_store_new_in_context (GMainContext *context, MkvStorage *storage, const char *node_id, MkvClock *clock,
                                MkvObserver *observer, const MkvStorePolicy *policy, GError **error)
{
  const MkvContentsPolicy contents_policy = get_contents_policy (policy);
  g_autoptr (MkvLocalStore) self = NULL;

  if (node_id != NULL && !mkv_name_check (node_id, error))
    return NULL;
  self = g_object_new (MKV_TYPE_LOCAL_STORE, NULL);
  self->context = g_main_context_ref (context);
  self->storage = g_object_ref (storage);
  self->node_id = g_strdup (node_id);
  self->clock = g_object_ref (clock);
  self->observer = g_object_ref (observer);
  self->policy = *policy;
  self->decision.storage = storage;
  self->commits = mkv_commit_queue_new (commit, self, mkv_storage_is_instant (storage));
  self->contents = mkv_contents_new (storage, clock, &contents_policy, queue_maintenance, self);
  self->changes = mkv_change_queue_new (context, on_change, self);
  self->outbox_bell = mkv_bell_new (context);
  self->upkeep = mkv_upkeep_new (self->contents, clock, context);
  self->probe = mkv_probe_new (clock, context, queue_probe, self);
  if (!open_store (self, error))
    return NULL;
  mkv_upkeep_wake (self->upkeep);
  return g_steal_pointer (&self);
}

/**
 * MkvLocalStore:
 *
 * The store in this process: entries in an [iface@Storage], written by last
 * write wins. Inside an [class@Node] it replicates; alone it is a store of its
 * own.
 *
 * It may be used from any thread. Writes from many threads at once are
 * committed together, so that durable ones share what a commit costs.
 *
 * Since: 0.1
 */

/**
 * mkv_local_store_new:
 * @storage: an open storage; the store is now its only writer
 * @node_id: (nullable): who writes: the same in every run, and no other node's;
 *   %NULL for the node that the storage belongs to, which replicates what is
 *   written here when it runs the next time
 * @error: return location for an error
 *
 * Opens a store that is not part of a node. Its signals come in the context
 * that is thread-default now.
 *
 * Returns: (transfer full): the store; %NULL with %MKV_ERROR_CONFIGURATION if
 *   @storage belongs to another node, or is encrypted and has no
 *   [class@SealedStorage] before it, %MKV_ERROR_INVALID_ARGUMENT if @node_id
 *   is none
 *
 * Since: 0.1
 */
MkvLocalStore *
mkv_local_store_new (MkvStorage *storage, const char *node_id, GError **error)
{
  const MkvStorePolicy policy = {
    .durability = MKV_DURABILITY_DURABLE,
    .outbox = node_id == NULL,
    .skew_max_future = DEFAULT_SKEW_MS,
  };
  g_autoptr (MkvClock) clock = mkv_clock_new ();
  g_autoptr (MkvObserver) observer = mkv_observer_new (clock);

  g_return_val_if_fail (MKV_IS_STORAGE (storage), NULL);

  return mkv_local_store_new_full (storage, node_id, clock, observer, &policy, error);
}

/**
 * mkv_local_store_get_node_id:
 * @self: a store
 *
 * Gets the id of the node whose writes are local.
 *
 * Returns: (transfer none): whose writes are local
 *
 * Since: 0.1
 */
const char *
mkv_local_store_get_node_id (MkvLocalStore *self)
{
  g_return_val_if_fail (MKV_IS_LOCAL_STORE (self), NULL);

  return self->node_id;
}

void
mkv_local_store_set_policy (MkvLocalStore *self, const MkvStorePolicy *policy)
{
  const MkvContentsPolicy contents_policy = get_contents_policy (policy);
  gboolean resized;

  g_mutex_lock (&self->policy_mutex);
  resized = self->policy.max_size != policy->max_size;
  self->policy = *policy;
  g_mutex_unlock (&self->policy_mutex);
  mkv_contents_set_policy (self->contents, &contents_policy);
  /* A store that was full may have room now. */
  if (resized)
    queue_maintenance (FALSE, self);
}

MkvStorage *
mkv_local_store_get_storage (MkvLocalStore *self)
{
  return self->storage;
}

MkvContents *
mkv_local_store_get_contents (MkvLocalStore *self)
{
  return self->contents;
}

gboolean
mkv_local_store_call (MkvLocalStore *self, MkvWriteCallFunc func, gpointer user_data, GCancellable *cancellable,
                      GError **error)
{
  MkvWrite write = { .kind = MKV_WRITE_CALL, .call = func, .call_data = user_data };

  mkv_commit_queue_run (self->commits, &write, cancellable);
  if (write.error == NULL)
    return TRUE;
  g_propagate_error (error, write.error);
  return FALSE;
}

GPtrArray *
mkv_local_store_list_outbox (MkvLocalStore *self, gint64 after_seq, guint limit, gint64 *last_seq,
                             GError **error)
{
  gint64 latest;

  g_mutex_lock (&self->policy_mutex);
  latest = self->policy.skew_max_future;
  g_mutex_unlock (&self->policy_mutex);
  latest += mkv_clock_get_time (self->clock);
  return mkv_store_outbox_list (self->storage, self->node_id, latest, after_seq, limit, last_seq, error);
}

void
mkv_local_store_set_outbox_func (MkvLocalStore *self, MkvBellFunc func, gpointer user_data)
{
  mkv_bell_set_func (self->outbox_bell, func, user_data);
}

void
mkv_local_store_shut_down (MkvLocalStore *self)
{
  mkv_commit_queue_shut_down (self->commits);
}
