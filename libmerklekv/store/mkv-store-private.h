/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-progress-private.h"
#include "store/mkv-store.h"
#include "store/mkv-write-private.h"

G_BEGIN_DECLS

struct _MkvStore
{
  GObject parent_instance;
};

/* What an asynchronous read was asked for: one entry if there is a key, several
 * if there are keys, else a list of keys. */
typedef struct
{
  char *key;
  char **keys;
  char *prefix;
  char *after;
  guint limit;
  gboolean more; /* of a list: a result */
} MkvRead;

/* What a store, near or far, supplies. The reads may come from any thread; the
 * base class runs them in one for their _async twins, unless there is
 * read_async. */
struct _MkvStoreClass
{
  GObjectClass parent_class;

  MkvEntry *(*get_entry) (MkvStore *self, const char *key, GCancellable *cancellable, GError **error);
  GPtrArray *(*get_many) (MkvStore *self, const char *const *keys, GCancellable *cancellable, GError **error);
  char **(*list_keys) (MkvStore *self, const char *prefix, const char *after, guint limit, gboolean *more,
                       GCancellable *cancellable, GError **error);
  /* Optional. Returns through @task, whose data @read is, what the function above
   * returns that does the same. */
  void (*read_async) (MkvStore *self, MkvRead *read, GTask *task);
  /* Fills in the results of @write, `error` among them, and says whether it
   * was done. */
  gboolean (*write) (MkvStore *self, MkvWrite *write, GCancellable *cancellable);
  /* Takes @write, and returns it through @task, as a pointer, once it is done,
   * also where it has an error. */
  void (*write_async) (MkvStore *self, MkvWrite *write, GTask *task);
  /* In the calling thread, as the reads. @progress may be NULL. */
  gboolean (*dump) (MkvStore *self, GOutputStream *stream, MkvDumpFormat format, const char *prefix,
                    MkvProgress *progress, GCancellable *cancellable, GError **error);
  MkvLoadReport *(*load) (MkvStore *self, GInputStream *stream, MkvDumpFormat format, MkvProgress *progress,
                          GCancellable *cancellable, GError **error);
};

/* Emits ::changed. */
void mkv_store_emit_changed (MkvStore *self, MkvEntry *entry, MkvOrigin origin);
gboolean mkv_store_has_changed_handlers (MkvStore *self);

/* Whether @prefix is one, or NULL. */
gboolean mkv_store_prefix_check (const char *prefix, GError **error);

/* For rooms that need all of a write's results: @write is taken; the callback
 * gets it back, owned, from mkv_store_submit_finish(), with its error inside. */
void mkv_store_submit_async (MkvStore *self, MkvWrite *write, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data);
MkvWrite *mkv_store_submit_finish (MkvStore *self, GAsyncResult *result);
/* The same in the calling thread; the write stays the caller's, and its error inside. */
gboolean mkv_store_submit (MkvStore *self, MkvWrite *write, GCancellable *cancellable);

G_END_DECLS
