/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-stranger.h"

G_BEGIN_DECLS

/* CBOR by hand, for messages that no writer would make. */
void mkv_raw_put_head (GByteArray *octets, guint8 major, guint64 argument);
void mkv_raw_put_text (GByteArray *octets, const char *text);

/* The beginning of a message of anti-entropy; @n more fields have to follow. */
GByteArray *mkv_raw_begin (MkvStranger *stranger, const char *op, const char *id, guint n);

/* A SYNC of session @id with @n lists of nothing, all of the same prefix. */
GByteArray *mkv_raw_make_lists (MkvStranger *stranger, const char *id, guint n, gboolean more);

G_END_DECLS
