/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "command/mkv-receipt-private.h"

#include <gnutls/crypto.h>
#include <string.h>

#include "base/mkv-error.h"

/* Form 1, little-endian: form, fingerprint, time of the answer, response topic,
 * id, value, and the keys of an MSET. */
#define RECEIPT_TYPE G_VARIANT_TYPE ("(yayxssmayas)")
#define RECEIPT_FORM 1

/* How much of the digest makes the name. */
#define NAME_BYTES 16

static gnutls_hash_hd_t
hash_new (void)
{
  gnutls_hash_hd_t hash;

  if (gnutls_hash_init (&hash, GNUTLS_DIG_SHA256) != 0)
    g_error ("GnuTLS has no SHA-256");
  return hash;
}

/* With its length before it, so that no two lists of fields hash alike; an
 * absent field differs from an empty one. */
static void
hash_field (gnutls_hash_hd_t hash, const void *octets, gsize length)
{
  guint64 head = octets != NULL ? GUINT64_TO_LE ((guint64) length) : G_MAXUINT64;

  gnutls_hash (hash, &head, sizeof head);
  if (octets != NULL)
    gnutls_hash (hash, octets, length);
}

static void
hash_string (gnutls_hash_hd_t hash, const char *string)
{
  hash_field (hash, string, string != NULL ? strlen (string) : 0);
}

static void
hash_bytes (gnutls_hash_hd_t hash, GBytes *bytes)
{
  gsize length = 0;
  const void *octets = bytes != NULL ? g_bytes_get_data (bytes, &length) : NULL;

  hash_field (hash, bytes != NULL && octets == NULL ? "" : octets, length);
}

static void
hash_integer (gnutls_hash_hd_t hash, gint64 integer)
{
  gint64 octets = GINT64_TO_LE (integer);

  gnutls_hash (hash, &octets, sizeof octets);
}

char *
mkv_receipt_name (const char *topic, const char *id)
{
  static const char digits[] = "0123456789abcdef";
  char name[sizeof MKV_RECEIPT_PREFIX + 2 * NAME_BYTES] = MKV_RECEIPT_PREFIX;
  char *p = name + strlen (MKV_RECEIPT_PREFIX);
  guint8 digest[MKV_DIGEST_BYTES];
  gnutls_hash_hd_t hash = hash_new ();

  gnutls_hash (hash, topic, strlen (topic) + 1);
  gnutls_hash (hash, id, strlen (id));
  gnutls_hash_deinit (hash, digest);
  for (guint i = 0; i < NAME_BYTES; i++)
    {
      *p++ = digits[digest[i] >> 4];
      *p++ = digits[digest[i] & 15];
    }
  return g_strdup (name);
}

static gint
compare_keys (gconstpointer a, gconstpointer b, gpointer user_data)
{
  GPtrArray *keys = user_data;

  return strcmp (keys->pdata[*(const guint *) a], keys->pdata[*(const guint *) b]);
}

/* keyValues is a map: its order says nothing. */
static void
hash_pairs (gnutls_hash_hd_t hash, GPtrArray *keys, GPtrArray *values)
{
  g_autoptr (GArray) order = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint i = 0; i < keys->len; i++)
    g_array_append_val (order, i);
  g_array_sort_with_data (order, compare_keys, keys);
  for (guint i = 0; i < order->len; i++)
    {
      guint index = g_array_index (order, guint, i);

      hash_string (hash, keys->pdata[index]);
      hash_bytes (hash, values->pdata[index]);
    }
}

void
mkv_receipt_fingerprint (const MkvCommand *command, const char *client_id, guint8 *digest)
{
  GPtrArray *keys = mkv_command_get_keys (command);
  GPtrArray *values = mkv_command_get_values (command);
  gnutls_hash_hd_t hash = hash_new ();

  hash_string (hash, client_id);
  hash_string (hash, mkv_operation_to_wire (mkv_command_get_operation (command)));
  hash_string (hash, mkv_command_get_key (command));
  hash_bytes (hash, mkv_command_get_value (command));
  hash_integer (hash, mkv_command_get_amount (command));
  /* Only a valid MSET is sure to have as many of one as of the other. */
  if (mkv_command_get_operation (command) == MKV_OPERATION_SET_MANY)
    hash_pairs (hash, keys, values);
  if (!mkv_operation_writes (mkv_command_get_operation (command)))
    {
      for (guint i = 0; keys != NULL && i < keys->len; i++)
        hash_string (hash, keys->pdata[i]);
      hash_string (hash, mkv_command_get_prefix (command));
      hash_string (hash, mkv_command_get_after (command));
      hash_integer (hash, mkv_command_get_limit (command));
      hash_string (hash, mkv_command_get_peer (command));
    }
  gnutls_hash_deinit (hash, digest);
}

static GVariant *
bytes_to_variant (GBytes *bytes)
{
  return g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);
}

GBytes *
mkv_receipt_serialize (const char *topic, const guint8 *fingerprint, MkvResponse *response)
{
  GBytes *value = mkv_response_get_value (response);
  GPtrArray *results = mkv_response_get_results (response);
  g_autoptr (GVariant) record = NULL;
  GVariantBuilder keys;

  g_variant_builder_init (&keys, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; results != NULL && i < results->len; i++)
    g_variant_builder_add (&keys, "s", mkv_result_get_key (results->pdata[i]));
  record = g_variant_ref_sink (
      g_variant_new ("(y@ayxss@may@as)", RECEIPT_FORM,
                     g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, fingerprint, MKV_DIGEST_BYTES, 1),
                     mkv_response_get_timestamp (response), topic, mkv_response_get_id (response),
                     g_variant_new_maybe (G_VARIANT_TYPE_BYTESTRING, value != NULL ? bytes_to_variant (value) : NULL),
                     g_variant_builder_end (&keys)));
  if (G_BYTE_ORDER == G_BIG_ENDIAN)
    {
      GVariant *native = g_steal_pointer (&record);

      record = g_variant_byteswap (native);
      g_variant_unref (native);
    }
  return g_variant_get_data_as_bytes (record);
}

MkvResponse *
mkv_receipt_parse (GBytes *bytes, const char *name, guint8 *fingerprint, GError **error)
{
  g_autoptr (GVariant) record = g_variant_ref_sink (g_variant_new_from_bytes (RECEIPT_TYPE, bytes, FALSE));
  g_autoptr (GVariant) digest = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autofree const char **keys = NULL;
  g_autofree char *right_name = NULL;
  const char *topic, *id;
  MkvResponse *response;
  gint64 timestamp;
  guchar form;

  if (G_BYTE_ORDER == G_BIG_ENDIAN)
    {
      GVariant *foreign = g_steal_pointer (&record);

      record = g_variant_byteswap (foreign);
      g_variant_unref (foreign);
    }
  if (!g_variant_is_normal_form (record))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CORRUPT, "'%s' is no receipt of a write", name);
      return NULL;
    }
  g_variant_get (record, "(y@ayx&s&s@may^a&s)", &form, &digest, &timestamp, &topic, &id, &value, &keys);
  right_name = mkv_receipt_name (topic, id);
  if (form != RECEIPT_FORM || g_variant_get_size (digest) != MKV_DIGEST_BYTES || !g_str_equal (name, right_name))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CORRUPT, "'%s' is no receipt of a write", name);
      return NULL;
    }

  memcpy (fingerprint, g_variant_get_data (digest), MKV_DIGEST_BYTES);
  response = mkv_response_new (id, MKV_STATUS_OK);
  mkv_response_set_timestamp (response, timestamp);
  if (g_variant_n_children (value) > 0)
    {
      g_autoptr (GVariant) octets = g_variant_get_child_value (value, 0);
      g_autoptr (GBytes) copy = g_bytes_new (g_variant_get_data (octets), g_variant_get_size (octets));

      mkv_response_set_value (response, copy);
    }
  for (guint i = 0; keys[i] != NULL; i++)
    mkv_response_add_result (response, mkv_result_new (keys[i], MKV_STATUS_OK, NULL));
  return response;
}
