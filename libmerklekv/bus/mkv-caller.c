/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-caller-private.h"

#include <gio/gunixfdlist.h>
#include <glib/gi18n-lib.h>
#include <unistd.h>

#include "base/mkv-error.h"

/* Reading two files of /proc and one of the caller takes well under 1 ms. A
 * caller that has files of its own making, as with FUSE, may make it last: then
 * it counts as one that could not be looked at. */
#define TIME_LIMIT (3 * G_USEC_PER_SEC)
#define MAX_THREADS (8)

/* One lookup, the data of its task, which lives and ends in its own context. */
typedef struct
{
  GDBusConnection *connection;
  MkvClock *clock;
  gboolean look;
  guint uid;
  guint pid;
  int pidfd; /* -1 if the bus does not give one */
  gboolean returned;
  GSource *timeout;
} Lookup;

/* What a thread looks at, and finds. It holds the task, and goes back with it. */
typedef struct
{
  GTask *task;
  guint pid;
  int pidfd;
  MkvSandbox sandbox;
  char *app_id;
} Look;

void
mkv_caller_free (MkvCaller *self)
{
  g_free (self->app_id);
  g_free (self);
}

static void
lookup_free (gpointer data)
{
  Lookup *self = data;

  if (self->pidfd >= 0)
    close (self->pidfd);
  g_clear_object (&self->connection);
  g_clear_object (&self->clock);
  g_clear_pointer (&self->timeout, g_source_unref);
  g_free (self);
}

static void
return_caller (GTask *task, MkvSandbox sandbox, char *app_id)
{
  Lookup *self = g_task_get_task_data (task);
  MkvCaller *caller;

  if (self->returned)
    {
      g_free (app_id);
      return;
    }
  self->returned = TRUE;
  caller = g_new0 (MkvCaller, 1);
  caller->uid = self->uid;
  caller->sandbox = sandbox;
  caller->app_id = app_id;
  g_task_return_pointer (task, caller, (GDestroyNotify) mkv_caller_free);
}

static gboolean
on_timeout (gpointer user_data)
{
  return_caller (user_data, MKV_SANDBOX_UNKNOWN, NULL);
  return G_SOURCE_REMOVE;
}

static void
look_free (gpointer data)
{
  Look *self = data;

  g_object_unref (self->task);
  g_free (self->app_id);
  g_free (self);
}

static gboolean
on_looked (gpointer user_data)
{
  Look *self = user_data;

  return_caller (self->task, self->sandbox, g_steal_pointer (&self->app_id));
  return G_SOURCE_REMOVE;
}

static void
look (gpointer data, gpointer user_data)
{
  Look *self = data;
  g_autoptr (GSource) source = g_idle_source_new ();

  self->sandbox = mkv_sandbox_detect (self->pidfd, self->pid, &self->app_id);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_looked, self, look_free);
  g_source_attach (source, g_task_get_context (self->task));
}

/* Its threads may be blocked by a caller, so they are nobody else's. */
static GThreadPool *
get_pool (void)
{
  static gsize pool;

  if (g_once_init_enter (&pool))
    g_once_init_leave (&pool, (gsize) g_thread_pool_new (look, NULL, MAX_THREADS, FALSE, NULL));
  return (GThreadPool *) pool;
}

static void
start_look (GTask *task)
{
  Lookup *self = g_task_get_task_data (task);
  Look *looking = g_new0 (Look, 1);

  self->timeout = mkv_clock_timeout_source_new (self->clock, TIME_LIMIT);
  g_source_set_callback (self->timeout, on_timeout, g_object_ref (task), g_object_unref);
  g_source_attach (self->timeout, g_task_get_context (task));
  looking->task = g_object_ref (task);
  looking->pid = self->pid;
  looking->pidfd = self->pidfd;
  g_thread_pool_push (get_pool (), looking, NULL);
}

static void
on_own_number (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GVariant) reply = NULL;
  GError *error = NULL;
  guint pid;

  reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  if (reply == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  g_variant_get (reply, "(u)", &pid);
  if (pid == (guint) getpid ())
    start_look (task);
  else
    return_caller (task, MKV_SANDBOX_UNKNOWN, NULL);
}

static void
call_bus (GTask *task, const char *method, const char *name, GAsyncReadyCallback callback)
{
  Lookup *self = g_task_get_task_data (task);

  g_dbus_connection_call_with_unix_fd_list (self->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                            "org.freedesktop.DBus", method, g_variant_new ("(s)", name), NULL,
                                            G_DBUS_CALL_FLAGS_NONE, -1, NULL, g_task_get_cancellable (task),
                                            callback, g_object_ref (task));
}

static void
on_credentials (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) credentials = NULL;
  Lookup *self = g_task_get_task_data (task);
  GError *error = NULL;
  gint32 index;

  reply = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), &fds, result, &error);
  if (reply == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  if (!g_variant_is_of_type (reply, G_VARIANT_TYPE ("(a{sv})")))
    {
      g_task_return_new_error (task, MKV_ERROR, MKV_ERROR_FAILED, _("The bus does not say who its clients are"));
      return;
    }
  credentials = g_variant_get_child_value (reply, 0);
  if (!g_variant_lookup (credentials, "UnixUserID", "u", &self->uid))
    {
      g_task_return_new_error (task, MKV_ERROR, MKV_ERROR_FAILED, _("The bus does not say who its clients are"));
      return;
    }
  g_variant_lookup (credentials, "ProcessID", "u", &self->pid);
  if (fds != NULL && g_variant_lookup (credentials, "ProcessFD", "h", &index) && index >= 0 &&
      index < g_unix_fd_list_get_length (fds))
    self->pidfd = g_unix_fd_list_get (fds, index, NULL);

  if (!self->look)
    return_caller (task, MKV_SANDBOX_UNKNOWN, NULL);
  else if (self->pidfd >= 0)
    start_look (task);
  else
    /* A number means the same to the bus and here only if both count alike. */
    call_bus (task, "GetConnectionUnixProcessID", g_dbus_connection_get_unique_name (self->connection),
              on_own_number);
}

/* Without a bus the kernel has told who is at the other end. */
static void
look_up_peer (GTask *task)
{
  Lookup *self = g_task_get_task_data (task);
  GCredentials *credentials = g_dbus_connection_get_peer_credentials (self->connection);

  self->uid = credentials != NULL ? g_credentials_get_unix_user (credentials, NULL) : (guint) -1;
  self->pid = credentials != NULL ? MAX (g_credentials_get_unix_pid (credentials, NULL), 0) : 0;
  if (self->uid == (guint) -1)
    g_task_return_new_error (task, MKV_ERROR, MKV_ERROR_FAILED,
                             _("The connection does not say who is at its other end"));
  else if (self->look)
    start_look (task);
  else
    return_caller (task, MKV_SANDBOX_UNKNOWN, NULL);
}

void
mkv_caller_look_up (GDBusConnection *connection, const char *name, gboolean look, MkvClock *clock,
                    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Lookup *self = g_new0 (Lookup, 1);

  self->connection = g_object_ref (connection);
  self->clock = g_object_ref (clock);
  self->look = look;
  self->pidfd = -1;
  g_task_set_source_tag (task, mkv_caller_look_up);
  g_task_set_task_data (task, self, lookup_free);
  if (name != NULL)
    call_bus (task, "GetConnectionCredentials", name, on_credentials);
  else
    look_up_peer (task);
}

MkvCaller *
mkv_caller_look_up_finish (GAsyncResult *result, GError **error)
{
  Lookup *self = g_task_get_task_data (G_TASK (result));

  if (self->timeout != NULL)
    g_source_destroy (self->timeout);
  return g_task_propagate_pointer (G_TASK (result), error);
}
