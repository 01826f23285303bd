/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-limits.h"

G_BEGIN_DECLS

/* The first 0 to 32 bits of a position: it stands for the entries whose
 * position begins with them. Passed by value. */
typedef struct
{
  guint32 bits;  /* left-aligned; those behind the length are 0 */
  guint8 length; /* in bits, at most MKV_MAX_PREFIX_BITS */
} MkvPrefix;

/* Of all entries. */
#define MKV_PREFIX_ALL ((MkvPrefix){ 0, 0 })

/* The bits that @self looks at. */
static inline guint32
mkv_prefix_get_mask (MkvPrefix self)
{
  return self.length == 0 ? 0 : ~(guint32) 0 << (32 - self.length);
}

/* Whether a position whose first 32 bits are @position begins with @self. The
 * upper half of a short id is such a start. */
static inline gboolean
mkv_prefix_has_position (MkvPrefix self, guint32 position)
{
  return ((position ^ self.bits) & mkv_prefix_get_mask (self)) == 0;
}

/* Whether @other begins with @self; every prefix does with itself. */
static inline gboolean
mkv_prefix_contains (MkvPrefix self, MkvPrefix other)
{
  return other.length >= self.length && mkv_prefix_has_position (self, other.bits);
}

/* Whether an entry can begin with both. */
static inline gboolean
mkv_prefix_overlaps (MkvPrefix self, MkvPrefix other)
{
  return mkv_prefix_contains (self, other) || mkv_prefix_contains (other, self);
}

/* The one of the 2^@depth prefixes @depth bits deeper whose next bits are
 * @index. At most MKV_MAX_PREFIX_BITS in all. */
static inline MkvPrefix
mkv_prefix_get_child (MkvPrefix self, guint depth, guint index)
{
  guint length = self.length + depth;

  return (MkvPrefix){ length == 0 ? 0 : self.bits | (guint32) index << (32 - length), (guint8) length };
}

G_END_DECLS
