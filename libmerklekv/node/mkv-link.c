/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "node/mkv-link-private.h"

#include <string.h>

#include "command/mkv-command-mirror-private.h"
#include "replication/mkv-applier-private.h"
#include "replication/mkv-publisher-private.h"

/* How long leaving may take, in us: to empty the outbox, then to close the
 * connection. What is left in the outbox is sent in the next run. */
#define FLUSH_TIMEOUT (2 * G_USEC_PER_SEC)
#define CLOSE_TIMEOUT (2 * G_USEC_PER_SEC)

struct _MkvLink
{
  GObject parent_instance;

  MkvConfig *config;
  MkvPluginRegistry *registry;
  MkvLocalStore *store;
  MkvClock *clock;
  MkvObserver *observer;

  MkvCodec *json;
  MkvCodec *cbor;
  MkvCodec *locked_spec;
  MkvRouter *router;
  MkvPublisher *publisher; /* NULL where replication is off */
  MkvApplier *applier;     /* the same */
  MkvSyncer *syncer;       /* NULL where anti-entropy is off */
  MkvCommandProcessor *processor;
  MkvCorrelator *correlator;
  MkvCommandMirror *mirror; /* NULL where it is off */

  GTask *stop_task;
  GSource *stop_timer;
};

enum
{
  SIGNAL_STATE_CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (MkvLink, mkv_link, G_TYPE_OBJECT)

static void
clear_timer (MkvLink *self)
{
  if (self->stop_timer != NULL)
    g_source_destroy (self->stop_timer);
  g_clear_pointer (&self->stop_timer, g_source_unref);
}

static void
mkv_link_dispose (GObject *object)
{
  MkvLink *self = MKV_LINK (object);

  clear_timer (self);
  if (self->publisher != NULL)
    mkv_publisher_stop (self->publisher);
  if (self->applier != NULL)
    mkv_applier_stop (self->applier);
  if (self->syncer != NULL)
    mkv_syncer_stop (self->syncer);
  if (self->correlator != NULL)
    mkv_correlator_stop (self->correlator);
  if (self->processor != NULL)
    mkv_command_processor_stop (self->processor);
  g_clear_object (&self->mirror);
  g_clear_object (&self->correlator);
  g_clear_object (&self->processor);
  g_clear_object (&self->syncer);
  g_clear_object (&self->applier);
  g_clear_object (&self->publisher);
  if (self->router != NULL)
    mkv_router_stop (self->router);
  g_clear_object (&self->router);
  g_clear_object (&self->json);
  g_clear_object (&self->cbor);
  g_clear_object (&self->locked_spec);
  g_clear_object (&self->config);
  g_clear_object (&self->registry);
  g_clear_object (&self->store);
  g_clear_object (&self->clock);
  g_clear_object (&self->observer);
  G_OBJECT_CLASS (mkv_link_parent_class)->dispose (object);
}

static void
mkv_link_class_init (MkvLinkClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = mkv_link_dispose;

  signals[SIGNAL_STATE_CHANGED] = g_signal_new ("state-changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                                NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
mkv_link_init (MkvLink *self)
{
}

gboolean
mkv_link_is_wanted (MkvConfig *config, const char *backend)
{
  const char *broker = mkv_config_get_string (config, "transport.broker");

  return !g_str_equal (backend, "none") && broker != NULL && *broker != 0;
}

gboolean
mkv_link_must_change (MkvConfig *from, MkvConfig *to)
{
  g_auto (GStrv) changed = mkv_config_list_differences (from, to, FALSE);

  for (guint i = 0; changed[i] != NULL; i++)
    if (g_str_has_prefix (changed[i], "transport.") || g_str_equal (changed[i], "node.topic-prefix") ||
        g_str_equal (changed[i], "replication.enabled") || g_str_equal (changed[i], "antientropy.enabled"))
      return TRUE;
  return FALSE;
}

static MkvCodec *
get_codec (MkvLink *self, const char *setting)
{
  const char *name = mkv_config_get_string (self->config, setting);

  if (g_str_equal (name, "json"))
    return self->json;
  return g_str_equal (name, "locked-spec") ? self->locked_spec : self->cbor;
}

static gboolean
create_codecs (MkvLink *self, GError **error)
{
  struct
  {
    const char *name;
    MkvCodec **place;
  } codecs[] = { { "json", &self->json }, { "cbor", &self->cbor }, { "locked-spec", &self->locked_spec } };

  for (guint i = 0; i < G_N_ELEMENTS (codecs); i++)
    {
      *codecs[i].place = (MkvCodec *) mkv_plugin_registry_create (self->registry, MKV_PLUGIN_CODEC,
                                                                  codecs[i].name, error);
      if (*codecs[i].place == NULL)
        return FALSE;
    }
  return TRUE;
}

static void
on_state_changed (MkvRouter *router, MkvLink *self)
{
  g_signal_emit (self, signals[SIGNAL_STATE_CHANGED], 0);
}

/* MerkleKV-Mobile sends and reads characters above U+007F in a broken way. */
static void
set_ascii (MkvLink *self)
{
  gboolean ascii = g_str_equal (mkv_config_get_string (self->config, "replication.codec"), "locked-spec");

  if (g_object_class_find_property (G_OBJECT_GET_CLASS (self->json), "ascii") != NULL)
    g_object_set (self->json, "ascii", ascii, NULL);
}

/* What a session brought, and others may lack. */
static void
publish_once (GPtrArray *entries, gpointer user_data)
{
  mkv_publisher_publish_once (user_data, entries);
}

static void
apply_sync_config (MkvLink *self)
{
  MkvConfig *config = self->config;
  MkvCodec *codec = get_codec (self, "replication.codec");

  /* Locked Spec knows events only. */
  mkv_syncer_set_codec (self->syncer, mkv_codec_has_sync (codec) ? codec : self->cbor);
  mkv_syncer_set_policy (self->syncer, mkv_config_get_integer (config, "antientropy.interval-min-s") * G_USEC_PER_SEC,
                         mkv_config_get_integer (config, "antientropy.interval-max-s") * G_USEC_PER_SEC,
                         (guint) mkv_config_get_integer (config, "antientropy.sessions-per-second"),
                         (guint64) mkv_config_get_integer (config, "antientropy.sync-rate"),
                         mkv_config_get_integer (config, "replication.skew-max-future-ms"));
}

static void
apply_config (MkvLink *self)
{
  MkvConfig *config = self->config;
  const char *compression = mkv_config_get_string (config, "replication.compression");
  const char *access = mkv_config_get_string (config, "commands.access");
  MkvCodec *command_codec = get_codec (self, "commands.codec");

  set_ascii (self);
  if (self->publisher != NULL)
    {
      mkv_publisher_set_codec (self->publisher, get_codec (self, "replication.codec"));
      mkv_publisher_set_compression (self->publisher, g_str_equal (compression, "on")    ? MKV_COMPRESSION_ON
                                                      : g_str_equal (compression, "off") ? MKV_COMPRESSION_OFF
                                                                                         : MKV_COMPRESSION_AUTO);
      mkv_publisher_set_batch_interval (self->publisher,
                                        mkv_config_get_integer (config, "replication.batch-interval-ms"));
    }
  if (self->syncer != NULL)
    apply_sync_config (self);
  /* Only who says so lets everyone in. */
  mkv_command_processor_set_access (self->processor, g_str_equal (access, "allow") ? MKV_COMMAND_ACCESS_ALLOW
                                                                                   : MKV_COMMAND_ACCESS_DENY);
  mkv_correlator_set_codec (self->correlator, command_codec);
  mkv_correlator_set_broker (self->correlator, mkv_config_get_string (config, "transport.broker"));
  g_clear_object (&self->mirror);
  if (mkv_config_get_boolean (config, "commands.mirror-commands"))
    self->mirror = mkv_command_mirror_new (self->router, self->store, command_codec, self->cbor, self->observer);
}

static gboolean
build (MkvLink *self, const char *backend, const char *client_id, GError **error)
{
  g_autoptr (MkvTransport) transport = NULL;

  if (!create_codecs (self, error))
    return FALSE;
  transport = (MkvTransport *) mkv_plugin_registry_create (self->registry, MKV_PLUGIN_TRANSPORT, backend, error);
  if (transport == NULL)
    return FALSE;
  self->router = mkv_router_new (transport, self->json, self->cbor, self->locked_spec,
                                 mkv_config_get_string (self->config, "node.topic-prefix"), client_id,
                                 mkv_local_store_get_node_id (self->store), self->clock, self->observer);
  self->processor = mkv_command_processor_new (self->router, self->store, self->json, self->cbor, self->clock,
                                               self->observer);
  self->correlator = mkv_correlator_new (self->router, get_codec (self, "commands.codec"), self->cbor, self->clock,
                                         self->observer);
  if (mkv_config_get_boolean (self->config, "replication.enabled"))
    {
      self->publisher = mkv_publisher_new (self->store, self->router, get_codec (self, "replication.codec"),
                                           self->cbor, self->clock, self->observer);
      self->applier = mkv_applier_new (self->store, self->router, self->clock, self->observer);
    }
  /* Who wants no replication does not want it by this road either. */
  if (self->publisher != NULL && mkv_config_get_boolean (self->config, "antientropy.enabled"))
    {
      self->syncer = mkv_syncer_new (self->store, self->router, self->cbor, self->clock, self->observer);
      mkv_syncer_set_publish_func (self->syncer, publish_once, self->publisher);
      mkv_command_processor_set_syncer (self->processor, self->syncer);
    }
  apply_config (self);
  g_signal_connect_object (self->router, "state-changed", G_CALLBACK (on_state_changed), self, 0);
  return TRUE;
}

MkvLink *
mkv_link_new (MkvConfig *config, const char *backend, MkvPluginRegistry *registry, MkvLocalStore *store,
              const char *client_id, MkvClock *clock, MkvObserver *observer, GError **error)
{
  g_autoptr (MkvLink) self = g_object_new (MKV_TYPE_LINK, NULL);
  guint64 n_entries, n_tombstones, n_bytes;

  self->config = g_object_ref (config);
  self->registry = g_object_ref (registry);
  self->store = g_object_ref (store);
  self->clock = g_object_ref (clock);
  self->observer = g_object_ref (observer);
  if (!mkv_storage_stats (mkv_local_store_get_storage (store), &n_entries, &n_tombstones, &n_bytes, error))
    return NULL;
  if (!build (self, backend, client_id, error))
    return NULL;
  /* A store that holds something has had a life before, and a session. */
  mkv_router_set_had_session (self->router, n_entries + n_tombstones > 0);
  return g_steal_pointer (&self);
}

void
mkv_link_set_describe_func (MkvLink *self, MkvDescribeFunc func, gpointer user_data)
{
  mkv_command_processor_set_describe_func (self->processor, func, user_data);
}

gboolean
mkv_link_start (MkvLink *self, GError **error)
{
  g_autoptr (GVariant) options = mkv_config_get_group (self->config, "transport");

  return mkv_command_processor_start (self->processor, error) && mkv_router_start (self->router, options, error);
}

guint
mkv_link_get_max_payload (MkvLink *self)
{
  guint max_inflight, max_payload;

  mkv_router_get_limits (self->router, &max_inflight, &max_payload);
  return max_payload;
}

MkvTransportState
mkv_link_get_state (MkvLink *self)
{
  return mkv_router_get_state (self->router);
}

void
mkv_link_set_config (MkvLink *self, MkvConfig *config)
{
  g_set_object (&self->config, config);
  apply_config (self);
  /* What the broker refused may be what the change is about. */
  if (self->publisher != NULL)
    mkv_publisher_retry (self->publisher);
}

MkvCorrelator *
mkv_link_get_correlator (MkvLink *self)
{
  return self->correlator;
}

MkvSyncer *
mkv_link_get_syncer (MkvLink *self)
{
  return self->syncer;
}

static void
finish_stop (MkvLink *self)
{
  g_autoptr (GTask) task = g_steal_pointer (&self->stop_task);

  clear_timer (self);
  g_signal_handlers_disconnect_by_data (self->router, self);
  g_task_return_boolean (task, TRUE);
}

static void
on_router_stopped (MkvRouter *router, MkvLink *self)
{
  finish_stop (self);
}

static gboolean
on_close_timeout (gpointer user_data)
{
  finish_stop (user_data);
  return G_SOURCE_REMOVE;
}

static void
close_connection (MkvLink *self)
{
  clear_timer (self);
  if (self->publisher != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->publisher, self);
      mkv_publisher_stop (self->publisher);
      mkv_applier_stop (self->applier);
    }
  g_clear_object (&self->mirror);
  self->stop_timer = mkv_clock_add_timeout (self->clock, CLOSE_TIMEOUT,
                                            g_task_get_context (self->stop_task), on_close_timeout, self);
  g_signal_connect_object (self->router, "stopped", G_CALLBACK (on_router_stopped), self, 0);
  mkv_router_stop (self->router);
}

static void
on_drained (MkvPublisher *publisher, MkvLink *self)
{
  close_connection (self);
}

static gboolean
on_flush_timeout (gpointer user_data)
{
  close_connection (user_data);
  return G_SOURCE_REMOVE;
}

void
mkv_link_stop_async (MkvLink *self, gboolean flush, GAsyncReadyCallback callback, gpointer user_data)
{
  self->stop_task = g_task_new (self, NULL, callback, user_data);
  g_task_set_source_tag (self->stop_task, mkv_link_stop_async);

  mkv_correlator_stop (self->correlator);
  mkv_command_processor_stop (self->processor);
  if (self->syncer != NULL)
    mkv_syncer_stop (self->syncer);
  if (flush && self->publisher != NULL && mkv_router_is_connected (self->router))
    {
      mkv_publisher_retry (self->publisher);
      if (!mkv_publisher_is_drained (self->publisher))
        {
          g_signal_connect_object (self->publisher, "drained", G_CALLBACK (on_drained), self, 0);
          self->stop_timer = mkv_clock_add_timeout (self->clock, FLUSH_TIMEOUT,
                                                    g_task_get_context (self->stop_task), on_flush_timeout, self);
          return;
        }
    }
  close_connection (self);
}

void
mkv_link_stop_finish (MkvLink *self, GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}
