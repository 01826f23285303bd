/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include <glib/gstdio.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "config/mkv-config.h"
#include "config/mkv-setting-private.h"
#include "mkv-test.h"
#include "model/mkv-names.h"

static char *folder;

static char *
write_file (const char *contents)
{
  char *path = g_build_filename (folder, "merklekv.conf", NULL);

  g_assert_true (g_file_set_contents (path, contents, -1, NULL));
  return path;
}

static MkvConfig *
read_config (const char *contents, const char *const *overrides)
{
  g_autofree char *path = write_file (contents);
  g_autoptr (GError) error = NULL;
  MkvConfig *config = mkv_config_new_from_file (path, overrides, &error);

  g_assert_no_error (error);
  return config;
}

/* What is wrong, without the file's folder. */
static char *
read_mistakes (const char *contents, const char *const *overrides)
{
  g_autofree char *path = write_file (contents);
  g_autofree char *start = g_strconcat (folder, "/", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvConfig) config = mkv_config_new_from_file (path, overrides, &error);
  g_auto (GStrv) parts = NULL;

  g_assert_null (config);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  parts = g_strsplit (error->message, start, -1);
  return g_strjoinv ("", parts);
}

static void
test_defaults (void)
{
  g_autoptr (MkvConfig) config = mkv_config_new ();
  g_auto (GStrv) names = mkv_config_list_settings (config);
  g_auto (GStrv) warnings = mkv_config_list_warnings (config);
  g_autofree char *path = g_build_filename (g_get_user_data_dir (), "merklekv", NULL);

  g_test_summary ("Without a file every setting has its default, and none is set");
  for (guint i = 0; names[i] != NULL; i++)
    g_assert_false (mkv_config_is_set (config, names[i]));
  g_assert_cmpuint (g_strv_length (warnings), ==, 0);
  g_assert_cmpstr (mkv_config_get_string (config, "node.topic-prefix"), ==, "merkle_kv_mobile");
  g_assert_cmpstr (mkv_config_get_string (config, "storage.backend"), ==, "lmdb");
  g_assert_cmpstr (mkv_config_get_string (config, "storage.path"), ==, path);
  g_assert_cmpstr (mkv_config_get_string (config, "transport.broker"), ==, NULL);
  g_assert_cmpstr (mkv_config_get_string (config, "transport.keep-alive"), ==, "60");
  g_assert_cmpint (mkv_config_get_integer (config, "transport.keep-alive"), ==, 60);
  g_assert_cmpint (mkv_config_get_integer (config, "storage.max-size"), ==, 0);
  g_assert_true (mkv_config_get_boolean (config, "replication.enabled"));
  g_assert_false (mkv_config_get_boolean (config, "transport.allow-insecure-credentials"));
  g_assert_cmpstr (mkv_config_get_string (config, "commands.access"), ==, "allow");
  g_assert_true (mkv_name_check (mkv_config_get_string (config, "node.client-id"), NULL));
  g_assert_cmpstr (mkv_config_get_string (config, "node.node-id"), ==,
                   mkv_config_get_string (config, "node.client-id"));
}

static void
test_table (void)
{
  static const char *const profiles[] = { "development", "testing", "production", "edge" };
  const MkvSetting *settings;
  guint n_settings;

  g_test_summary ("Every default, of every profile, passes its own check");
  settings = mkv_setting_get_all (&n_settings);
  for (guint i = 0; i < n_settings; i++)
    for (guint j = 0; j < G_N_ELEMENTS (profiles); j++)
      {
        const char *text = mkv_setting_get_default (&settings[i], profiles[j]);
        g_autofree char *value = NULL;
        g_autoptr (GError) error = NULL;
        gint64 number;

        if (text == NULL)
          continue;
        mkv_setting_parse (&settings[i], text, NULL, &value, &number, &error);
        g_assert_no_error (error);
        /* A size is kept in octets. */
        if (settings[i].type != MKV_SETTING_SIZE)
          g_assert_cmpstr (value, ==, text);
      }
}

static void
test_file (void)
{
  static const char *const overrides[] = { "transport.keep-alive=30", "transport.username=carol",
                                           "transport.password-file=pw", "storage.max-size=3K", NULL };
  g_autoptr (MkvConfig) config = read_config ("# a comment\n"
                                              "[node]\r\n"
                                              "client-id = a.b:c\n"
                                              "  topic-prefix= /house/kv/  \n"
                                              "\n"
                                              "[transport]\n"
                                              "broker=mqtts://[::1]:8883\n"
                                              "username=a\\sb\\\\\n"
                                              "keep-alive=50\n"
                                              "ca-file=certs/ca.pem\n"
                                              "cert-file=/etc/client.pem\n"
                                              "key-file=~/client.key\n"
                                              "[storage]\n"
                                              "max-size=2M\n"
                                              "path=data\n"
                                              "[node]\n"
                                              "node-id=n",
                                              overrides);
  g_autofree char *path = g_build_filename (folder, "data", NULL);
  g_autofree char *ca_file = g_build_filename (folder, "certs", "ca.pem", NULL);
  g_autofree char *key_file = g_build_filename (g_get_home_dir (), "client.key", NULL);
  g_autofree char *password_file = g_canonicalize_filename ("pw", NULL);

  g_test_summary ("A file is read, and arguments win; paths start where they were written");
  g_assert_cmpstr (mkv_config_get_string (config, "node.client-id"), ==, "a.b:c");
  g_assert_cmpstr (mkv_config_get_string (config, "node.node-id"), ==, "n");
  g_assert_cmpstr (mkv_config_get_string (config, "node.topic-prefix"), ==, "house/kv");
  g_assert_cmpstr (mkv_config_get_string (config, "transport.broker"), ==, "mqtts://[::1]:8883");
  g_assert_cmpint (mkv_config_get_integer (config, "transport.keep-alive"), ==, 30);
  g_assert_cmpstr (mkv_config_get_string (config, "transport.username"), ==, "carol");
  g_assert_cmpint (mkv_config_get_integer (config, "storage.max-size"), ==, 3072);
  g_assert_cmpstr (mkv_config_get_string (config, "storage.path"), ==, path);
  g_assert_cmpstr (mkv_config_get_string (config, "transport.ca-file"), ==, ca_file);
  g_assert_cmpstr (mkv_config_get_string (config, "transport.cert-file"), ==, "/etc/client.pem");
  g_assert_cmpstr (mkv_config_get_string (config, "transport.key-file"), ==, key_file);
  g_assert_cmpstr (mkv_config_get_string (config, "transport.password-file"), ==, password_file);
  g_assert_true (mkv_config_is_set (config, "storage.path"));
  g_assert_false (mkv_config_is_set (config, "storage.backend"));
}

static void
test_escapes (void)
{
  g_autoptr (MkvConfig) config = read_config ("[transport]\nusername=\\sa\\\\b \\s\n", NULL);

  g_test_summary ("Values are unescaped as in every key file");
  g_assert_cmpstr (mkv_config_get_string (config, "transport.username"), ==, " a\\b  ");
}

static void
test_profiles (void)
{
  g_autoptr (MkvConfig) config = mkv_config_new ();
  g_autoptr (GError) error = NULL;

  g_test_summary ("A profile changes defaults, never what was set");
  g_assert_true (mkv_config_set (config, "node.profile", "production", &error));
  g_assert_no_error (error);
  g_assert_cmpstr (mkv_config_get_string (config, "commands.access"), ==, "deny");
  g_assert_cmpstr (mkv_config_get_string (config, "storage.durability"), ==, "durable");
  g_assert_true (mkv_config_set (config, "commands.access", "allow", NULL));
  g_assert_cmpstr (mkv_config_get_string (config, "commands.access"), ==, "allow");
  g_assert_true (mkv_config_set (config, "node.profile", "testing", NULL));
  g_assert_cmpstr (mkv_config_get_string (config, "storage.backend"), ==, "memory");
  g_assert_false (mkv_config_is_set (config, "storage.backend"));
  g_assert_true (mkv_config_set (config, "node.profile", "edge", NULL));
  g_assert_cmpint (mkv_config_get_integer (config, "transport.keep-alive"), ==, 300);
  g_assert_cmpint (mkv_config_get_integer (config, "storage.max-size"), ==, 64 << 20);
}

static void
test_mistakes (void)
{
  static const char *const overrides[] = { "nonsense", "node.profile=fast", "storge.path=/x", "transport.broker=",
                                           NULL };
  g_autofree char *text = read_mistakes ("stray=1\n"
                                         "[node]\n"
                                         "client-id=a/b\n"
                                         "topic-prefix=a//b\n"
                                         "what is this\n"
                                         "profile=\n"
                                         "[storage\n"
                                         "[mqtt]\n"
                                         "broker=mqtt://x\n"
                                         "[transport]\n"
                                         "keepalive=5\n"
                                         "keep-alive=4\n"
                                         "password=secret\n"
                                         "mqtt-version=3\n"
                                         "max-payload=1e6\n"
                                         "Broker=mqtt://x\n"
                                         "username=\\x\n"
                                         "\xff=1\n"
                                         "[storage]\n"
                                         "backend=../lmdb\n"
                                         "max-size=1T\n"
                                         "max-size=1G\n"
                                         "[replication]\n"
                                         "enabled=yes\n"
                                         "xyzzy=1\n",
                                         overrides);

  g_test_summary ("Every mistake is told, with its file, line and setting");
  g_assert_cmpstr (
      text, ==,
      "merklekv.conf:1: stray: there is no [group] above it\n"
      "merklekv.conf:3: node.client-id: An id may hold A-Z a-z 0-9 _ - . : only, not the octet 0x2f\n"
      "merklekv.conf:4: node.topic-prefix: A topic prefix can't have an empty level\n"
      "merklekv.conf:5: the line is neither [group], nor key=value, nor a comment with # before it\n"
      "merklekv.conf:6: node.profile: the value is empty\n"
      "merklekv.conf:7: the line is neither [group], nor key=value, nor a comment with # before it\n"
      "merklekv.conf:8: mqtt: there is no such group, only node, storage, transport, replication, antientropy, "
      "commands, security, observe\n"
      "merklekv.conf:11: transport.keepalive: there is no such setting; is transport.keep-alive meant?\n"
      "merklekv.conf:12: transport.keep-alive: “4” is no number from 5 to 65535\n"
      "merklekv.conf:13: transport.password: there is no such setting; is transport.password-file meant?\n"
      "merklekv.conf:14: transport.mqtt-version: “3” is none of 5, 3.1.1\n"
      "merklekv.conf:15: transport.max-payload: “1e6” is no number from 4096 to 524288\n"
      "merklekv.conf:16: what stands before = is no key: it may hold a-z, 0-9 and - only\n"
      "merklekv.conf:17: transport.username: a backslash has to be written \\\\\n"
      "merklekv.conf:18: the line is not valid UTF-8\n"
      "merklekv.conf:20: storage.backend: “../lmdb” can't be the name of a plugin: it may hold a-z, 0-9 and - "
      "only\n"
      "merklekv.conf:21: storage.max-size: “1T” is no size: a number of octets, or one with K, M or G behind it\n"
      "merklekv.conf:22: storage.max-size: set a second time; remove one of the two\n"
      "merklekv.conf:24: replication.enabled: “yes” is neither true nor false\n"
      "merklekv.conf:25: replication.xyzzy: there is no such setting\n"
      "--set nonsense: it has to be like GROUP.KEY=VALUE\n"
      "--set node.profile: “fast” is none of development, testing, production, edge\n"
      "--set storge.path: there is no such setting; is storage.path meant?");
}

static void
test_wrong_values (void)
{
  static const struct
  {
    const char *setting, *value, *says;
  } wrong[] = {
    { "transport.broker", "localhost", "like mqtt://host:1883" },
    { "transport.broker", "http://host", "like mqtt://host:1883" },
    { "transport.broker", "mqtt://", "like mqtt://host:1883" },
    { "transport.broker", "mqtt://host:99999", "like mqtt://host:1883" },
    { "transport.broker", "mqtt://host:0", "like mqtt://host:1883" },
    { "transport.broker", "mqtt://host/topic", "behind the host and port" },
    { "transport.broker", "mqtt://user:pass@host", "use transport.username" },
    { "node.client-id", "global", "word of the topics" },
    { "node.client-id", "", "empty" },
    { "node.topic-prefix", "a/b/c/d/e", "4 levels" },
    { "commands.access", "token", "no tokens: use one of allow, deny" },
    { "commands.tokens-file", "x", "no tokens: remove" },
    { "security.network-key-file", "x", "no network keys" },
    { "security.encrypt-values", "true", "no network keys" },
    { "observe.metrics-listen", "0.0.0.0:80", "127.0.0.1:PORT" },
    { "observe.metrics-listen", "unix:relative", "path from the root" },
    { "transport.max-inflight", " 5", "no number from 1 to 65535" },
    { "storage.max-size", "-1", "no size" },
    { "storage.max-size", "K", "no size" },
    { "storage.max-size", "99999999999G", "no size" },
  };
  g_autoptr (MkvConfig) config = mkv_config_new ();

  g_test_summary ("A wrong value is refused with what would be right, never with a password in it");
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autofree char *start = g_strconcat (wrong[i].setting, ": ", NULL);
      g_autoptr (GError) error = NULL;

      if (mkv_config_set (config, wrong[i].setting, wrong[i].value, &error))
        g_error ("%s=%s was accepted", wrong[i].setting, wrong[i].value);
      g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
      g_assert_true (g_str_has_prefix (error->message, start));
      if (strstr (error->message, wrong[i].says) == NULL || strstr (error->message, "pass@") != NULL)
        g_error ("%s=%s: “%s” does not say “%s”", wrong[i].setting, wrong[i].value, error->message, wrong[i].says);
      g_assert_false (mkv_config_is_set (config, wrong[i].setting));
    }
  g_assert_true (mkv_config_set (config, "security.encrypt-values", "false", NULL));
  g_assert_true (mkv_config_set (config, "observe.metrics-listen", "127.0.0.1:9464", NULL));
}

static void
test_together (void)
{
  g_autofree char *text = read_mistakes ("[transport]\n"
                                         "cert-file=c\n"
                                         "password-file=p\n"
                                         "[antientropy]\n"
                                         "interval-min-s=300\n",
                                         NULL);

  g_test_summary ("Settings that are wrong beside each other are told too");
  g_assert_cmpstr (text, ==,
                   "merklekv.conf:2: transport.cert-file: needs transport.key-file as well\n"
                   "merklekv.conf:3: transport.password-file: needs transport.username as well\n"
                   "merklekv.conf:5: antientropy.interval-min-s: the least interval is greater than the greatest");
}

static void
test_unreadable (void)
{
  g_autofree char *path = g_build_filename (folder, "not-there.conf", NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *binary = g_build_filename (folder, "binary.conf", NULL);

  g_test_summary ("A file that can't be read is a mistake that names it");
  g_assert_null (mkv_config_new_from_file (path, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_assert_true (g_str_has_prefix (error->message, path));
  g_clear_error (&error);

  g_assert_true (g_file_set_contents (binary, "[node]\n\0", 8, NULL));
  g_assert_null (mkv_config_new_from_file (binary, NULL, &error));
  g_assert_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION);
  g_assert_nonnull (strstr (error->message, "octet 0"));
  g_unlink (binary);
}

static void
test_credentials (void)
{
  g_autofree char *credentials = g_build_filename (folder, "credentials", NULL);
  g_autofree char *file = g_build_filename (credentials, "key", NULL);
  g_autofree char *other = g_build_filename (folder, "cert", NULL);
  g_autoptr (MkvConfig) config = NULL;

  g_test_summary ("A file's name is looked for among the service manager's credentials first");
  g_assert_cmpint (g_mkdir (credentials, 0700), ==, 0);
  g_assert_true (g_file_set_contents (file, "secret", -1, NULL));
  g_setenv ("CREDENTIALS_DIRECTORY", credentials, TRUE);
  config = read_config ("[transport]\nkey-file=key\ncert-file=cert\n", NULL);
  g_unsetenv ("CREDENTIALS_DIRECTORY");
  g_assert_cmpstr (mkv_config_get_string (config, "transport.key-file"), ==, file);
  g_assert_cmpstr (mkv_config_get_string (config, "transport.cert-file"), ==, other);
  g_unlink (file);
  g_rmdir (credentials);
}

static void
test_differences (void)
{
  g_autoptr (MkvConfig) before = read_config ("[node]\nclient-id=a\n[storage]\npath=/x\n[transport]\nkeep-alive=60\n",
                                              NULL);
  g_autoptr (MkvConfig) after = read_config ("[node]\nclient-id=b\n[transport]\nbroker=mqtt://h\n"
                                             "[storage]\npath=/x\nmax-size=0K\n[commands]\naccess=deny\n",
                                             NULL);
  g_auto (GStrv) need_restart = mkv_config_list_differences (before, after, TRUE);
  g_auto (GStrv) live = mkv_config_list_differences (before, after, FALSE);
  g_autofree char *need_restart_text = g_strjoinv (" ", need_restart);
  g_autofree char *live_text = g_strjoinv (" ", live);

  g_test_summary ("A reload knows what changes at once and what waits for a restart");
  g_assert_cmpstr (need_restart_text, ==, "node.client-id node.node-id");
  g_assert_cmpstr (live_text, ==, "transport.broker commands.access");
}

static void
test_group (void)
{
  static const char *const overrides[] = { "transport.broker=mqtt://h", "storage.max-size=5G", NULL };
  g_autoptr (MkvConfig) config = mkv_config_new_from_file (NULL, overrides, NULL);
  g_autoptr (GVariant) transport = mkv_config_get_group (config, "transport");
  g_autoptr (GVariant) storage = mkv_config_get_group (config, "storage");
  const char *broker;
  guint32 keep_alive;
  gboolean insecure;
  guint64 size;

  g_test_summary ("A group goes to a plugin with its types, without what has no value");
  g_assert_false (g_variant_is_floating (transport));
  g_assert_true (g_variant_lookup (transport, "broker", "&s", &broker));
  g_assert_cmpstr (broker, ==, "mqtt://h");
  g_assert_true (g_variant_lookup (transport, "keep-alive", "u", &keep_alive));
  g_assert_cmpuint (keep_alive, ==, 60);
  g_assert_true (g_variant_lookup (transport, "allow-insecure-credentials", "b", &insecure));
  g_assert_cmpint (insecure, ==, FALSE);
  g_assert_false (g_variant_lookup (transport, "username", "s", NULL));
  g_assert_false (g_variant_lookup (transport, "path", "s", NULL));
  g_assert_true (g_variant_lookup (storage, "max-size", "t", &size));
  g_assert_cmpuint (size, ==, G_GUINT64_CONSTANT (5) << 30);
}

static void
test_warnings (void)
{
  g_autoptr (MkvConfig) config = read_config ("[observe]\nmetrics-file=/m\n", NULL);
  g_auto (GStrv) warnings = mkv_config_list_warnings (config);

  g_test_summary ("What has no effect in this version is said so");
  g_assert_cmpuint (g_strv_length (warnings), ==, 1);
  g_assert_cmpstr (warnings[0], ==, "observe.metrics-file: has no effect, this version has no metrics");
}

static void
test_find_file (void)
{
  g_autofree char *named = NULL;
  g_autofree char *found = NULL;
  g_autofree char *parent = g_build_filename (g_get_user_config_dir (), "merklekv", NULL);
  g_autofree char *own = g_build_filename (parent, "merklekv.conf", NULL);

  g_test_summary ("MKV_CONFIG names the file, else it is the user's, else the system's");
  g_setenv ("MKV_CONFIG", "/not/there", TRUE);
  named = mkv_config_find_file ();
  g_assert_cmpstr (named, ==, "/not/there");
  g_setenv ("MKV_CONFIG", "", TRUE);
  g_assert_cmpint (g_mkdir_with_parents (parent, 0700), ==, 0);
  g_assert_true (g_file_set_contents (own, "", 0, NULL));
  found = mkv_config_find_file ();
  g_assert_cmpstr (found, ==, own);
  g_unlink (own);
}

static void
test_sample (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "data", "merklekv.conf", NULL);
  g_autoptr (MkvConfig) config = NULL;
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GString) uncommented = g_string_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *contents = NULL;
  g_autofree char *group = NULL;
  g_autofree char *new_path = NULL;
  g_auto (GStrv) lines = NULL;
  g_auto (GStrv) names = NULL;

  g_test_summary ("The sample is a valid file that changes nothing, and shows every setting with its default");
  config = mkv_config_new_from_file (path, NULL, &error);
  g_assert_no_error (error);
  names = mkv_config_list_settings (config);
  for (guint i = 0; names[i] != NULL; i++)
    g_assert_false (mkv_config_is_set (config, names[i]));
  g_clear_object (&config);

  g_assert_true (g_file_get_contents (path, &contents, NULL, NULL));
  lines = g_strsplit (contents, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      const char *line = lines[i];
      const char *equals = strchr (line, '=');
      const MkvSetting *setting;
      g_autofree char *name = NULL;

      if (line[0] == '[')
        {
          g_free (group);
          group = g_strndup (line + 1, strlen (line) - 2);
          g_string_append_printf (uncommented, "%s\n", line);
          continue;
        }
      if (line[0] != '#' || line[1] == ' ' || line[1] == 0)
        continue;
      g_assert_nonnull (equals);
      name = g_strdup_printf ("%s.%.*s", group, (int) (equals - line - 1), line + 1);
      setting = mkv_setting_find (name);
      if (setting == NULL)
        g_error ("%s is no setting", name);
      if (setting->fallback != NULL)
        g_assert_cmpstr (equals + 1, ==, setting->fallback);
      if (setting->use != MKV_SETTING_REFUSED)
        g_string_append_printf (uncommented, "%s\n", line + 1);
      if (!g_hash_table_add (seen, g_steal_pointer (&name)))
        g_error ("line %u: a second time", i + 1);
    }
  g_assert_cmpuint (g_hash_table_size (seen), ==, g_strv_length (names));

  new_path = write_file (uncommented->str);
  config = mkv_config_new_from_file (new_path, NULL, &error);
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  g_autofree char *path = NULL;
  int status;

  mkv_test_init (&argc, &argv, 60);
  folder = g_dir_make_tmp ("mkv-config-XXXXXX", NULL);
  /* GLib asks for it once, so before anybody else. */
  g_setenv ("XDG_CONFIG_HOME", folder, TRUE);
  g_unsetenv ("CREDENTIALS_DIRECTORY");
  g_test_add_func ("/config/defaults", test_defaults);
  g_test_add_func ("/config/table", test_table);
  g_test_add_func ("/config/file", test_file);
  g_test_add_func ("/config/escapes", test_escapes);
  g_test_add_func ("/config/profiles", test_profiles);
  g_test_add_func ("/config/mistakes", test_mistakes);
  g_test_add_func ("/config/wrong-values", test_wrong_values);
  g_test_add_func ("/config/together", test_together);
  g_test_add_func ("/config/unreadable", test_unreadable);
  g_test_add_func ("/config/credentials", test_credentials);
  g_test_add_func ("/config/differences", test_differences);
  g_test_add_func ("/config/group", test_group);
  g_test_add_func ("/config/warnings", test_warnings);
  g_test_add_func ("/config/find-file", test_find_file);
  g_test_add_func ("/config/sample", test_sample);
  status = g_test_run ();

  path = g_build_filename (folder, "merklekv.conf", NULL);
  g_unlink (path);
  g_free (path);
  path = g_build_filename (folder, "merklekv", NULL);
  g_rmdir (path);
  g_rmdir (folder);
  g_free (folder);
  return status;
}
