/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Two nodes, a broker, a cut and its healing, as a story that checks itself.
 */
#include "config.h"

#include "mkv-demo.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <signal.h>
#include <unistd.h>

#include "mkv-cli-error.h"
#include "mkv-demo-broker.h"
#include "mkv-demo-node.h"
#include "mkv-demo-peer.h"
#include "mkv-demo-screen.h"
#include "mkv-relay.h"

/* So that one can follow what happens. */
#define PAUSE_MS 250

typedef struct
{
  MkvDemoBroker *broker; /* NULL where all is in this process */
  MkvRelay *relays[2];
  MkvDemoPeer *alice;
  MkvDemoPeer *bob;
  gint64 began;
} Demo;

/* What a peer is to have seen. */
typedef struct
{
  MkvDemoPeer *peer;
  const char *key;
  const char *value;
} Sight;

static gboolean
is_seen (gpointer user_data)
{
  Sight *sight = user_data;

  return g_strcmp0 (g_hash_table_lookup (sight->peer->seen, sight->key), sight->value) == 0 ||
         sight->peer->failure != NULL;
}

static gboolean
is_connected (gpointer user_data)
{
  Demo *demo = user_data;

  return (demo->alice->online && demo->bob->online) || demo->alice->failure != NULL || demo->bob->failure != NULL;
}

static gboolean
is_bob_cut_off (gpointer user_data)
{
  Demo *demo = user_data;

  return !demo->bob->online || demo->bob->failure != NULL;
}

static char *
describe_write (const char *key, const char *value)
{
  return value != NULL ? g_strdup_printf ("set %s = %s", key, value) : g_strdup_printf ("delete %s", key);
}

static gboolean
do_write (MkvDemoPeer *peer, const char *key, const char *value)
{
  if (value != NULL)
    return mkv_demo_peer_command (peer, "set", key, value, NULL);
  return mkv_demo_peer_command (peer, "delete", key, NULL);
}

/* One writes, and the other sees it. */
static gboolean
write_and_watch (MkvDemoPeer *writer, MkvDemoPeer *watcher, const char *key, const char *value)
{
  g_autofree char *what = describe_write (key, value);
  g_autofree char *outcome = NULL;
  Sight sight = { watcher, key, value != NULL ? value : "" };
  gint64 begin = g_get_monotonic_time ();

  if (!do_write (writer, key, value) || !mkv_demo_wait (is_seen, &sight) || watcher->failure != NULL)
    return FALSE;
  outcome = g_strdup_printf (_("%s sees it after %.1f ms"), watcher->name,
                             (double) (g_get_monotonic_time () - begin) / 1000);
  mkv_demo_screen_event (writer->name, what, outcome);
  mkv_demo_pause (PAUSE_MS);
  return TRUE;
}

/* One writes, and the other can't know. */
static gboolean
write_apart (MkvDemoPeer *writer, const char *key, const char *value, const char *outcome)
{
  g_autofree char *what = describe_write (key, value);

  if (!do_write (writer, key, value))
    return FALSE;
  mkv_demo_screen_event (writer->name, what, outcome);
  mkv_demo_pause (PAUSE_MS / 2);
  return TRUE;
}

static gboolean
begin_with_broker (Demo *demo, const char *program, GError **error)
{
  demo->broker = mkv_demo_broker_new (program, error);
  if (demo->broker == NULL)
    return FALSE;
  for (guint i = 0; i < G_N_ELEMENTS (demo->relays); i++)
    {
      demo->relays[i] = mkv_relay_new (mkv_demo_broker_get_port (demo->broker), error);
      if (demo->relays[i] == NULL)
        return FALSE;
    }
  demo->alice = mkv_demo_peer_new_process ("alice", mkv_relay_get_uri (demo->relays[0]), error);
  if (demo->alice == NULL)
    return FALSE;
  demo->bob = mkv_demo_peer_new_process ("bob", mkv_relay_get_uri (demo->relays[1]), error);
  if (demo->bob == NULL)
    return FALSE;

  mkv_demo_screen_step (1, _("A broker, and two nodes in two processes, each behind a relay"));
  mkv_demo_screen_line ("alice ── :%u ── mosquitto :%u ── :%u ── bob", mkv_relay_get_port (demo->relays[0]),
                        mkv_demo_broker_get_port (demo->broker), mkv_relay_get_port (demo->relays[1]));
  return TRUE;
}

static void
begin_here (Demo *demo)
{
  demo->alice = mkv_demo_peer_new_here ("alice");
  demo->bob = mkv_demo_peer_new_here ("bob");
  mkv_demo_screen_step (1, _("mosquitto is not installed: two nodes in this process, and a broker between them"));
  mkv_demo_screen_line ("alice ── loopback://demo ── bob");
}

static gboolean
cut (Demo *demo)
{
  if (demo->relays[1] != NULL)
    mkv_relay_cut (demo->relays[1]);
  else if (!mkv_demo_peer_command (demo->bob, "offline", NULL))
    return FALSE;
  return mkv_demo_wait (is_bob_cut_off, demo);
}

static gboolean
heal (Demo *demo)
{
  if (demo->relays[1] != NULL)
    mkv_relay_heal (demo->relays[1]);
  else if (!mkv_demo_peer_command (demo->bob, "online", NULL))
    return FALSE;
  return mkv_demo_wait (is_connected, demo);
}

static gboolean
tell_what_arrived (MkvDemoPeer *peer, const char *key, const char *value, const char *why)
{
  g_autofree char *what = value != NULL ? g_strdup_printf ("%s = %s", key, value)
                                        : g_strdup_printf (_("%s is deleted"), key);
  Sight sight = { peer, key, value != NULL ? value : "" };

  if (!mkv_demo_wait (is_seen, &sight) || peer->failure != NULL)
    return FALSE;
  mkv_demo_screen_event (peer->name, what, why);
  return TRUE;
}

static const char *
get_shown (MkvDemoPeer *peer, const char *key)
{
  const char *value = g_hash_table_lookup (peer->entries, key);

  return value != NULL ? value : "—";
}

/* Prints what both hold, side by side, and says whether it is the same. */
static gboolean
compare (Demo *demo)
{
  static const char *const keys[] = { "door", "guests", "lamp", "music", "window" };
  gboolean equal = TRUE;

  if (!mkv_demo_peer_command (demo->alice, "list", NULL) || !mkv_demo_peer_command (demo->bob, "list", NULL))
    return FALSE;
  mkv_demo_screen_row (_("key"), "alice", "bob", TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      const char *first = get_shown (demo->alice, keys[i]), *second = get_shown (demo->bob, keys[i]);

      mkv_demo_screen_row (keys[i], first, second, FALSE);
      equal = equal && g_str_equal (first, second);
    }
  return equal && g_hash_table_size (demo->alice->entries) == g_hash_table_size (demo->bob->entries) &&
         g_strcmp0 (g_hash_table_lookup (demo->alice->entries, "lamp"), "blue") == 0;
}

/* Returns NULL, or what went wrong. */
static const char *
play (Demo *demo)
{
  g_autofree char *back = NULL;
  gint64 begin;

  if (!mkv_demo_wait (is_connected, demo) || demo->alice->failure != NULL || demo->bob->failure != NULL)
    return _("the nodes did not connect to the broker");
  mkv_demo_screen_line ("%s", _("Both are online."));
  mkv_demo_pause (PAUSE_MS);

  mkv_demo_screen_step (2, _("Each writes while the other watches"));
  if (!write_and_watch (demo->alice, demo->bob, "lamp", "on") ||
      !write_and_watch (demo->bob, demo->alice, "door", "open") ||
      !write_and_watch (demo->alice, demo->bob, "guests", "3") ||
      !write_and_watch (demo->bob, demo->alice, "guests", "4"))
    return _("a change did not arrive");

  mkv_demo_screen_step (3, _("Bob is cut off, and both go on writing"));
  if (!cut (demo))
    return _("bob did not notice that he was cut off");
  mkv_demo_screen_line ("%s", _("Bob is offline. His store works on; what he writes waits in its outbox."));
  if (!write_apart (demo->alice, "lamp", "red", _("a conflict: bob is about to write it too")) ||
      !write_apart (demo->alice, "music", "on", _("waits at the broker")) ||
      !write_apart (demo->alice, "door", NULL, _("a tombstone waits at the broker")) ||
      !write_apart (demo->bob, "lamp", "blue", _("the later write of the two")) ||
      !write_apart (demo->bob, "window", "ajar", _("waits in the outbox")))
    return _("a node could not write while bob was cut off");

  mkv_demo_screen_step (4, _("The way is free again"));
  begin = g_get_monotonic_time ();
  if (!heal (demo))
    return _("bob did not come back");
  back = g_strdup_printf (_("online again after %.1f s"), (double) (g_get_monotonic_time () - begin) / G_USEC_PER_SEC);
  mkv_demo_screen_event ("bob", back, "");
  if (!tell_what_arrived (demo->bob, "music", "on", _("from alice, by way of the broker")) ||
      !tell_what_arrived (demo->bob, "door", NULL, _("so does a deletion")) ||
      !tell_what_arrived (demo->alice, "window", "ajar", _("from bob's outbox")) ||
      !tell_what_arrived (demo->alice, "lamp", "blue", _("bob wrote it last: that holds for both")))
    return _("not everything arrived");

  mkv_demo_screen_step (5, _("What both hold now"));
  if (!compare (demo))
    return _("the contents differ");
  return NULL;
}

static gboolean
on_signal (gpointer user_data)
{
  mkv_demo_interrupt ();
  return G_SOURCE_CONTINUE;
}

static void
clear (Demo *demo)
{
  g_clear_pointer (&demo->alice, mkv_demo_peer_free);
  g_clear_pointer (&demo->bob, mkv_demo_peer_free);
  g_clear_object (&demo->relays[0]);
  g_clear_object (&demo->relays[1]);
  g_clear_pointer (&demo->broker, mkv_demo_broker_free);
}

int
mkv_demo_run (const MkvCliOptions *options)
{
  g_autofree char *program = mkv_demo_broker_find ();
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  Demo demo = { .began = g_get_monotonic_time () };
  const char *problem = NULL;

  if (options->as_node != NULL)
    return mkv_demo_node_run (options);

  signal (SIGPIPE, SIG_IGN);
  g_unix_signal_add (SIGINT, on_signal, NULL);
  g_unix_signal_add (SIGTERM, on_signal, NULL);
  mkv_demo_screen_title (_("MerkleKV: two nodes that lose and find each other"));
  if (program == NULL)
    begin_here (&demo);
  else if (!begin_with_broker (&demo, program, &error))
    problem = error->message;
  if (problem == NULL)
    problem = play (&demo);

  if (mkv_demo_is_interrupted ())
    {
      problem = _("interrupted");
      text = g_strdup (_("Interrupted."));
    }
  else if (problem == NULL)
    text = g_strdup_printf (_("Equal on both sides, after %.1f s."),
                            (double) (g_get_monotonic_time () - demo.began) / G_USEC_PER_SEC);
  else
    {
      const char *why = demo.alice != NULL && demo.alice->failure != NULL ? demo.alice->failure
                        : demo.bob != NULL && demo.bob->failure != NULL   ? demo.bob->failure
                                                                          : NULL;

      text = why != NULL ? g_strdup_printf (_("It did not work: %s: %s"), problem, why)
                         : g_strdup_printf (_("It did not work: %s"), problem);
    }
  mkv_demo_screen_verdict (problem == NULL, text);
  clear (&demo);
  return problem == NULL ? MKV_CLI_OK : MKV_CLI_FAILURE;
}
