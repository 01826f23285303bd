/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include <merklekv.h>

G_BEGIN_DECLS

/* System calls on files, with errors that a person can do something about. */

/* With @missing_ok, TRUE and @fd -1 if there is no such file. */
gboolean mkv_file_open (const char *folder, const char *name, int flags, gboolean missing_ok, int *fd,
                        GError **error);

/* Of the functions below, @name is what errors call the file. */

gboolean mkv_file_write (int fd, const char *octets, gsize length, guint64 offset, const char *name,
                         GError **error);
gboolean mkv_file_cut (int fd, guint64 length, const char *name, GError **error);
gboolean mkv_file_sync (int fd, const char *name, GError **error);
gboolean mkv_file_get_length (int fd, const char *name, guint64 *length, GError **error);

/* Copies @length octets; the rest as for writing. */
gboolean mkv_file_copy (int from, guint64 from_offset, guint64 length, int to, guint64 to_offset,
                        const char *name, GError **error);

/* Renames @folder/@from. */
gboolean mkv_file_rename_unsynced (const char *folder, const char *from, const char *to, GError **error);

/* And syncs the folder. If it fails, the file may have either name. */
gboolean mkv_file_rename (const char *folder, const char *from, const char *to, GError **error);
gboolean mkv_file_sync_folder (const char *folder, GError **error);

/* So that a folder that is new is there after a loss of power. Its parent may be
 * one that can't be opened: then that is up to the system. */
void mkv_file_sync_parent (const char *folder);

/* Where there is such a file, it goes. */
void mkv_file_remove (const char *folder, const char *name);

void mkv_file_close (int *fd);

G_END_DECLS
