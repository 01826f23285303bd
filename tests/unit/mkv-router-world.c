/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-router-world.h"

#include <string.h>

#include "base/mkv-error.h"
#include "mkv-transport-loopback.h"

/* The router asks a codec for nothing but its content type. */
#define TEST_TYPE_CODEC (test_codec_get_type ())
G_DECLARE_FINAL_TYPE (TestCodec, test_codec, TEST, CODEC, GObject)

struct _TestCodec
{
  GObject parent_instance;
  const char *content_type;
};

static const char *
test_codec_get_content_type (MkvCodec *codec)
{
  return TEST_CODEC (codec)->content_type;
}

static void
test_codec_iface_init (MkvCodecInterface *iface)
{
  iface->get_content_type = test_codec_get_content_type;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TestCodec, test_codec, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (MKV_TYPE_CODEC, test_codec_iface_init))

static void
test_codec_class_init (TestCodecClass *klass)
{
}

static void
test_codec_init (TestCodec *self)
{
}

static MkvCodec *
test_codec_new (const char *content_type)
{
  TestCodec *self = g_object_new (TEST_TYPE_CODEC, NULL);

  self->content_type = content_type;
  return MKV_CODEC (self);
}

static void
on_seen (MkvTransport *transport, MkvMessage *message, RouterWorld *fixture)
{
  g_ptr_array_add (fixture->seen, mkv_message_ref (message));
}

void
router_world_start_transport (MkvTransport *transport, const char *client_id, MkvClock *clock)
{
  g_autoptr (GVariant) options = NULL;
  g_autoptr (GError) error = NULL;
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "broker", "s", URI);
  g_variant_dict_insert (&dict, "client-id", "s", client_id);
  options = g_variant_ref_sink (g_variant_dict_end (&dict));
  mkv_transport_start (transport, options, NULL, clock, &error);
  g_assert_no_error (error);
}

static void
on_connected (MkvRouter *router, gboolean session_present, RouterWorld *fixture)
{
  g_assert_true (mkv_router_is_connected (router));
  g_string_append (fixture->signals, session_present ? "connected:present " : "connected ");
}

static void
on_disconnected (MkvRouter *router, RouterWorld *fixture)
{
  g_assert_false (mkv_router_is_connected (router));
  g_string_append (fixture->signals, "disconnected ");
}

static void
on_state_changed (MkvRouter *router, RouterWorld *fixture)
{
  static const char *const names[] = { "STOPPED", "CONNECTING", "CONNECTED", "WAITING", "FAILED" };

  g_string_append_printf (fixture->signals, "%s ", names[mkv_router_get_state (router)]);
}

static void
on_stopped (MkvRouter *router, RouterWorld *fixture)
{
  g_string_append (fixture->signals, "stopped ");
}

static void
on_routed (RouterWorld *fixture, const char *route, MkvMessage *message, MkvCodec *codec, GBytes *payload,
           const GError *error)
{
  const char *name = codec == NULL                   ? "none"
                     : codec == fixture->json        ? "json"
                     : codec == fixture->cbor        ? "cbor"
                     : codec == fixture->locked_spec ? "locked-spec"
                                                     : "?";

  g_assert_cmpint (codec == NULL, ==, error != NULL);
  g_assert_cmpint (codec == NULL, ==, payload == NULL);
  g_string_append_printf (fixture->handled, "%s:%s", route, name);
  if (error != NULL)
    {
      g_assert_cmpstr (g_quark_to_string (error->domain), ==, g_quark_to_string (MKV_ERROR));
      g_string_append (fixture->handled, error->code == MKV_ERROR_MALFORMED   ? ":malformed"
                                         : error->code == MKV_ERROR_TOO_LARGE ? ":too-large"
                                                                              : ":?");
    }
  else
    g_string_append_printf (fixture->handled, ":%" G_GSIZE_FORMAT, g_bytes_get_size (payload));
  g_string_append_c (fixture->handled, ' ');
  if (fixture->claims)
    {
      mkv_message_claim (message);
      g_ptr_array_add (fixture->claimed, mkv_message_ref (message));
    }
}

void
router_world_on_command (MkvMessage *message, MkvCodec *codec, GBytes *payload, const GError *error,
                         gpointer user_data)
{
  on_routed (user_data, "cmd", message, codec, payload, error);
}

static void
on_response (MkvMessage *message, MkvCodec *codec, GBytes *payload, const GError *error, gpointer user_data)
{
  on_routed (user_data, "res", message, codec, payload, error);
}

static void
on_events (MkvMessage *message, MkvCodec *codec, GBytes *payload, const GError *error, gpointer user_data)
{
  on_routed (user_data, "events", message, codec, payload, error);
}

void
router_world_make (RouterWorld *fixture)
{
  fixture->transport = g_object_new (MKV_TYPE_TRANSPORT_LOOPBACK, NULL);
  fixture->router = mkv_router_new (fixture->transport, fixture->json, fixture->cbor, fixture->locked_spec, PREFIX,
                                    "me", "me-node", MKV_CLOCK (fixture->clock), fixture->observer);
  mkv_router_set_handler (fixture->router, MKV_ROUTE_COMMANDS, router_world_on_command, fixture);
  mkv_router_set_handler (fixture->router, MKV_ROUTE_RESPONSES, on_response, fixture);
  mkv_router_set_handler (fixture->router, MKV_ROUTE_EVENTS, on_events, fixture);
  g_signal_connect (fixture->router, "connected", G_CALLBACK (on_connected), fixture);
  g_signal_connect (fixture->router, "disconnected", G_CALLBACK (on_disconnected), fixture);
  g_signal_connect (fixture->router, "state-changed", G_CALLBACK (on_state_changed), fixture);
  g_signal_connect (fixture->router, "stopped", G_CALLBACK (on_stopped), fixture);
}

void
router_world_advance (RouterWorld *fixture, gint64 ms)
{
  mkv_test_advance (fixture->clock, ms * 1000);
}

void
router_world_set_up (RouterWorld *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->clock = mkv_manual_clock_new (1700000000000);
  fixture->broker = mkv_loopback_broker_get (URI);
  mkv_loopback_broker_set_delay (fixture->broker, 1000, 1000);
  fixture->observer = mkv_observer_new (MKV_CLOCK (fixture->clock));
  fixture->json = test_codec_new ("application/json");
  fixture->cbor = test_codec_new ("application/cbor");
  fixture->locked_spec = test_codec_new (NULL);
  fixture->seen = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_message_unref);
  fixture->claimed = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_message_unref);
  fixture->signals = g_string_new (NULL);
  fixture->handled = g_string_new (NULL);
  fixture->reasons = g_array_new (FALSE, FALSE, sizeof (gint));
  router_world_make (fixture);

  fixture->other = g_object_new (MKV_TYPE_TRANSPORT_LOOPBACK, NULL);
  g_signal_connect (fixture->other, "message", G_CALLBACK (on_seen), fixture);
  router_world_start_transport (fixture->other, "other", MKV_CLOCK (fixture->clock));
  router_world_advance (fixture, 10);
  mkv_transport_subscribe (fixture->other, "#", FALSE, &error);
  g_assert_no_error (error);
  router_world_advance (fixture, 10);
}

void
router_world_drop (RouterWorld *fixture)
{
  g_ptr_array_set_size (fixture->claimed, 0);
  g_assert_finalize_object (g_steal_pointer (&fixture->router));
  g_assert_finalize_object (g_steal_pointer (&fixture->transport));
}

void
router_world_tear_down (RouterWorld *fixture, gconstpointer data)
{
  if (fixture->router != NULL)
    router_world_drop (fixture);
  mkv_transport_stop (fixture->other);
  g_ptr_array_unref (fixture->seen);
  g_ptr_array_unref (fixture->claimed);
  g_assert_finalize_object (fixture->other);
  mkv_test_iterate ();
  g_assert_finalize_object (fixture->observer);
  g_assert_finalize_object (fixture->json);
  g_assert_finalize_object (fixture->cbor);
  g_assert_finalize_object (fixture->locked_spec);
  g_assert_finalize_object (fixture->broker);
  g_assert_finalize_object (fixture->clock);
  g_string_free (fixture->signals, TRUE);
  g_string_free (fixture->handled, TRUE);
  g_array_unref (fixture->reasons);
}

void
router_world_start (RouterWorld *fixture)
{
  g_autoptr (GVariant) options = g_variant_ref_sink (g_variant_new_parsed ("{'broker': <%s>}", URI));
  g_autoptr (GError) error = NULL;

  mkv_router_start (fixture->router, options, &error);
  g_assert_no_error (error);
}

/* Starts the router and forgets what that was like. */
void
router_world_join (RouterWorld *fixture)
{
  router_world_start (fixture);
  router_world_advance (fixture, 100);
  g_assert_true (mkv_router_is_connected (fixture->router));
  g_string_truncate (fixture->signals, 0);
  g_ptr_array_set_size (fixture->seen, 0);
}

static char *
get_text (MkvMessage *message)
{
  gsize length;
  const char *octets = g_bytes_get_data (mkv_message_get_payload (message), &length);

  return g_strndup (octets, length);
}

void
router_world_assert_seen (RouterWorld *fixture, guint i, const char *topic, const char *expected)
{
  g_autofree char *text = NULL;

  g_assert_cmpuint (i, <, fixture->seen->len);
  text = get_text (fixture->seen->pdata[i]);
  g_assert_cmpstr (mkv_message_get_topic (fixture->seen->pdata[i]), ==, topic);
  g_assert_cmpstr (text, ==, expected);
}

void
router_world_inject_bytes (RouterWorld *fixture, const char *topic, GBytes *payload)
{
  g_autoptr (MkvMessage) message = mkv_message_new (topic, payload);

  mkv_loopback_broker_inject (fixture->broker, message);
}

void
router_world_inject (RouterWorld *fixture, const char *topic, const char *octets, gsize length)
{
  g_autoptr (GBytes) payload = g_bytes_new (octets, length);

  router_world_inject_bytes (fixture, topic, payload);
}

void
router_world_inject_text (RouterWorld *fixture, const char *topic, const char *text)
{
  router_world_inject (fixture, topic, text, strlen (text));
}

/* What the handlers got since the last look. */
void
router_world_assert_handled (RouterWorld *fixture, const char *expected)
{
  router_world_advance (fixture, 10);
  g_assert_cmpstr (fixture->handled->str, ==, expected);
  g_string_truncate (fixture->handled, 0);
}

void
router_world_assert_count (RouterWorld *fixture, MkvCounter counter, guint64 expected)
{
  g_test_message ("%s", mkv_counter_get_name (counter));
  g_assert_cmpuint (mkv_observer_get_count (fixture->observer, counter), ==, expected);
}

/* The conditions there are: their names, with the first letter of their level. */
char *
router_world_get_condition (RouterWorld *fixture, const char *name)
{
  g_auto (GStrv) conditions = mkv_observer_list_conditions (fixture->observer);
  g_autofree char *start_text = g_strconcat (name, ": ", NULL);

  for (guint i = 0; conditions[i] != NULL; i++)
    if (g_str_has_prefix (conditions[i], start_text))
      return g_strdup (conditions[i] + strlen (start_text));
  return NULL;
}

void
router_world_assert_no_condition (RouterWorld *fixture)
{
  g_auto (GStrv) conditions = mkv_observer_list_conditions (fixture->observer);

  g_assert_cmpstr (conditions[0], ==, NULL);
}

void
router_world_assert_condition (RouterWorld *fixture, const char *name, const char *part)
{
  g_autofree char *text = router_world_get_condition (fixture, name);

  g_assert_cmpstr (text, !=, NULL);
  if (strstr (text, part) == NULL)
    g_error ("“%s” is not in “%s”", part, text);
}

static void
on_sent (gint reason, gpointer user_data)
{
  RouterWorld *fixture = user_data;

  g_array_append_val (fixture->reasons, reason);
}

gboolean
router_world_send (RouterWorld *fixture, const char *topic, gsize n_bytes, gboolean watched, GError **error)
{
  g_autoptr (GBytes) payload = g_bytes_new_take (g_malloc0 (n_bytes), n_bytes);
  g_autoptr (MkvMessage) message = mkv_router_message_new (fixture->router, topic, fixture->cbor, payload,
                                                           MKV_COMPRESSION_OFF);

  return mkv_router_send (fixture->router, message, watched ? on_sent : NULL, fixture, error);
}

void
router_world_assert_reasons (RouterWorld *fixture, guint n, gint expected)
{
  g_assert_cmpuint (fixture->reasons->len, ==, n);
  for (guint i = 0; i < n; i++)
    g_assert_cmpint (g_array_index (fixture->reasons, gint, i), ==, expected);
  g_array_set_size (fixture->reasons, 0);
}
