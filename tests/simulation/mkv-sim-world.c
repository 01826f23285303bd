/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-sim-world.h"

#include <string.h>

#include "mkv-storage-memory.h"
#include "base/mkv-limits.h"

#define BROKER "loopback://simulation"
#define NOW G_GINT64_CONSTANT (1700000000000)
#define SKEW_MS 300000

/* How often it is looked at whether all are equal. */
#define LOOK_INTERVAL (500 * MKV_SIM_MS)

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  if (level & (G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG))
    return G_LOG_WRITER_HANDLED;
  return g_log_writer_default (level, fields, n_fields, user_data);
}

void
mkv_sim_drop_log (void)
{
  g_log_set_writer_func (write_log, NULL, NULL);
}

guint
mkv_sim_world_draw (MkvSimWorld *self, guint n)
{
  return (guint) g_rand_int_range (self->random, 0, (gint32) n);
}

void
mkv_sim_world_trace (MkvSimWorld *self, const char *format, ...)
{
  gint64 us = mkv_clock_get_monotonic_time (MKV_CLOCK (self->clock)) - self->started;
  va_list arguments;

  g_string_append_printf (self->trace, "%" G_GINT64_FORMAT ".%06" G_GINT64_FORMAT " ", us / MKV_SIM_SECOND,
                          us % MKV_SIM_SECOND);
  va_start (arguments, format);
  g_string_append_vprintf (self->trace, format, arguments);
  va_end (arguments);
  g_string_append_c (self->trace, '\n');
}

void
mkv_sim_world_trace_counts (MkvSimWorld *self)
{
  MkvLoopbackCounts counts;

  mkv_loopback_broker_get_counts (self->broker, &counts);
  mkv_sim_world_trace (self, "  broker: published %" G_GUINT64_FORMAT ", delivered %" G_GUINT64_FORMAT ", lost %"
                       G_GUINT64_FORMAT ", parted %" G_GUINT64_FORMAT ", overflowed %" G_GUINT64_FORMAT,
                       counts.published, counts.delivered, counts.lost, counts.parted, counts.overflowed);
}

void
mkv_sim_world_run (MkvSimWorld *self, gint64 us)
{
  mkv_test_advance (self->clock, us);
}

static gint64
get_latest (MkvSimNode *node)
{
  return mkv_clock_get_time (MKV_CLOCK (node->clock)) + SKEW_MS;
}

void
mkv_sim_world_switch_on (MkvSimWorld *self, guint i)
{
  MkvSimNode *node = &self->nodes[i];

  if (node->replica != NULL)
    return;
  mkv_sim_world_trace (self, "%s comes on", node->id);
  node->replica = mkv_replica_new (node->id, node->clock, node->storage);
  mkv_sim_model_add_own (self->model, node->storage, node->id, get_latest (node));
  mkv_replica_start (node->replica, BROKER, NULL);
}

void
mkv_sim_world_switch_off (MkvSimWorld *self, guint i)
{
  MkvSimNode *node = &self->nodes[i];

  if (node->replica == NULL)
    return;
  mkv_sim_world_trace (self, "%s goes off", node->id);
  g_clear_pointer (&node->replica, mkv_replica_free);
}

gboolean
mkv_sim_world_wipe (MkvSimWorld *self, guint i)
{
  MkvSimNode *node = &self->nodes[i];
  g_autofree MkvStorage **storages = g_new (MkvStorage *, self->n);

  for (guint j = 0; j < self->n; j++)
    storages[j] = self->nodes[j].storage;
  if (!mkv_sim_is_held (node->storage, storages, self->n))
    return FALSE;
  mkv_sim_world_switch_off (self, i);
  mkv_sim_world_trace (self, "%s loses its storage", node->id);
  g_object_unref (node->storage);
  node->storage = mkv_storage_memory_new ();
  return TRUE;
}

void
mkv_sim_world_set_offset (MkvSimWorld *self, guint i, gint64 offset)
{
  MkvSimNode *node = &self->nodes[i];

  mkv_sim_world_trace (self, "%s is %" G_GINT64_FORMAT " ms ahead", node->id, offset);
  node->offset = offset;
  mkv_manual_clock_set_time (node->clock, mkv_clock_get_time (MKV_CLOCK (self->clock)) + offset);
  mkv_sim_model_doubt (self->model, node->id, get_latest (node));
}

static void
submit (MkvSimWorld *self, guint i, MkvWriteKind kind, const char *key, GBytes *value)
{
  MkvSimNode *node = &self->nodes[i];
  MkvWrite write = { .kind = kind, .key = key, .value = value, .amount = 1 };
  g_autofree char *text = NULL;

  mkv_store_submit (MKV_STORE (node->replica->store), &write, NULL);
  g_assert_no_error (write.error);
  text = mkv_sim_entry_to_string (write.entry);
  mkv_sim_world_trace (self, "%s writes %s: %s", node->id, key, text);
  mkv_sim_model_add (self->model, write.entry, get_latest (node));
  mkv_entry_unref (write.entry);
}

void
mkv_sim_world_set (MkvSimWorld *self, guint i, const char *key)
{
  g_autofree char *text = g_strdup_printf ("v%u", self->n_values++);
  g_autoptr (GBytes) value = mkv_test_bytes (text);

  submit (self, i, MKV_WRITE_SET, key, value);
}

void
mkv_sim_world_delete (MkvSimWorld *self, guint i, const char *key)
{
  submit (self, i, MKV_WRITE_DELETE, key, NULL);
}

void
mkv_sim_world_increment (MkvSimWorld *self, guint i, const char *key)
{
  submit (self, i, MKV_WRITE_INCREMENT, key, NULL);
}

MkvSimWorld *
mkv_sim_world_new (guint32 seed, guint n_nodes, guint n_keys)
{
  MkvSimWorld *self = g_new0 (MkvSimWorld, 1);

  /* What draws from GLib's own generator is the seed's as well. */
  g_random_set_seed (seed);
  self->seed = seed;
  self->random = g_rand_new_with_seed (seed);
  self->trace = g_string_new (NULL);
  self->clock = mkv_manual_clock_new (NOW);
  self->started = mkv_clock_get_monotonic_time (MKV_CLOCK (self->clock));
  self->broker = mkv_loopback_broker_get (BROKER);
  mkv_loopback_broker_set_seed (self->broker, seed);
  self->model = mkv_sim_model_new ();
  self->n = n_nodes;
  self->n_keys = n_keys;
  self->nodes = g_new0 (MkvSimNode, n_nodes);
  mkv_sim_world_trace (self, "seed %u, %u replicas, %u keys", seed, n_nodes, n_keys);
  for (guint i = 0; i < n_nodes; i++)
    {
      MkvSimNode *node = &self->nodes[i];

      node->id = g_strdup_printf ("node-%u", i);
      node->offset = (gint64) mkv_sim_world_draw (self, 2 * MKV_SIM_MAX_OFFSET) - MKV_SIM_MAX_OFFSET;
      node->clock = mkv_manual_clock_new_following (self->clock, node->offset);
      node->storage = mkv_storage_memory_new ();
      mkv_sim_world_switch_on (self, i);
    }
  mkv_sim_world_run (self, MKV_SIM_SECOND);
  return self;
}

void
mkv_sim_world_free (MkvSimWorld *self)
{
  for (guint i = 0; i < self->n; i++)
    {
      g_clear_pointer (&self->nodes[i].replica, mkv_replica_free);
      g_object_unref (self->nodes[i].storage);
      g_object_unref (self->nodes[i].clock);
      g_free (self->nodes[i].id);
    }
  g_free (self->nodes);
  g_assert_finalize_object (self->broker);
  g_object_unref (self->clock);
  mkv_sim_model_free (self->model);
  g_string_free (self->trace, TRUE);
  g_rand_free (self->random);
  g_free (self);
}

void
mkv_sim_world_heal (MkvSimWorld *self)
{
  mkv_sim_world_trace (self, "all is well from now on");
  mkv_loopback_broker_set_loss (self->broker, 0);
  mkv_loopback_broker_set_duplication (self->broker, 0);
  mkv_loopback_broker_set_reordering (self->broker, 0, 0);
  mkv_loopback_broker_set_session_queue (self->broker, 10000);
  mkv_loopback_broker_set_group (self->broker, NULL, 0);
  mkv_loopback_broker_heal (self->broker, NULL);
  for (guint i = 0; i < self->n; i++)
    {
      gboolean was_off = ABS (self->nodes[i].offset) > MKV_SIM_MAX_OFFSET;

      if (was_off)
        mkv_sim_world_set_offset (self, i, 0);
      mkv_sim_world_switch_on (self, i);
      /* A store looks at its clock when it writes. */
      if (was_off)
        {
          mkv_sim_world_set (self, i, self->nodes[i].id);
          mkv_sim_world_run (self, 0);
          mkv_sim_model_add_own (self->model, self->nodes[i].storage, self->nodes[i].id,
                                 get_latest (&self->nodes[i]));
        }
    }
}

char *
mkv_sim_world_dup_root (MkvSimWorld *self, guint i)
{
  guint8 root[MKV_DIGEST_BYTES];
  char *text = g_malloc (2 * sizeof root + 1);

  mkv_contents_get_root (mkv_local_store_get_contents (self->nodes[i].replica->store), root);
  for (guint j = 0; j < sizeof root; j++)
    g_snprintf (text + 2 * j, 3, "%02x", root[j]);
  return text;
}

char *
mkv_sim_world_check_tree (MkvSimWorld *self, guint i)
{
  MkvSimNode *node = &self->nodes[i];
  g_autoptr (MkvTree) tree = mkv_tree_new ();
  g_autoptr (GPtrArray) entries = NULL;
  g_autoptr (GError) error = NULL;
  MkvContents *contents = mkv_local_store_get_contents (node->replica->store);
  guint8 root[MKV_DIGEST_BYTES], built[MKV_DIGEST_BYTES];
  MkvContentsState state;

  mkv_contents_get_root (contents, root);
  mkv_contents_get_state (contents, &state);
  entries = mkv_storage_scan (node->storage, NULL, NULL, 10000000, &error);
  g_assert_no_error (error);
  for (guint j = 0; j < entries->len; j++)
    {
      gint64 timestamp = mkv_entry_get_stamp (entries->pdata[j])->timestamp;

      if (timestamp <= get_latest (node) &&
          (!mkv_entry_is_tombstone (entries->pdata[j]) || timestamp >= state.horizon))
        mkv_tree_put (tree, mkv_entry_get_key (entries->pdata[j]), mkv_entry_peek_digest (entries->pdata[j]));
    }
  mkv_tree_get_root (tree, built);
  if (memcmp (root, built, sizeof root) == 0 && mkv_tree_get_count (tree) == state.n_entries)
    return NULL;
  return g_strdup_printf ("%s has a tree of %" G_GUINT64_FORMAT " entries that is not the one of its storage, of %"
                          G_GUINT64_FORMAT " entries\n", node->id, state.n_entries, mkv_tree_get_count (tree));
}

gboolean
mkv_sim_world_is_equal (MkvSimWorld *self)
{
  g_autofree char *first = NULL;

  for (guint i = 0; i < self->n; i++)
    if (!mkv_publisher_is_drained (self->nodes[i].replica->publisher) ||
        !mkv_applier_is_idle (self->nodes[i].replica->applier) ||
        mkv_loopback_broker_get_waiting (self->broker, self->nodes[i].id) > 0)
      return FALSE;
  first = mkv_sim_world_dup_root (self, 0);
  for (guint i = 1; i < self->n; i++)
    {
      g_autofree char *other = mkv_sim_world_dup_root (self, i);

      if (!g_str_equal (other, first))
        return FALSE;
    }
  return TRUE;
}

/* What is wrong with a replica's tree, and with what a person can read in it;
 * @text is what is read in the first. */
static void
check_node (MkvSimWorld *self, guint i, const char *text, GString *complaints)
{
  g_autofree char *tree = mkv_sim_world_check_tree (self, i);
  g_autofree char *wrong = mkv_sim_model_check (self->model, self->nodes[i].storage);
  g_autofree char *own_text = mkv_sim_describe (self->nodes[i].storage);

  if (tree != NULL)
    g_string_append (complaints, tree);
  if (wrong != NULL)
    g_string_append_printf (complaints, "%s: %s", self->nodes[i].id, wrong);
  if (!g_str_equal (own_text, text))
    {
      g_auto (GStrv) conditions = mkv_observer_list_conditions (self->nodes[i].replica->observer);
      g_autofree char *reasons = g_strjoinv ("; ", conditions);
      g_autoptr (GVariant) peers = g_variant_ref_sink (mkv_syncer_list_peers (self->nodes[i].replica->syncer));
      g_autofree char *peers_text = g_variant_print (peers, FALSE);

      g_string_append_printf (complaints, "%s holds other entries than %s: %s; its peers: %s\n", self->nodes[i].id,
                              self->nodes[0].id, reasons, peers_text);
    }
}

char *
mkv_sim_world_settle (MkvSimWorld *self, gint64 us)
{
  GString *complaints = g_string_new (NULL);
  g_autofree char *text = NULL;
  gboolean equal;

  while (!(equal = mkv_sim_world_is_equal (self)) && us > 0)
    {
      mkv_sim_world_run (self, LOOK_INTERVAL);
      us -= LOOK_INTERVAL;
    }
  mkv_sim_world_trace (self, equal ? "all are equal" : "time is over");
  mkv_sim_world_trace_counts (self);
  if (!equal)
    g_string_append (complaints, "not all replicas are equal\n");
  text = mkv_sim_describe (self->nodes[0].storage);
  for (guint i = 0; i < self->n; i++)
    {
      g_autofree char *root = mkv_sim_world_dup_root (self, i);

      mkv_sim_world_trace (self, "%s: root %s", self->nodes[i].id, root);
      check_node (self, i, text, complaints);
    }
  return g_string_free (complaints, complaints->len == 0);
}
