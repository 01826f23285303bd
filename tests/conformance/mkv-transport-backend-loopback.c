/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-loopback-broker.h"
#include "mkv-transport-backend.h"
#include "mkv-transport-loopback.h"

#define URI "loopback://conformance"

/* Longer than the transport waits between attempts that may help. */
#define PATIENCE (10 * G_USEC_PER_SEC)

struct _MkvTransportBackend
{
  MkvManualClock *clock;
  MkvLoopbackBroker *broker;
};

MkvTransportBackend *
mkv_transport_backend_new (void)
{
  MkvTransportBackend *self = g_new0 (MkvTransportBackend, 1);

  self->clock = mkv_manual_clock_new (1700000000000);
  self->broker = mkv_loopback_broker_get (URI);
  mkv_loopback_broker_set_delay (self->broker, 100, 2000);
  mkv_loopback_broker_set_reason (self->broker, MKV_LOOPBACK_PUBLISH, NULL, "denied/#", 0x87);
  return self;
}

void
mkv_transport_backend_free (MkvTransportBackend *self)
{
  /* Each test has a broker of its own: nobody keeps it beyond the test. */
  g_object_add_weak_pointer (G_OBJECT (self->broker), (gpointer *) &self->broker);
  g_object_unref (self->broker);
  g_assert_null (self->broker);
  g_object_unref (self->clock);
  g_free (self);
}

MkvTransport *
mkv_transport_backend_create (MkvTransportBackend *self)
{
  return g_object_new (MKV_TYPE_TRANSPORT_LOOPBACK, NULL);
}

MkvClock *
mkv_transport_backend_get_clock (MkvTransportBackend *self)
{
  return MKV_CLOCK (self->clock);
}

GVariantDict *
mkv_transport_backend_get_options (MkvTransportBackend *self, const char *client_id)
{
  GVariantDict *options = g_variant_dict_new (NULL);

  g_variant_dict_insert (options, "broker", "s", URI);
  return options;
}

void
mkv_transport_backend_cut (MkvTransportBackend *self, const char *client_id)
{
  mkv_loopback_broker_cut (self->broker, client_id);
}

void
mkv_transport_backend_heal (MkvTransportBackend *self, const char *client_id)
{
  mkv_loopback_broker_heal (self->broker, client_id);
}

void
mkv_transport_backend_drop_sessions (MkvTransportBackend *self)
{
  mkv_loopback_broker_drop_sessions (self->broker);
}

gboolean
mkv_transport_backend_run_until (MkvTransportBackend *self, MkvTestCondition condition, gpointer user_data)
{
  return mkv_test_advance_until (self->clock, PATIENCE, condition, user_data);
}

void
mkv_transport_backend_settle (MkvTransportBackend *self)
{
  mkv_test_advance (self->clock, G_USEC_PER_SEC / 10);
}
