/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "store/mkv-young-private.h"

/* A power of two. The memory is the system's until a slot is used. */
#define N_SLOTS 65536

typedef struct
{
  guint32 tag;
  guint32 time; /* ms since `start`, from 1; 0 in a slot never used */
} Slot;

struct _MkvYoung
{
  gint64 start; /* us */
  Slot *slots;
};

MkvYoung *
mkv_young_new (void)
{
  MkvYoung *self = g_new0 (MkvYoung, 1);

  self->slots = g_new0 (Slot, N_SLOTS);
  self->start = -1;
  return self;
}

void
mkv_young_free (MkvYoung *self)
{
  g_free (self->slots);
  g_free (self);
}

/* FNV-1a, and its bits mixed. */
static guint64
hash (const char *key)
{
  guint64 h = G_GUINT64_CONSTANT (0xCBF29CE484222325);

  for (const guint8 *p = (const guint8 *) key; *p != 0; p++)
    h = (h ^ *p) * G_GUINT64_CONSTANT (0x100000001B3);
  return h ^ h >> 29;
}

/* Wraps after 49 days, which makes one key in 2^32 young again. */
static guint32
get_time (const MkvYoung *self, gint64 now)
{
  return (guint32) ((now - self->start) / 1000 + 1);
}

void
mkv_young_add (MkvYoung *self, const char *key, gint64 now)
{
  guint64 h = hash (key);
  Slot *slot = &self->slots[h % N_SLOTS];

  if (self->start < 0)
    self->start = now;
  slot->tag = (guint32) (h >> 32);
  slot->time = get_time (self, now);
}

gboolean
mkv_young_has (const MkvYoung *self, const char *key, gint64 now)
{
  guint64 h = hash (key);
  const Slot *slot = &self->slots[h % N_SLOTS];

  return slot->time != 0 && slot->tag == (guint32) (h >> 32) &&
         get_time (self, now) - slot->time < MKV_YOUNG_TIME / 1000;
}
