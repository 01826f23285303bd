/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "sync/mkv-syncer-core-private.h"

#include <glib/gi18n-lib.h>

void
mkv_syncer_send_payload (MkvSyncer *self, const char *topic, GBytes *payload)
{
  g_autoptr (MkvMessage) message = mkv_router_message_new (self->router, topic, self->codec, payload,
                                                           MKV_COMPRESSION_OFF);

  /* Whoever was told of something on the way here may have stopped it. */
  if (self->stopped)
    return;
  /* What is lost is made good by another session. */
  mkv_router_send (self->router, message, NULL, NULL, NULL);
}

gsize
mkv_syncer_get_max_payload (MkvSyncer *self)
{
  guint max_inflight, max_payload;

  mkv_router_get_limits (self->router, &max_inflight, &max_payload);
  return max_payload;
}

/* Takes @message, which fits into one payload. @peer is NULL for everyone. */
static void
send_message (MkvSyncer *self, const char *peer, MkvSyncMessage *owned)
{
  g_autoptr (MkvSyncMessage) message = owned;
  g_autofree char *topic = mkv_router_get_sync_topic (self->router, peer);
  g_autoptr (GBytes) payload = NULL;
  g_autoptr (GError) error = NULL;
  guint n;

  payload = mkv_codec_encode_sync (self->codec, message, 0, mkv_syncer_get_max_payload (self), &n, &error);
  if (payload == NULL)
    mkv_observer_drop (self->observer, MKV_COUNTER_MESSAGES_NOT_SENT,
                       _("A message of anti-entropy is not sent: %s"), error->message);
  else
    mkv_syncer_send_payload (self, topic, payload);
}

void
mkv_syncer_announce (MkvSyncer *self)
{
  send_message (self, NULL, mkv_sync_view_make_root (&self->view, mkv_local_store_get_node_id (self->store)));
}

void
mkv_syncer_claim (MkvSyncer *self, const char *peer)
{
  MkvSyncMessage *message = mkv_sync_view_make_message (&self->view, MKV_SYNC_OPERATION_CLAIM, NULL);

  mkv_sync_message_set_to (message, peer);
  send_message (self, NULL, message);
}

void
mkv_syncer_send_error (MkvSyncer *self, const char *peer, const char *id, MkvErrorCode code, const char *text)
{
  MkvSyncMessage *message = mkv_sync_view_make_message (&self->view, MKV_SYNC_OPERATION_ERROR, id);

  mkv_sync_message_set_error (message, code, text);
  send_message (self, peer, message);
}

gboolean
mkv_syncer_has_credit (MkvSyncer *self)
{
  gint64 now = mkv_syncer_get_now (self);

  if (mkv_router_is_congested (self->router))
    return FALSE;
  if (self->rate == 0)
    return TRUE;
  self->credit += (double) (now - self->credit_at) / G_USEC_PER_SEC * (double) self->rate;
  self->credit = MIN (self->credit, (double) MAX (self->rate, MKV_MAX_SYNC_BYTES));
  self->credit_at = now;
  return self->credit > 0;
}
