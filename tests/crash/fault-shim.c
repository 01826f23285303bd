/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Loaded before the C library, this lets every change of the files under
 * MKV_FAULT_FOLDER fail while mkv_fault_set() has been given an errno: a disk that
 * is full, read-only or broken, without one. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__ ((visibility ("default")))
#define REAL(name) ((__typeof__ (&name)) real (#name))

EXPORT int mkv_fault_set (int number, int sync, int halves, int n_spared);

static volatile int fault, only_sync, half_writes;
static int spared; /* atomic */

/* With @sync writes go through, and what makes them safe fails; with @halves a
 * write writes half of what it should. The next @n_spared that would fail don't;
 * returns how many of those of the last call are left. */
EXPORT int
mkv_fault_set (int number, int sync, int halves, int n_spared)
{
  int left;

  fault = 0;
  left = __atomic_exchange_n (&spared, n_spared, __ATOMIC_SEQ_CST);
  only_sync = sync;
  half_writes = halves;
  fault = number;
  return left > 0 ? left : 0;
}

static void *
real (const char *name)
{
  void *symbol = dlsym (RTLD_NEXT, name);

  if (symbol == NULL)
    abort ();
  return symbol;
}

static int
is_ours (const char *path)
{
  const char *folder = getenv ("MKV_FAULT_FOLDER");

  return folder != NULL && strncmp (path, folder, strlen (folder)) == 0;
}

static int
fails_at (const char *path, int sync)
{
  if (fault == 0 || (only_sync && !sync) || !is_ours (path) ||
      __atomic_fetch_sub (&spared, 1, __ATOMIC_SEQ_CST) > 0)
    return 0;
  errno = fault;
  return 1;
}

static int
fails (int fd, int sync)
{
  char link[64], path[PATH_MAX];
  ssize_t length;

  if (fault == 0)
    return 0;
  snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink (link, path, sizeof path - 1);
  if (length < 0)
    return 0;
  path[length] = 0;
  return fails_at (path, sync);
}

/* The first half of @parts, which is what there was room for; then nothing more. */
static ssize_t
write_some (int fd, const struct iovec *parts, int n_parts, off_t offset, int has_offset)
{
  struct iovec half;

  if (!fails (fd, 0))
    return has_offset ? REAL (pwritev) (fd, parts, n_parts, offset) : REAL (writev) (fd, parts, n_parts);
  if (!half_writes || parts[0].iov_len < 32)
    return -1;
  half.iov_base = parts[0].iov_base;
  half.iov_len = parts[0].iov_len / 2;
  return has_offset ? REAL (pwritev) (fd, &half, 1, offset) : REAL (writev) (fd, &half, 1);
}

EXPORT ssize_t
write (int fd, const void *data, size_t length)
{
  struct iovec part = { (void *) data, length };

  return write_some (fd, &part, 1, 0, 0);
}

EXPORT ssize_t
writev (int fd, const struct iovec *parts, int n_parts)
{
  return write_some (fd, parts, n_parts, 0, 0);
}

EXPORT ssize_t
pwrite (int fd, const void *data, size_t length, off_t offset)
{
  struct iovec part = { (void *) data, length };

  return write_some (fd, &part, 1, offset, 1);
}

EXPORT ssize_t
pwrite64 (int fd, const void *data, size_t length, off64_t offset)
{
  return pwrite (fd, data, length, offset);
}

EXPORT ssize_t
pwritev (int fd, const struct iovec *parts, int n_parts, off_t offset)
{
  return write_some (fd, parts, n_parts, offset, 1);
}

EXPORT ssize_t
pwritev64 (int fd, const struct iovec *parts, int n_parts, off64_t offset)
{
  return write_some (fd, parts, n_parts, offset, 1);
}

EXPORT int
fsync (int fd)
{
  return fails (fd, 1) ? -1 : REAL (fsync) (fd);
}

EXPORT int
fdatasync (int fd)
{
  return fails (fd, 1) ? -1 : REAL (fdatasync) (fd);
}

/* What makes a file shorter needs no room. */
static int
truncate_to (int fd, off_t length)
{
  struct stat info;

  if (fault == ENOSPC && fstat (fd, &info) == 0 && length <= info.st_size)
    return REAL (ftruncate) (fd, length);
  return fails (fd, 0) ? -1 : REAL (ftruncate) (fd, length);
}

EXPORT int
ftruncate (int fd, off_t length)
{
  return truncate_to (fd, length);
}

EXPORT int
ftruncate64 (int fd, off64_t length)
{
  return truncate_to (fd, length);
}

EXPORT int
fallocate (int fd, int mode, off_t offset, off_t length)
{
  return fails (fd, 0) ? -1 : REAL (fallocate) (fd, mode, offset, length);
}

EXPORT int
fallocate64 (int fd, int mode, off64_t offset, off64_t length)
{
  return fallocate (fd, mode, offset, length);
}

EXPORT int
posix_fallocate (int fd, off_t offset, off_t length)
{
  return fails (fd, 0) ? errno : REAL (posix_fallocate) (fd, offset, length);
}

EXPORT int
posix_fallocate64 (int fd, off64_t offset, off64_t length)
{
  return posix_fallocate (fd, offset, length);
}

EXPORT int
rename (const char *from, const char *to)
{
  return fails_at (to, 0) ? -1 : REAL (rename) (from, to);
}

EXPORT int
renameat2 (int from_folder, const char *from, int to_folder, const char *to, unsigned int flags)
{
  return fails_at (to, 0) ? -1 : REAL (renameat2) (from_folder, from, to_folder, to, flags);
}

/* Whoever asks how much room there is. */
EXPORT int
statvfs (const char *path, struct statvfs *info)
{
  int result = REAL (statvfs) (path, info);

  if (result == 0 && fault == ENOSPC && is_ours (path))
    info->f_bavail = info->f_bfree = 0;
  return result;
}

EXPORT int
statvfs64 (const char *path, struct statvfs64 *info)
{
  int result = REAL (statvfs64) (path, info);

  if (result == 0 && fault == ENOSPC && is_ours (path))
    info->f_bavail = info->f_bfree = 0;
  return result;
}

#define DEFINE_OPEN(name)                                                               \
  EXPORT int name (const char *path, int flags, ...)                                    \
  {                                                                                     \
    va_list args;                                                                       \
    mode_t mode = 0;                                                                    \
                                                                                        \
    va_start (args, flags);                                                             \
    if (flags & (O_CREAT | O_TMPFILE))                                                  \
      mode = va_arg (args, mode_t);                                                     \
    va_end (args);                                                                      \
    /* A disk that is full still opens what is there. */                                \
    if ((flags & O_ACCMODE) != O_RDONLY &&                                              \
        (fault != ENOSPC || access (path, F_OK) != 0) && fails_at (path, 0))            \
      return -1;                                                                        \
    return REAL (openat) (AT_FDCWD, path, flags, mode);                                 \
  }

DEFINE_OPEN (open)
DEFINE_OPEN (open64)
