/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "sync/mkv-syncer-core-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"

static void
request_free (gpointer data)
{
  MkvSyncerRequest *request = data;

  g_object_unref (request->task);
  g_free (request->peer);
  g_free (request);
}

/* Whether the peer that was asked for was heard of since. */
static gboolean
has_answered (MkvSyncer *self, MkvSyncerRequest *request)
{
  MkvSyncContact *peer = mkv_sync_contacts_look_up (self->peers, request->peer);
  GHashTableIter iter;
  gpointer value;

  if (peer != NULL && peer->heard_at >= request->begun_at)
    return TRUE;
  g_hash_table_iter_init (&iter, self->sessions);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      MkvSyncSession *session = ((MkvSyncerSession *) value)->session;

      if (g_str_equal (mkv_sync_session_get_peer (session), request->peer) &&
          mkv_sync_session_get_figures (session)->messages_received > 0)
        return TRUE;
    }
  return FALSE;
}

static gboolean
is_done (MkvSyncer *self, MkvSyncerRequest *request)
{
  MkvSyncContact *peer;

  gint64 age = mkv_syncer_get_now (self) - request->begun_at;

  if (request->peer != NULL)
    {
      peer = mkv_sync_contacts_look_up (self->peers, request->peer);
      return request->ended || (peer != NULL && peer->equal && peer->heard_at >= request->begun_at) ||
             (age >= MKV_SYNCER_REQUEST_TIMEOUT && !has_answered (self, request));
    }
  if (age >= MKV_SYNCER_REQUEST_MAX)
    return TRUE;
  return g_hash_table_size (self->sessions) == 0 && age >= MKV_SYNCER_REQUEST_QUIET &&
         mkv_sync_contacts_find_unequal (self->peers, request->begun_at) == NULL;
}

/* Takes the request out of the queue; who is told may ask again, or stop it all. */
static MkvSyncerRequest *
take_out (MkvSyncer *self, GList *link)
{
  MkvSyncerRequest *request = link->data;

  g_queue_delete_link (&self->requests, link);
  return request;
}

static void
settle (MkvSyncer *self, MkvSyncerRequest *request)
{
  if (request->peer != NULL && !has_answered (self, request))
    g_task_return_new_error (request->task, MKV_ERROR, MKV_ERROR_TIMEOUT, _("“%s” did not answer"), request->peer);
  else
    g_task_return_int (request->task, (gssize) (self->n_applied - request->n_before));
  request_free (request);
}

void
mkv_syncer_look_at_requests (MkvSyncer *owner)
{
  g_autoptr (MkvSyncer) self = g_object_ref (owner);
  GList *l = self->requests.head;

  while (l != NULL)
    {
      MkvSyncerRequest *request = l->data;

      if (request->peer != NULL && !request->asked && self->started == NULL &&
          mkv_router_is_connected (self->router))
        {
          MkvSyncContact *peer = mkv_sync_contacts_look_up (self->peers, request->peer);

          request->asked = TRUE;
          if (!mkv_syncer_start_session (self, request->peer, peer != NULL ? peer->root : NULL))
            {
              take_out (self, l);
              g_task_return_new_error (request->task, MKV_ERROR, MKV_ERROR_RATE_LIMITED,
                                       _("Too many sessions were begun just now: ask again"));
              request_free (request);
            }
          /* That may have looked at the requests, too. */
          return;
        }
      if (is_done (self, request))
        {
          settle (self, take_out (self, l));
          l = self->requests.head;
        }
      else
        l = l->next;
    }
}

void
mkv_syncer_sync_async (MkvSyncer *self, const char *peer, GCancellable *cancellable, GAsyncReadyCallback callback,
                       gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  MkvSyncerRequest *request;

  g_task_set_source_tag (task, mkv_syncer_sync_async);
  if (self->stopped || !mkv_router_is_connected (self->router))
    {
      g_task_return_new_error (task, MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                               _("There is no connection to the broker, and nobody to compare with"));
      return;
    }
  request = g_new0 (MkvSyncerRequest, 1);
  request->task = g_steal_pointer (&task);
  request->peer = g_strdup (peer);
  request->n_before = self->n_applied;
  request->begun_at = mkv_syncer_get_now (self);
  g_queue_push_tail (&self->requests, request);
  mkv_sync_schedule_fall_back (self->schedule, mkv_syncer_get_now (self));
  mkv_syncer_announce (self);
  mkv_syncer_look_at_requests (self);
  mkv_syncer_arm (self);
}

gint64
mkv_syncer_sync_finish (MkvSyncer *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_int (G_TASK (result), error);
}

void
mkv_syncer_fail_requests (MkvSyncer *self)
{
  MkvSyncerRequest *request;

  while ((request = g_queue_pop_head (&self->requests)) != NULL)
    {
      g_task_return_new_error (request->task, MKV_ERROR, MKV_ERROR_NOT_CONNECTED,
                               _("The connection to the broker was lost while replicas were compared"));
      request_free (request);
    }
}
