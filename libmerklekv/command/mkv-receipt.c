/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "command/mkv-receipt-private.h"

#include <glib/gi18n-lib.h>
#include <gnutls/crypto.h>
#include <string.h>

#include "base/mkv-error.h"

/* Form 1: form, fingerprint, time of the answer, response topic, id, value (its
 * length before it), and the keys of an MSET up to the end. Integers have 64
 * bits, little-endian; strings end with a NUL. */
#define RECEIPT_FORM 1

/* In the place of a value's length. */
#define NO_VALUE G_MAXUINT64

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

static void
put_integer (GByteArray *record, guint64 integer)
{
  guint64 octets = GUINT64_TO_LE (integer);

  g_byte_array_append (record, (const guint8 *) &octets, sizeof octets);
}

static void
put_string (GByteArray *record, const char *string)
{
  g_byte_array_append (record, (const guint8 *) string, strlen (string) + 1);
}

GBytes *
mkv_receipt_serialize (const char *topic, const guint8 *fingerprint, MkvResponse *response)
{
  GBytes *value = mkv_response_get_value (response);
  GPtrArray *results = mkv_response_get_results (response);
  GByteArray *record = g_byte_array_sized_new (256);
  const guint8 form = RECEIPT_FORM;

  g_byte_array_append (record, &form, 1);
  g_byte_array_append (record, fingerprint, MKV_DIGEST_BYTES);
  put_integer (record, (guint64) mkv_response_get_timestamp (response));
  put_string (record, topic);
  put_string (record, mkv_response_get_id (response));
  if (value != NULL)
    {
      gsize length;
      const guint8 *octets = g_bytes_get_data (value, &length);

      put_integer (record, length);
      g_byte_array_append (record, octets, length);
    }
  else
    put_integer (record, NO_VALUE);
  for (guint i = 0; results != NULL && i < results->len; i++)
    put_string (record, mkv_result_get_key (results->pdata[i]));
  return g_byte_array_free_to_bytes (record);
}

/* What of a record is still to be read. */
typedef struct
{
  const guint8 *octets;
  gsize length;
} Rest;

static const guint8 *
take (Rest *rest, gsize length)
{
  const guint8 *octets = rest->octets;

  if (length > rest->length)
    return NULL;
  rest->octets += length;
  rest->length -= length;
  return octets;
}

static gboolean
take_integer (Rest *rest, guint64 *integer)
{
  const guint8 *octets = take (rest, sizeof *integer);

  if (octets == NULL)
    return FALSE;
  memcpy (integer, octets, sizeof *integer);
  *integer = GUINT64_FROM_LE (*integer);
  return TRUE;
}

static const char *
take_string (Rest *rest)
{
  const guint8 *end = rest->length > 0 ? memchr (rest->octets, 0, rest->length) : NULL;

  return end != NULL ? (const char *) take (rest, end - rest->octets + 1) : NULL;
}

static MkvResponse *
parse (Rest rest, const char *name, guint8 *fingerprint)
{
  const guint8 *form = take (&rest, 1);
  const guint8 *digest = take (&rest, MKV_DIGEST_BYTES);
  g_autofree char *right_name = NULL;
  g_autoptr (MkvResponse) response = NULL;
  const char *topic, *id, *key;
  guint64 timestamp, length;

  if (form == NULL || *form != RECEIPT_FORM || digest == NULL || !take_integer (&rest, &timestamp))
    return NULL;
  topic = take_string (&rest);
  id = take_string (&rest);
  if (topic == NULL || id == NULL || !take_integer (&rest, &length))
    return NULL;
  right_name = mkv_receipt_name (topic, id);
  if (!g_str_equal (name, right_name))
    return NULL;
  response = mkv_response_new (id, MKV_STATUS_OK);
  mkv_response_set_timestamp (response, (gint64) timestamp);
  if (length != NO_VALUE)
    {
      const guint8 *octets = take (&rest, length);
      g_autoptr (GBytes) value = octets != NULL ? g_bytes_new (octets, length) : NULL;

      if (value == NULL)
        return NULL;
      mkv_response_set_value (response, value);
    }
  while (rest.length > 0)
    {
      key = take_string (&rest);
      if (key == NULL)
        return NULL;
      mkv_response_add_result (response, mkv_result_new (key, MKV_STATUS_OK, NULL));
    }
  memcpy (fingerprint, digest, MKV_DIGEST_BYTES);
  return g_steal_pointer (&response);
}

MkvResponse *
mkv_receipt_parse (GBytes *record, const char *name, guint8 *fingerprint, GError **error)
{
  Rest rest;
  MkvResponse *response;

  rest.octets = g_bytes_get_data (record, &rest.length);
  response = parse (rest, name, fingerprint);
  if (response == NULL)
    g_set_error (error, MKV_ERROR, MKV_ERROR_CORRUPT, _("'%s' is no receipt of a write"), name);
  return response;
}
