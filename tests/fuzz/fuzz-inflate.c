/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "codec/mkv-deflate-private.h"
#include "mkv-fuzz.h"

int
LLVMFuzzerTestOneInput (const guint8 *octets, size_t length)
{
  g_autoptr (GBytes) payload = g_bytes_new (octets, length);
  g_autoptr (GBytes) inflated = NULL;
  g_autoptr (GBytes) deflated = NULL;
  g_autoptr (GBytes) again = NULL;
  g_autoptr (GError) error = NULL;

  mkv_payload_sniff (payload);
  inflated = mkv_payload_inflate (payload, MKV_MAX_PAYLOAD_BYTES, &error);
  if (inflated == NULL)
    {
      g_assert_true (error != NULL && error->domain == MKV_ERROR);
      return 0;
    }
  g_assert_no_error (error);
  g_assert_cmpuint (g_bytes_get_size (inflated), <=, MKV_MAX_PAYLOAD_BYTES);
  deflated = mkv_payload_deflate (inflated);
  again = mkv_payload_inflate (deflated, g_bytes_get_size (inflated), &error);
  g_assert_no_error (error);
  g_assert_true (g_bytes_equal (again, inflated));
  return 0;
}
