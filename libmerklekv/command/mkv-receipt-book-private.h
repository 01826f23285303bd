/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-clock.h"
#include "model/mkv-command.h"
#include "model/mkv-response.h"
#include "store/mkv-local-store-private.h"

G_BEGIN_DECLS

/* Who asked for which write, and what the answer was: so that a request that
 * comes twice is executed once. Known by response topic and id. Lives in one
 * thread, but for mkv_receipt_write(). */
typedef struct _MkvReceiptBook MkvReceiptBook;

/* A request that is being executed. */
typedef struct _MkvReceipt MkvReceipt;

typedef enum
{
  MKV_RECEIPT_NEW,       /* never heard of: it is on the book as executing now */
  MKV_RECEIPT_EXECUTING, /* the same request is being executed */
  MKV_RECEIPT_KNOWN,     /* it was executed: there is an answer */
  MKV_RECEIPT_OTHER,     /* the id was used for something else */
} MkvReceiptMatch;

MkvReceiptBook *mkv_receipt_book_new (MkvClock *clock);
void mkv_receipt_book_free (MkvReceiptBook *self);

/* Reads what an earlier run has left. */
gboolean mkv_receipt_book_load (MkvReceiptBook *self, MkvStorage *storage, GError **error);

/* The book of @store, loaded, made if this is the first that wants it. It lives
 * as long as the store: what one processor executes must be known to the one
 * that takes its place. (transfer none) */
MkvReceiptBook *mkv_receipt_book_get_for (MkvLocalStore *store, MkvClock *clock, GError **error);

/* *@receipt is set where the request is new, *@answer (transfer full) where it
 * is known. */
MkvReceiptMatch mkv_receipt_book_begin (MkvReceiptBook *self, const char *topic, const MkvCommand *command,
                                        MkvReceipt **receipt, MkvResponse **answer);

/* Puts the answer into the transaction of the write, and takes out those that
 * have had their time; for the leader, in whatever thread. */
void mkv_receipt_write (const MkvReceipt *receipt, MkvResponse *answer, MkvStorageBatch *batch);

/* The request has been executed; @receipt is freed. @committed: whether the
 * transaction of mkv_receipt_write() was. @answer is NULL if the same request
 * may be executed when it comes again. */
void mkv_receipt_book_end (MkvReceiptBook *self, MkvReceipt *receipt, gboolean committed, MkvResponse *answer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvReceiptBook, mkv_receipt_book_free)

G_END_DECLS
