/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "security/mkv-secret-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mkv-error.h"

/* More than any password or key; keeps a wrong path from filling the memory. */
#define MAX_SECRET_BYTES 65536

typedef struct
{
  gsize length; /* of octets, without the NUL */
  guint8 octets[MAX_SECRET_BYTES + 1];
} Secret;

static void
secret_free (gpointer data)
{
  Secret *secret = data;

  explicit_bzero (secret->octets, secret->length);
  g_free (secret);
}

/* The service manager decides who may read what it supplies, by access lists
 * that look like a group's permission. */
static gboolean
is_credential (const char *path)
{
  const char *credentials = g_getenv ("CREDENTIALS_DIRECTORY");
  g_autofree char *folder = g_path_get_dirname (path);

  return credentials != NULL && g_str_equal (folder, credentials);
}

static gboolean
check_status (const char *path, const char *setting, const struct stat *status, GError **error)
{
  if (!S_ISREG (status->st_mode) || status->st_size > MAX_SECRET_BYTES)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, _("%s %s has to be a file of at most %d octets"), setting,
                   path, MAX_SECRET_BYTES);
      return FALSE;
    }
  if ((status->st_mode & (S_IRWXG | S_IRWXO)) != 0 && !is_credential (path))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION,
                   _("%s %s may be read by others (its mode is %04o): chmod 0600 it"), setting, path,
                   (guint) status->st_mode & 07777);
      return FALSE;
    }
  return TRUE;
}

/* Returns 0, or errno. */
static int
read_all (int fd, Secret *secret)
{
  while (secret->length < MAX_SECRET_BYTES)
    {
      gssize n = read (fd, secret->octets + secret->length, MAX_SECRET_BYTES - secret->length);

      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return errno;
      if (n == 0)
        break;
      secret->length += (gsize) n;
    }
  secret->octets[secret->length] = 0;
  return 0;
}

/**
 * mkv_secret_file_read: (skip)
 * @path: (type filename): the file
 * @setting: what named it, for the texts of errors
 * @error: return location for an error
 *
 * Reads a file that holds a password or a key. One that its group or others may
 * touch is refused, unless it lies in `$CREDENTIALS_DIRECTORY`. The octets are
 * followed by a NUL that does not count, and are wiped when they are freed.
 *
 * Returns: (transfer full): what the file holds; %NULL with
 *   %MKV_ERROR_CONFIGURATION
 *
 * Since: 0.1
 */
GBytes *
mkv_secret_file_read (const char *path, const char *setting, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status;
  Secret *secret;
  int why = 0;

  if (fd < 0 || fstat (fd, &status) != 0)
    why = errno;
  else if (!check_status (path, setting, &status, error))
    {
      close (fd);
      return NULL;
    }
  secret = g_new0 (Secret, 1);
  if (why == 0)
    why = read_all (fd, secret);
  if (fd >= 0)
    close (fd);
  if (why == 0)
    return g_bytes_new_with_free_func (secret->octets, secret->length, secret_free, secret);
  secret_free (secret);
  g_set_error (error, MKV_ERROR, MKV_ERROR_CONFIGURATION, _("%s %s can't be read: %s"), setting, path,
               g_strerror (why));
  return NULL;
}
