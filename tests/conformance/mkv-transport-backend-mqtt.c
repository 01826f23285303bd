/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <signal.h>

#include "mkv-mosquitto.h"
#include "mkv-relay.h"
#include "mkv-transport-backend.h"
#include "mkv-transport-mqtt.h"

/* The clients' timers run so much faster than the network. */
#define HASTE 10

#define PATIENCE (10 * G_USEC_PER_SEC)
#define SETTLE (50 * G_TIME_SPAN_MILLISECOND)

#define ACCESS_LIST "topic readwrite #\ntopic deny denied/#\n"

struct _MkvTransportBackend
{
  MkvMosquitto *mosquitto;
  GHashTable *relays; /* client id: MkvRelay */
  MkvClock *clock;
};

/* A clock in a hurry. */
G_DECLARE_FINAL_TYPE (MkvHastyClock, mkv_hasty_clock, MKV, HASTY_CLOCK, MkvClock)

struct _MkvHastyClock
{
  MkvClock parent_instance;
};

G_DEFINE_FINAL_TYPE (MkvHastyClock, mkv_hasty_clock, MKV_TYPE_CLOCK)

static gint64
mkv_hasty_clock_get_monotonic_time (MkvClock *clock)
{
  return HASTE * g_get_monotonic_time ();
}

static GSource *
mkv_hasty_clock_timeout_source_new (MkvClock *clock, gint64 delay)
{
  return MKV_CLOCK_CLASS (mkv_hasty_clock_parent_class)->timeout_source_new (clock, delay / HASTE);
}

static void
mkv_hasty_clock_class_init (MkvHastyClockClass *klass)
{
  MKV_CLOCK_CLASS (klass)->get_monotonic_time = mkv_hasty_clock_get_monotonic_time;
  MKV_CLOCK_CLASS (klass)->timeout_source_new = mkv_hasty_clock_timeout_source_new;
}

static void
mkv_hasty_clock_init (MkvHastyClock *self)
{
}

MkvTransportBackend *
mkv_transport_backend_new (void)
{
  MkvMosquittoOptions options = { .acl = ACCESS_LIST };
  MkvMosquitto *mosquitto = mkv_mosquitto_new (&options);
  MkvTransportBackend *self;

  if (mosquitto == NULL)
    return NULL;
  self = g_new0 (MkvTransportBackend, 1);
  self->mosquitto = mosquitto;
  self->relays = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->clock = g_object_new (mkv_hasty_clock_get_type (), NULL);
  return self;
}

void
mkv_transport_backend_free (MkvTransportBackend *self)
{
  g_hash_table_unref (self->relays);
  mkv_mosquitto_free (self->mosquitto);
  g_object_unref (self->clock);
  g_free (self);
}

MkvTransport *
mkv_transport_backend_create (MkvTransportBackend *self)
{
  return g_object_new (MKV_TYPE_TRANSPORT_MQTT, NULL);
}

MkvClock *
mkv_transport_backend_get_clock (MkvTransportBackend *self)
{
  return self->clock;
}

GVariantDict *
mkv_transport_backend_get_options (MkvTransportBackend *self, const char *client_id)
{
  GVariantDict *options = g_variant_dict_new (NULL);
  MkvRelay *relay = g_hash_table_lookup (self->relays, client_id);
  g_autoptr (GError) error = NULL;

  if (relay == NULL)
    {
      relay = mkv_relay_new (mkv_mosquitto_get_port (self->mosquitto), &error);
      g_assert_no_error (error);
      g_hash_table_insert (self->relays, g_strdup (client_id), relay);
    }
  g_variant_dict_insert (options, "broker", "s", mkv_relay_get_uri (relay));
  return options;
}

void
mkv_transport_backend_cut (MkvTransportBackend *self, const char *client_id)
{
  mkv_relay_cut (g_hash_table_lookup (self->relays, client_id));
}

void
mkv_transport_backend_heal (MkvTransportBackend *self, const char *client_id)
{
  mkv_relay_heal (g_hash_table_lookup (self->relays, client_id));
}

void
mkv_transport_backend_drop_sessions (MkvTransportBackend *self)
{
  mkv_mosquitto_stop (self->mosquitto, SIGKILL);
  mkv_mosquitto_start (self->mosquitto);
}

static gboolean
set_flag (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
  return G_SOURCE_REMOVE;
}

static gboolean
run_for (gint64 us, MkvTestCondition condition, gpointer user_data)
{
  gboolean over = FALSE;
  guint timeout = g_timeout_add ((guint) (us / 1000), set_flag, &over);

  while (!over && (condition == NULL || !condition (user_data)))
    g_main_context_iteration (NULL, TRUE);
  if (!over)
    g_source_remove (timeout);
  return condition == NULL || condition (user_data);
}

gboolean
mkv_transport_backend_run_until (MkvTransportBackend *self, MkvTestCondition condition, gpointer user_data)
{
  return run_for (PATIENCE, condition, user_data);
}

void
mkv_transport_backend_settle (MkvTransportBackend *self)
{
  run_for (SETTLE, NULL, NULL);
}
