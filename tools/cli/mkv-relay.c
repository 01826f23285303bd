/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-relay.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

/* One direction holds at most so much; what is sent beyond it waits at the sender. */
#define BUFFER_BYTES (256 * 1024)
#define CHUNK_BYTES (16 * 1024)

typedef struct
{
  GBytes *octets;
  gsize sent;
  gint64 due; /* monotonic, in us */
} Chunk;

typedef struct _Pair Pair;

/* What goes one way. Reads while it holds less than BUFFER_BYTES, writes what
 * is due, and passes the end on when all is written. */
typedef struct
{
  Pair *pair;
  GSocket *from;
  GSocket *to;
  gint64 delay; /* us */
  GQueue chunks;
  gsize n_bytes;
  gboolean at_end;
  gboolean ended;
  GSource *reader; /* NULL while there is no room, at the end, and while stalled */
  GSource *writer; /* NULL unless the receiver has no room */
  GSource *timer;  /* NULL unless the first chunk is not due yet */
} Flow;

struct _Pair
{
  MkvRelay *relay;
  GSocket *client;
  GSocket *target;
  Flow up;
  Flow down;
};

struct _MkvRelay
{
  GObject parent_instance;

  GMainContext *context;
  guint16 port;
  guint16 target_port;
  char *uri;
  GSocket *listener;
  GSource *acceptor;
  GPtrArray *pairs;
  gboolean cut;
  gboolean stalled;
  guint delay_up;
  guint delay_down;
  guint n_connections;
};

G_DEFINE_FINAL_TYPE (MkvRelay, mkv_relay, G_TYPE_OBJECT)

static void flow_run (Flow *flow);

static void
chunk_free (gpointer data)
{
  Chunk *chunk = data;

  g_bytes_unref (chunk->octets);
  g_free (chunk);
}

static void
clear_source (GSource **source)
{
  if (*source != NULL)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

static void
flow_clear (Flow *flow)
{
  clear_source (&flow->reader);
  clear_source (&flow->writer);
  clear_source (&flow->timer);
  g_queue_clear_full (&flow->chunks, chunk_free);
}

static void
pair_free (gpointer data)
{
  Pair *pair = data;

  flow_clear (&pair->up);
  flow_clear (&pair->down);
  g_socket_close (pair->client, NULL);
  g_socket_close (pair->target, NULL);
  g_object_unref (pair->client);
  g_object_unref (pair->target);
  g_free (pair);
}

static gboolean
on_readable (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  Flow *flow = user_data;
  g_autofree char *octets = g_malloc (CHUNK_BYTES);
  g_autoptr (GError) error = NULL;
  gssize n = g_socket_receive (socket, octets, CHUNK_BYTES, NULL, &error);

  if (n > 0)
    {
      Chunk *chunk = g_new0 (Chunk, 1);

      chunk->octets = g_bytes_new (octets, n);
      chunk->due = flow->delay > 0 ? g_get_monotonic_time () + flow->delay : 0;
      g_queue_push_tail (&flow->chunks, chunk);
      flow->n_bytes += n;
    }
  else if (n == 0)
    flow->at_end = TRUE;
  else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    {
      g_ptr_array_remove (flow->pair->relay->pairs, flow->pair);
      return G_SOURCE_REMOVE;
    }
  flow_run (flow);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_writable (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  Flow *flow = user_data;

  clear_source (&flow->writer);
  flow_run (flow);
  return G_SOURCE_REMOVE;
}

static gboolean
on_due (gpointer user_data)
{
  Flow *flow = user_data;

  clear_source (&flow->timer);
  flow_run (flow);
  return G_SOURCE_REMOVE;
}

static GSource *
watch (Flow *flow, GSocket *socket, GIOCondition condition, GSocketSourceFunc func)
{
  GSource *source = g_socket_create_source (socket, condition, NULL);

  g_source_set_callback (source, G_SOURCE_FUNC (func), flow, NULL);
  g_source_attach (source, flow->pair->relay->context);
  return source;
}

/* Writes what is due. FALSE if the pair broke and is gone. */
static gboolean
flow_write (Flow *flow)
{
  Chunk *chunk;

  while (flow->writer == NULL && flow->timer == NULL && (chunk = g_queue_peek_head (&flow->chunks)) != NULL)
    {
      gint64 wait = chunk->due > 0 ? chunk->due - g_get_monotonic_time () : 0;
      g_autoptr (GError) error = NULL;
      const char *octets;
      gsize length;
      gssize n;

      if (wait > 0)
        {
          flow->timer = g_timeout_source_new ((guint) ((wait + 999) / 1000));
          g_source_set_callback (flow->timer, on_due, flow, NULL);
          g_source_attach (flow->timer, flow->pair->relay->context);
          break;
        }
      octets = g_bytes_get_data (chunk->octets, &length);
      n = g_socket_send (flow->to, octets + chunk->sent, length - chunk->sent, NULL, &error);
      if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        {
          flow->writer = watch (flow, flow->to, G_IO_OUT, on_writable);
          break;
        }
      if (n < 0)
        {
          g_ptr_array_remove (flow->pair->relay->pairs, flow->pair);
          return FALSE;
        }
      chunk->sent += n;
      flow->n_bytes -= n;
      if (chunk->sent == length)
        chunk_free (g_queue_pop_head (&flow->chunks));
    }
  return TRUE;
}

static void
flow_run (Flow *flow)
{
  Pair *pair = flow->pair;

  if (pair->relay->stalled)
    {
      clear_source (&flow->reader);
      return;
    }
  if (!flow_write (flow))
    return;
  if (flow->at_end && !flow->ended && g_queue_is_empty (&flow->chunks))
    {
      flow->ended = TRUE;
      g_socket_shutdown (flow->to, FALSE, TRUE, NULL);
      if (pair->up.ended && pair->down.ended)
        {
          g_ptr_array_remove (pair->relay->pairs, pair);
          return;
        }
    }
  if (flow->at_end || flow->n_bytes >= BUFFER_BYTES)
    clear_source (&flow->reader);
  else if (flow->reader == NULL)
    flow->reader = watch (flow, flow->from, G_IO_IN, on_readable);
}

static void
flow_init (Flow *flow, Pair *pair, GSocket *from, GSocket *to, guint delay)
{
  flow->pair = pair;
  flow->from = from;
  flow->to = to;
  flow->delay = delay * G_TIME_SPAN_MILLISECOND;
  g_queue_init (&flow->chunks);
  flow_run (flow);
}

static GSocket *
connect_target (guint16 port)
{
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (loopback, port);
  g_autoptr (GSocket) socket = NULL;

  socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
  if (socket == NULL || !g_socket_connect (socket, address, NULL, NULL))
    return NULL;
  return g_steal_pointer (&socket);
}

static gboolean
on_accept (GSocket *listener, GIOCondition condition, gpointer user_data)
{
  MkvRelay *self = user_data;
  g_autoptr (GSocket) client = g_socket_accept (listener, NULL, NULL);
  g_autoptr (GSocket) target = NULL;
  Pair *pair;

  if (client == NULL)
    return G_SOURCE_CONTINUE;
  self->n_connections++;
  /* On loopback this is done, or refused, at once. */
  target = self->cut ? NULL : connect_target (self->target_port);
  if (target == NULL)
    {
      g_socket_close (client, NULL);
      return G_SOURCE_CONTINUE;
    }
  g_socket_set_blocking (client, FALSE);
  g_socket_set_blocking (target, FALSE);
  g_socket_set_option (client, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  g_socket_set_option (target, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
  pair = g_new0 (Pair, 1);
  pair->relay = self;
  pair->client = g_steal_pointer (&client);
  pair->target = g_steal_pointer (&target);
  g_ptr_array_add (self->pairs, pair);
  flow_init (&pair->up, pair, pair->client, pair->target, self->delay_up);
  flow_init (&pair->down, pair, pair->target, pair->client, self->delay_down);
  return G_SOURCE_CONTINUE;
}

static void
mkv_relay_finalize (GObject *object)
{
  MkvRelay *self = MKV_RELAY (object);

  clear_source (&self->acceptor);
  g_ptr_array_unref (self->pairs);
  if (self->listener != NULL)
    g_socket_close (self->listener, NULL);
  g_clear_object (&self->listener);
  g_free (self->uri);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (mkv_relay_parent_class)->finalize (object);
}

static void
mkv_relay_class_init (MkvRelayClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mkv_relay_finalize;
}

static void
mkv_relay_init (MkvRelay *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->pairs = g_ptr_array_new_with_free_func (pair_free);
}

MkvRelay *
mkv_relay_new (guint16 target_port, GError **error)
{
  g_autoptr (MkvRelay) self = g_object_new (MKV_TYPE_RELAY, NULL);
  g_autoptr (GInetAddress) loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new (loopback, 0);
  g_autoptr (GSocketAddress) bound = NULL;

  self->target_port = target_port;
  self->listener = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);
  if (self->listener == NULL || !g_socket_bind (self->listener, any, TRUE, error) ||
      !g_socket_listen (self->listener, error))
    return NULL;
  bound = g_socket_get_local_address (self->listener, error);
  if (bound == NULL)
    return NULL;
  self->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound));
  self->uri = g_strdup_printf ("mqtt://127.0.0.1:%u", self->port);
  g_socket_set_blocking (self->listener, FALSE);
  self->acceptor = g_socket_create_source (self->listener, G_IO_IN, NULL);
  g_source_set_callback (self->acceptor, G_SOURCE_FUNC (on_accept), self, NULL);
  g_source_attach (self->acceptor, self->context);
  return g_steal_pointer (&self);
}

guint16
mkv_relay_get_port (MkvRelay *self)
{
  return self->port;
}

const char *
mkv_relay_get_uri (MkvRelay *self)
{
  return self->uri;
}

void
mkv_relay_cut (MkvRelay *self)
{
  self->cut = TRUE;
  g_ptr_array_set_size (self->pairs, 0);
}

void
mkv_relay_heal (MkvRelay *self)
{
  self->cut = FALSE;
  if (!self->stalled)
    return;
  self->stalled = FALSE;
  /* From the end: a pair that breaks leaves the array. */
  for (guint i = self->pairs->len; i-- > 0;)
    {
      Pair *pair = self->pairs->pdata[i];

      flow_run (&pair->up);
      if (i < self->pairs->len && self->pairs->pdata[i] == pair)
        flow_run (&pair->down);
    }
}

gboolean
mkv_relay_is_cut (MkvRelay *self)
{
  return self->cut;
}

void
mkv_relay_stall (MkvRelay *self)
{
  self->stalled = TRUE;
}

void
mkv_relay_set_delay (MkvRelay *self, guint to_target_ms, guint from_target_ms)
{
  self->delay_up = to_target_ms;
  self->delay_down = from_target_ms;
}

guint
mkv_relay_get_n_connections (MkvRelay *self)
{
  return self->n_connections;
}
