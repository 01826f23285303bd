/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/mkv-storage-folder.h"

#define COPY_BYTES (256 * 1024)

/* @what: is taken */
static gboolean
fail (GError **error, int saved_errno, char *what)
{
  mkv_storage_set_error_from_errno (error, saved_errno, what);
  g_free (what);
  return FALSE;
}

static gboolean
fail_to_write (GError **error, int saved_errno, const char *name)
{
  return fail (error, saved_errno, g_strdup_printf (_("can't write %s"), name));
}

static gboolean
fail_to_read (GError **error, int saved_errno, const char *name)
{
  return fail (error, saved_errno, g_strdup_printf (_("can't read %s"), name));
}

gboolean
mkv_file_open (const char *folder, const char *name, int flags, gboolean missing_ok, int *fd, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  int saved_errno;

  do
    *fd = g_open (path, flags | O_CLOEXEC, 0600);
  while (*fd < 0 && errno == EINTR);
  if (*fd >= 0 || (missing_ok && errno == ENOENT))
    return TRUE;
  saved_errno = errno;
  return fail (error, saved_errno, g_strdup_printf (_("can't open %s"), path));
}

gboolean
mkv_file_write (int fd, const char *octets, gsize length, guint64 offset, const char *name, GError **error)
{
  while (length > 0)
    {
      gssize n = pwrite (fd, octets, length, (off_t) offset);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return fail_to_write (error, n < 0 ? errno : ENOSPC, name);
      octets += n;
      length -= (gsize) n;
      offset += (guint64) n;
    }
  return TRUE;
}

gboolean
mkv_file_cut (int fd, guint64 length, const char *name, GError **error)
{
  int result;

  do
    result = ftruncate (fd, (off_t) length);
  while (result != 0 && errno == EINTR);
  return result == 0 || fail_to_write (error, errno, name);
}

gboolean
mkv_file_sync (int fd, const char *name, GError **error)
{
  /* Never again after it has failed: the kernel forgets what it could not write. */
  return fdatasync (fd) == 0 || fail_to_write (error, errno, name);
}

gboolean
mkv_file_get_length (int fd, const char *name, guint64 *length, GError **error)
{
  struct stat status;

  if (fstat (fd, &status) != 0)
    return fail_to_read (error, errno, name);
  *length = (guint64) status.st_size;
  return TRUE;
}

gboolean
mkv_file_copy (int from, guint64 from_offset, guint64 length, int to, guint64 to_offset, const char *name,
               GError **error)
{
  g_autofree char *buffer = length > 0 ? g_malloc (COPY_BYTES) : NULL;

  while (length > 0)
    {
      gssize n = pread (from, buffer, MIN (length, COPY_BYTES), (off_t) from_offset);

      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return fail_to_read (error, n < 0 ? errno : EIO, name);
      if (!mkv_file_write (to, buffer, (gsize) n, to_offset, name, error))
        return FALSE;
      from_offset += (guint64) n;
      to_offset += (guint64) n;
      length -= (guint64) n;
    }
  return TRUE;
}

gboolean
mkv_file_sync_folder (const char *folder, GError **error)
{
  gboolean done;
  int fd;

  if (!mkv_file_open (folder, ".", O_RDONLY | O_DIRECTORY, FALSE, &fd, error))
    return FALSE;
  done = fsync (fd) == 0 || fail_to_write (error, errno, folder);
  close (fd);
  return done;
}

void
mkv_file_sync_parent (const char *folder)
{
  g_autofree char *parent = g_path_get_dirname (folder);
  g_autoptr (GError) error = NULL;

  if (!mkv_file_sync_folder (parent, &error))
    g_debug ("%s", error->message);
}

gboolean
mkv_file_rename_unsynced (const char *folder, const char *from, const char *to, GError **error)
{
  g_autofree char *old = g_build_filename (folder, from, NULL), *new = g_build_filename (folder, to, NULL);

  return g_rename (old, new) == 0 || fail_to_write (error, errno, new);
}

gboolean
mkv_file_rename (const char *folder, const char *from, const char *to, GError **error)
{
  return mkv_file_rename_unsynced (folder, from, to, error) && mkv_file_sync_folder (folder, error);
}

void
mkv_file_remove (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  if (g_unlink (path) != 0 && errno != ENOENT)
    g_debug ("%s is left behind: %s", path, g_strerror (errno));
}

void
mkv_file_close (int *fd)
{
  if (*fd >= 0)
    close (*fd);
  *fd = -1;
}
