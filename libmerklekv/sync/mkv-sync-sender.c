/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "sync/mkv-sync-sender-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"

/* How many parts go ahead of their acknowledgements. */
#define WINDOW (4)

/* What a part's events should take in CBOR, and what one of them takes beside
 * its key, value and node id. */
#define PART_OCTETS (MKV_MAX_SYNC_BYTES - 512)
#define EVENT_OCTETS (84)

/* What cells or a list have round them. */
#define PREFIX_OCTETS (8)

/* How many entries are looked up in one go, or a few more: what a peer wants need
 * not be there, and what is young stays here. */
#define LOOKUPS_AT_ONCE (512)

/* How many keys are taken out of the tree under one lock. */
#define KEYS_AT_ONCE (256)

struct _MkvSyncSender
{
  char *id;
  MkvSyncFigures *figures; /* the session's */
  GQueue at_once;          /* MkvSyncMessage */
  guint at_once_first;     /* the items of the first of them that have gone */
  MkvSyncMessage *part;    /* of the turn; NULL if there is none */
  guint part_first;
  gboolean is_full;    /* the part has the events that belong into it, */
  gsize n_octets;      /* and up to then so many octets in its last payload */
  guint n_unacknowledged;
  GPtrArray *winners; /* keys still to be sent, the next one last */
  GArray *pushes;     /* MkvSyncPush */
  guint next_push;
  char *after; /* key up to which the next push is done */
};

MkvSyncSender *
mkv_sync_sender_new (const char *id, MkvSyncFigures *figures)
{
  MkvSyncSender *self = g_new0 (MkvSyncSender, 1);

  self->id = g_strdup (id);
  self->figures = figures;
  g_queue_init (&self->at_once);
  self->winners = g_ptr_array_new_with_free_func (g_free);
  self->pushes = g_array_new (FALSE, FALSE, sizeof (MkvSyncPush));
  return self;
}

void
mkv_sync_sender_free (MkvSyncSender *self)
{
  g_queue_clear_full (&self->at_once, (GDestroyNotify) mkv_sync_message_unref);
  g_clear_pointer (&self->part, mkv_sync_message_unref);
  g_ptr_array_unref (self->winners);
  g_array_unref (self->pushes);
  g_free (self->after);
  g_free (self->id);
  g_free (self);
}

void
mkv_sync_sender_add (MkvSyncSender *self, MkvSyncMessage *message)
{
  g_queue_push_tail (&self->at_once, message);
}

gboolean
mkv_sync_sender_is_busy (const MkvSyncSender *self)
{
  return self->part != NULL;
}

static gboolean
has_pushes (const MkvSyncSender *self)
{
  return self->winners->len > 0 || self->next_push < self->pushes->len;
}

static gsize
add_entry (MkvSyncSender *self, MkvEntry *entry)
{
  gsize length;

  mkv_sync_message_add_event (self->part, entry);
  self->figures->n_pushed++;
  mkv_entry_peek_value (entry, &length);
  return EVENT_OCTETS + strlen (mkv_entry_get_key (entry)) + length +
         strlen (mkv_entry_get_stamp (entry)->node_id);
}

/* An entry whose event is probably under way is left to that. */
static gsize
add_unless_young (MkvSyncSender *self, const MkvSyncView *view, MkvEntry *entry, gboolean is_asked)
{
  if (!is_asked && view->is_young (mkv_entry_get_key (entry), view->user_data))
    {
      self->figures->n_withheld++;
      return 0;
    }
  return add_entry (self, entry);
}

static gboolean
collect_key (guint64 short_id, const char *key, const guint8 *digest, gpointer user_data)
{
  GPtrArray *keys = user_data;

  g_ptr_array_add (keys, g_strdup (key));
  return keys->len < KEYS_AT_ONCE;
}

/* Goes on with the next push, which is done when nothing of it is left. Adds to
 * @n_lookups how many entries it looked up. */
static gsize
add_next_push (MkvSyncSender *self, const MkvSyncView *view, gsize max_octets, guint *n_lookups)
{
  const MkvSyncPush *push = &g_array_index (self->pushes, MkvSyncPush, self->next_push);
  MkvPrefix prefix = { (guint32) (push->start >> 32), push->length };
  g_autoptr (GPtrArray) keys = NULL;
  gsize octets = 0;
  guint i = 0;

  if (push->length == MKV_SYNC_PUSH_ONE)
    {
      g_autoptr (GPtrArray) entries = mkv_sync_view_get_entries (view, push->start);

      for (i = 0; i < entries->len; i++)
        octets += add_unless_young (self, view, entries->pdata[i], push->is_asked);
      self->next_push++;
      *n_lookups += MAX (entries->len, 1);
      return octets;
    }
  keys = g_ptr_array_new_with_free_func (g_free);
  mkv_tree_foreach (view->lock_tree (view->user_data), prefix, self->after, collect_key, keys);
  view->unlock_tree (view->user_data);
  for (i = 0; i < keys->len && octets < max_octets; i++)
    {
      g_autoptr (MkvEntry) entry = view->get_entry (keys->pdata[i], view->user_data);

      if (entry != NULL)
        octets += add_unless_young (self, view, entry, push->is_asked);
    }
  *n_lookups += MAX (i, 1);
  g_clear_pointer (&self->after, g_free);
  if (i == keys->len && keys->len < KEYS_AT_ONCE)
    self->next_push++;
  else
    self->after = g_strdup (keys->pdata[i - 1]);
  return octets;
}

/* What the part has beside events. */
static gsize
get_head_octets (const MkvSyncMessage *part)
{
  GPtrArray *arrays[] = { mkv_sync_message_get_cells (part), mkv_sync_message_get_lists (part) };
  GBytes *wants = mkv_sync_message_get_want (part), *offers = mkv_sync_message_get_offer (part);
  gsize octets = (wants != NULL ? g_bytes_get_size (wants) : 0) + (offers != NULL ? g_bytes_get_size (offers) : 0);

  for (guint a = 0; a < G_N_ELEMENTS (arrays); a++)
    for (guint i = 0; arrays[a] != NULL && i < arrays[a]->len; i++)
      octets += PREFIX_OCTETS + g_bytes_get_size (((MkvSyncPrefix *) arrays[a]->pdata[i])->octets);
  return octets;
}

/* The part is new: its events are up to what a payload, the last one if it takes
 * several, holds. */
static void
begin_part (MkvSyncSender *self, MkvSyncMessage *part)
{
  self->part = part;
  self->part_first = 0;
  self->is_full = FALSE;
  self->n_octets = get_head_octets (part) % PART_OCTETS;
}

gboolean
mkv_sync_sender_fill (MkvSyncSender *self, const MkvSyncView *view)
{
  guint n_lookups = 0;

  if (mkv_sync_sender_is_full (self))
    return TRUE;
  while (n_lookups < LOOKUPS_AT_ONCE)
    {
      GPtrArray *events = mkv_sync_message_get_events (self->part);

      if (self->n_octets >= PART_OCTETS || !has_pushes (self) || (events != NULL && events->len >= MKV_MAX_EVENTS))
        {
          mkv_sync_message_set_more (self->part, has_pushes (self));
          self->is_full = TRUE;
          return TRUE;
        }
      if (self->winners->len > 0)
        {
          g_autofree char *key = g_ptr_array_steal_index (self->winners, self->winners->len - 1);
          g_autoptr (MkvEntry) entry = view->get_entry (key, view->user_data);

          n_lookups++;
          /* Of an own one that is too far in the future nobody is told. */
          if (entry != NULL && !mkv_sync_view_is_future (view, mkv_entry_get_stamp (entry)->timestamp))
            self->n_octets += add_entry (self, entry);
        }
      else
        self->n_octets += add_next_push (self, view, PART_OCTETS - self->n_octets, &n_lookups);
    }
  return FALSE;
}

gboolean
mkv_sync_sender_is_full (const MkvSyncSender *self)
{
  return self->part == NULL || self->is_full;
}

void
mkv_sync_sender_begin (MkvSyncSender *self, MkvSyncMessage *head, GArray *pushes, GPtrArray *winners)
{
  g_return_if_fail (self->part == NULL);

  g_array_unref (self->pushes);
  self->pushes = pushes;
  self->next_push = 0;
  g_clear_pointer (&self->after, g_free);
  while (winners->len > 0)
    g_ptr_array_add (self->winners, g_ptr_array_steal_index_fast (winners, winners->len - 1));
  self->n_unacknowledged = 0;
  begin_part (self, head);
}

gboolean
mkv_sync_sender_drop_empty (MkvSyncSender *self)
{
  if (mkv_sync_message_get_n_items (self->part) > 0 || mkv_sync_message_get_more (self->part))
    return FALSE;
  g_clear_pointer (&self->part, mkv_sync_message_unref);
  return TRUE;
}

gboolean
mkv_sync_sender_acknowledge (MkvSyncSender *self)
{
  if (self->n_unacknowledged == 0)
    return FALSE;
  self->n_unacknowledged--;
  return TRUE;
}

/* Encodes what is next of @message, passing over what no payload holds. NULL if
 * nothing is left of it. */
static GBytes *
encode (MkvSyncSender *self, MkvSyncMessage *message, guint *first, MkvCodec *codec, gsize max_bytes)
{
  guint n_items = mkv_sync_message_get_n_items (message);

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      guint n_encoded;
      GBytes *payload = mkv_codec_encode_sync (codec, message, *first, max_bytes, &n_encoded, &error);

      if (payload != NULL)
        {
          *first += n_encoded;
          self->figures->messages_sent++;
          self->figures->octets_sent += g_bytes_get_size (payload);
          return payload;
        }
      if (!g_error_matches (error, MKV_ERROR, MKV_ERROR_TOO_LARGE))
        {
          g_warning (_("A message of anti-entropy was not sent: %s"), error->message);
          return NULL;
        }
      if (*first >= n_items)
        return NULL;
      self->figures->n_too_large++;
      self->figures->n_pushed -= MIN (self->figures->n_pushed, 1);
      if (++*first == n_items && mkv_sync_message_get_more (message))
        return NULL;
    }
}

GBytes *
mkv_sync_sender_next (MkvSyncSender *self, const MkvSyncView *view, MkvCodec *codec, gsize max_bytes)
{
  while (!g_queue_is_empty (&self->at_once))
    {
      MkvSyncMessage *message = g_queue_peek_head (&self->at_once);
      GBytes *payload = encode (self, message, &self->at_once_first, codec, max_bytes);

      if (payload == NULL || self->at_once_first >= mkv_sync_message_get_n_items (message))
        {
          self->at_once_first = 0;
          mkv_sync_message_unref (g_queue_pop_head (&self->at_once));
        }
      if (payload != NULL)
        return payload;
    }
  while (self->part != NULL && self->is_full && self->n_unacknowledged < WINDOW)
    {
      GBytes *payload = encode (self, self->part, &self->part_first, codec, max_bytes);
      gboolean is_encoded = payload == NULL || self->part_first >= mkv_sync_message_get_n_items (self->part);
      gboolean more = !is_encoded || mkv_sync_message_get_more (self->part);

      if (is_encoded)
        {
          g_clear_pointer (&self->part, mkv_sync_message_unref);
          if (more)
            begin_part (self, mkv_sync_view_make_message (view, MKV_SYNC_OPERATION_SYNC, self->id));
        }
      if (payload != NULL)
        {
          self->n_unacknowledged += more ? 1 : 0;
          return payload;
        }
    }
  return NULL;
}
