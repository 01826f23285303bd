/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "sync/mkv-sync-contacts-private.h"

#include <string.h>

#define MAX_CONTACTS 1024

struct _MkvSyncContacts
{
  GHashTable *peers; /* client id: MkvSyncContact */
};

static void
peer_free (gpointer data)
{
  MkvSyncContact *peer = data;

  g_clear_pointer (&peer->root, mkv_sync_message_unref);
  g_free (peer->reason);
  g_free (peer->client_id);
  g_free (peer);
}

MkvSyncContacts *
mkv_sync_contacts_new (void)
{
  MkvSyncContacts *self = g_new (MkvSyncContacts, 1);

  self->peers = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, peer_free);
  return self;
}

void
mkv_sync_contacts_free (MkvSyncContacts *self)
{
  g_hash_table_unref (self->peers);
  g_free (self);
}

/* Whether @a goes before @b does. */
static gboolean
is_less_missed (const MkvSyncContact *a, const MkvSyncContact *b)
{
  if ((a->known_at == 0) != (b->known_at == 0))
    return a->known_at == 0;
  return a->heard_at < b->heard_at;
}

static void
make_room (MkvSyncContacts *self)
{
  MkvSyncContact *least = NULL;
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (least == NULL || is_less_missed (value, least))
      least = value;
  g_hash_table_remove (self->peers, least->client_id);
}

MkvSyncContact *
mkv_sync_contacts_hear (MkvSyncContacts *self, const char *client_id, gint64 now, gint64 wall)
{
  MkvSyncContact *peer = g_hash_table_lookup (self->peers, client_id);

  if (peer == NULL)
    {
      if (g_hash_table_size (self->peers) >= MAX_CONTACTS)
        make_room (self);
      peer = g_new0 (MkvSyncContact, 1);
      peer->client_id = g_strdup (client_id);
      g_hash_table_insert (self->peers, peer->client_id, peer);
    }
  peer->heard_at = now;
  peer->last_seen = wall;
  return peer;
}

MkvSyncContact *
mkv_sync_contacts_look_up (MkvSyncContacts *self, const char *client_id)
{
  return g_hash_table_lookup (self->peers, client_id);
}

void
mkv_sync_contact_set_root (MkvSyncContact *peer, MkvSyncMessage *root)
{
  MkvSyncMessage *old = peer->root;

  peer->root = mkv_sync_message_ref (root);
  peer->root_at = peer->heard_at;
  g_clear_pointer (&old, mkv_sync_message_unref);
}

void
mkv_sync_contact_set_equal (MkvSyncContact *peer, gint64 now, gboolean equal, const char *reason)
{
  char *copy = g_strdup (reason);

  peer->equal = equal;
  if (equal && peer->known_at == 0)
    peer->known_at = MAX (now, 1);
  g_free (peer->reason);
  peer->reason = copy;
}

gboolean
mkv_sync_contact_is_before (const MkvSyncContact *peer, const MkvSyncContact *other)
{
  if (peer == NULL || peer->known_at == 0)
    return FALSE;
  return other == NULL || other->known_at == 0 || peer->known_at < other->known_at;
}

void
mkv_sync_contact_note_session (MkvSyncContact *peer, const MkvSyncFigures *figures)
{
  peer->n_differed = figures->n_applied + figures->n_pushed;
  peer->n_octets = figures->octets_received + figures->octets_sent;
  peer->n_messages = figures->messages_received + figures->messages_sent;
}

gboolean
mkv_sync_contacts_has_root (MkvSyncContacts *self, const guint8 *root, gint64 since, const char *except)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      const MkvSyncContact *peer = value;

      if (peer->root != NULL && peer->root_at >= since && !g_str_equal (peer->client_id, except) &&
          memcmp (g_bytes_get_data (mkv_sync_message_get_root (peer->root), NULL), root, MKV_DIGEST_BYTES) == 0)
        return TRUE;
    }
  return FALSE;
}

MkvSyncContact *
mkv_sync_contacts_find_unequal (MkvSyncContacts *self, gint64 since)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (!((MkvSyncContact *) value)->equal && ((MkvSyncContact *) value)->heard_at >= since)
      return value;
  return NULL;
}

MkvSyncContact *
mkv_sync_contacts_find_marked (MkvSyncContacts *self, MkvSyncMark mark, gint64 since)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, self->peers);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    if (((MkvSyncContact *) value)->marks[mark] && ((MkvSyncContact *) value)->heard_at >= since)
      return value;
  return NULL;
}

GVariant *
mkv_sync_contacts_list (MkvSyncContacts *self)
{
  g_autoptr (GList) names = g_list_sort (g_hash_table_get_keys (self->peers), (GCompareFunc) strcmp);
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("aa{sv}"));
  for (GList *l = names; l != NULL; l = l->next)
    {
      const MkvSyncContact *peer = g_hash_table_lookup (self->peers, l->data);
      GVariantDict dict;

      g_variant_dict_init (&dict, NULL);
      g_variant_dict_insert (&dict, "client_id", "s", peer->client_id);
      g_variant_dict_insert (&dict, "last_seen", "x", peer->last_seen);
      g_variant_dict_insert (&dict, "equal", "b", peer->equal);
      if (peer->root != NULL)
        g_variant_dict_insert (&dict, "entries", "x", mkv_sync_message_get_count (peer->root));
      g_variant_dict_insert (&dict, "differed", "t", peer->n_differed);
      g_variant_dict_insert (&dict, "octets", "t", peer->n_octets);
      g_variant_dict_insert (&dict, "messages", "u", peer->n_messages);
      if (!peer->equal && peer->reason != NULL)
        g_variant_dict_insert (&dict, "reason", "s", peer->reason);
      g_variant_builder_add_value (&list, g_variant_dict_end (&dict));
    }
  return g_variant_builder_end (&list);
}
