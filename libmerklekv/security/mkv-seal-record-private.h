/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "security/mkv-seal-key-private.h"
#include "storage/mkv-storage.h"

G_BEGIN_DECLS

/* One of the forms that a storage's contents have. */
typedef struct
{
  gboolean plain;
  /* Otherwise: */
  guint8 salt[MKV_SEAL_SALT_BYTES];
  guint8 check[MKV_SEAL_CHECK_BYTES];
} MkvSealForm;

/* What a storage says openly about how it is sealed, under the meta name
 * MKV_SEAL_RECORD. A storage without a record is plain. */
typedef struct
{
  MkvSealForm form;   /* what is written has it */
  gboolean under_way; /* a change of the key: what was there before may still have the old form */
  MkvSealForm old;
} MkvSealRecord;

#define MKV_SEAL_RECORD "sealed"

GBytes *mkv_seal_record_print (const MkvSealRecord *self);
gboolean mkv_seal_record_parse (MkvSealRecord *self, GBytes *octets, GError **error);

/* The form that @key makes; NULL for plain. */
void mkv_seal_form_set (MkvSealForm *self, const MkvSealKey *key);

/* What is said of a storage that is encrypted, where no key is given. */
void mkv_seal_record_set_error (GError **error);

/* FALSE with that error where an open storage shows a record. */
gboolean mkv_seal_record_check_absent (MkvStorage *storage, GError **error);

G_END_DECLS
