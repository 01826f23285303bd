/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Dumps and loads go through a pipe, whatever the stream is: so the service
 * notices at once that the caller has given up, and no file of the caller's is
 * written to after that. The call is made in a context of its own, which is run
 * only once the pipe has come to its end.
 */
#include "config.h"

#include "bus/mkv-bus-store-private.h"

#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <glib-unix.h>
#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "bus/mkv-bus-error-private.h"
#include "bus/mkv-bus-names-private.h"
#include "store/mkv-local-dump-private.h"

/* What is copied at once, and what the pipe holds if the system lets it. */
#define COPY_BYTES (256 * 1024)
/* A line may be longer than any entry's: then it is not kept back. */
#define MAX_LINE_BYTES (4 * 1024 * 1024)

/* A call that is given one end of a pipe. */
typedef struct
{
  MkvBusStore *store;
  GMainContext *context;
  GAsyncResult *result;
} Transfer;

static void
transfer_clear (Transfer *self)
{
  g_clear_object (&self->result);
  g_clear_pointer (&self->context, g_main_context_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Transfer, transfer_clear)

static void
on_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  ((Transfer *) user_data)->result = g_object_ref (result);
}

/* Opens a pipe and gives the service the end @fds[@theirs]; ours is to be closed
 * by the caller. Takes @args. */
static gboolean
transfer_begin (Transfer *self, MkvBusStore *store, const char *method, GVariant *args, const char *reply_type,
                int *fds, guint theirs, GCancellable *cancellable, GError **error)
{
  g_autoptr (GVariant) owned_args = g_variant_ref_sink (args);
  g_autoptr (GUnixFDList) list = NULL;

  if (!(g_dbus_connection_get_capabilities (mkv_bus_store_get_connection (store)) &
        G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING))
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_NOT_SUPPORTED,
                           _("The connection to the bus does not pass on files, so nothing is dumped or loaded"));
      return FALSE;
    }
  if (!g_unix_open_pipe (fds, FD_CLOEXEC, error))
    return FALSE;
  /* Without it, writing would not end when it is cancelled. */
  g_unix_set_fd_nonblocking (fds[1 - theirs], TRUE, NULL);
  fcntl (fds[0], F_SETPIPE_SZ, COPY_BYTES);
  list = g_unix_fd_list_new_from_array (&fds[theirs], 1);
  self->store = store;
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  g_dbus_connection_call_with_unix_fd_list (mkv_bus_store_get_connection (store), mkv_bus_store_get_name (store),
                                            MKV_BUS_STORE_PATH, MKV_BUS_STORE_INTERFACE, method, args,
                                            G_VARIANT_TYPE (reply_type), mkv_bus_store_get_call_flags (store),
                                            MKV_BUS_NO_TIME_LIMIT, list, cancellable, on_result, self);
  g_main_context_pop_thread_default (self->context);
  return TRUE;
}

static GVariant *
transfer_end (Transfer *self, GError **error)
{
  GError *why = NULL;
  GVariant *reply;

  while (self->result == NULL)
    g_main_context_iteration (self->context, TRUE);
  reply = g_dbus_connection_call_with_unix_fd_list_finish (mkv_bus_store_get_connection (self->store), NULL,
                                                           self->result, &why);
  if (reply == NULL)
    g_propagate_error (error, mkv_bus_error_convert (why, mkv_bus_store_get_name (self->store)));
  return reply;
}

/* Until there is no more. */
static gboolean
copy_dump (GInputStream *from, GOutputStream *to, MkvProgress *progress, GCancellable *cancellable, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (COPY_BYTES);
  guint64 done = 0;
  gssize n;

  while ((n = g_input_stream_read (from, buffer, COPY_BYTES, cancellable, error)) > 0)
    {
      if (!g_output_stream_write_all (to, buffer, (gsize) n, NULL, cancellable, error))
        return FALSE;
      done += (guint64) n;
      mkv_progress_set (progress, done, 0);
    }
  return n == 0 && g_output_stream_flush (to, cancellable, error);
}

gboolean
mkv_bus_store_dump (MkvStore *store, GOutputStream *stream, MkvDumpFormat format, const char *prefix,
                    MkvProgress *progress, GCancellable *cancellable, GError **error)
{
  g_auto (Transfer) self = { 0 };
  g_autoptr (GInputStream) from = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) copy_error = NULL;
  int fds[2];

  if (!transfer_begin (&self, MKV_BUS_STORE (store), "Dump",
                       g_variant_new ("(hssa{sv})", 0, mkv_bus_format_to_name (format), prefix != NULL ? prefix : "", NULL), "()", fds,
                       1, cancellable, error))
    return FALSE;
  from = g_unix_input_stream_new (fds[0], TRUE);
  copy_dump (from, stream, progress, cancellable, &copy_error);
  /* Where the stream has failed, so does the service now. */
  g_input_stream_close (from, NULL, NULL);
  reply = transfer_end (&self, copy_error == NULL ? error : NULL);
  if (copy_error == NULL)
    return reply != NULL;
  g_propagate_error (error, g_steal_pointer (&copy_error));
  return FALSE;
}

/* Up to where lines end: what is cut off when the caller gives up would be a
 * shorter value. An item of CBOR says how long it is. */
static gsize
get_whole (const GByteArray *octets, MkvDumpFormat format)
{
  const guint8 *end;

  if (format == MKV_DUMP_CBOR || octets->len > MAX_LINE_BYTES)
    return octets->len;
  end = memrchr (octets->data, '\n', octets->len);
  return end != NULL ? (gsize) (end + 1 - octets->data) : 0;
}

static gboolean
copy_load (GInputStream *from, GOutputStream *to, MkvDumpFormat format, MkvProgress *progress,
           GCancellable *cancellable, GError **error)
{
  g_autoptr (GByteArray) octets = g_byte_array_new ();
  guint64 total = mkv_local_load_measure (from, cancellable), done = 0;
  gssize n;

  do
    {
      guint left = octets->len;
      gsize whole;

      g_byte_array_set_size (octets, left + COPY_BYTES);
      n = g_input_stream_read (from, octets->data + left, COPY_BYTES, cancellable, error);
      g_byte_array_set_size (octets, left + (guint) MAX (n, 0));
      if (n < 0)
        return FALSE;
      whole = n > 0 ? get_whole (octets, format) : octets->len;
      if (!g_output_stream_write_all (to, octets->data, whole, NULL, cancellable, error))
        return FALSE;
      g_byte_array_remove_range (octets, 0, (guint) whole);
      done += (guint64) n;
      mkv_progress_set (progress, done, total);
    }
  while (n > 0);
  return TRUE;
}

static MkvLoadReport *
make_report (GVariant *reply)
{
  g_autoptr (GVariant) report = g_variant_get_child_value (reply, 0);
  MkvLoadReport *self = g_new0 (MkvLoadReport, 1);

  g_variant_lookup (report, "loaded", "t", &self->n_loaded);
  g_variant_lookup (report, "unchanged", "t", &self->n_unchanged);
  g_variant_lookup (report, "refused", "t", &self->n_refused);
  if (!g_variant_lookup (report, "problems", "^as", &self->problems))
    self->problems = g_new0 (char *, 1);
  return self;
}

MkvLoadReport *
mkv_bus_store_load (MkvStore *store, GInputStream *stream, MkvDumpFormat format, MkvProgress *progress,
                    GCancellable *cancellable, GError **error)
{
  g_auto (Transfer) self = { 0 };
  g_autoptr (GOutputStream) to = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) copy_error = NULL;
  int fds[2];

  if (!transfer_begin (&self, MKV_BUS_STORE (store), "Load", g_variant_new ("(hsa{sv})", 0, mkv_bus_format_to_name (format), NULL),
                       "(a{sv})", fds, 0, cancellable, error))
    return NULL;
  to = g_unix_output_stream_new (fds[1], TRUE);
  copy_load (stream, to, format, progress, cancellable, &copy_error);
  g_output_stream_close (to, NULL, NULL);
  /* Why the service stopped reading, it says itself. */
  if (g_error_matches (copy_error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE))
    g_clear_error (&copy_error);
  reply = transfer_end (&self, copy_error == NULL ? error : NULL);
  if (copy_error == NULL)
    return reply != NULL ? make_report (reply) : NULL;
  g_propagate_error (error, g_steal_pointer (&copy_error));
  return NULL;
}
