/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-gate-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>
#include <unistd.h>

#include "base/mkv-error.h"
#include "bus/mkv-authority-private.h"
#include "bus/mkv-caller-private.h"

/* The first call of a sender waits for mkv_caller_look_up(). On the system bus
 * a call may then wait for polkit: there is one question for each permission,
 * and another where the caller's user may be asked for a password, which takes
 * as long as it takes and holds up nothing else. What is known of a sender is
 * forgotten when it leaves the bus; polkit's word as soon as it says that
 * anything has changed. */

/* A system bus lets a client watch for 512 things. */
#define MAX_SENDERS (256)
#define MAX_WAITING (4096) /* calls of one sender */

/* polkit tells when its answers change, but who knows when that gets here. */
#define GRANT_TIME (60 * G_USEC_PER_SEC)

typedef enum
{
  PERMISSION_OWN_KEYS,
  PERMISSION_READ_ALL_KEYS,
  PERMISSION_WRITE_ALL_KEYS,
  PERMISSION_MANAGE,
  N_PERMISSIONS
} Permission;

static const char *const permission_names[N_PERMISSIONS] = {
  [PERMISSION_OWN_KEYS] = DBUS_NAME ".own-keys",
  [PERMISSION_READ_ALL_KEYS] = DBUS_NAME ".read-all-keys",
  [PERMISSION_WRITE_ALL_KEYS] = DBUS_NAME ".write-all-keys",
  [PERMISSION_MANAGE] = DBUS_NAME ".manage",
};

typedef struct
{
  GDBusMethodInvocation *invocation;
  MkvGateAction action;
  char **names; /* NULL for everything */
  MkvGateFunc func;
  gpointer user_data;
} Call;

typedef struct _Sender Sender;

/* What polkit was asked; the calls in `waiting` are why. */
typedef struct
{
  Sender *sender;
  Permission permission;
  gboolean interactive;
  GQueue waiting; /* of Call */
} Question;

struct _Sender
{
  MkvGate *gate;
  char *name; /* "" where there is no bus */
  MkvCaller *caller; /* NULL until it is known */
  GQueue waiting;    /* of Call: for that */
  Question questions[N_PERMISSIONS][2];
  gint64 granted_until[N_PERMISSIONS]; /* monotonic */
  GCancellable *cancellable;           /* for all that is asked about it */
  guint left_id;
  guint64 used; /* the higher, the later */
};

struct _MkvGate
{
  GDBusConnection *connection;
  MkvClock *clock;
  MkvObserver *observer;
  gboolean guarded;
  MkvAuthority *authority; /* NULL unless guarded */
  GHashTable *senders;     /* name: Sender */
  guint64 n_calls;
};

static void
call_free (Call *self)
{
  g_strfreev (self->names);
  g_free (self);
}

/* Takes the invocation. */
static void
refuse (MkvGate *self, GDBusMethodInvocation *invocation, MkvError code, const char *text)
{
  mkv_observer_drop (self->observer, MKV_COUNTER_BUS_CALLS_REFUSED, _("A call of %s over D-Bus was refused: %s"),
                     g_dbus_method_invocation_get_method_name (invocation), text);
  g_dbus_method_invocation_return_error_literal (invocation, MKV_ERROR, code, text);
}

static void
refuse_all (MkvGate *self, GQueue *calls, MkvError code, const char *text)
{
  Call *call;

  while ((call = g_queue_pop_head (calls)) != NULL)
    {
      refuse (self, call->invocation, code, text);
      call_free (call);
    }
}

static void
sender_refuse_all (Sender *self, MkvError code, const char *text)
{
  guint i, j;

  refuse_all (self->gate, &self->waiting, code, text);
  for (i = 0; i < N_PERMISSIONS; i++)
    for (j = 0; j < 2; j++)
      refuse_all (self->gate, &self->questions[i][j].waiting, code, text);
}

static void
sender_free (gpointer data)
{
  Sender *self = data;

  g_cancellable_cancel (self->cancellable);
  g_object_unref (self->cancellable);
  if (self->left_id != 0)
    g_dbus_connection_signal_unsubscribe (self->gate->connection, self->left_id);
  g_clear_pointer (&self->caller, mkv_caller_free);
  g_free (self->name);
  g_free (self);
}

static void
forget (Sender *self, MkvError code, const char *text)
{
  GHashTable *senders = self->gate->senders;

  g_hash_table_steal (senders, self->name);
  sender_refuse_all (self, code, text);
  sender_free (self);
}

static void
on_owner_changed (GDBusConnection *connection, const char *bus, const char *path, const char *interface,
                  const char *signal_name, GVariant *parameters, gpointer user_data)
{
  forget (user_data, MKV_ERROR_UNAVAILABLE, _("The caller has left the bus"));
}

static gboolean
is_waiting (Sender *self)
{
  guint i, j;

  if (self->caller == NULL)
    return TRUE;
  for (i = 0; i < N_PERMISSIONS; i++)
    for (j = 0; j < 2; j++)
      if (!g_queue_is_empty (&self->questions[i][j].waiting))
        return TRUE;
  return FALSE;
}

/* Forgets who has not called for longest, to be looked up again if need be. */
static gboolean
make_room (MkvGate *self)
{
  GHashTableIter iter;
  Sender *sender, *oldest = NULL;

  if (g_hash_table_size (self->senders) < MAX_SENDERS)
    return TRUE;
  g_hash_table_iter_init (&iter, self->senders);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &sender))
    if (!is_waiting (sender) && (oldest == NULL || sender->used < oldest->used))
      oldest = sender;
  if (oldest != NULL)
    g_hash_table_remove (self->senders, oldest->name);
  return oldest != NULL;
}

static void on_caller (GObject *source, GAsyncResult *result, gpointer user_data);

static Sender *
add_sender (MkvGate *self, const char *name)
{
  Sender *sender = g_new0 (Sender, 1);
  guint i, j;

  sender->gate = self;
  sender->name = g_strdup (name);
  sender->cancellable = g_cancellable_new ();
  g_queue_init (&sender->waiting);
  for (i = 0; i < N_PERMISSIONS; i++)
    for (j = 0; j < 2; j++)
      {
        sender->questions[i][j].sender = sender;
        sender->questions[i][j].permission = i;
        sender->questions[i][j].interactive = j;
        g_queue_init (&sender->questions[i][j].waiting);
      }
  g_hash_table_insert (self->senders, sender->name, sender);
  /* In this order, so that it can't leave unseen in between. */
  if (*name != '\0')
    sender->left_id = g_dbus_connection_signal_subscribe (self->connection, "org.freedesktop.DBus",
                                                          "org.freedesktop.DBus", "NameOwnerChanged",
                                                          "/org/freedesktop/DBus", name, G_DBUS_SIGNAL_FLAGS_NONE,
                                                          on_owner_changed, sender, NULL);
  mkv_caller_look_up (self->connection, *name != '\0' ? name : NULL, !self->guarded, self->clock,
                      sender->cancellable, on_caller, sender);
  return sender;
}

static gboolean
are_below (const char *const *names, const char *prefix)
{
  if (names == NULL)
    return FALSE;
  for (; *names != NULL; names++)
    if (!g_str_has_prefix (*names, prefix))
      return FALSE;
  return TRUE;
}

/* The session bus: NULL if it may. */
static char *
find_objection (const MkvCaller *caller, MkvGateAction action, const char *const *names)
{
  g_autofree char *prefix = NULL;

  if (action == MKV_GATE_OWN)
    return NULL;
  if (caller->uid != geteuid ())
    return g_strdup_printf (_("This store is for user %u alone, and the caller is user %u"),
                            (guint) geteuid (), caller->uid);
  switch (caller->sandbox)
    {
    case MKV_SANDBOX_NONE:
      return NULL;
    case MKV_SANDBOX_FLATPAK:
      prefix = g_strconcat (caller->app_id, "/", NULL);
      if (action == MKV_GATE_MANAGE)
        return g_strdup_printf (_("The Flatpak app %s may use only keys that begin with “%s”, and not manage the node"),
                                caller->app_id, prefix);
      if (!are_below (names, prefix))
        return g_strdup_printf (_("The Flatpak app %s may use only keys that begin with “%s”"), caller->app_id,
                                prefix);
      return NULL;
    default:
      return g_strdup (_("The caller is in a sandbox that is not Flatpak's, or does not let itself be looked at, so "
                         "that it may not use the store"));
    }
}

/* The system bus: what @caller needs for that. */
static Permission
find_permission (const MkvCaller *caller, MkvGateAction action, const char *const *names)
{
  g_autofree char *prefix = g_strdup_printf ("users/%u/", caller->uid);

  if (action == MKV_GATE_MANAGE)
    return PERMISSION_MANAGE;
  if (are_below (names, prefix))
    return PERMISSION_OWN_KEYS;
  return action == MKV_GATE_WRITE ? PERMISSION_WRITE_ALL_KEYS : PERMISSION_READ_ALL_KEYS;
}

static char *
describe_denial (const Question *self, const GError *error)
{
  guint uid = self->sender->caller->uid;

  if (error != NULL)
    return g_strdup_printf (_("polkit can't be asked whether user %u may do that (%s: %s), so only root and the user "
                              "of the daemon may"),
                            uid, permission_names[self->permission], error->message);
  if (self->permission == PERMISSION_OWN_KEYS)
    return g_strdup_printf (_("polkit does not let user %u use keys that begin with “users/%u/” (%s)"), uid, uid,
                            permission_names[self->permission]);
  if (self->permission == PERMISSION_MANAGE)
    return g_strdup_printf (_("polkit does not let user %u manage the node (%s)"), uid,
                            permission_names[self->permission]);
  return g_strdup_printf (_("polkit lets user %u use only keys that begin with “users/%u/”; all others need %s"), uid,
                          uid, permission_names[self->permission]);
}

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  Question *self = user_data;
  MkvGate *gate;
  gboolean granted;
  Call *call;
  GQueue calls;

  granted = mkv_authority_check_finish (result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return; /* and forgotten */

  gate = self->sender->gate;
  calls = self->waiting;
  g_queue_init (&self->waiting);
  if (error != NULL)
    g_dbus_error_strip_remote_error (error);
  if (granted)
    self->sender->granted_until[self->permission] = mkv_clock_get_monotonic_time (gate->clock) + GRANT_TIME;
  else
    text = describe_denial (self, error);
  while ((call = g_queue_pop_head (&calls)) != NULL)
    {
      if (granted || call->action == MKV_GATE_OWN)
        call->func (call->invocation, call->user_data);
      else
        refuse (gate, call->invocation, MKV_ERROR_FORBIDDEN, text);
      call_free (call);
    }
}

static void
wait_in (GQueue *queue, MkvGate *self, GDBusMethodInvocation *invocation, MkvGateAction action,
         const char *const *names, MkvGateFunc func, gpointer user_data)
{
  Call *call;

  if (g_queue_get_length (queue) >= MAX_WAITING)
    {
      refuse (self, invocation, MKV_ERROR_RATE_LIMITED, _("Too many calls of one caller wait for permission"));
      return;
    }
  call = g_new (Call, 1);
  call->invocation = invocation;
  call->action = action;
  call->names = g_strdupv ((char **) names);
  call->func = func;
  call->user_data = user_data;
  g_queue_push_tail (queue, call);
}

static void
pass_guarded (Sender *sender, GDBusMethodInvocation *invocation, MkvGateAction action, const char *const *names,
              MkvGateFunc func, gpointer user_data)
{
  MkvGate *self = sender->gate;
  GDBusMessageFlags flags = g_dbus_message_get_flags (g_dbus_method_invocation_get_message (invocation));
  gboolean interactive = (flags & G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION) != 0;
  Permission permission;
  Question *question;
  gboolean asked;

  if (sender->caller->uid == 0 || sender->caller->uid == geteuid ())
    {
      func (invocation, user_data);
      return;
    }
  permission = find_permission (sender->caller, action, names);
  if (sender->granted_until[permission] > mkv_clock_get_monotonic_time (self->clock))
    {
      func (invocation, user_data);
      return;
    }
  if (action == MKV_GATE_OWN)
    interactive = !g_queue_is_empty (&sender->questions[permission][TRUE].waiting);
  question = &sender->questions[permission][interactive];
  asked = !g_queue_is_empty (&question->waiting);
  if (action == MKV_GATE_OWN && !asked)
    {
      func (invocation, user_data);
      return;
    }
  if (*sender->name == '\0')
    {
      refuse (self, invocation, MKV_ERROR_FORBIDDEN,
              _("polkit knows callers by their names on the bus, and here is no bus"));
      return;
    }
  wait_in (&question->waiting, self, invocation, action, names, func, user_data);
  if (!asked)
    mkv_authority_check (self->authority, sender->name, permission_names[permission], interactive,
                         sender->cancellable, on_answer, question);
}

static void
pass_known (Sender *sender, GDBusMethodInvocation *invocation, MkvGateAction action, const char *const *names,
            MkvGateFunc func, gpointer user_data)
{
  g_autofree char *objection = NULL;

  if (sender->gate->guarded)
    {
      pass_guarded (sender, invocation, action, names, func, user_data);
      return;
    }
  objection = find_objection (sender->caller, action, names);
  if (objection == NULL)
    func (invocation, user_data);
  else
    refuse (sender->gate, invocation, MKV_ERROR_FORBIDDEN, objection);
}

static void
on_caller (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  MkvCaller *caller;
  Sender *self = user_data;
  Call *call;

  caller = mkv_caller_look_up_finish (result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return; /* and forgotten */
  if (caller == NULL)
    {
      g_dbus_error_strip_remote_error (error);
      text = g_strdup_printf (_("It could not be found out who the caller is: %s"), error->message);
      forget (self, MKV_ERROR_FORBIDDEN, text);
      return;
    }
  self->caller = caller;
  while ((call = g_queue_pop_head (&self->waiting)) != NULL)
    {
      pass_known (self, call->invocation, call->action, (const char *const *) call->names, call->func,
                  call->user_data);
      call_free (call);
    }
}

static void
on_authority_changed (gpointer user_data)
{
  MkvGate *self = user_data;
  GHashTableIter iter;
  Sender *sender;

  g_hash_table_iter_init (&iter, self->senders);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &sender))
    memset (sender->granted_until, 0, sizeof sender->granted_until);
}

MkvGate *
mkv_gate_new (GDBusConnection *connection, MkvClock *clock, MkvObserver *observer, gboolean guarded)
{
  MkvGate *self = g_new0 (MkvGate, 1);

  self->connection = g_object_ref (connection);
  self->clock = g_object_ref (clock);
  self->observer = g_object_ref (observer);
  self->guarded = guarded;
  self->senders = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, sender_free);
  if (guarded)
    self->authority = mkv_authority_new (connection, on_authority_changed, self);
  return self;
}

void
mkv_gate_free (MkvGate *self)
{
  GHashTableIter iter;
  Sender *sender;

  g_hash_table_iter_init (&iter, self->senders);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &sender))
    sender_refuse_all (sender, MKV_ERROR_UNAVAILABLE, _("The daemon is going away"));
  g_hash_table_unref (self->senders);
  g_clear_pointer (&self->authority, mkv_authority_free);
  g_object_unref (self->connection);
  g_object_unref (self->clock);
  g_object_unref (self->observer);
  g_free (self);
}

void
mkv_gate_pass (MkvGate *self, GDBusMethodInvocation *invocation, MkvGateAction action, const char *const *names,
               MkvGateFunc func, gpointer user_data)
{
  const char *name = g_dbus_method_invocation_get_sender (invocation);
  Sender *sender;

  if (name == NULL)
    name = "";
  sender = g_hash_table_lookup (self->senders, name);
  if (sender == NULL && !make_room (self))
    {
      refuse (self, invocation, MKV_ERROR_RATE_LIMITED, _("Too many callers wait for permission"));
      return;
    }
  if (sender == NULL)
    sender = add_sender (self, name);
  sender->used = ++self->n_calls;
  if (sender->caller != NULL)
    pass_known (sender, invocation, action, names, func, user_data);
  else
    wait_in (&sender->waiting, self, invocation, action, names, func, user_data);
}
