/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-raw-message.h"

#include <string.h>

#include "base/mkv-limits.h"

void
mkv_raw_put_head (GByteArray *octets, guint8 major, guint64 argument)
{
  static const guint8 infos[] = { 24, 25, 26, 27 };
  guint size = argument < 256 ? 0 : argument < 65536 ? 1 : argument <= G_MAXUINT32 ? 2 : 3;
  guint8 head[9] = { (guint8) (major << 5 | (argument < 24 ? argument : infos[size])) };
  guint n = argument < 24 ? 0 : 1u << size;

  for (guint i = 0; i < n; i++)
    head[1 + i] = (guint8) (argument >> (8 * (n - 1 - i)));
  g_byte_array_append (octets, head, 1 + n);
}

void
mkv_raw_put_text (GByteArray *octets, const char *text)
{
  mkv_raw_put_head (octets, 3, strlen (text));
  g_byte_array_append (octets, (const guint8 *) text, (guint) strlen (text));
}

GByteArray *
mkv_raw_begin (MkvStranger *stranger, const char *op, const char *id, guint n)
{
  GByteArray *octets = g_byte_array_new ();
  guint64 now = (guint64) mkv_clock_get_time (stranger->clock);

  mkv_raw_put_head (octets, 5, 7 + n);
  mkv_raw_put_text (octets, "op");
  mkv_raw_put_text (octets, op);
  mkv_raw_put_text (octets, "id");
  mkv_raw_put_text (octets, id);
  mkv_raw_put_text (octets, "from");
  mkv_raw_put_text (octets, stranger->id);
  mkv_raw_put_text (octets, "count");
  mkv_raw_put_head (octets, 0, 1);
  mkv_raw_put_text (octets, "root");
  mkv_raw_put_head (octets, 2, sizeof stranger->root);
  g_byte_array_append (octets, stranger->root, sizeof stranger->root);
  mkv_raw_put_text (octets, "timestamp");
  mkv_raw_put_head (octets, 0, now);
  mkv_raw_put_text (octets, "horizon");
  mkv_raw_put_head (octets, 0, (now / MKV_HORIZON_STEP - 24) * MKV_HORIZON_STEP);
  return octets;
}

GByteArray *
mkv_raw_make_lists (MkvStranger *stranger, const char *id, guint n, gboolean more)
{
  GByteArray *octets = mkv_raw_begin (stranger, "SYNC", id, 2);

  mkv_raw_put_text (octets, "more");
  g_byte_array_append (octets, (const guint8 *) (more ? "\xf5" : "\xf4"), 1);
  mkv_raw_put_text (octets, "lists");
  mkv_raw_put_head (octets, 4, n);
  for (guint i = 0; i < n; i++)
    g_byte_array_append (octets, (const guint8 *) "\x82\x41\x00\x40", 4);
  return octets;
}
