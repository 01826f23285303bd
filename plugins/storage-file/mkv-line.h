/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <gnutls/crypto.h>
#include <merklekv.h>

G_BEGIN_DECLS

/* The version of the format, in the first line of each file: README.md says
 * what the lines are. */
#define MKV_LINE_FORMAT "merklekv-storage-file"
#define MKV_LINE_VERSION 1

#define MKV_LINE_SNAPSHOT "snapshot"
#define MKV_LINE_JOURNAL "journal"
#define MKV_LINE_CORRUPT "corrupt"

/* What stands before the 16 digits of each line's checksum, and behind them. */
#define MKV_LINE_CHECKSUM ",\"checksum\":\""
#define MKV_LINE_CHECKSUM_DIGITS 16
#define MKV_LINE_END "\"}"

typedef enum
{
  MKV_LINE_HEADER, /* the first line of a file */
  MKV_LINE_ENTRY,  /* an entry, in the place of what its key held */
  MKV_LINE_REMOVE, /* a key whose entry is gone */
  MKV_LINE_META,
  MKV_LINE_COMMIT, /* the lines before it are a batch, and happened */
  MKV_LINE_TOTAL,  /* the last line of a snapshot */
  MKV_LINE_ASIDE,  /* octets that were found damaged */
} MkvLineKind;

/* One line of a file, taken apart. */
typedef struct
{
  MkvLineKind kind;
  MkvEntry *entry;
  char *name;       /* of the key, of meta, or of a file */
  char *reason;     /* ASIDE */
  GBytes *value;    /* META, NULL where it is removed; ASIDE */
  guint64 commit;   /* COMMIT: its number; HEADER: that of the last commit before the file; ASIDE: the offset */
  guint64 n_lines;  /* COMMIT: how many lines its batch has; TOTAL: how many there are, without the first and last */
  guint64 synced;   /* COMMIT: the last commit that was on the disk when this one was written */
} MkvLine;

void mkv_line_clear (MkvLine *self);

/* Takes apart a line without its line feed. Strict: what it takes is exactly what
 * an MkvLineWriter writes for it, octet by octet. @hash is a SHA-256 of GnuTLS;
 * @problem, in the language of the user, says what is wrong. */
gboolean mkv_line_parse (MkvLine *self, const char *octets, gsize length, gnutls_hash_hd_t hash,
                         const char **problem);

/* The version that a file's first line claims, whatever else stands there; 0 if
 * it is no first line of this format. */
guint64 mkv_line_peek_version (const char *octets, gsize length);

gnutls_hash_hd_t mkv_line_hash_new (void);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (MkvLine, mkv_line_clear)

G_END_DECLS
