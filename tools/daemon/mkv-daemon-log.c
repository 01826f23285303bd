/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-daemon-log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef enum
{
  FORMAT_TEXT,
  FORMAT_JSON,
  FORMAT_JOURNAL,
} Format;

/* Read in any thread. What the library has to say about something that was
 * dropped or is not well comes as a message, so a message counts as a warning. */
static gint levels;
static gint format;

static const char *
get_level_name (GLogLevelFlags level)
{
  if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
    return "error";
  if (level & (G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE))
    return "warning";
  return level & G_LOG_LEVEL_INFO ? "info" : "debug";
}

static const char *
find_field (const GLogField *fields, gsize n_fields, const char *key)
{
  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, key) && fields[i].length < 0)
      return fields[i].value;
  return "";
}

static void
append_json (GString *line, const char *name, const char *text)
{
  g_string_append_printf (line, "%c\"%s\":\"", line->len == 0 ? '{' : ',', name);
  for (const char *c = text; *c != 0; c++)
    if (*c == '"' || *c == '\\')
      g_string_append_printf (line, "\\%c", *c);
    else if ((guchar) *c < 0x20)
      g_string_append_printf (line, "\\u%04x", (guint) *c);
    else
      g_string_append_c (line, *c);
  g_string_append_c (line, '"');
}

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  int format_now = g_atomic_int_get (&format);
  g_autoptr (GString) line = g_string_new (NULL);
  g_autofree char *message = NULL;

  if ((level & g_atomic_int_get (&levels)) == 0)
    return G_LOG_WRITER_HANDLED;
  /* Where there is no journal to write to, text is better than nothing. */
  if (format_now == FORMAT_JOURNAL &&
      g_log_writer_journald (level, fields, n_fields, NULL) == G_LOG_WRITER_HANDLED)
    return G_LOG_WRITER_HANDLED;

  message = g_utf8_make_valid (find_field (fields, n_fields, "MESSAGE"), -1);
  if (format_now == FORMAT_JSON)
    {
      g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
      g_autofree char *time = g_date_time_format (now, "%Y-%m-%dT%H:%M:%S.%fZ");

      append_json (line, "time", time);
      append_json (line, "level", get_level_name (level));
      append_json (line, "domain", find_field (fields, n_fields, "GLIB_DOMAIN"));
      append_json (line, "message", message);
      g_string_append (line, "}\n");
    }
  else
    g_string_printf (line, "merklekvd: %s: %s\n", get_level_name (level), message);
  /* One write, so that lines of several threads do not mix. */
  if (write (STDERR_FILENO, line->str, line->len) < 0)
    return G_LOG_WRITER_UNHANDLED;
  return G_LOG_WRITER_HANDLED;
}

void
mkv_daemon_log_set_config (MkvConfig *config)
{
  const char *level = mkv_config_get_string (config, "observe.log-level");
  const char *name = mkv_config_get_string (config, "observe.log-format");
  gint mask = G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL;

  if (!g_str_equal (level, "error"))
    mask |= G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE;
  if (g_str_equal (level, "info") || g_str_equal (level, "debug"))
    mask |= G_LOG_LEVEL_INFO;
  if (g_str_equal (level, "debug"))
    mask |= G_LOG_LEVEL_DEBUG;
  g_atomic_int_set (&levels, mask);
  g_atomic_int_set (&format, g_str_equal (name, "json")      ? FORMAT_JSON
                             : g_str_equal (name, "journal") ? FORMAT_JOURNAL
                                                             : FORMAT_TEXT);
}

void
mkv_daemon_log_init (MkvConfig *config)
{
  mkv_daemon_log_set_config (config);
  g_log_set_writer_func (write_log, NULL, NULL);
}
