/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-json-check.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "../codec-cbor/mkv-key-stack.h"
#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-json-token.h"

typedef struct
{
  gboolean is_object;
  guint first_key;
} Container;

typedef struct
{
  const char *start;
  const char *at;
  const char *end;
  const char *error; /* static */
  MkvJsonCheck *check;
  Container open[MKV_MAX_NESTING];
  guint depth;
  gboolean is_id;       /* the value that comes next is the payload's "id" */
  MkvKeyStack keys;
  GPtrArray *unescaped; /* the keys that have escapes; NULL if none has */
} Checker;

static gboolean
fail (Checker *self, const char *error)
{
  self->error = error;
  return FALSE;
}

static gboolean
comes_next (Checker *self, char c)
{
  return self->at < self->end && *self->at == c;
}

/* Takes a name and its colon. */
static gboolean
take_name (Checker *self)
{
  gboolean escaped = FALSE;
  const char *name;
  gsize length;

  if (!comes_next (self, '"'))
    return fail (self, _("a name is not a string"));
  name = ++self->at;
  self->error = mkv_json_read_string (&self->at, self->end, &escaped);
  if (self->error != NULL)
    return FALSE;
  length = (gsize) (self->at - 1 - name);
  if (escaped)
    {
      name = mkv_json_unescape (name, length, &length);
      if (self->unescaped == NULL)
        self->unescaped = g_ptr_array_new_with_free_func (g_free);
      g_ptr_array_add (self->unescaped, (gpointer) name);
    }
  mkv_key_stack_push (&self->keys, name, length);
  self->is_id = self->depth == 1 && self->check->id == NULL && length == 2 && memcmp (name, "id", 2) == 0;
  mkv_json_skip_space (&self->at, self->end);
  if (!comes_next (self, ':'))
    return fail (self, _("there is no colon behind a name"));
  self->at++;
  mkv_json_skip_space (&self->at, self->end);
  return TRUE;
}

static gboolean
take_word (Checker *self, const char *word)
{
  gsize length = strlen (word);

  if ((gsize) (self->end - self->at) < length || memcmp (self->at, word, length) != 0)
    return fail (self, _("a word is neither true, false nor null"));
  self->at += length;
  return TRUE;
}

static gboolean
take_string (Checker *self)
{
  const char *text = ++self->at;
  gboolean escaped = FALSE;

  self->error = mkv_json_read_string (&self->at, self->end, &escaped);
  if (self->error != NULL)
    return FALSE;
  if (self->is_id)
    {
      self->check->id = text;
      self->check->id_length = (gsize) (self->at - 1 - text);
    }
  return TRUE;
}

static gboolean
take_number (Checker *self)
{
  gboolean is_integer;
  gint64 integer;

  self->error = mkv_json_read_number (&self->at, self->end, &is_integer, &integer);
  return self->error == NULL;
}

static gboolean
open_container (Checker *self)
{
  if (self->depth == MKV_MAX_NESTING)
    return fail (self, _("it is nested too deep"));
  self->open[self->depth].is_object = *self->at++ == '{';
  self->open[self->depth].first_key = mkv_key_stack_get_length (&self->keys);
  self->depth++;
  return TRUE;
}

/* Takes a value that is no container. */
static gboolean
take_scalar (Checker *self)
{
  if (self->at == self->end)
    return fail (self, _("it ends before a value"));
  switch (*self->at)
    {
    case '"':
      return take_string (self);
    case 't':
      return take_word (self, "true");
    case 'f':
      return take_word (self, "false");
    case 'n':
      return take_word (self, "null");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
      return take_number (self);
    default:
      return fail (self, _("no value begins like that"));
    }
}

/* Behind a value: closes what ends here. TRUE if another value, or the name
 * before it, has to follow, or nothing is open any more. */
static gboolean
close_containers (Checker *self)
{
  for (;;)
    {
      const Container *container;

      if (self->depth == 0)
        return TRUE;
      container = &self->open[self->depth - 1];
      mkv_json_skip_space (&self->at, self->end);
      if (comes_next (self, ','))
        {
          self->at++;
          mkv_json_skip_space (&self->at, self->end);
          return TRUE;
        }
      if (!comes_next (self, container->is_object ? '}' : ']'))
        return fail (self, _("there is neither a comma nor an end behind a value"));
      self->at++;
      if (!mkv_key_stack_pop (&self->keys, container->first_key))
        return fail (self, _("an object has a name twice"));
      self->depth--;
    }
}

/* One step for each value. */
static gboolean
take_all (Checker *self)
{
  do
    {
      gboolean is_empty = FALSE;

      if (self->depth > 0 && self->open[self->depth - 1].is_object && !take_name (self))
        return FALSE;
      if (comes_next (self, '{') || comes_next (self, '['))
        {
          self->is_id = FALSE;
          if (!open_container (self))
            return FALSE;
          mkv_json_skip_space (&self->at, self->end);
          is_empty = comes_next (self, self->open[self->depth - 1].is_object ? '}' : ']');
          if (!is_empty)
            continue;
          self->at++;
          self->depth--;
        }
      else if (!take_scalar (self))
        return FALSE;
      if (!close_containers (self))
        return FALSE;
    }
  while (self->depth > 0);
  return TRUE;
}

gboolean
mkv_json_check (GBytes *payload, MkvJsonCheck *check, GError **error)
{
  Checker self = { .check = check };
  gsize length;
  gboolean valid;

  *check = (MkvJsonCheck){ 0 };
  self.at = self.start = g_bytes_get_data (payload, &length);
  self.end = self.start + length;
  check->is_array = comes_next (&self, '[');
  if (!check->is_array && !comes_next (&self, '{'))
    valid = fail (&self, _("it begins with neither an object nor an array"));
  else
    valid = take_all (&self);
  check->length = (gsize) (self.at - self.start);
  if (valid)
    {
      mkv_json_skip_space (&self.at, self.end);
      valid = self.at == self.end || fail (&self, _("there is more behind its end"));
    }
  if (!valid)
    g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("The JSON is malformed at octet %zu: %s"),
                 (gsize) (self.at - self.start), self.error);
  mkv_key_stack_clear (&self.keys);
  g_clear_pointer (&self.unescaped, g_ptr_array_unref);
  return valid;
}
