/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include <string.h>

#include "base/mkv-error.h"
#include "mkv-bus-world.h"
#include "mkv-storage-memory.h"
#include "mkv-test.h"

static GVariant *
octets (const char *text)
{
  return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, text, strlen (text), 1);
}

static void
set_up (MkvBusWorld **world, gconstpointer data)
{
  if (!mkv_bus_world_is_possible ())
    return;
  *world = mkv_bus_world_new ("memory", MKV_TYPE_STORAGE_MEMORY, NULL);
}

static void
tear_down (MkvBusWorld **world, gconstpointer data)
{
  g_clear_pointer (world, mkv_bus_world_free);
}

static void
test_get (MkvBusWorld **world, gconstpointer data)
{
  g_autoptr (GVariant) reply = NULL, value = NULL, expected = NULL;
  g_autoptr (GError) error = NULL;

  g_test_summary ("What was set is got; a key that is not there is NotFound");
  if (*world == NULL)
    {
      g_test_skip ("no dbus-daemon");
      return;
    }
  reply = mkv_bus_world_call (*world, (*world)->client, "Get", g_variant_new ("(sa{sv})", "colour", NULL), &error);
  g_assert_error (error, MKV_ERROR, MKV_ERROR_NOT_FOUND);
  g_assert_null (reply);
  g_clear_error (&error);
  reply = mkv_bus_world_call (*world, (*world)->client, "Set",
                              g_variant_new ("(s@aya{sv})", "colour", octets ("green"), NULL), &error);
  g_assert_no_error (error);
  g_clear_pointer (&reply, g_variant_unref);
  reply = mkv_bus_world_call (*world, (*world)->client, "Get", g_variant_new ("(sa{sv})", "colour", NULL), &error);
  g_assert_no_error (error);
  g_variant_get (reply, "(@ay)", &value);
  expected = g_variant_ref_sink (octets ("green"));
  g_assert_cmpvariant (value, expected);
}

#define ADD(name, func) g_test_add ("/bus-service/" name, MkvBusWorld *, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 100);
  ADD ("get", test_get);
  return g_test_run ();
}
