/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "desktop/mkv-wake-source-private.h"

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  g_source_set_ready_time (source, -1);
  return callback (user_data);
}

static GSourceFuncs funcs = { NULL, NULL, dispatch, NULL, NULL, NULL };

GSource *
mkv_wake_source_new (gint priority, GSourceFunc func, gpointer user_data)
{
  GSource *source = g_source_new (&funcs, sizeof (GSource));

  g_source_set_static_name (source, "mkv-wake-source");
  g_source_set_priority (source, priority);
  g_source_set_callback (source, func, user_data, NULL);
  g_source_attach (source, g_main_context_get_thread_default ());
  return source;
}

void
mkv_wake_source_wake (GSource *source)
{
  g_source_set_ready_time (source, 0);
}

gboolean
mkv_wake_source_is_awake (GSource *source)
{
  return g_source_get_ready_time (source) >= 0;
}
