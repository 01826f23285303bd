/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-test.h"
#include "observe/mkv-observer-private.h"

static void
count (MkvObserver *observer, guint *n)
{
  ++*n;
}

static void
test_health (void)
{
  g_autoptr (MkvClock) clock = mkv_clock_new ();
  g_autoptr (MkvObserver) observer = mkv_observer_new (clock);
  g_auto (GStrv) conditions = NULL;
  guint n = 0;

  g_test_summary ("The worst condition makes the health; changes are told once");
  g_signal_connect (observer, "changed", G_CALLBACK (count), &n);
  g_assert_cmpint (mkv_observer_get_health (observer), ==, MKV_HEALTH_OK);
  mkv_observer_set_condition (observer, "a", MKV_HEALTH_DEGRADED, "slow since %d", 5);
  mkv_observer_set_condition (observer, "b", MKV_HEALTH_FAILED, "stopped");
  g_assert_cmpint (mkv_observer_get_health (observer), ==, MKV_HEALTH_FAILED);
  conditions = mkv_observer_list_conditions (observer);
  g_assert_cmpstr (conditions[0], ==, "a: slow since 5");
  g_assert_cmpstr (conditions[1], ==, "b: stopped");
  mkv_test_iterate ();
  g_assert_cmpuint (n, ==, 1);
  mkv_observer_set_condition (observer, "b", MKV_HEALTH_FAILED, "stopped");
  mkv_test_iterate ();
  g_assert_cmpuint (n, ==, 1);
  mkv_observer_clear_condition (observer, "b");
  mkv_observer_clear_condition (observer, "b");
  mkv_test_iterate ();
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpint (mkv_observer_get_health (observer), ==, MKV_HEALTH_DEGRADED);
}

static guint n_lines;

static GLogWriterOutput
count_lines (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  n_lines++;
  return G_LOG_WRITER_HANDLED;
}

static void
test_drops (void)
{
  g_autoptr (MkvManualClock) clock = mkv_manual_clock_new (0);
  g_autoptr (MkvObserver) observer = mkv_observer_new (MKV_CLOCK (clock));

  g_test_summary ("Every drop is counted, and logged once in ten seconds");
  g_log_set_writer_func (count_lines, NULL, NULL);
  for (guint i = 0; i < 1000; i++)
    mkv_observer_drop (observer, MKV_COUNTER_DROPPED_TOPIC, "number %u", i);
  g_assert_cmpuint (n_lines, ==, 1);
  mkv_manual_clock_advance (clock, 11 * G_USEC_PER_SEC);
  mkv_observer_drop (observer, MKV_COUNTER_DROPPED_TOPIC, "the last");
  g_assert_cmpuint (n_lines, ==, 2);
  g_assert_cmpuint (mkv_observer_get_count (observer, MKV_COUNTER_DROPPED_TOPIC), ==, 1001);
  g_assert_cmpuint (mkv_observer_get_count (observer, MKV_COUNTER_DROPPED_OWN), ==, 0);
}

int
main (int argc, char **argv)
{
  mkv_test_init (&argc, &argv, 30);
  g_test_add_func ("/observe/health", test_health);
  g_test_add_func ("/observe/drops", test_drops);
  return g_test_run ();
}
