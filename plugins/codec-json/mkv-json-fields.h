/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define MKV_JSON_MAX_FIELDS (24)

/* A value in a text that was found valid: its first octet. No type is made sure
 * of; what it is not, it is not got as. */
char *mkv_json_value_dup_text (const char *value); /* NULL if it is no string, or has a NUL */
GBytes *mkv_json_value_dup_octets (const char *value); /* NULL if it is no string */
GBytes *mkv_json_value_dup_hex (const char *value); /* NULL if it is not lower-case hexadecimal digits */
gboolean mkv_json_value_get_int (const char *value, gint64 min, gint64 max, gint64 *integer);

/* Goes through an array or an object. */
typedef struct
{
  const char *at;
  gboolean is_object;
} MkvJsonIter;

/* @container is at its bracket. */
void mkv_json_iter_init (MkvJsonIter *self, const char *container);

/* Gives the next value and, in an object, its name, which is a string value, too.
 * FALSE at the end. */
gboolean mkv_json_iter_next (MkvJsonIter *self, const char **name, const char **value);

/* The fields of an object that are known: where their values are. Field numbers
 * are places in names. What a getter does not find is the default; where it finds
 * something of another type, it remembers the first such field as wrong. */
typedef struct
{
  const char *const *names; /* the last is NULL */
  const char *at[MKV_JSON_MAX_FIELDS];
  const char *wrong;
} MkvJsonFields;

/* @object is at its bracket. */
void mkv_json_fields_init (MkvJsonFields *self, const char *object, const char *const *names);

char *mkv_json_fields_dup_text (MkvJsonFields *self, guint field);
gint64 mkv_json_fields_get_int (MkvJsonFields *self, guint field, gint64 min, gint64 max, gint64 default_number);
gboolean mkv_json_fields_get_boolean (MkvJsonFields *self, guint field);

/* What its hexadecimal digits stand for. */
GBytes *mkv_json_fields_dup_hex (MkvJsonFields *self, guint field);

/* What @encoding, another field, says that the string is. */
GBytes *mkv_json_fields_dup_value (MkvJsonFields *self, guint field, guint encoding);

/* Whether a field is an array, for @bracket '[', or an object, for '{'; if so,
 * begins to go through it. */
gboolean mkv_json_fields_enter (MkvJsonFields *self, guint field, char bracket, MkvJsonIter *iter);

/* Says that a field is wrong. */
void mkv_json_fields_set_wrong (MkvJsonFields *self, guint field);

/* Whether nothing was wrong; if not, MKV_ERROR_MALFORMED. */
gboolean mkv_json_fields_check (MkvJsonFields *self, GError **error);

G_END_DECLS
