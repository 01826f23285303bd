/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-mqtt-inbox.h"

struct _MkvMqttInbox
{
  GArray *events; /* of MkvMqttEvent */
  guint n_popped; /* of these; they are removed when it is all */
  guint n_pushed;
  guint n_messages;
  gsize n_bytes;
  /* Set of MkvMessage, not owned. None can have the address of another: all of a
   * batch exist before the first is given out, and the next batch comes when
   * this set is empty. */
  GHashTable *unhandled;
};

static void
clear_event (gpointer data)
{
  MkvMqttEvent *event = data;

  g_clear_pointer (&event->message, mkv_message_unref);
}

MkvMqttInbox *
mkv_mqtt_inbox_new (void)
{
  MkvMqttInbox *self = g_new0 (MkvMqttInbox, 1);

  self->events = g_array_new (FALSE, FALSE, sizeof (MkvMqttEvent));
  g_array_set_clear_func (self->events, clear_event);
  self->unhandled = g_hash_table_new (NULL, NULL);
  return self;
}

void
mkv_mqtt_inbox_free (MkvMqttInbox *self)
{
  g_array_unref (self->events);
  g_hash_table_unref (self->unhandled);
  g_free (self);
}

static void
append (MkvMqttInbox *self, MkvMqttEvent event)
{
  g_array_append_val (self->events, event);
  self->n_pushed++;
}

void
mkv_mqtt_inbox_push (MkvMqttInbox *self, MkvMqttEventKind kind, int mid, int code)
{
  append (self, (MkvMqttEvent){ .kind = kind, .mid = mid, .code = code });
}

void
mkv_mqtt_inbox_push_message (MkvMqttInbox *self, MkvMessage *message)
{
  append (self, (MkvMqttEvent){ .kind = MKV_MQTT_MESSAGE, .message = message });
  g_hash_table_add (self->unhandled, message);
  self->n_messages++;
  self->n_bytes += g_bytes_get_size (mkv_message_get_payload (message));
}

gboolean
mkv_mqtt_inbox_pop (MkvMqttInbox *self, MkvMqttEvent *event)
{
  MkvMqttEvent *first;

  if (self->n_popped == self->events->len)
    {
      g_array_set_size (self->events, 0);
      self->n_popped = 0;
      return FALSE;
    }
  first = &g_array_index (self->events, MkvMqttEvent, self->n_popped);
  self->n_popped++;
  *event = *first;
  first->message = NULL;
  if (event->message != NULL)
    {
      self->n_messages--;
      self->n_bytes -= g_bytes_get_size (mkv_message_get_payload (event->message));
    }
  return TRUE;
}

gboolean
mkv_mqtt_inbox_is_empty (MkvMqttInbox *self)
{
  return self->n_popped == self->events->len;
}

guint
mkv_mqtt_inbox_get_n_pushed (MkvMqttInbox *self)
{
  return self->n_pushed;
}

guint
mkv_mqtt_inbox_get_n_messages (MkvMqttInbox *self)
{
  return self->n_messages;
}

gsize
mkv_mqtt_inbox_get_n_bytes (MkvMqttInbox *self)
{
  return self->n_bytes;
}

gboolean
mkv_mqtt_inbox_handled (MkvMqttInbox *self, MkvMessage *message)
{
  return g_hash_table_remove (self->unhandled, message);
}

gboolean
mkv_mqtt_inbox_has_unhandled (MkvMqttInbox *self)
{
  return g_hash_table_size (self->unhandled) > 0;
}
