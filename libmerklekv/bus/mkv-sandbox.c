/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-sandbox-private.h"

#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Flatpak writes about 2 KiB. */
#define MAX_INFO_BYTES (65536)
#define INFO_NAME ".flatpak-info"

/* The number of the process that @pidfd stands for; 0 if it has none here. */
static guint
read_number (int pidfd)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fdinfo/%d", pidfd);
  g_autofree char *text = NULL;
  const char *line;
  gint64 pid;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return 0;
  line = strstr (text, "\nPid:");
  pid = line != NULL ? g_ascii_strtoll (line + strlen ("\nPid:"), NULL, 10) : 0;
  /* -1: it has gone. */
  return pid > 0 && pid <= G_MAXINT32 ? pid : 0;
}

static gboolean
is_running (int pidfd)
{
  struct pollfd poll_fd = { .fd = pidfd, .events = POLLIN };

  return poll (&poll_fd, 1, 0) == 0;
}

/* The folder of a process in /proc, -1 if there is none. The folder stays that
 * process's: once it has gone nothing is found in there, whoever has its number. */
static int
open_process (int pidfd, guint pid)
{
  g_autofree char *path = NULL;
  int fd;

  if (pidfd >= 0)
    pid = read_number (pidfd);
  if (pid == 0)
    return -1;
  path = g_strdup_printf ("/proc/%u", pid);
  fd = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  /* The number was its own all the while only if it still runs. */
  if (fd >= 0 && pidfd >= 0 && !is_running (pidfd))
    {
      close (fd);
      return -1;
    }
  return fd;
}

static gboolean
is_own_root (int root)
{
  struct stat its, own;

  return fstat (root, &its) == 0 && stat ("/", &own) == 0 && its.st_dev == own.st_dev && its.st_ino == own.st_ino;
}

/* The regular file that @file stands for, or NULL. */
static char *
read_file (int file, gsize *length)
{
  g_autofree char *path = g_strdup_printf ("/proc/self/fd/%d", file);
  g_autofree char *text = NULL;
  struct stat info;
  gsize n = 0;
  gssize got;
  int fd;

  /* Looked at before it is opened: opening a pipe would wait, a device do
   * whatever it does. */
  if (fstat (file, &info) != 0 || !S_ISREG (info.st_mode) || info.st_size > MAX_INFO_BYTES)
    return NULL;
  fd = open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0)
    return NULL;
  text = g_malloc (MAX_INFO_BYTES);
  do
    {
      got = TEMP_FAILURE_RETRY (read (fd, text + n, MAX_INFO_BYTES - n));
      n += MAX (got, 0);
    }
  while (got > 0);
  close (fd);
  *length = n;
  return got == 0 ? g_steal_pointer (&text) : NULL;
}

/* An id is part of keys, so it must not have a slash; what has the form of a
 * name on the bus has none. */
static char *
parse_info (const char *text, gsize length)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autofree char *name = NULL;

  if (!g_key_file_load_from_data (file, text, length, G_KEY_FILE_NONE, NULL))
    return NULL;
  name = g_key_file_get_string (file, "Application", "name", NULL);
  if (name == NULL || !g_dbus_is_name (name) || g_dbus_is_unique_name (name))
    return NULL;
  return g_steal_pointer (&name);
}

MkvSandbox
mkv_sandbox_detect (int pidfd, guint pid, char **app_id)
{
  g_autofree char *text = NULL;
  MkvSandbox sandbox = MKV_SANDBOX_UNKNOWN;
  gsize length = 0;
  int process, root = -1, file = -1;

  *app_id = NULL;
  process = open_process (pidfd, pid);
  if (process >= 0)
    root = openat (process, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
  /* What sees the same files from their root on as this process does is no more
   * in a sandbox than this is. */
  if (root >= 0 && is_own_root (root))
    sandbox = MKV_SANDBOX_NONE;
  else if (root >= 0)
    file = openat (root, INFO_NAME, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (file >= 0)
    {
      text = read_file (file, &length);
      *app_id = text != NULL ? parse_info (text, length) : NULL;
      if (*app_id != NULL)
        sandbox = MKV_SANDBOX_FLATPAK;
      close (file);
    }
  if (root >= 0)
    close (root);
  if (process >= 0)
    close (process);
  return sandbox;
}
