/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "node/mkv-node-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-enum-types.h"

/**
 * MkvNode:
 *
 * A replica: a store, and the connection to a broker through which it shares
 * its changes with all others of the same topic prefix and answers their
 * commands. Everything about it is decided by a [class@Config].
 *
 * A node belongs to the context that was thread-default when it was made: its
 * functions are called there, and its signals come there. Its store may be used
 * from any thread. Without a broker a node works alone, and the store is open
 * whether there is a connection or not.
 *
 * ```c
 * g_autoptr (MkvConfig) config = mkv_config_new ();
 *
 * mkv_config_set (config, "transport.broker", "mqtt://localhost", NULL);
 * node = mkv_node_new (config);
 * mkv_node_start_async (node, NULL, on_started, NULL);
 * ```
 *
 * Since: 0.1
 */

enum
{
  PROP_0,
  PROP_CONFIG,
  PROP_REGISTRY,
  PROP_CLOCK,
  PROP_STORE,
  PROP_CLIENT_ID,
  PROP_NODE_ID,
  PROP_STATE,
  PROP_HEALTH,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

enum
{
  SIGNAL_CONDITIONS_CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

#define HOUR_MS (3600 * 1000)

G_DEFINE_FINAL_TYPE (MkvNode, mkv_node, G_TYPE_OBJECT)

gboolean
mkv_node_is_running (MkvNode *self)
{
  return self->state == MKV_NODE_OFFLINE || self->state == MKV_NODE_CONNECTING || self->state == MKV_NODE_ONLINE;
}

void
mkv_node_set_state (MkvNode *self, MkvNodeState state)
{
  if (self->state == state)
    return;
  self->state = state;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE]);
}

void
mkv_node_notify_store (MkvNode *self)
{
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STORE]);
}

void
mkv_node_set_config (MkvNode *self, MkvConfig *config)
{
  if (g_set_object (&self->config, config))
    g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_CONFIG]);
}

static void
read_name (MkvNode *self, const char *setting, char **name, guint property)
{
  const char *value = mkv_config_get_string (self->config, setting);

  if (g_strcmp0 (*name, value) == 0)
    return;
  g_free (*name);
  *name = g_strdup (value);
  g_object_notify_by_pspec (G_OBJECT (self), properties[property]);
}

void
mkv_node_read_names (MkvNode *self)
{
  read_name (self, "node.client-id", &self->client_id, PROP_CLIENT_ID);
  read_name (self, "node.node-id", &self->node_id, PROP_NODE_ID);
}

static void
on_conditions_changed (MkvObserver *observer, MkvNode *self)
{
  MkvHealth health = mkv_observer_get_health (observer);

  g_signal_emit (self, signals[SIGNAL_CONDITIONS_CHANGED], 0);
  if (health == self->health)
    return;
  self->health = health;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_HEALTH]);
}

/* What INFO says. */
static void
describe (const char **state, const char **health, gpointer user_data)
{
  MkvNode *self = user_data;
  g_autoptr (GEnumClass) states = g_type_class_ref (MKV_TYPE_NODE_STATE);
  g_autoptr (GEnumClass) healths = g_type_class_ref (MKV_TYPE_HEALTH);

  *state = mkv_node_is_in_sync (self) ? "in-sync" : g_enum_get_value (states, self->state)->value_nick;
  *health = g_enum_get_value (healths, mkv_observer_get_health (self->observer))->value_nick;
}

void
mkv_node_update_link_state (MkvNode *self)
{
  MkvTransportState state = self->link != NULL ? mkv_link_get_state (self->link) : MKV_TRANSPORT_STOPPED;

  mkv_node_set_state (self, state == MKV_TRANSPORT_CONNECTED    ? MKV_NODE_ONLINE
                            : state == MKV_TRANSPORT_CONNECTING ? MKV_NODE_CONNECTING
                                                                : MKV_NODE_OFFLINE);
  if (state != MKV_TRANSPORT_CONNECTED)
    return;
  /* The broker may take less than what the configuration allows. */
  mkv_node_update_policy (self);
  if (self->compare_when_connected)
    {
      self->compare_when_connected = FALSE;
      mkv_node_sync_async (self, NULL, NULL, NULL, NULL);
    }
}

static void
on_link_state_changed (MkvLink *link, MkvNode *self)
{
  if (mkv_node_is_running (self) && !self->swapping)
    mkv_node_update_link_state (self);
}

gboolean
mkv_node_make_link (MkvNode *self, MkvConfig *config, MkvLink **link, GError **error)
{
  const char *backend = mkv_config_get_string (self->started_config, "transport.backend");

  *link = NULL;
  if (!mkv_link_is_wanted (config, backend))
    return TRUE;
  *link = mkv_link_new (config, backend, self->registry, self->store, self->client_id, self->clock, self->observer,
                        error);
  return *link != NULL;
}

gboolean
mkv_node_start_link (MkvNode *self, MkvLink *link, MkvConfig *config, GError **error)
{
  g_set_object (&self->link, link);
  g_set_object (&self->link_config, config);
  if (link == NULL)
    return TRUE;
  mkv_link_set_describe_func (link, describe, self);
  g_signal_connect_object (link, "state-changed", G_CALLBACK (on_link_state_changed), self, 0);
  mkv_node_watch_link (self, link);
  if (mkv_link_start (link, error))
    return TRUE;
  g_clear_object (&self->link);
  return FALSE;
}

void
mkv_node_make_policy (MkvNode *self, MkvStorePolicy *policy)
{
  MkvConfig *config = self->config;
  const char *durability = mkv_config_get_string (config, "storage.durability");

  policy->durability = g_str_equal (durability, "none")      ? MKV_DURABILITY_NONE
                       : g_str_equal (durability, "ordered") ? MKV_DURABILITY_ORDERED
                                                             : MKV_DURABILITY_DURABLE;
  policy->outbox = mkv_config_get_boolean (config, "replication.enabled");
  policy->skew_max_future = mkv_config_get_integer (config, "replication.skew-max-future-ms");
  policy->tombstone_retention = mkv_config_get_integer (config, "replication.tombstone-retention-hours") * HOUR_MS;
  policy->grave_retention = mkv_config_get_integer (config, "replication.grave-retention-days") * 24 * HOUR_MS;
  policy->max_graves = 0;
  policy->max_size = (guint64) mkv_config_get_integer (config, "storage.max-size");
  policy->unique_timestamps = g_str_equal (mkv_config_get_string (config, "replication.codec"), "locked-spec");
  policy->max_event_bytes = MIN (MKV_MAX_EVENT_BYTES, mkv_config_get_integer (config, "transport.max-payload"));
  if (self->link != NULL)
    policy->max_event_bytes = MIN (policy->max_event_bytes, mkv_link_get_max_payload (self->link));
}

void
mkv_node_update_policy (MkvNode *self)
{
  MkvStorePolicy policy;

  mkv_node_make_policy (self, &policy);
  mkv_local_store_set_policy (self->store, &policy);
}

static void
mkv_node_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  MkvNode *self = MKV_NODE (object);

  switch (id)
    {
    case PROP_CONFIG:
      g_value_set_object (value, self->config);
      break;
    case PROP_REGISTRY:
      g_value_set_object (value, self->registry);
      break;
    case PROP_CLOCK:
      g_value_set_object (value, self->clock);
      break;
    case PROP_STORE:
      g_value_set_object (value, self->store);
      break;
    case PROP_CLIENT_ID:
      g_value_set_string (value, self->client_id);
      break;
    case PROP_NODE_ID:
      g_value_set_string (value, self->node_id);
      break;
    case PROP_STATE:
      g_value_set_enum (value, self->state);
      break;
    case PROP_HEALTH:
      g_value_set_enum (value, mkv_node_get_health (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mkv_node_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  MkvNode *self = MKV_NODE (object);

  switch (id)
    {
    case PROP_CONFIG:
      self->config = g_value_dup_object (value);
      break;
    case PROP_REGISTRY:
      self->registry = g_value_dup_object (value);
      break;
    case PROP_CLOCK:
      self->clock = g_value_dup_object (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
mkv_node_constructed (GObject *object)
{
  MkvNode *self = MKV_NODE (object);

  G_OBJECT_CLASS (mkv_node_parent_class)->constructed (object);
  if (self->config == NULL)
    self->config = mkv_config_new ();
  if (self->registry == NULL)
    self->registry = mkv_plugin_registry_new ();
  if (self->clock == NULL)
    self->clock = mkv_clock_new ();
  mkv_node_read_names (self);
  self->observer = mkv_observer_new (self->clock);
  g_signal_connect_object (self->observer, "changed", G_CALLBACK (on_conditions_changed), self, 0);
}

static void
mkv_node_dispose (GObject *object)
{
  MkvNode *self = MKV_NODE (object);

  /* Who drops a running node does not get the graceful end, but loses nothing. */
  g_clear_object (&self->next_link);
  g_clear_object (&self->link);
  if (self->storage != NULL)
    {
      mkv_local_store_shut_down (self->store);
      mkv_storage_close (self->storage, NULL);
    }
  g_clear_object (&self->storage);
  g_clear_object (&self->store);
  G_OBJECT_CLASS (mkv_node_parent_class)->dispose (object);
}

static void
mkv_node_finalize (GObject *object)
{
  MkvNode *self = MKV_NODE (object);

  g_clear_object (&self->config);
  g_clear_object (&self->started_config);
  g_clear_object (&self->link_config);
  g_clear_object (&self->next_config);
  g_clear_object (&self->registry);
  g_clear_object (&self->clock);
  g_clear_object (&self->observer);
  g_main_context_unref (self->context);
  g_free (self->client_id);
  g_free (self->node_id);
  g_ptr_array_unref (self->stop_tasks);
  g_ptr_array_unref (self->sleep_tasks);
  G_OBJECT_CLASS (mkv_node_parent_class)->finalize (object);
}

static void
mkv_node_class_init (MkvNodeClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags read_only = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;
  const GParamFlags construct = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->get_property = mkv_node_get_property;
  object_class->set_property = mkv_node_set_property;
  object_class->constructed = mkv_node_constructed;
  object_class->dispose = mkv_node_dispose;
  object_class->finalize = mkv_node_finalize;

  /**
   * MkvNode:config:
   *
   * The settings, as they were last given to [method@Node.reload].
   *
   * Since: 0.1
   */
  properties[PROP_CONFIG] = g_param_spec_object ("config", NULL, NULL, MKV_TYPE_CONFIG,
                                                 construct | G_PARAM_EXPLICIT_NOTIFY);
  /**
   * MkvNode:registry: (getter get_registry)
   *
   * Where its plugins come from.
   *
   * Since: 0.1
   */
  properties[PROP_REGISTRY] = g_param_spec_object ("registry", NULL, NULL, MKV_TYPE_PLUGIN_REGISTRY, construct);
  /**
   * MkvNode:clock:
   *
   * Where its time comes from.
   *
   * Since: 0.1
   */
  properties[PROP_CLOCK] = g_param_spec_object ("clock", NULL, NULL, MKV_TYPE_CLOCK, construct);
  /**
   * MkvNode:store: (getter get_store)
   *
   * Its store; %NULL before the first start.
   *
   * Since: 0.1
   */
  properties[PROP_STORE] = g_param_spec_object ("store", NULL, NULL, MKV_TYPE_STORE, read_only);
  /**
   * MkvNode:client-id: (getter get_client_id)
   *
   * Its name at the broker.
   *
   * Since: 0.1
   */
  properties[PROP_CLIENT_ID] = g_param_spec_string ("client-id", NULL, NULL, NULL, read_only);
  /**
   * MkvNode:node-id: (getter get_node_id)
   *
   * Its name in what it writes.
   *
   * Since: 0.1
   */
  properties[PROP_NODE_ID] = g_param_spec_string ("node-id", NULL, NULL, NULL, read_only);
  /**
   * MkvNode:state: (getter get_state)
   *
   * What it is doing.
   *
   * Since: 0.1
   */
  properties[PROP_STATE] = g_param_spec_enum ("state", NULL, NULL, MKV_TYPE_NODE_STATE, MKV_NODE_STOPPED, read_only);
  /**
   * MkvNode:health: (getter get_health)
   *
   * How it is; [method@Node.list_conditions] says why.
   *
   * Since: 0.1
   */
  properties[PROP_HEALTH] = g_param_spec_enum ("health", NULL, NULL, MKV_TYPE_HEALTH, MKV_HEALTH_OK, read_only);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  /**
   * MkvNode::conditions-changed:
   * @self: the node
   *
   * What [method@Node.list_conditions] tells has changed.
   *
   * Since: 0.1
   */
  signals[SIGNAL_CONDITIONS_CHANGED] = g_signal_new ("conditions-changed", G_TYPE_FROM_CLASS (klass),
                                                     G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  mkv_node_add_sync_signals (klass);
}

static void
mkv_node_init (MkvNode *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->stop_tasks = g_ptr_array_new_with_free_func (g_object_unref);
  self->sleep_tasks = g_ptr_array_new_with_free_func (g_object_unref);
}

/**
 * mkv_node_new:
 * @config: its settings
 *
 * Makes a node that lives in the context that is thread-default now, with the
 * plugins that are installed.
 *
 * Returns: (transfer full): the node, stopped
 *
 * Since: 0.1
 */
MkvNode *
mkv_node_new (MkvConfig *config)
{
  return mkv_node_new_full (config, NULL, NULL);
}

/**
 * mkv_node_new_full:
 * @config: its settings
 * @registry: (nullable): where its plugins come from
 * @clock: (nullable): where its time comes from
 *
 * Makes a node, as [ctor@Node.new] does, with plugins of the application's own
 * or under a test's clock.
 *
 * Returns: (transfer full): the node, stopped
 *
 * Since: 0.1
 */
MkvNode *
mkv_node_new_full (MkvConfig *config, MkvPluginRegistry *registry, MkvClock *clock)
{
  g_return_val_if_fail (MKV_IS_CONFIG (config), NULL);

  return g_object_new (MKV_TYPE_NODE, "config", config, "registry", registry, "clock", clock, NULL);
}

static void
on_answered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  MkvResponse *response = mkv_correlator_call_finish (MKV_CORRELATOR (source), result, &error);

  if (response != NULL)
    g_task_return_pointer (task, response, (GDestroyNotify) mkv_response_unref);
  else
    g_task_return_error (task, error);
}

/**
 * mkv_node_call_async:
 * @self: a running node
 * @client_id: another node
 * @command: what it is asked to do; an empty id is filled in
 * @timeout_ms: how long to wait for the answer, in ms; 0 for what the operation
 *   is given: 10 s, 20 s for several keys, 30 s for a synchronization
 * @cancellable: (nullable): to stop waiting; the command may be executed all
 *   the same
 * @callback: called with the answer
 * @user_data: for @callback
 *
 * Asks another node, through the broker.
 *
 * A command that writes is executed once, however often it arrives: to try
 * again, call again with the same command.
 *
 * Since: 0.1
 */
void
mkv_node_call_async (MkvNode *self, const char *client_id, MkvCommand *command, guint timeout_ms,
                     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (MKV_IS_NODE (self));
  g_return_if_fail (client_id != NULL);
  g_return_if_fail (command != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, mkv_node_call_async);
  if (!mkv_node_is_running (self) || self->swapping)
    g_task_return_new_error (task, MKV_ERROR, MKV_ERROR_UNAVAILABLE, _("The node is not running"));
  else if (self->link == NULL)
    g_task_return_new_error (task, MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                             _("There is no broker: set transport.broker to one"));
  else
    mkv_correlator_call_async (mkv_link_get_correlator (self->link), client_id, command, timeout_ms, cancellable,
                               on_answered, g_steal_pointer (&task));
}

/**
 * mkv_node_call_finish:
 * @self: a node
 * @result: what the callback got
 * @error: return location for an error
 *
 * Ends [method@Node.call_async]. What the other node refused is an answer too:
 * see [method@Response.check].
 *
 * Returns: (transfer full): the answer; %NULL with %MKV_ERROR_TIMEOUT if there
 *   was none in time, %MKV_ERROR_NOT_CONNECTED if there is no connection,
 *   %MKV_ERROR_FORBIDDEN if the broker refused the request,
 *   %MKV_ERROR_TOO_LARGE or %MKV_ERROR_INVALID_ARGUMENT if it can't be sent,
 *   %MKV_ERROR_UNAVAILABLE if this node stopped
 *
 * Since: 0.1
 */
MkvResponse *
mkv_node_call_finish (MkvNode *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * mkv_node_get_store: (get-property store)
 * @self: a node
 *
 * The store, which may be used from any thread. After a stop its writes fail.
 *
 * Returns: (transfer none) (nullable): the store; %NULL before the first start
 *
 * Since: 0.1
 */
MkvStore *
mkv_node_get_store (MkvNode *self)
{
  g_return_val_if_fail (MKV_IS_NODE (self), NULL);

  return (MkvStore *) self->store;
}

/**
 * mkv_node_get_registry: (get-property registry)
 * @self: a node
 *
 * Where its plugins come from. What is added before the start can be used.
 *
 * Returns: (transfer none): the registry
 *
 * Since: 0.1
 */
MkvPluginRegistry *
mkv_node_get_registry (MkvNode *self)
{
  g_return_val_if_fail (MKV_IS_NODE (self), NULL);

  return self->registry;
}

/**
 * mkv_node_get_client_id: (get-property client-id)
 * @self: a node
 *
 * The name that others call it by.
 *
 * Returns: (transfer none): its name at the broker
 *
 * Since: 0.1
 */
const char *
mkv_node_get_client_id (MkvNode *self)
{
  g_return_val_if_fail (MKV_IS_NODE (self), NULL);

  return self->client_id;
}

/**
 * mkv_node_get_node_id: (get-property node-id)
 * @self: a node
 *
 * The name of the replica, the same for good.
 *
 * Returns: (transfer none): its name in what it writes
 *
 * Since: 0.1
 */
const char *
mkv_node_get_node_id (MkvNode *self)
{
  g_return_val_if_fail (MKV_IS_NODE (self), NULL);

  return self->node_id;
}

/**
 * mkv_node_get_state: (get-property state)
 * @self: a node
 *
 * What it is doing.
 *
 * Returns: the state
 *
 * Since: 0.1
 */
MkvNodeState
mkv_node_get_state (MkvNode *self)
{
  g_return_val_if_fail (MKV_IS_NODE (self), MKV_NODE_STOPPED);

  return self->state;
}

/**
 * mkv_node_get_health: (get-property health)
 * @self: a node
 *
 * How it is.
 *
 * Returns: the worst of its conditions
 *
 * Since: 0.1
 */
MkvHealth
mkv_node_get_health (MkvNode *self)
{
  g_return_val_if_fail (MKV_IS_NODE (self), MKV_HEALTH_OK);

  return mkv_observer_get_health (self->observer);
}

/**
 * mkv_node_list_conditions:
 * @self: a node
 *
 * What is the matter.
 *
 * Returns: (transfer full) (array zero-terminated=1): a line for each condition,
 *   `NAME: TEXT`: a name for programs, and what, why and what helps for people;
 *   empty if all is well
 *
 * Since: 0.1
 */
char **
mkv_node_list_conditions (MkvNode *self)
{
  g_return_val_if_fail (MKV_IS_NODE (self), NULL);

  return mkv_observer_list_conditions (self->observer);
}

/**
 * mkv_node_list_counters:
 * @self: a node
 *
 * What it has counted since it was made.
 *
 * Returns: (transfer full): an `a{st}`
 *
 * Since: 0.1
 */
GVariant *
mkv_node_list_counters (MkvNode *self)
{
  g_return_val_if_fail (MKV_IS_NODE (self), NULL);

  return g_variant_ref_sink (mkv_observer_list_counters (self->observer));
}
