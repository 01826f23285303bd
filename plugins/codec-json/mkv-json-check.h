/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What the strict pass learns about a payload, beside that it is JSON. */
typedef struct
{
  gsize length;      /* without the white space behind */
  gboolean is_array; /* else an object */
  const char *id;    /* what stands between the quotation marks of the object's member "id"; NULL */
  gsize id_length;   /* if it has none. Also there if what is wrong comes later */
} MkvJsonCheck;

/* Whether @payload is an object or an array in exactly the grammar of RFC 8259,
 * from its first octet on, in UTF-8, nested at most MKV_MAX_NESTING deep, without
 * a name that comes twice in an object. One pass, no recursion, and nothing is
 * allocated but a note of each name. */
gboolean mkv_json_check (GBytes *payload, MkvJsonCheck *check, GError **error);

G_END_DECLS
