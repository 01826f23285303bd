/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-bus-entry-private.h"

static const char *const origins[] = {
  [MKV_ORIGIN_LOCAL] = "local",
  [MKV_ORIGIN_EVENT] = "event",
  [MKV_ORIGIN_SYNC] = "sync",
  [MKV_ORIGIN_LOAD] = "load",
};

GVariant *
mkv_bus_value_to_variant (GBytes *value)
{
  return g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, value, TRUE);
}

GBytes *
mkv_bus_value_from_variant (GVariant *variant)
{
  return g_variant_get_data_as_bytes (variant);
}

/* What both tuples begin with. */
static void
fill_children (MkvEntry *entry, GVariant **children)
{
  const MkvStamp *stamp = mkv_entry_get_stamp (entry);
  GBytes *value = mkv_entry_get_value (entry);

  children[0] = g_variant_new_string (mkv_entry_get_key (entry));
  children[1] = value != NULL ? mkv_bus_value_to_variant (value)
                              : g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, NULL, 0, 1);
  children[2] = g_variant_new_int64 (stamp->timestamp);
  children[3] = g_variant_new_string (stamp->node_id);
  children[4] = g_variant_new_int64 (stamp->seq);
}

GVariant *
mkv_bus_entry_to_variant (MkvEntry *entry)
{
  GVariant *children[5];

  fill_children (entry, children);
  return g_variant_new_tuple (children, G_N_ELEMENTS (children));
}

MkvEntry *
mkv_bus_entry_from_variant (GVariant *variant, GError **error)
{
  const char *key, *node_id;
  g_autoptr (GVariant) octets = NULL;
  g_autoptr (GBytes) value = NULL;
  gint64 timestamp, seq;

  g_variant_get (variant, "(&s@ayx&sx)", &key, &octets, &timestamp, &node_id, &seq);
  value = mkv_bus_value_from_variant (octets);
  return mkv_entry_new (key, value, timestamp, node_id, seq, error);
}

GVariant *
mkv_bus_change_to_variant (MkvEntry *entry, MkvOrigin origin)
{
  GVariant *children[7];

  fill_children (entry, children);
  children[5] = g_variant_new_boolean (mkv_entry_is_tombstone (entry));
  children[6] = g_variant_new_string (origins[origin]);
  return g_variant_new_tuple (children, G_N_ELEMENTS (children));
}

MkvEntry *
mkv_bus_change_from_variant (GVariant *variant, MkvOrigin *origin, GError **error)
{
  const char *key, *node_id, *from;
  g_autoptr (GVariant) octets = NULL;
  g_autoptr (GBytes) value = NULL;
  gboolean deleted;
  gint64 timestamp, seq;

  g_variant_get (variant, "(&s@ayx&sxb&s)", &key, &octets, &timestamp, &node_id, &seq, &deleted, &from);
  *origin = MKV_ORIGIN_EVENT;
  for (guint i = 0; i < G_N_ELEMENTS (origins); i++)
    if (g_str_equal (origins[i], from))
      *origin = (MkvOrigin) i;
  if (!deleted)
    value = mkv_bus_value_from_variant (octets);
  return mkv_entry_new (key, value, timestamp, node_id, seq, error);
}
