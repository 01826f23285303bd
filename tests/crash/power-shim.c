/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Loaded before the C library, this writes down all that a process does to the
 * files under MKV_POWER_FOLDER into MKV_POWER_LOG, for test-power-loss.c. A lock
 * round each call makes the order of the records the order of the calls. What
 * is written to MKV_POWER_ACKS is an acknowledgement. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "power-log.h"

#define MAX_FILES 1024
#define EXPORT __attribute__ ((visibility ("default")))
#define REAL(name) ((__typeof__ (&name)) real (#name))

enum
{
  FD_OTHER,
  FD_FILE,
  FD_FOLDER,
  FD_ACKS,
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct
{
  int kind;
  uint64_t file;
} fds[MAX_FILES];
static int log_fd = -2;
static const char *folder, *acks;

static void *
real (const char *name)
{
  void *symbol = dlsym (RTLD_NEXT, name);

  if (symbol == NULL)
    abort ();
  return symbol;
}

static void
set_up (void)
{
  const char *name = getenv ("MKV_POWER_LOG");

  if (log_fd != -2)
    return;
  folder = getenv ("MKV_POWER_FOLDER");
  acks = getenv ("MKV_POWER_ACKS");
  log_fd = name != NULL && folder != NULL && acks != NULL
               ? REAL (open) (name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)
               : -1;
}

static void
put (const void *data, size_t length)
{
  if (REAL (write) (log_fd, data, length) != (ssize_t) length)
    abort ();
}

static void
note (PowerKind kind, uint64_t file, uint64_t offset, const void *data, size_t length)
{
  PowerRecord record = { kind, (uint32_t) length, file, offset };

  put (&record, sizeof record);
  if (length > 0)
    put (data, length);
}

static int
is_ours (const char *path)
{
  size_t length = strlen (folder);

  return strncmp (path, folder, length) == 0 && (path[length] == 0 || path[length] == '/');
}

/* The name relative to the folder. */
static const char *
local_name (const char *path)
{
  size_t length = strlen (folder);

  return path[length] == '/' ? path + length + 1 : path + length;
}

static void
lock (void)
{
  pthread_mutex_lock (&mutex);
  set_up ();
}

static void
unlock (void)
{
  int saved = errno;

  pthread_mutex_unlock (&mutex);
  errno = saved;
}

static int
tracked (int fd, int kind)
{
  return log_fd >= 0 && fd >= 0 && fd < MAX_FILES && fds[fd].kind == kind;
}

static int
open_noted (int dirfd, const char *path, int flags, mode_t mode)
{
  struct stat info;
  char name[PATH_MAX];
  int existed, fd;

  lock ();
  if (log_fd >= 0 && path[0] != '/' && dirfd != AT_FDCWD && tracked (dirfd, FD_FOLDER))
    {
      snprintf (name, sizeof name, "%s/%s", folder, path);
      path = name;
    }
  existed = stat (path, &info) == 0;
  fd = REAL (openat) (dirfd, path, flags, mode);
  if (fd >= 0 && fd < MAX_FILES && log_fd >= 0)
    {
      fds[fd].kind = FD_OTHER;
      if (strcmp (path, acks) == 0)
        fds[fd].kind = FD_ACKS;
      else if (is_ours (path) && fstat (fd, &info) == 0)
        {
          fds[fd].kind = S_ISDIR (info.st_mode) ? FD_FOLDER : FD_FILE;
          fds[fd].file = info.st_ino;
          if (S_ISREG (info.st_mode) && !existed)
            note (POWER_CREATE, info.st_ino, 0, local_name (path), strlen (local_name (path)));
          else if (S_ISREG (info.st_mode) && (flags & O_TRUNC))
            note (POWER_TRUNCATE, info.st_ino, 0, NULL, 0);
        }
    }
  unlock ();
  return fd;
}

static mode_t
get_mode (int flags, va_list args)
{
  return flags & (O_CREAT | O_TMPFILE) ? va_arg (args, mode_t) : 0;
}

#define DEFINE_OPEN(name)                                   \
  EXPORT int name (const char *path, int flags, ...)        \
  {                                                         \
    va_list args;                                           \
    mode_t mode;                                            \
                                                            \
    va_start (args, flags);                                 \
    mode = get_mode (flags, args);                          \
    va_end (args);                                          \
    return open_noted (AT_FDCWD, path, flags, mode);        \
  }

#define DEFINE_OPENAT(name)                                      \
  EXPORT int name (int dirfd, const char *path, int flags, ...)  \
  {                                                              \
    va_list args;                                                \
    mode_t mode;                                                 \
                                                                 \
    va_start (args, flags);                                      \
    mode = get_mode (flags, args);                               \
    va_end (args);                                               \
    return open_noted (dirfd, path, flags, mode);                \
  }

DEFINE_OPEN (open)
DEFINE_OPEN (open64)
DEFINE_OPENAT (openat)
DEFINE_OPENAT (openat64)

EXPORT int
creat (const char *path, mode_t mode)
{
  return open_noted (AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

EXPORT int
close (int fd)
{
  int result;

  lock ();
  if (fd >= 0 && fd < MAX_FILES)
    fds[fd].kind = FD_OTHER;
  result = REAL (close) (fd);
  unlock ();
  return result;
}

static ssize_t
write_noted (int fd, const struct iovec *parts, int n_parts, off_t offset, int has_offset)
{
  ssize_t result;
  off_t at = offset;

  lock ();
  if (!has_offset && tracked (fd, FD_FILE))
    at = fcntl (fd, F_GETFL) & O_APPEND ? lseek (fd, 0, SEEK_END) : lseek (fd, 0, SEEK_CUR);
  result = has_offset ? REAL (pwritev) (fd, parts, n_parts, offset) : REAL (writev) (fd, parts, n_parts);
  if (result > 0 && (tracked (fd, FD_FILE) || tracked (fd, FD_ACKS)))
    {
      PowerKind kind = tracked (fd, FD_ACKS)                 ? POWER_ACK
                       : fcntl (fd, F_GETFL) & O_DSYNC ? POWER_WRITE_SAFE
                                                             : POWER_WRITE;
      PowerRecord record = { kind, (uint32_t) result, fds[fd].file, (uint64_t) at };
      size_t left = (size_t) result;

      put (&record, sizeof record);
      for (int i = 0; i < n_parts && left > 0; i++)
        {
          size_t length = parts[i].iov_len < left ? parts[i].iov_len : left;

          put (parts[i].iov_base, length);
          left -= length;
        }
    }
  unlock ();
  return result;
}

EXPORT ssize_t
write (int fd, const void *data, size_t length)
{
  struct iovec part = { (void *) data, length };

  return write_noted (fd, &part, 1, 0, 0);
}

EXPORT ssize_t
writev (int fd, const struct iovec *parts, int n_parts)
{
  return write_noted (fd, parts, n_parts, 0, 0);
}

#define DEFINE_PWRITE(name, type)                                 \
  EXPORT ssize_t name (int fd, const void *data, size_t length, type offset) \
  {                                                               \
    struct iovec part = { (void *) data, length };                \
                                                                  \
    return write_noted (fd, &part, 1, offset, 1);                 \
  }

DEFINE_PWRITE (pwrite, off_t)
DEFINE_PWRITE (pwrite64, off64_t)

EXPORT ssize_t
pwritev (int fd, const struct iovec *parts, int n_parts, off_t offset)
{
  return write_noted (fd, parts, n_parts, offset, 1);
}

EXPORT ssize_t
pwritev64 (int fd, const struct iovec *parts, int n_parts, off64_t offset)
{
  return write_noted (fd, parts, n_parts, offset, 1);
}

static int
truncate_noted (int fd, off_t length)
{
  int result;

  lock ();
  result = REAL (ftruncate) (fd, length);
  if (result == 0 && tracked (fd, FD_FILE))
    note (POWER_TRUNCATE, fds[fd].file, (uint64_t) length, NULL, 0);
  unlock ();
  return result;
}

EXPORT int
ftruncate (int fd, off_t length)
{
  return truncate_noted (fd, length);
}

EXPORT int
ftruncate64 (int fd, off64_t length)
{
  return truncate_noted (fd, length);
}

/* Longer by zeros, if longer at all. */
static void
note_allocated (int fd, off_t end)
{
  struct stat info;

  if (tracked (fd, FD_FILE) && fstat (fd, &info) == 0 && info.st_size == end)
    note (POWER_TRUNCATE, fds[fd].file, (uint64_t) end, NULL, 0);
}

EXPORT int
fallocate (int fd, int mode, off_t offset, off_t length)
{
  int result;

  lock ();
  result = REAL (fallocate) (fd, mode, offset, length);
  if (result == 0 && mode == 0)
    note_allocated (fd, offset + length);
  unlock ();
  return result;
}

EXPORT int
fallocate64 (int fd, int mode, off64_t offset, off64_t length)
{
  return fallocate (fd, mode, offset, length);
}

EXPORT int
posix_fallocate (int fd, off_t offset, off_t length)
{
  int result;

  lock ();
  result = REAL (posix_fallocate) (fd, offset, length);
  if (result == 0)
    note_allocated (fd, offset + length);
  unlock ();
  return result;
}

EXPORT int
posix_fallocate64 (int fd, off64_t offset, off64_t length)
{
  return posix_fallocate (fd, offset, length);
}

static void
note_sync (int fd)
{
  if (tracked (fd, FD_FILE))
    note (POWER_SYNC, fds[fd].file, 0, NULL, 0);
  else if (tracked (fd, FD_FOLDER))
    note (POWER_SYNC_FOLDER, 0, 0, NULL, 0);
}

EXPORT int
fsync (int fd)
{
  int result;

  lock ();
  result = REAL (fsync) (fd);
  if (result == 0)
    note_sync (fd);
  unlock ();
  return result;
}

EXPORT int
fdatasync (int fd)
{
  int result;

  lock ();
  result = REAL (fdatasync) (fd);
  if (result == 0)
    note_sync (fd);
  unlock ();
  return result;
}

static void
note_rename (const char *from, const char *to)
{
  char names[2 * PATH_MAX];
  const char *a = local_name (from), *b = local_name (to);

  memcpy (names, a, strlen (a) + 1);
  memcpy (names + strlen (a) + 1, b, strlen (b));
  note (POWER_RENAME, 0, 0, names, strlen (a) + 1 + strlen (b));
}

EXPORT int
rename (const char *from, const char *to)
{
  int result;

  lock ();
  result = REAL (rename) (from, to);
  if (result == 0 && log_fd >= 0 && is_ours (from) && is_ours (to))
    note_rename (from, to);
  unlock ();
  return result;
}

EXPORT int
unlink (const char *path)
{
  int result;

  lock ();
  result = REAL (unlink) (path);
  if (result == 0 && log_fd >= 0 && is_ours (path))
    note (POWER_UNLINK, 0, 0, local_name (path), strlen (local_name (path)));
  unlock ();
  return result;
}

EXPORT int
remove (const char *path)
{
  struct stat info;

  if (lstat (path, &info) == 0 && S_ISDIR (info.st_mode))
    return rmdir (path);
  return unlink (path);
}

/* What this does not follow must not happen unseen. */
static void
forbid (const char *path, const char *name)
{
  lock ();
  if (log_fd >= 0 && is_ours (path))
    {
      fprintf (stderr, "power-shim does not follow %s\n", name);
      abort ();
    }
  unlock ();
}

EXPORT int
link (const char *from, const char *to)
{
  forbid (to, "link");
  return REAL (link) (from, to);
}

EXPORT int
truncate (const char *path, off_t length)
{
  forbid (path, "truncate");
  return REAL (truncate) (path, length);
}

EXPORT FILE *
fopen (const char *path, const char *mode)
{
  if (mode[0] != 'r' || strchr (mode, '+') != NULL)
    forbid (path, "fopen");
  return REAL (fopen) (path, mode);
}
