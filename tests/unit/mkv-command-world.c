/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-command-world.h"

#include <string.h>

#include "mkv-codec-cbor.h"
#include "mkv-codec-json.h"
#include "mkv-codec-locked-spec.h"
#include "mkv-transport-loopback.h"

#define BROKER "loopback://command"
#define CALLER_TOPIC WORLD_PREFIX "/caller/res"

static void
on_message (MkvTransport *transport, MkvMessage *message, gpointer user_data)
{
  World *world = user_data;
  gsize length;
  const char *text = g_bytes_get_data (mkv_message_get_payload (message), &length);

  /* Presence. */
  if (g_strstr_len (text, (gssize) length, "\"status\":\"online\"") == NULL &&
      g_strstr_len (text, (gssize) length, "\"status\":\"offline\"") == NULL)
    g_ptr_array_add (world->messages, mkv_message_ref (message));
}

static gboolean
is_connected (gpointer user_data)
{
  return mkv_router_is_connected (user_data);
}

static gboolean
caller_is_connected (gpointer user_data)
{
  return mkv_loopback_broker_is_connected (user_data, "caller");
}

static GVariant *
options_new (const char *client_id, guint max_payload)
{
  GVariantDict options;

  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, "broker", "s", BROKER);
  /* More than a node executes at once. */
  g_variant_dict_insert (&options, "max-inflight", "u", 1000);
  if (client_id != NULL)
    g_variant_dict_insert (&options, "client-id", "s", client_id);
  if (max_payload > 0)
    g_variant_dict_insert (&options, "max-payload", "u", max_payload);
  return g_variant_ref_sink (g_variant_dict_end (&options));
}

static MkvRouter *
router_new (World *world, const char *client_id, MkvObserver *observer)
{
  g_autoptr (MkvTransport) transport = g_object_new (MKV_TYPE_TRANSPORT_LOOPBACK, NULL);

  return mkv_router_new (transport, world->json, world->cbor, world->locked_spec, WORLD_PREFIX, client_id,
                         client_id, MKV_CLOCK (world->clock), observer);
}

static void
start_router (MkvRouter *router, guint max_payload)
{
  g_autoptr (GVariant) options = options_new (NULL, max_payload);
  g_autoptr (GError) error = NULL;

  mkv_router_start (router, options, &error);
  g_assert_no_error (error);
  mkv_test_run_until (is_connected, router);
}

MkvRouter *
world_add_router (World *world, const char *client_id, MkvObserver *observer)
{
  MkvRouter *router = router_new (world, client_id, observer);

  start_router (router, 0);
  return router;
}

static void
on_describe (const char **state, const char **health, gpointer user_data)
{
  *state = "online";
  *health = "ok";
}

static void
start_node (World *world)
{
  MkvStorePolicy policy = { MKV_DURABILITY_NONE, FALSE, 300000, FALSE, 0 };
  g_autoptr (GError) error = NULL;

  world->store = mkv_local_store_new_full (world->storage, "node", MKV_CLOCK (world->clock), world->observer,
                                           &policy, &error);
  g_assert_no_error (error);
  world->processor = mkv_command_processor_new (world->router, world->store, world->json, world->cbor,
                                                MKV_CLOCK (world->clock), world->observer);
  mkv_command_processor_set_describe_func (world->processor, on_describe, NULL);
  mkv_command_processor_start (world->processor, &error);
  g_assert_no_error (error);
}

static void
stop_node (World *world)
{
  mkv_command_processor_stop (world->processor);
  mkv_local_store_shut_down (world->store);
  mkv_test_iterate ();
  g_assert_finalize_object (g_steal_pointer (&world->processor));
  g_assert_finalize_object (g_steal_pointer (&world->store));
}

void
world_restart (World *world)
{
  stop_node (world);
  start_node (world);
}

World *
world_new (guint max_payload)
{
  World *world = g_new0 (World, 1);
  g_autoptr (GVariant) options = options_new ("caller", 0);
  g_autoptr (GError) error = NULL;

  world->clock = mkv_manual_clock_new (WORLD_TIME);
  world->broker = mkv_loopback_broker_get (BROKER);
  world->observer = mkv_observer_new (MKV_CLOCK (world->clock));
  world->json = g_object_new (MKV_TYPE_CODEC_JSON, NULL);
  world->cbor = g_object_new (MKV_TYPE_CODEC_CBOR, NULL);
  world->locked_spec = g_object_new (MKV_TYPE_CODEC_LOCKED_SPEC, NULL);
  world->codec = world->json;
  world->messages = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_message_unref);

  world->storage = MKV_STORAGE (mkv_test_storage_new ());
  mkv_storage_open (world->storage, NULL, NULL, &error);
  g_assert_no_error (error);

  world->caller = g_object_new (MKV_TYPE_TRANSPORT_LOOPBACK, NULL);
  g_signal_connect (world->caller, "message", G_CALLBACK (on_message), world);
  mkv_transport_start (world->caller, options, NULL, MKV_CLOCK (world->clock), &error);
  g_assert_no_error (error);
  mkv_test_run_until (caller_is_connected, world->broker);
  mkv_test_iterate ();
  mkv_transport_subscribe (world->caller, WORLD_PREFIX "/+/res", TRUE, &error);
  g_assert_no_error (error);
  mkv_transport_subscribe (world->caller, WORLD_PREFIX "/silent/cmd", TRUE, &error);
  g_assert_no_error (error);

  /* Only what has a handler by then is subscribed to. */
  world->router = router_new (world, "node", world->observer);
  start_node (world);
  start_router (world->router, max_payload);
  mkv_test_iterate ();
  return world;
}

void
world_free (World *world)
{
  stop_node (world);
  mkv_router_stop (world->router);
  mkv_transport_stop (world->caller);
  mkv_test_iterate ();
  g_signal_handlers_disconnect_by_data (world->caller, world);
  g_clear_object (&world->router);
  g_clear_object (&world->caller);
  g_clear_object (&world->storage);
  g_clear_object (&world->json);
  g_clear_object (&world->cbor);
  g_clear_object (&world->locked_spec);
  g_clear_object (&world->observer);
  g_clear_object (&world->broker);
  g_clear_object (&world->clock);
  g_ptr_array_unref (world->messages);
  g_free (world);
}

void
world_send_octets (World *world, GBytes *payload, const char *response_topic)
{
  g_autoptr (MkvMessage) message = mkv_message_new (WORLD_PREFIX "/node/cmd", payload);
  g_autoptr (GBytes) correlation = mkv_test_bytes ("correlation");
  g_autoptr (GError) error = NULL;

  if (response_topic != NULL)
    mkv_message_set_response_topic (message, *response_topic != 0 ? response_topic : CALLER_TOPIC);
  mkv_message_set_correlation_data (message, correlation);
  mkv_transport_publish (world->caller, message, 0, &error);
  g_assert_no_error (error);
}

void
world_send (World *world, MkvCommand *command, const char *response_topic)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = mkv_codec_encode_command (world->codec, command, &error);

  g_assert_no_error (error);
  world_send_octets (world, payload, response_topic);
}

static gboolean
has_message (gpointer user_data)
{
  World *world = user_data;

  return world->messages->len > 0;
}

MkvMessage *
world_next_message (World *world)
{
  mkv_test_run_until (has_message, world);
  return g_ptr_array_steal_index (world->messages, 0);
}

MkvResponse *
world_decode (World *world, MkvMessage *message)
{
  gboolean is_json = g_strcmp0 (mkv_message_get_content_type (message), "application/json") == 0;
  g_autoptr (GError) error = NULL;
  MkvResponse *response = mkv_codec_decode_response (is_json ? world->json : world->cbor,
                                                     mkv_message_get_payload (message), &error);

  g_assert_no_error (error);
  return response;
}

MkvResponse *
world_next (World *world)
{
  g_autoptr (MkvMessage) message = world_next_message (world);

  return world_decode (world, message);
}

MkvResponse *
world_ask (World *world, MkvCommand *command)
{
  world_send (world, command, "");
  return world_next (world);
}

void
world_assert_silence (World *world)
{
  g_autoptr (MkvCommand) ping = mkv_test_command (MKV_OPERATION_PING, "the silence", NULL, NULL);
  g_autoptr (MkvResponse) response = NULL;

  /* A write is done when the next one is, and its answer comes before. */
  g_assert_true (mkv_store_delete (MKV_STORE (world->store), "nobody's key", NULL, NULL));
  mkv_test_iterate ();
  response = world_ask (world, ping);
  g_assert_cmpstr (mkv_response_get_id (response), ==, "the silence");
  g_assert_cmpuint (world->messages->len, ==, 0);
}

guint64
world_count (World *world, MkvCounter counter)
{
  return mkv_observer_get_count (world->observer, counter);
}

void
assert_ok (MkvResponse *response, const char *id, const char *value)
{
  GBytes *bytes = mkv_response_get_value (response);

  g_assert_cmpstr (mkv_response_get_error_text (response), ==, NULL);
  g_assert_cmpint (mkv_response_get_status (response), ==, MKV_STATUS_OK);
  g_assert_cmpstr (mkv_response_get_id (response), ==, id);
  g_assert_cmpint (mkv_response_get_timestamp (response), >=, WORLD_TIME);
  if (value == NULL)
    g_assert_null (bytes);
  else
    {
      g_assert_nonnull (bytes);
      g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), value, strlen (value));
    }
}

void
assert_error (MkvResponse *response, const char *id, MkvErrorCode code)
{
  g_assert_cmpint (mkv_response_get_error_code (response), ==, code);
  g_assert_cmpint (mkv_response_get_status (response), ==,
                   code == MKV_ERROR_CODE_NOT_FOUND ? MKV_STATUS_NOT_FOUND : MKV_STATUS_ERROR);
  g_assert_cmpstr (mkv_response_get_id (response), ==, id);
  g_assert_nonnull (mkv_response_get_error_text (response));
  g_assert_cmpint (mkv_response_get_timestamp (response), >=, WORLD_TIME);
}
