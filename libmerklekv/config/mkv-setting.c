/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "config/mkv-setting-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-limits.h"

#define NO_METRICS N_("metrics")
#define NO_TOKENS N_("tokens")
#define NO_NETWORK_KEY N_("network keys and encryption of values")

/* Every setting there is; doc/configuration and data/merklekv.conf follow it. */
static const MkvSetting settings[] = {
  { "node.client-id", MKV_SETTING_ID, .needs_restart = TRUE },
  { "node.node-id", MKV_SETTING_ID, .needs_restart = TRUE },
  { "node.topic-prefix", MKV_SETTING_PREFIX, "merkle_kv_mobile" },
  { "node.profile", MKV_SETTING_WORD, "development", .words = "development testing production edge" },

  { "storage.backend", MKV_SETTING_PLUGIN, "lmdb", .testing = "memory", .needs_restart = TRUE },
  { "storage.path", MKV_SETTING_PATH, .needs_restart = TRUE },
  { "storage.durability", MKV_SETTING_WORD, "durable", .words = "none ordered durable", .testing = "none",
    .edge = "ordered" },
  { "storage.max-size", MKV_SETTING_SIZE, "0", .edge = "64M" },
  { "storage.encryption-key-file", MKV_SETTING_FILE, .needs_restart = TRUE },

  { "transport.backend", MKV_SETTING_PLUGIN, "mqtt", .needs_restart = TRUE },
  { "transport.broker", MKV_SETTING_BROKER },
  { "transport.mqtt-version", MKV_SETTING_WORD, "5", .words = "5 3.1.1" },
  { "transport.username", MKV_SETTING_TEXT },
  { "transport.password-file", MKV_SETTING_FILE },
  { "transport.ca-file", MKV_SETTING_FILE },
  { "transport.cert-file", MKV_SETTING_FILE },
  { "transport.key-file", MKV_SETTING_FILE },
  /* libmosquitto refuses a keep-alive of less than 5 s. */
  { "transport.keep-alive", MKV_SETTING_INTEGER, "60", .least = 5, .most = 65535, .edge = "300" },
  { "transport.session-expiry", MKV_SETTING_INTEGER, "86400", .most = G_MAXUINT32, .edge = "604800" },
  { "transport.max-payload", MKV_SETTING_INTEGER, "524288", .least = 4096, .most = MKV_MAX_PAYLOAD_BYTES },
  { "transport.max-inflight", MKV_SETTING_INTEGER, "100", .least = 1, .most = 65535, .edge = "20" },
  { "transport.connect-timeout", MKV_SETTING_INTEGER, "10", .least = 1, .most = 600, .edge = "30" },
  { "transport.allow-insecure-credentials", MKV_SETTING_BOOLEAN, "false" },

  { "replication.enabled", MKV_SETTING_BOOLEAN, "true" },
  { "replication.codec", MKV_SETTING_WORD, "cbor", .words = "cbor json locked-spec" },
  { "replication.compression", MKV_SETTING_WORD, "auto", .words = "auto on off", .testing = "off" },
  { "replication.batch-interval-ms", MKV_SETTING_INTEGER, "10", .most = 60000, .edge = "100" },
  { "replication.skew-max-future-ms", MKV_SETTING_INTEGER, "300000", .least = 1000, .most = 86400000 },
  { "replication.tombstone-retention-hours", MKV_SETTING_INTEGER, "24", .least = 1, .most = 87600 },
  { "replication.grave-retention-days", MKV_SETTING_INTEGER, "90", .least = 1, .most = 36500 },

  { "antientropy.enabled", MKV_SETTING_BOOLEAN, "true" },
  { "antientropy.interval-min-s", MKV_SETTING_INTEGER, "2", .least = 1, .most = 86400, .edge = "10" },
  { "antientropy.interval-max-s", MKV_SETTING_INTEGER, "128", .least = 1, .most = 86400, .edge = "1800" },
  { "antientropy.sync-rate", MKV_SETTING_INTEGER, "0", .most = G_MAXUINT32 },
  { "antientropy.sessions-per-second", MKV_SETTING_INTEGER, "5", .least = 1, .most = 1000 },

  /* In production only who shows a token shall get in; without tokens, nobody. */
  { "commands.access", MKV_SETTING_WORD, "allow", .words = "allow deny", .production = "deny" },
  { "commands.tokens-file", MKV_SETTING_FILE, .use = MKV_SETTING_REFUSED, .missing = NO_TOKENS },
  { "commands.codec", MKV_SETTING_WORD, "json", .words = "json cbor" },
  { "commands.mirror-commands", MKV_SETTING_BOOLEAN, "false" },

  { "security.network-key-file", MKV_SETTING_FILE, .use = MKV_SETTING_REFUSED, .missing = NO_NETWORK_KEY },
  { "security.encrypt-values", MKV_SETTING_BOOLEAN, "false", .use = MKV_SETTING_REFUSED,
    .missing = NO_NETWORK_KEY },
  { "security.value-keys", MKV_SETTING_TEXT, .use = MKV_SETTING_REFUSED, .missing = NO_NETWORK_KEY },

  { "observe.log-level", MKV_SETTING_WORD, "info", .words = "error warning info debug", .testing = "debug",
    .edge = "warning" },
  { "observe.log-format", MKV_SETTING_WORD, "text", .words = "text json journal", .production = "journal",
    .edge = "journal" },
  { "observe.metrics-listen", MKV_SETTING_LISTEN, .use = MKV_SETTING_IGNORED, .missing = NO_METRICS },
  { "observe.metrics-file", MKV_SETTING_PATH, .use = MKV_SETTING_IGNORED, .missing = NO_METRICS },
};

const MkvSetting *
mkv_setting_get_all (guint *n_settings)
{
  *n_settings = G_N_ELEMENTS (settings);
  return settings;
}

const MkvSetting *
mkv_setting_find (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    if (g_str_equal (settings[i].name, name))
      return &settings[i];
  return NULL;
}

const char *
mkv_setting_get_default (const MkvSetting *setting, const char *profile)
{
  const char *other = NULL;

  if (g_str_equal (profile, "production"))
    other = setting->production;
  else if (g_str_equal (profile, "testing"))
    other = setting->testing;
  else if (g_str_equal (profile, "edge"))
    other = setting->edge;
  return other != NULL ? other : setting->fallback;
}

static gboolean
is_in_group (const MkvSetting *setting, const char *group, gsize length)
{
  return strncmp (setting->name, group, length) == 0 && setting->name[length] == '.';
}

gboolean
mkv_setting_has_group (const char *group)
{
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    if (is_in_group (&settings[i], group, strlen (group)))
      return TRUE;
  return FALSE;
}

char *
mkv_setting_list_groups (void)
{
  GString *groups = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    {
      gsize length = strcspn (settings[i].name, ".");

      if (i > 0 && is_in_group (&settings[i - 1], settings[i].name, length))
        continue;
      g_string_append_printf (groups, "%s%.*s", i > 0 ? ", " : "", (int) length, settings[i].name);
    }
  return g_string_free (groups, FALSE);
}

/* How many letters have to be added, removed or replaced (Levenshtein). */
static guint
get_distance (const char *a, const char *b)
{
  gsize n = strlen (b);
  g_autofree guint *row = g_new (guint, n + 1);

  for (gsize j = 0; j <= n; j++)
    row[j] = (guint) j;
  for (gsize i = 0; a[i] != 0; i++)
    {
      guint diagonal = row[0];

      row[0] = (guint) i + 1;
      for (gsize j = 0; j < n; j++)
        {
          guint replaced = diagonal + (a[i] != b[j] ? 1 : 0);

          diagonal = row[j + 1];
          row[j + 1] = MIN (replaced, MIN (row[j], row[j + 1]) + 1);
        }
    }
  return row[n];
}

const char *
mkv_setting_find_similar (const char *name)
{
  const char *key = strchr (name, '.');
  const char *best = NULL;
  guint best_distance;

  /* A right key in a wrong group is the likeliest mistake of all. */
  for (guint i = 0; key != NULL && i < G_N_ELEMENTS (settings); i++)
    if (g_str_has_suffix (settings[i].name, key))
      return settings[i].name;

  if (strlen (name) > 64)
    return NULL;
  best_distance = (guint) strlen (name) / 3;
  for (guint i = 0; i < G_N_ELEMENTS (settings); i++)
    {
      guint distance = get_distance (name, settings[i].name);

      if (distance < best_distance)
        {
          best_distance = distance;
          best = settings[i].name;
        }
    }
  return best;
}
