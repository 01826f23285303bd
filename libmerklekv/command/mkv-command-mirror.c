/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "command/mkv-command-mirror-private.h"

#include <glib/gi18n-lib.h>

#include "command/mkv-command-message-private.h"

struct _MkvCommandMirror
{
  GObject parent_instance;

  MkvRouter *router;
  MkvLocalStore *store;
  MkvCodec *codec;
  MkvCodec *cbor;
  MkvObserver *observer;
  char *command_topic;
  char *response_topic;
};

G_DEFINE_FINAL_TYPE (MkvCommandMirror, mkv_command_mirror, G_TYPE_OBJECT)

/* Takes @message. */
static gboolean
send_message (MkvCommandMirror *self, MkvMessage *message)
{
  gboolean sent = message != NULL && mkv_router_send (self->router, message, NULL, NULL, NULL);

  if (!sent)
    mkv_observer_drop (self->observer, MKV_COUNTER_MIRRORED_NOT_SENT, _("A local write was not mirrored"));
  g_clear_pointer (&message, mkv_message_unref);
  return sent;
}

static void
on_changed (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  MkvCommandMirror *self = user_data;
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  g_autoptr (MkvCommand) command = NULL;
  g_autoptr (MkvResponse) response = NULL;
  g_autofree char *id = NULL;

  if (origin != MKV_ORIGIN_LOCAL)
    return;
  /* The seq names the write; with the prefix it is never 36 characters long,
   * which only a UUID may be. */
  id = g_strdup_printf (MKV_MIRROR_PREFIX "%" G_GINT64_FORMAT, stamp->seq);
  command = mkv_command_new (mkv_entry_is_tombstone (entry) ? MKV_OPERATION_DELETE : MKV_OPERATION_SET);
  mkv_command_set_id (command, id);
  mkv_command_set_key (command, mkv_entry_get_key (entry));
  mkv_command_set_value (command, mkv_entry_get_value (entry));
  mkv_command_set_timestamp (command, stamp->timestamp);
  response = mkv_response_new (id, MKV_STATUS_OK);
  mkv_response_set_timestamp (response, stamp->timestamp);
  if (send_message (self, mkv_command_message_new (self->router, self->command_topic, self->codec, self->cbor,
                                                   command, NULL)))
    send_message (self, mkv_response_message_new (self->router, self->response_topic, self->codec, self->cbor,
                                                  response, NULL));
}

static void
mkv_command_mirror_dispose (GObject *object)
{
  MkvCommandMirror *self = MKV_COMMAND_MIRROR (object);

  if (self->store != NULL)
    g_signal_handlers_disconnect_by_data (self->store, self);
  g_clear_object (&self->store);
  g_clear_object (&self->router);
  G_OBJECT_CLASS (mkv_command_mirror_parent_class)->dispose (object);
}

static void
mkv_command_mirror_finalize (GObject *object)
{
  MkvCommandMirror *self = MKV_COMMAND_MIRROR (object);

  g_clear_object (&self->codec);
  g_clear_object (&self->cbor);
  g_clear_object (&self->observer);
  g_free (self->command_topic);
  g_free (self->response_topic);
  G_OBJECT_CLASS (mkv_command_mirror_parent_class)->finalize (object);
}

static void
mkv_command_mirror_class_init (MkvCommandMirrorClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = mkv_command_mirror_dispose;
  G_OBJECT_CLASS (klass)->finalize = mkv_command_mirror_finalize;
}

static void
mkv_command_mirror_init (MkvCommandMirror *self)
{
}

MkvCommandMirror *
mkv_command_mirror_new (MkvRouter *router, MkvLocalStore *store, MkvCodec *codec, MkvCodec *cbor,
                        MkvObserver *observer)
{
  MkvCommandMirror *self = g_object_new (MKV_TYPE_COMMAND_MIRROR, NULL);
  const char *client_id = mkv_router_get_client_id (router);

  self->router = g_object_ref (router);
  self->store = g_object_ref (store);
  self->codec = g_object_ref (codec);
  self->cbor = g_object_ref (cbor);
  self->observer = g_object_ref (observer);
  self->command_topic = mkv_router_get_command_topic (router, client_id);
  self->response_topic = mkv_router_get_response_topic (router, client_id);
  g_signal_connect (store, "changed", G_CALLBACK (on_changed), self);
  return self;
}
