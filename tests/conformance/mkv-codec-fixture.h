/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "codec/mkv-codec.h"

G_BEGIN_DECLS

/* A codec of everything, which every test of them is run with. */
typedef struct
{
  MkvCodec *codec;
  gboolean is_cbor;
} MkvCodecFixture;

typedef struct
{
  const char *name;
  void (*test) (MkvCodecFixture *fixture, gconstpointer data);
} MkvCodecTest;

/* Adds each test for each codec. */
void mkv_codec_add_tests (const MkvCodecTest *tests, guint n_tests);

/* Decodes a message of anti-entropy, of whose events so many are refused. */
MkvSyncMessage *mkv_codec_fixture_decode_sync (MkvCodecFixture *fixture, GBytes *payload, guint n_refused,
                                               GError **error);

G_END_DECLS
