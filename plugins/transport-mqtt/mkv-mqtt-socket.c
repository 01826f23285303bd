/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-mqtt-socket.h"

typedef struct
{
  GSource base;
  GPollFD poll;
  gboolean has_work; /* without the socket */
  gboolean dispatching;
  MkvMqttPrepareFunc prepare;
  MkvMqttReadyFunc ready;
  gpointer user_data;
} SocketSource;

static gboolean
socket_prepare (GSource *source, int *timeout)
{
  SocketSource *self = (SocketSource *) source;

  *timeout = -1;
  self->poll.events = 0;
  if (self->dispatching)
    return FALSE;
  self->has_work = self->prepare (self->user_data, &self->poll.events);
  return self->has_work;
}

static gboolean
socket_check (GSource *source)
{
  SocketSource *self = (SocketSource *) source;

  return !self->dispatching && (self->has_work || self->poll.revents != 0);
}

static gboolean
socket_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  SocketSource *self = (SocketSource *) source;

  self->dispatching = TRUE;
  self->ready (self->user_data, self->poll.revents);
  self->dispatching = FALSE;
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs socket_funcs = { socket_prepare, socket_check, socket_dispatch, NULL, NULL, NULL };

GSource *
mkv_mqtt_socket_source_new (int fd, MkvMqttPrepareFunc prepare, MkvMqttReadyFunc ready, gpointer user_data)
{
  GSource *source = g_source_new (&socket_funcs, sizeof (SocketSource));
  SocketSource *self = (SocketSource *) source;

  self->poll.fd = fd;
  self->prepare = prepare;
  self->ready = ready;
  self->user_data = user_data;
  g_source_add_poll (source, &self->poll);
  /* GLib wakes its own loop twice around each dispatch of a source that may not
   * recurse: two system calls and a turn of the loop for nothing. This one sits
   * still by itself while a handler runs a loop. */
  g_source_set_can_recurse (source, TRUE);
  return source;
}
