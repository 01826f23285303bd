/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-watcher-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "bus/mkv-bus-entry-private.h"
#include "bus/mkv-bus-names-private.h"
#include "bus/mkv-prefixes-private.h"

#define MAX_WATCHES 256 /* of one client */
/* Of one signal. */
#define MAX_ENTRIES 256
#define MAX_BYTES (1024 * 1024)
/* What waits for a client that is behind. */
#define MAX_WAITING 65536
#define MAX_WAITING_BYTES (8 * 1024 * 1024)
/* What an entry takes besides key, value and writer. */
#define ENTRY_BYTES 64

/* One change, shared by those who are told of it. */
typedef struct
{
  MkvEntry *entry;
  MkvOrigin origin;
  gsize n_bytes;
  GVariant *variant; /* NULL until the first is told */
} Change;

typedef struct
{
  char *name;
  GHashTable *watches; /* of prefix, the set's own, to how many */
  guint n_watches;
  GQueue waiting;      /* of Change */
  GHashTable *by_key;  /* the key of the change's entry to its link in `waiting` */
  gsize n_bytes;       /* of what waits */
  gboolean missed;     /* to be told so */
  gboolean due;        /* in `due` of the watcher */
  guint64 serial;      /* of the change that it was told of last */
} Listener;

struct _MkvWatcher
{
  GDBusConnection *connection;
  MkvClients *clients;
  MkvObserver *observer;
  MkvStore *store;
  gulong handler;        /* of ::changed, while somebody watches */
  GHashTable *listeners; /* by name */
  MkvPrefixes *prefixes;
  GPtrArray *due;        /* of Listener; those who have something waiting in this turn of the loop */
  GSource *source;       /* ready while there are any */
  guint64 serial;
};

static void
change_clear (gpointer data)
{
  Change *change = data;

  mkv_entry_unref (change->entry);
  g_clear_pointer (&change->variant, g_variant_unref);
}

static void
change_unref (gpointer data)
{
  g_rc_box_release_full (data, change_clear);
}

static Change *
change_new (MkvEntry *entry, MkvOrigin origin)
{
  Change *change = g_rc_box_new0 (Change);
  gsize value_length, node_id_length;

  mkv_entry_peek_value (entry, &value_length);
  mkv_entry_peek_node_id (entry, &node_id_length);
  change->entry = mkv_entry_ref (entry);
  change->origin = origin;
  change->n_bytes = strlen (mkv_entry_get_key (entry)) + value_length + node_id_length + ENTRY_BYTES;
  return change;
}

static GVariant *
change_get_variant (Change *change)
{
  if (change->variant == NULL)
    change->variant = g_variant_ref_sink (mkv_bus_change_to_variant (change->entry, change->origin));
  return change->variant;
}

static void
listener_drop_waiting (Listener *listener)
{
  g_hash_table_remove_all (listener->by_key);
  g_queue_clear_full (&listener->waiting, change_unref);
  listener->n_bytes = 0;
}

static void
listener_free (gpointer data)
{
  Listener *listener = data;

  listener_drop_waiting (listener);
  g_hash_table_unref (listener->by_key);
  g_hash_table_unref (listener->watches);
  g_free (listener->name);
  g_free (listener);
}

static Change *
listener_pop (Listener *listener)
{
  Change *change = g_queue_pop_head (&listener->waiting);

  g_hash_table_remove (listener->by_key, mkv_entry_get_key (change->entry));
  listener->n_bytes -= change->n_bytes;
  return change;
}

static void
emit (MkvWatcher *self, Listener *listener, const char *signal, GVariant *arguments)
{
  g_dbus_connection_emit_signal (self->connection, mkv_clients_get_destination (listener->name), MKV_BUS_STORE_PATH,
                                 DBUS_NAME ".Store", signal, arguments, NULL);
}

static void
send_batch (MkvWatcher *self, Listener *listener)
{
  GVariantBuilder entries;
  gsize n_bytes = 0;

  g_variant_builder_init (&entries, G_VARIANT_TYPE ("a" MKV_BUS_CHANGE_TYPE));
  for (guint n = 0; n < MAX_ENTRIES && n_bytes < MAX_BYTES && listener->waiting.length > 0; n++)
    {
      Change *change = listener_pop (listener);

      g_variant_builder_add_value (&entries, change_get_variant (change));
      n_bytes += change->n_bytes;
      change_unref (change);
    }
  emit (self, listener, "Changed", g_variant_new ("(a" MKV_BUS_CHANGE_TYPE ")", &entries));
  mkv_clients_add_sent (self->clients, listener->name, n_bytes);
}

static void
send (MkvWatcher *self, Listener *listener)
{
  if (listener->missed && !mkv_clients_is_behind (self->clients, listener->name))
    {
      emit (self, listener, "Missed", NULL);
      listener->missed = FALSE;
    }
  while (listener->waiting.length > 0 && !mkv_clients_is_behind (self->clients, listener->name))
    send_batch (self, listener);
}

static gboolean
due_source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSourceFuncs due_source_funcs = { NULL, NULL, due_source_dispatch, NULL, NULL, NULL };

static gboolean
on_due (gpointer user_data)
{
  MkvWatcher *self = user_data;

  g_source_set_ready_time (self->source, -1);
  for (guint i = 0; i < self->due->len; i++)
    {
      Listener *listener = self->due->pdata[i];

      listener->due = FALSE;
      send (self, listener);
    }
  g_ptr_array_set_size (self->due, 0);
  return G_SOURCE_CONTINUE;
}

static void
set_due (MkvWatcher *self, Listener *listener)
{
  if (listener->due)
    return;
  listener->due = TRUE;
  g_ptr_array_add (self->due, listener);
  g_source_set_ready_time (self->source, 0);
}

static void
add_change (MkvWatcher *self, Listener *listener, Change *change)
{
  const char *key = mkv_entry_get_key (change->entry);
  GList *link = g_hash_table_lookup (listener->by_key, key);

  g_rc_box_acquire (change);
  listener->n_bytes += change->n_bytes;
  if (link != NULL)
    {
      Change *older = link->data;

      /* The key belongs to the entry. */
      link->data = change;
      g_hash_table_replace (listener->by_key, (gpointer) key, link);
      listener->n_bytes -= older->n_bytes;
      change_unref (older);
    }
  else
    {
      g_queue_push_tail (&listener->waiting, change);
      g_hash_table_insert (listener->by_key, (gpointer) key, listener->waiting.tail);
    }
}

static void
tell (gpointer who, gpointer user_data)
{
  Listener *listener = who;
  struct
  {
    MkvWatcher *self;
    Change *change;
  } *told = user_data;
  MkvWatcher *self = told->self;

  /* It has several prefixes of the key, or has to read everything anyway. */
  if (listener->serial == self->serial || listener->missed)
    return;
  listener->serial = self->serial;
  add_change (self, listener, told->change);
  if (listener->waiting.length >= MAX_ENTRIES || listener->n_bytes >= MAX_BYTES)
    send (self, listener);
  if (listener->waiting.length > MAX_WAITING || listener->n_bytes > MAX_WAITING_BYTES)
    {
      listener_drop_waiting (listener);
      listener->missed = TRUE;
      mkv_observer_drop (self->observer, MKV_COUNTER_BUS_CHANGES_MISSED,
                         _("“%s” takes its signals too slowly, and is told to read again"), listener->name);
    }
  set_due (self, listener);
}

static void
on_changed (MkvStore *store, MkvEntry *entry, MkvOrigin origin, MkvWatcher *self)
{
  struct
  {
    MkvWatcher *self;
    Change *change;
  } told = { self, change_new (entry, origin) };

  self->serial++;
  mkv_prefixes_find (self->prefixes, mkv_entry_get_key (entry), tell, &told);
  change_unref (told.change);
}

static void
update_handler (MkvWatcher *self)
{
  gboolean wanted = self->store != NULL && g_hash_table_size (self->listeners) > 0;

  if (wanted && self->handler == 0)
    self->handler = g_signal_connect (self->store, "changed", G_CALLBACK (on_changed), self);
  else if (!wanted && self->handler != 0)
    g_clear_signal_handler (&self->handler, self->store);
}

MkvWatcher *
mkv_watcher_new (GDBusConnection *connection, MkvClients *clients, MkvObserver *observer)
{
  MkvWatcher *self = g_new0 (MkvWatcher, 1);

  self->connection = g_object_ref (connection);
  self->clients = clients;
  self->observer = g_object_ref (observer);
  self->listeners = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, listener_free);
  self->prefixes = mkv_prefixes_new ();
  self->due = g_ptr_array_new ();
  self->source = g_source_new (&due_source_funcs, sizeof (GSource));
  g_source_set_static_name (self->source, "mkv-watcher");
  g_source_set_callback (self->source, on_due, self, NULL);
  g_source_attach (self->source, g_main_context_get_thread_default ());
  return self;
}

void
mkv_watcher_free (MkvWatcher *self)
{
  mkv_watcher_set_store (self, NULL);
  g_source_destroy (self->source);
  g_source_unref (self->source);
  g_ptr_array_unref (self->due);
  g_hash_table_unref (self->listeners);
  mkv_prefixes_free (self->prefixes);
  g_object_unref (self->observer);
  g_object_unref (self->connection);
  g_free (self);
}

void
mkv_watcher_set_store (MkvWatcher *self, MkvStore *store)
{
  GHashTableIter iter;
  gpointer listener;

  if (store == self->store)
    return;
  if (self->handler != 0)
    g_clear_signal_handler (&self->handler, self->store);
  g_set_object (&self->store, store);
  update_handler (self);
  g_hash_table_iter_init (&iter, self->listeners);
  while (store != NULL && g_hash_table_iter_next (&iter, NULL, &listener))
    {
      listener_drop_waiting (listener);
      ((Listener *) listener)->missed = TRUE;
      set_due (self, listener);
    }
}

gboolean
mkv_watcher_add (MkvWatcher *self, const char *name, const char *prefix, GError **error)
{
  Listener *listener = g_hash_table_lookup (self->listeners, name);
  gpointer own, n;

  if (strlen (prefix) > MKV_MAX_KEY_BYTES)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT,
                   _("The prefix has %zu octets, and no key has more than %d"), strlen (prefix), MKV_MAX_KEY_BYTES);
      return FALSE;
    }
  if (listener != NULL && listener->n_watches >= MAX_WATCHES)
    {
      mkv_clients_refuse (self->clients, error, _("No client may have more than %d watches"), MAX_WATCHES);
      return FALSE;
    }
  if (listener == NULL)
    {
      listener = g_new0 (Listener, 1);
      listener->name = g_strdup (name);
      listener->watches = g_hash_table_new (g_str_hash, g_str_equal);
      listener->by_key = g_hash_table_new (g_str_hash, g_str_equal);
      g_queue_init (&listener->waiting);
      g_hash_table_insert (self->listeners, listener->name, listener);
    }
  if (g_hash_table_lookup_extended (listener->watches, prefix, &own, &n))
    g_hash_table_insert (listener->watches, own, GUINT_TO_POINTER (GPOINTER_TO_UINT (n) + 1));
  else
    g_hash_table_insert (listener->watches, (gpointer) mkv_prefixes_add (self->prefixes, prefix, listener),
                         GUINT_TO_POINTER (1));
  listener->n_watches++;
  mkv_clients_watch (self->clients, name);
  update_handler (self);
  return TRUE;
}

/* For good. */
static void
remove_listener (MkvWatcher *self, Listener *listener)
{
  g_ptr_array_remove_fast (self->due, listener);
  g_hash_table_remove (self->listeners, listener->name);
  update_handler (self);
}

gboolean
mkv_watcher_remove (MkvWatcher *self, const char *name, const char *prefix, GError **error)
{
  Listener *listener = g_hash_table_lookup (self->listeners, name);
  guint n = listener != NULL ? GPOINTER_TO_UINT (g_hash_table_lookup (listener->watches, prefix)) : 0;

  if (n == 0)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND, _("“%s” is not watched"), prefix);
      return FALSE;
    }
  if (n > 1)
    {
      gpointer own;

      g_hash_table_lookup_extended (listener->watches, prefix, &own, NULL);
      g_hash_table_insert (listener->watches, own, GUINT_TO_POINTER (n - 1));
    }
  else
    {
      g_hash_table_remove (listener->watches, prefix);
      mkv_prefixes_remove (self->prefixes, prefix, listener);
    }
  listener->n_watches--;
  mkv_clients_unwatch (self->clients, name);
  if (listener->n_watches == 0)
    remove_listener (self, listener);
  return TRUE;
}

void
mkv_watcher_forget (MkvWatcher *self, const char *name)
{
  Listener *listener = g_hash_table_lookup (self->listeners, name);
  GHashTableIter iter;
  gpointer prefix;

  if (listener == NULL)
    return;
  g_hash_table_iter_init (&iter, listener->watches);
  while (g_hash_table_iter_next (&iter, &prefix, NULL))
    {
      g_hash_table_iter_steal (&iter);
      mkv_prefixes_remove (self->prefixes, prefix, listener);
    }
  remove_listener (self, listener);
}

void
mkv_watcher_send (MkvWatcher *self, const char *name)
{
  Listener *listener = g_hash_table_lookup (self->listeners, name);

  if (listener != NULL)
    send (self, listener);
}

gboolean
mkv_watcher_is_used (MkvWatcher *self)
{
  return g_hash_table_size (self->listeners) > 0;
}
