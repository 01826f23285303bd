/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Which keys a sealed storage is opened with.
 */
#include "config.h"

#include "security/mkv-sealed-storage-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"

/* How many records are looked at in one go. */
#define PAGE 256

#define SET_CONFIGURATION_ERROR(error, text) g_set_error_literal (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, text)

void
mkv_sealed_storage_push_key (MkvSealedStorage *self, MkvSealKey *key)
{
  if (key == NULL)
    return;
  key->next = self->keys;
  g_atomic_pointer_set (&self->keys, key);
}

/* Whether @secret makes the key of @form: *@key then. */
static gboolean
try_secret (GBytes *secret, const MkvSealForm *form, MkvSealKey **key)
{
  g_autoptr (MkvSealKey) made = secret != NULL ? mkv_seal_key_new (secret, form->salt, NULL) : NULL;

  if (made == NULL || memcmp (made->check, form->check, sizeof form->check) != 0)
    return FALSE;
  *key = g_steal_pointer (&made);
  return TRUE;
}

/* The key of @form, which is NULL for plain, from any of the secrets. */
static gboolean
find_key (MkvSealedStorage *self, const MkvSealForm *form, MkvSealKey **key)
{
  gboolean found;

  *key = NULL;
  found = form->plain || try_secret (self->secret, form, key);
  for (guint i = 0; !found && i < self->more_secrets->len; i++)
    found = try_secret (self->more_secrets->pdata[i], form, key);
  return found;
}

gboolean
mkv_sealed_storage_write_record (MkvSealedStorage *self, const MkvSealRecord *record, GError **error)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_DURABLE);
  g_autoptr (GBytes) octets = NULL;

  if (!record->form.plain || record->under_way)
    octets = mkv_seal_record_print (record);
  mkv_storage_batch_set_meta (batch, MKV_SEAL_RECORD, octets);
  if (!mkv_storage_apply (self->inner, batch, error))
    return FALSE;
  self->record = *record;
  return TRUE;
}

/* Whether something is there; -1 with an error. */
static gint
is_empty (MkvSealedStorage *self, GError **error)
{
  g_autoptr (GPtrArray) entries = mkv_storage_scan (self->inner, NULL, NULL, 1, error);
  g_autoptr (GPtrArray) names = entries != NULL ? mkv_storage_scan_meta (self->inner, NULL, NULL, 1, error) : NULL;

  return names == NULL ? -1 : entries->len == 0 && names->len == 0;
}

/* A storage without a record. */
static gboolean
open_plain (MkvSealedStorage *self, GError **error)
{
  MkvSealRecord record = { 0 };
  MkvSealKey *key;
  gint empty;

  self->record = (MkvSealRecord){ .form.plain = TRUE };
  if (self->secret == NULL)
    {
      g_atomic_int_set (&self->may_be_plain, TRUE);
      return TRUE;
    }
  empty = is_empty (self, error);
  if (empty < 0)
    return FALSE;
  if (!empty)
    {
      SET_CONFIGURATION_ERROR (error, _("The storage is not encrypted, but a key is given for it: encrypt it with "
                                        "merklekv rekey, or remove storage.encryption-key-file"));
      return FALSE;
    }
  key = mkv_seal_key_new (self->secret, NULL, error);
  if (key == NULL)
    return FALSE;
  mkv_sealed_storage_push_key (self, key);
  self->writer = key;
  mkv_seal_form_set (&record.form, key);
  return mkv_sealed_storage_write_record (self, &record, error);
}

static gboolean
open_sealed (MkvSealedStorage *self, GBytes *octets, GError **error)
{
  MkvSealKey *key = NULL, *old = NULL;

  if (!mkv_seal_record_parse (&self->record, octets, error))
    return FALSE;
  if (self->record.under_way)
    {
      if (!find_key (self, &self->record.form, &key) || !find_key (self, &self->record.old, &old))
        {
          g_clear_pointer (&key, mkv_seal_key_free);
          SET_CONFIGURATION_ERROR (error, _("A change of the storage's key was begun and not finished: run merklekv rekey "
                                            "again, with the same two keys"));
          return FALSE;
        }
    }
  else if (self->secret == NULL)
    {
      mkv_seal_record_set_error (error);
      return FALSE;
    }
  else if (!try_secret (self->secret, &self->record.form, &key))
    {
      SET_CONFIGURATION_ERROR (error, _("The key is another than the one that the storage is encrypted with: set "
                                        "storage.encryption-key-file to the file of that one"));
      return FALSE;
    }
  mkv_sealed_storage_push_key (self, old);
  mkv_sealed_storage_push_key (self, key);
  self->writer = key;
  g_atomic_int_set (&self->may_be_plain, self->record.form.plain || self->record.old.plain);
  return TRUE;
}

static gboolean
read_nodes (MkvSealedStorage *self, GError **error)
{
  g_autofree char *after = NULL;

  for (gboolean at_end = self->keys == NULL; !at_end;)
    {
      g_autoptr (GPtrArray) names = mkv_storage_scan_meta (self->inner, MKV_SEAL_NODE_PREFIX, after, PAGE, error);

      if (names == NULL)
        return FALSE;
      for (guint i = 0; i < names->len; i++)
        {
          const char *digits = (const char *) names->pdata[i] + strlen (MKV_SEAL_NODE_PREFIX);
          g_autoptr (GBytes) inner = mkv_storage_get_meta (self->inner, names->pdata[i], error);
          g_autoptr (GBytes) value = NULL;
          g_autofree char *node_id = NULL;

          if (inner == NULL)
            return FALSE;
          /* A damaged one costs the entries of its node alone, and verify finds it. */
          value = mkv_sealed_storage_open_meta (self, names->pdata[i], inner, NULL);
          if (value != NULL)
            node_id = g_strndup (g_bytes_get_data (value, NULL), g_bytes_get_size (value));
          mkv_seal_nodes_set (self->nodes, (guint32) g_ascii_strtoull (digits, NULL, 16), node_id);
        }
      at_end = names->len < PAGE;
      g_free (after);
      after = names->len > 0 ? g_strdup (names->pdata[names->len - 1]) : NULL;
    }
  return TRUE;
}

gboolean
mkv_sealed_storage_check_key (GBytes *key, GError **error)
{
  if (g_bytes_get_size (key) == MKV_STORAGE_KEY_BYTES)
    return TRUE;
  g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
               _("A key for a storage has %d octets, and this one has %zu: make one with merklekv key generate"),
               MKV_STORAGE_KEY_BYTES, g_bytes_get_size (key));
  return FALSE;
}

void
mkv_sealed_storage_forget (MkvSealedStorage *self)
{
  MkvSealKey *key = self->keys;

  g_atomic_pointer_set (&self->keys, NULL);
  self->writer = NULL;
  while (key != NULL)
    {
      MkvSealKey *next = key->next;

      mkv_seal_key_free (key);
      key = next;
    }
  g_clear_pointer (&self->nodes, mkv_seal_nodes_free);
  g_atomic_int_set (&self->may_be_plain, FALSE);
}

/* Opens all but what a change of the key has left undone. */
static gboolean
read_keys (MkvSealedStorage *self, GError **error)
{
  g_autoptr (GError) local_error = NULL;
  g_autoptr (GBytes) octets = mkv_storage_get_meta (self->inner, MKV_SEAL_RECORD, &local_error);

  if (octets == NULL && !g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&local_error));
      return FALSE;
    }
  self->nodes = mkv_seal_nodes_new ();
  return (octets != NULL ? open_sealed (self, octets, error) : open_plain (self, error)) &&
         read_nodes (self, error);
}

gboolean
mkv_sealed_storage_open_inner (MkvSealedStorage *self, const char *path, GVariant *options, GError **error)
{
  if (self->secret != NULL && !mkv_sealed_storage_check_key (self->secret, error))
    return FALSE;
  for (guint i = 0; i < self->more_secrets->len; i++)
    if (!mkv_sealed_storage_check_key (self->more_secrets->pdata[i], error))
      return FALSE;
  if (!mkv_storage_open (self->inner, path, options, error))
    return FALSE;
  if (read_keys (self, error))
    return TRUE;
  mkv_sealed_storage_close_inner (self, NULL);
  return FALSE;
}

gboolean
mkv_sealed_storage_close_inner (MkvSealedStorage *self, GError **error)
{
  gboolean done = mkv_storage_close (self->inner, error);

  mkv_sealed_storage_forget (self);
  return done;
}
