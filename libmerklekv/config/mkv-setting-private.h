/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  MKV_SETTING_TEXT,
  MKV_SETTING_BOOLEAN,
  MKV_SETTING_INTEGER,
  MKV_SETTING_SIZE,   /* octets, with K, M or G */
  MKV_SETTING_WORD,   /* one of a few */
  MKV_SETTING_ID,     /* a client id or node id */
  MKV_SETTING_PREFIX, /* a topic prefix */
  MKV_SETTING_PLUGIN, /* the name of a plugin */
  MKV_SETTING_BROKER, /* a URI */
  MKV_SETTING_LISTEN, /* unix:PATH or 127.0.0.1:PORT */
  MKV_SETTING_PATH,
  MKV_SETTING_FILE, /* also looked for in $CREDENTIALS_DIRECTORY */
} MkvSettingType;

/* What this version makes of a setting. */
typedef enum
{
  MKV_SETTING_USED,
  MKV_SETTING_IGNORED, /* accepted, with a warning: what needs it is not there yet */
  MKV_SETTING_REFUSED, /* a mistake unless it is the default: ignoring it would do harm */
} MkvSettingUse;

typedef struct
{
  const char *name; /* group.key */
  MkvSettingType type;
  const char *fallback; /* the default; NULL if there is none, or it is made up when asked for */
  const char *words;    /* of a word: which, with a blank between */
  gint64 least, most;   /* of a number */
  /* Where a profile has another default. */
  const char *production, *testing, *edge;
  gboolean needs_restart;
  MkvSettingUse use;
  const char *missing; /* what is not there yet */
} MkvSetting;

const MkvSetting *mkv_setting_find (const char *name);
const MkvSetting *mkv_setting_get_all (guint *n_settings);
const char *mkv_setting_get_default (const MkvSetting *setting, const char *profile);

gboolean mkv_setting_has_group (const char *group);
char *mkv_setting_list_groups (void); /* for people */

/* The best guess at what was meant by a name that is unknown, or NULL. */
const char *mkv_setting_find_similar (const char *name);

/* Checks a value, and brings it into the form that everybody else sees; an
 * empty one into NULL, where there need not be one. @folder is what relative
 * paths start from. The error does not say which setting it is about. */
gboolean mkv_setting_parse (const MkvSetting *setting, const char *text, const char *folder, char **value,
                            gint64 *number, GError **error);

G_END_DECLS
