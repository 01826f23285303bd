/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * A page of keys, their entries, the next page. The service tells of changes
 * meanwhile, and what it tells comes in the order in which it answers.
 */
#include "config.h"

#include "bus/mkv-bus-catch-up-private.h"

#include "base/mkv-limits.h"
#include "bus/mkv-bus-entry-private.h"
#include "bus/mkv-bus-names-private.h"

typedef struct
{
  GDBusConnection *connection;
  char *owner;
  char *prefix;
  MkvBusMemory *memory; /* the caller's, as long as it has not been called back */
  MkvBusCatchUpFunc func;
  gpointer user_data;

  GHashTable *left; /* of the memory: what was not found so far */
  char **keys;      /* the page */
  gboolean more;
} CatchUp;

static void
catch_up_free (gpointer data)
{
  CatchUp *self = data;

  g_object_unref (self->connection);
  g_free (self->owner);
  g_free (self->prefix);
  g_hash_table_unref (self->left);
  g_strfreev (self->keys);
  g_free (self);
}

static void
call (GTask *task, const char *method, GVariant *args, const char *reply_type, GAsyncReadyCallback callback)
{
  CatchUp *self = g_task_get_task_data (task);

  g_dbus_connection_call (self->connection, self->owner, MKV_BUS_STORE_PATH, DBUS_NAME ".Store", method, args,
                          G_VARIANT_TYPE (reply_type), G_DBUS_CALL_FLAGS_NO_AUTO_START, -1,
                          g_task_get_cancellable (task), callback, g_object_ref (task));
}

/* NULL after the task has got the error. */
static GVariant *
take_reply (GTask *task, GAsyncResult *result)
{
  CatchUp *self = g_task_get_task_data (task);
  GError *error = NULL;
  GVariant *reply;

  if (g_task_return_error_if_cancelled (task))
    return NULL;
  reply = g_dbus_connection_call_finish (self->connection, result, &error);
  if (reply == NULL)
    g_task_return_error (task, error);
  return reply;
}

static void ask_keys (GTask *task, const char *after);

/* All of what is there has been read. */
static void
end (GTask *task)
{
  CatchUp *self = g_task_get_task_data (task);
  GHashTableIter iter;
  gpointer entry;

  g_hash_table_iter_init (&iter, self->left);
  while (!g_cancellable_is_cancelled (g_task_get_cancellable (task)) && g_hash_table_iter_next (&iter, NULL, &entry))
    if (mkv_bus_memory_remove (self->memory, entry))
      self->func (entry, self->user_data);
  g_task_return_boolean (task, TRUE);
}

static void ask_entries (GTask *task, const char *const *keys);

static void
on_entries (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  CatchUp *self = g_task_get_task_data (task);
  g_autoptr (GVariant) reply = take_reply (task, result);
  g_autoptr (GVariant) entries = NULL;
  g_autofree const char **left = NULL;

  if (reply == NULL)
    return;
  g_variant_get (reply, "(@a" MKV_BUS_ENTRY_TYPE "^a&s)", &entries, &left);
  for (gsize i = 0; i < g_variant_n_children (entries); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (entries, i);
      g_autoptr (MkvEntry) entry = mkv_bus_entry_from_variant (child, NULL);

      if (entry == NULL)
        continue;
      g_hash_table_remove (self->left, mkv_entry_get_key (entry));
      if (!mkv_bus_memory_contains (self->memory, entry))
        self->func (entry, self->user_data);
      if (g_task_return_error_if_cancelled (task))
        return;
    }
  if (*left != NULL && g_variant_n_children (entries) > 0)
    ask_entries (task, left);
  else if (self->more)
    ask_keys (task, self->keys[g_strv_length (self->keys) - 1]);
  else
    end (task);
}

static void
ask_entries (GTask *task, const char *const *keys)
{
  call (task, "GetMany", g_variant_new ("(^asa{sv})", keys, NULL), "(a" MKV_BUS_ENTRY_TYPE "as)", on_entries);
}

static void
on_keys (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  CatchUp *self = g_task_get_task_data (task);
  g_autoptr (GVariant) reply = take_reply (task, result);

  if (reply == NULL)
    return;
  g_clear_pointer (&self->keys, g_strfreev);
  g_variant_get (reply, "(^asb)", &self->keys, &self->more);
  if (*self->keys != NULL)
    ask_entries (task, (const char *const *) self->keys);
  else
    end (task);
}

static void
ask_keys (GTask *task, const char *after)
{
  CatchUp *self = g_task_get_task_data (task);

  call (task, "Keys", g_variant_new ("(ssua{sv})", self->prefix, after, (guint) MKV_MAX_LIST_KEYS, NULL), "(asb)",
        on_keys);
}

void
mkv_bus_catch_up_async (GDBusConnection *connection, const char *owner, const char *prefix, MkvBusMemory *memory,
                        MkvBusCatchUpFunc func, GCancellable *cancellable, GAsyncReadyCallback callback,
                        gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  CatchUp *self = g_new0 (CatchUp, 1);

  self->connection = g_object_ref (connection);
  self->owner = g_strdup (owner);
  self->prefix = g_strdup (prefix);
  self->memory = memory;
  self->func = func;
  self->user_data = user_data;
  self->left = mkv_bus_memory_copy (memory);
  g_task_set_source_tag (task, mkv_bus_catch_up_async);
  g_task_set_task_data (task, self, catch_up_free);
  ask_keys (task, "");
}

gboolean
mkv_bus_catch_up_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
