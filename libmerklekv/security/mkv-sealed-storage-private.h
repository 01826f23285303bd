/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-progress-private.h"
#include "security/mkv-seal-private.h"
#include "security/mkv-seal-record-private.h"
#include "security/mkv-sealed-storage.h"

G_BEGIN_DECLS

/* Meta of the sealed storage's own, which nobody sees through it. */
#define MKV_SEAL_NODE_PREFIX MKV_SEAL_RECORD "/node/"
#define MKV_SEAL_DAMAGED_PREFIX MKV_SEAL_RECORD "/damaged/"

struct _MkvSealedStorage
{
  GObject parent_instance;

  MkvStorage *inner;
  GBytes *secret;          /* what was given; NULL for none */
  GPtrArray *more_secrets; /* of GBytes: for a change of the key that was not finished */
  MkvSealNodes *nodes;

  /* Where readers look up keys, after they have read: the newest first. What
   * has been in use stays until the storage is closed. */
  MkvSealKey *keys;  /* atomic */
  gint may_be_plain; /* atomic: what is read, as no key is in use, or was before it changed */
  gint n_changes;    /* atomic: of the key, that came to their end */
  gint rekeying;     /* atomic: a task changes the key */

  GMutex mutex; /* held over each call that changes the inner storage; guards all below */
  MkvSealRecord record;
  MkvSealKey *writer; /* what is written is sealed with it; NULL for plain */
  MkvStorageBatch *batch;
  gboolean resumed; /* opening has gone on with a change of the key */
};

gboolean mkv_seal_name_is_own (const char *name);

/* Whether it has the length of a key. */
gboolean mkv_sealed_storage_check_key (GBytes *key, GError **error);

/* From now on readers know @key, which is taken. */
void mkv_sealed_storage_push_key (MkvSealedStorage *self, MkvSealKey *key);

/* What an entry and a meta value of the inner storage stand for. Where n_changes
 * has changed since these were read, a failure may be none. */
MkvEntry *mkv_sealed_storage_open_entry (MkvSealedStorage *self, MkvEntry *inner, GError **error);
GBytes *mkv_sealed_storage_open_meta (MkvSealedStorage *self, const char *name, GBytes *inner, GError **error);

/* Adds to @batch what stands for these, in the form in which is written now. */
gboolean mkv_sealed_storage_put (MkvSealedStorage *self, MkvStorageBatch *batch, MkvEntry *entry, GError **error);
gboolean mkv_sealed_storage_set_meta (MkvSealedStorage *self, MkvStorageBatch *batch, const char *name, GBytes *value,
                                      GError **error);

/* Writes what these have made of a batch. With the mutex held. */
gboolean mkv_sealed_storage_apply_sealed (MkvSealedStorage *self, MkvStorageBatch *batch, GError **error);
gboolean mkv_sealed_storage_write_record (MkvSealedStorage *self, const MkvSealRecord *record, GError **error);

/* Open and close all but what a change of the key has left undone. */
gboolean mkv_sealed_storage_open_inner (MkvSealedStorage *self, const char *path, GVariant *options, GError **error);
gboolean mkv_sealed_storage_close_inner (MkvSealedStorage *self, GError **error);

/* Wipes the keys, once the inner storage is closed. */
void mkv_sealed_storage_forget (MkvSealedStorage *self);

/* Brings everything into the form in which is written now. Takes the mutex, for
 * a page at a time. */
gboolean mkv_sealed_storage_finish_rekey (MkvSealedStorage *self, MkvProgress *progress, GCancellable *cancellable,
                                          GError **error);

/* The vfuncs in mkv-sealed-check.c. */
char **mkv_sealed_storage_verify_all (MkvStorage *storage, GError **error);
char **mkv_sealed_storage_repair_all (MkvStorage *storage, const char *path, GVariant *options, GError **error);

G_END_DECLS
