/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <string.h>

#include "base/mkv-limits.h"

G_BEGIN_DECLS

/* The sum over a set of entries of their short ids and of what these are checked
 * by. Where two sets differ in one entry, the difference of their cells is that
 * entry. */
typedef struct
{
  guint64 s; /* the short ids, modulo 2^64 */
  guint32 k; /* their checks, modulo 2^32 */
} MkvCell;

/* The short id of an entry: the first 4 octets of its position, then the first
 * 4 of its digest, as a big-endian integer. */
static inline guint64
mkv_short_id_make (const guint8 *position, const guint8 *digest)
{
  guint32 upper, lower;

  memcpy (&upper, position, sizeof upper);
  memcpy (&lower, digest, sizeof lower);
  return (guint64) GUINT32_FROM_BE (upper) << 32 | GUINT32_FROM_BE (lower);
}

static inline guint64
mkv_short_id_read (const guint8 octets[MKV_SHORT_ID_BYTES])
{
  guint64 short_id;

  memcpy (&short_id, octets, sizeof short_id);
  return GUINT64_FROM_BE (short_id);
}

static inline void
mkv_short_id_write (guint64 short_id, guint8 octets[MKV_SHORT_ID_BYTES])
{
  short_id = GUINT64_TO_BE (short_id);
  memcpy (octets, &short_id, sizeof short_id);
}

/* The start of the position of the entries with that short id. */
static inline guint32
mkv_short_id_get_position (guint64 short_id)
{
  return (guint32) (short_id >> 32);
}

/* K: what a short id is checked by. */
static inline guint32
mkv_short_id_get_check (guint64 short_id)
{
#ifdef MKV_SABOTAGED_CELLS /* for tests of what happens where no cell can be read */
  return 0x5AB07A6E;
#else
  guint64 z = short_id + G_GUINT64_CONSTANT (0x9E3779B97F4A7C15);

  z = (z ^ z >> 30) * G_GUINT64_CONSTANT (0xBF58476D1CE4E5B9);
  z = (z ^ z >> 27) * G_GUINT64_CONSTANT (0x94D049BB133111EB);
  return (guint32) (z ^ z >> 31);
#endif
}

/* The cell of one entry. */
static inline MkvCell
mkv_cell_of (guint64 short_id)
{
  return (MkvCell){ short_id, mkv_short_id_get_check (short_id) };
}

static inline MkvCell
mkv_cell_add (MkvCell a, MkvCell b)
{
  return (MkvCell){ a.s + b.s, a.k + b.k };
}

static inline MkvCell
mkv_cell_subtract (MkvCell a, MkvCell b)
{
  return (MkvCell){ a.s - b.s, a.k - b.k };
}

static inline gboolean
mkv_cell_is_zero (MkvCell self)
{
  return self.s == 0 && self.k == 0;
}

/* On the wire: S, then K, big-endian. */
static inline MkvCell
mkv_cell_read (const guint8 octets[MKV_CELL_BYTES])
{
  guint32 k;

  memcpy (&k, octets + MKV_SHORT_ID_BYTES, sizeof k);
  return (MkvCell){ mkv_short_id_read (octets), GUINT32_FROM_BE (k) };
}

static inline void
mkv_cell_write (MkvCell self, guint8 octets[MKV_CELL_BYTES])
{
  guint32 k = GUINT32_TO_BE (self.k);

  mkv_short_id_write (self.s, octets);
  memcpy (octets + MKV_SHORT_ID_BYTES, &k, sizeof k);
}

G_END_DECLS
