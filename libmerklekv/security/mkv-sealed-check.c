/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "security/mkv-sealed-storage-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-sha256-private.h"

/* How many entries are looked at in one go. */
#define PAGE 256

/* What is told of an entry, or of a record of meta, that can't be opened. */
typedef gboolean (*DamageFunc) (MkvSealedStorage *self, MkvEntry *entry, const char *name, GBytes *value,
                                GPtrArray *sentences, const GError *why, GError **error);

static gboolean
check_entries (MkvSealedStorage *self, DamageFunc func, GPtrArray *sentences, GError **error)
{
  g_autofree char *after = NULL;
  gboolean at_end = FALSE;

  while (!at_end)
    {
      g_autoptr (GPtrArray) page = mkv_storage_scan (self->inner, NULL, after, PAGE, error);

      if (page == NULL)
        return FALSE;
      for (guint i = 0; i < page->len; i++)
        {
          g_autoptr (GError) why = NULL;
          g_autoptr (MkvEntry) entry = mkv_sealed_storage_open_entry (self, page->pdata[i], NULL);

          /* Once more, as the key may have changed since the page was read. */
          if (entry == NULL)
            entry = mkv_storage_get (MKV_STORAGE (self), mkv_entry_get_key (page->pdata[i]), &why);
          if (entry == NULL && !g_error_matches (why, MKV_ERROR, MKV_ERROR_NOT_FOUND) &&
              !func (self, page->pdata[i], NULL, NULL, sentences, why, error))
            return FALSE;
        }
      at_end = page->len < PAGE;
      g_free (after);
      after = page->len > 0 ? g_strdup (mkv_entry_get_key (page->pdata[page->len - 1])) : NULL;
    }
  return TRUE;
}

static gboolean
check_meta (MkvSealedStorage *self, DamageFunc func, GPtrArray *sentences, GError **error)
{
  g_autofree char *after = NULL;
  gboolean at_end = FALSE;

  while (!at_end)
    {
      g_autoptr (GPtrArray) page = mkv_storage_scan_meta (self->inner, NULL, after, PAGE, error);

      if (page == NULL)
        return FALSE;
      for (guint i = 0; i < page->len; i++)
        {
          const char *name = page->pdata[i];
          gint n_changes = g_atomic_int_get (&self->n_changes);
          g_autoptr (GError) why = NULL;
          g_autoptr (GBytes) inner = NULL, value = NULL;

          if (mkv_seal_name_is_own (name) && !g_str_has_prefix (name, MKV_SEAL_NODE_PREFIX))
            continue;
          inner = mkv_storage_get_meta (self->inner, name, &why);
          /* It may have been removed meanwhile. */
          if (inner == NULL && g_error_matches (why, MKV_ERROR, MKV_ERROR_NOT_FOUND))
            continue;
          if (inner == NULL)
            {
              g_propagate_error (error, g_steal_pointer (&why));
              return FALSE;
            }
          value = mkv_sealed_storage_open_meta (self, name, inner, &why);
          if (value == NULL && g_atomic_int_get (&self->n_changes) == n_changes &&
              !func (self, NULL, name, inner, sentences, why, error))
            return FALSE;
        }
      at_end = page->len < PAGE;
      g_free (after);
      after = page->len > 0 ? g_strdup (page->pdata[page->len - 1]) : NULL;
    }
  return TRUE;
}

static gboolean
report (MkvSealedStorage *self, MkvEntry *entry, const char *name, GBytes *value, GPtrArray *sentences,
        const GError *why, GError **error)
{
  g_ptr_array_add (sentences, g_strdup (why->message));
  return TRUE;
}

/* What can't be opened is moved, as it is, to a record that tells what it was:
 * `entry` or `meta`, key or name, node id, each with NUL, and the value. */
static gboolean
set_aside (MkvSealedStorage *self, MkvEntry *entry, const char *name, GBytes *value, GPtrArray *sentences,
           const GError *why, GError **error)
{
  g_autoptr (MkvStorageBatch) batch = mkv_storage_batch_new (MKV_DURABILITY_DURABLE);
  g_autoptr (GByteArray) octets = g_byte_array_new ();
  g_autoptr (GBytes) kept = NULL;
  g_autoptr (GString) kept_name = g_string_new (MKV_SEAL_DAMAGED_PREFIX);
  const char *parts[3] = { "meta", name, "" };
  gsize length = 0;
  gconstpointer data;
  guint8 digest[32];

  if (entry != NULL)
    {
      parts[0] = "entry";
      parts[1] = mkv_entry_get_key (entry);
      parts[2] = mkv_entry_get_stamp (entry)->node_id;
      mkv_storage_batch_remove (batch, parts[1]);
      data = mkv_entry_peek_value (entry, &length);
    }
  else
    {
      mkv_storage_batch_set_meta (batch, name, NULL);
      data = g_bytes_get_data (value, &length);
    }
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    g_byte_array_append (octets, (const guint8 *) parts[i], (guint) strlen (parts[i]) + 1);
  if (length > 0)
    g_byte_array_append (octets, data, (guint) length);
  mkv_sha256 (octets->data, octets->len, digest);
  for (guint i = 0; i < 16; i++)
    g_string_append_printf (kept_name, "%02x", digest[i]);
  kept = g_byte_array_free_to_bytes (g_steal_pointer (&octets));
  mkv_storage_batch_set_meta (batch, kept_name->str, kept);
  if (!mkv_storage_apply (self->inner, batch, error))
    return FALSE;
  g_ptr_array_add (sentences, g_strdup_printf (_("%s: it was set aside as the record “%s”"), why->message,
                                               kept_name->str));
  return TRUE;
}

/* What the inner storage says, to be gone on with; NULL with an error. */
static GPtrArray *
begin_sentences (char **inner_sentences, GError *inner_error, GError **error)
{
  g_autoptr (GPtrArray) sentences = g_ptr_array_new_with_free_func (g_free);

  if (inner_sentences == NULL && !g_error_matches (inner_error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED))
    {
      g_propagate_error (error, inner_error);
      return NULL;
    }
  g_clear_error (&inner_error);
  for (guint i = 0; inner_sentences != NULL && inner_sentences[i] != NULL; i++)
    g_ptr_array_add (sentences, inner_sentences[i]);
  g_free (inner_sentences);
  return g_steal_pointer (&sentences);
}

static char **
end_sentences (GPtrArray *sentences)
{
  g_ptr_array_add (sentences, NULL);
  g_ptr_array_set_free_func (sentences, NULL);
  return (char **) g_ptr_array_free (sentences, FALSE);
}

char **
mkv_sealed_storage_verify_all (MkvStorage *storage, GError **error)
{
  MkvSealedStorage *self = MKV_SEALED_STORAGE (storage);
  GError *inner_error = NULL;
  char **inner_sentences = mkv_storage_verify (self->inner, &inner_error);
  g_autoptr (GPtrArray) sentences = begin_sentences (inner_sentences, inner_error, error);

  if (sentences == NULL || !check_entries (self, report, sentences, error) ||
      !check_meta (self, report, sentences, error))
    return NULL;
  return end_sentences (g_steal_pointer (&sentences));
}

char **
mkv_sealed_storage_repair_all (MkvStorage *storage, const char *path, GVariant *options, GError **error)
{
  MkvSealedStorage *self = MKV_SEALED_STORAGE (storage);
  GError *inner_error = NULL;
  char **inner_sentences = mkv_storage_repair (self->inner, path, options, &inner_error);
  g_autoptr (GPtrArray) sentences = begin_sentences (inner_sentences, inner_error, error);
  gboolean done;

  if (sentences == NULL || !mkv_sealed_storage_open_inner (self, path, options, error))
    return NULL;
  done = check_meta (self, set_aside, sentences, error) && check_entries (self, set_aside, sentences, error);
  if (!mkv_sealed_storage_close_inner (self, done ? error : NULL) || !done)
    return NULL;
  return end_sentences (g_steal_pointer (&sentences));
}
