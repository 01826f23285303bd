/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "bus/mkv-peer-service-private.h"

struct _MkvPeerService
{
  MkvDBusPeerSkeleton parent_instance;

  MkvPeerFetchFunc fetch; /* NULL once it is detached */
  gpointer user_data;
};

G_DEFINE_FINAL_TYPE (MkvPeerService, mkv_peer_service, MKV_DBUS_TYPE_PEER_SKELETON)

static void
mkv_peer_service_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  MkvPeerService *self = MKV_PEER_SERVICE (object);

  if (self->fetch != NULL)
    self->fetch (self->user_data);
  G_OBJECT_CLASS (mkv_peer_service_parent_class)->get_property (object, id, value, pspec);
}

static void
mkv_peer_service_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  G_OBJECT_CLASS (mkv_peer_service_parent_class)->set_property (object, id, value, pspec);
}

static void
mkv_peer_service_class_init (MkvPeerServiceClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = mkv_peer_service_get_property;
  object_class->set_property = mkv_peer_service_set_property;
  /* As the skeleton does, and with its numbers, which are passed on to it: a
   * property is read by the class that has overridden it last. */
  mkv_dbus_peer_override_properties (object_class, 1);
}

static void
mkv_peer_service_init (MkvPeerService *self)
{
}

MkvPeerService *
mkv_peer_service_new (MkvPeerFetchFunc fetch, gpointer user_data)
{
  MkvPeerService *self = g_object_new (MKV_TYPE_PEER_SERVICE, NULL);

  self->fetch = fetch;
  self->user_data = user_data;
  return self;
}

void
mkv_peer_service_detach (MkvPeerService *self)
{
  self->fetch = NULL;
}

void
mkv_peer_service_set (MkvPeerService *self, GVariant *peer)
{
  MkvDBusPeer *skeleton = MKV_DBUS_PEER (self);
  const char *client_id = "", *reason = "";
  gint64 last_seen = 0, n_entries = 0;
  guint64 n_differed = 0, n_octets = 0;
  guint32 n_messages = 0;
  gboolean equal = FALSE;

  g_variant_lookup (peer, "client_id", "&s", &client_id);
  g_variant_lookup (peer, "last_seen", "x", &last_seen);
  g_variant_lookup (peer, "equal", "b", &equal);
  g_variant_lookup (peer, "reason", "&s", &reason);
  g_variant_lookup (peer, "entries", "x", &n_entries);
  g_variant_lookup (peer, "differed", "t", &n_differed);
  g_variant_lookup (peer, "octets", "t", &n_octets);
  g_variant_lookup (peer, "messages", "u", &n_messages);
  mkv_dbus_peer_set_client_id (skeleton, client_id);
  mkv_dbus_peer_set_last_seen (skeleton, last_seen);
  mkv_dbus_peer_set_equal (skeleton, equal);
  mkv_dbus_peer_set_reason (skeleton, reason);
  mkv_dbus_peer_set_entries (skeleton, n_entries);
  mkv_dbus_peer_set_differed (skeleton, n_differed);
  mkv_dbus_peer_set_octets (skeleton, n_octets);
  mkv_dbus_peer_set_messages (skeleton, n_messages);
}
