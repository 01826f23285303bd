/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "base/mkv-error.h"
#include "base/mkv-manual-clock.h"
#include "mkv-test.h"

static gboolean
count (gpointer user_data)
{
  ++*(guint *) user_data;
  return G_SOURCE_REMOVE;
}

static void
test_manual_clock_timers (void)
{
  g_autoptr (MkvManualClock) clock = mkv_manual_clock_new (1000);
  g_autoptr (GSource) one = NULL, two = NULL;
  guint n = 0;

  g_test_summary ("A timer of the manual clock is dispatched when its time has come, once, and not before");
  one = mkv_clock_add_timeout (MKV_CLOCK (clock), 500, NULL, count, &n);
  two = mkv_clock_add_timeout (MKV_CLOCK (clock), 2000, NULL, count, &n);
  g_assert_cmpint (mkv_manual_clock_get_next_delay (clock), ==, 500);
  mkv_test_iterate ();
  g_assert_cmpuint (n, ==, 0);
  mkv_manual_clock_advance (clock, 500);
  mkv_test_iterate ();
  g_assert_cmpuint (n, ==, 1);
  g_assert_cmpint (mkv_manual_clock_get_next_delay (clock), ==, 1500);
  g_source_destroy (two);
  g_clear_pointer (&two, g_source_unref);
  g_assert_cmpint (mkv_manual_clock_get_next_delay (clock), ==, -1);
  mkv_manual_clock_advance (clock, 5000);
  mkv_test_iterate ();
  g_assert_cmpuint (n, ==, 1);
}

static void
test_manual_clock_offsets (void)
{
  g_autoptr (MkvManualClock) clock = mkv_manual_clock_new (1000);
  g_autoptr (MkvManualClock) other = mkv_manual_clock_new_following (clock, -400);

  g_test_summary ("Clocks that follow each other advance together and keep their own wall clocks");
  mkv_manual_clock_advance (other, 5000);
  g_assert_cmpint (mkv_clock_get_time (MKV_CLOCK (clock)), ==, 1005);
  g_assert_cmpint (mkv_clock_get_time (MKV_CLOCK (other)), ==, 605);
  mkv_manual_clock_set_time (clock, 7);
  g_assert_cmpint (mkv_clock_get_time (MKV_CLOCK (clock)), ==, 7);
  g_assert_cmpint (mkv_clock_get_time (MKV_CLOCK (other)), ==, 605);
}

static void
test_system_clock (void)
{
  g_autoptr (MkvClock) clock = mkv_clock_new ();
  g_autoptr (GSource) source = NULL;
  guint n = 0;

  g_test_summary ("The system's clock dispatches a timer once");
  source = mkv_clock_add_timeout (clock, 1000, NULL, count, &n);
  while (n == 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (g_source_is_destroyed (source));
  g_assert_cmpuint (n, ==, 1);
}

static void
test_error_on_bus (void)
{
  g_autoptr (GError) error = g_error_new (MKV_ERROR, MKV_ERROR_TOO_LARGE, "x");
  g_autofree char *name = g_dbus_error_encode_gerror (error);

  g_test_summary ("An error keeps its code across D-Bus");
  g_assert_cmpstr (name, ==, "io.github.merklekv.MerkleKV1.Error.TooLarge");
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 30);
  g_test_add_func ("/base/manual-clock/timers", test_manual_clock_timers);
  g_test_add_func ("/base/manual-clock/offsets", test_manual_clock_offsets);
  g_test_add_func ("/base/clock", test_system_clock);
  g_test_add_func ("/base/error/bus", test_error_on_bus);
  return g_test_run ();
}
