/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-store-call-private.h"

#include <gio/gunixfdlist.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <glib/gi18n-lib.h>
#include <unistd.h>

#include "base/mkv-error.h"
#include "bus/mkv-bus-names-private.h"

/* The descriptor that came with the call, the caller's of this to close. */
static int
take_file (MkvStoreCall *call, GError **error)
{
  GUnixFDList *list = g_dbus_message_get_unix_fd_list (g_dbus_method_invocation_get_message (call->invocation));
  gint32 index;

  g_variant_get_child (call->parameters, 0, "h", &index);
  if (list != NULL && index >= 0 && index < g_unix_fd_list_get_length (list))
    return g_unix_fd_list_get (list, index, error);
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_INVALID_ARGUMENT, _("No file came with the call"));
  return -1;
}

/* What both begin with; *@cancellable is NULL where the call has failed. */
static int
begin (MkvStoreCall *call, MkvDumpFormat *format, GCancellable **cancellable)
{
  const char *name;
  GError *error = NULL;
  int file = -1, number;

  *cancellable = NULL;
  g_variant_get_child (call->parameters, 1, "&s", &name);
  number = mkv_bus_format_from_name (name, &error);
  if (number >= 0)
    file = take_file (call, &error);
  if (file >= 0)
    *cancellable = mkv_clients_begin_transfer (call->clients, call->sender, &error);
  if (*cancellable == NULL)
    {
      if (file >= 0)
        close (file);
      mkv_store_call_fail (call, error);
      return -1;
    }
  *format = (MkvDumpFormat) number;
  return file;
}

static void
on_dumped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvStoreCall *call = user_data;
  GError *error = NULL;

  mkv_clients_end_transfer (call->clients, call->sender);
  if (mkv_store_dump_finish (MKV_STORE (source), result, &error))
    mkv_store_call_return (call, NULL, 0);
  else
    mkv_store_call_fail (call, error);
}

void
mkv_store_call_dump (MkvStoreCall *call)
{
  MkvDumpFormat format;
  g_autoptr (GCancellable) cancellable = NULL;
  g_autoptr (GOutputStream) stream = NULL;
  const char *prefix;
  int file = begin (call, &format, &cancellable);

  if (cancellable == NULL)
    return;
  stream = g_unix_output_stream_new (file, TRUE);
  g_variant_get_child (call->parameters, 2, "&s", &prefix);
  mkv_store_dump_async (call->store, stream, format, prefix, NULL, NULL, NULL, cancellable, on_dumped, call);
}

static void
on_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  MkvStoreCall *call = user_data;
  GError *error = NULL;
  g_autoptr (MkvLoadReport) report = mkv_store_load_finish (MKV_STORE (source), result, &error);
  g_auto (GVariantDict) dict = G_VARIANT_DICT_INIT (NULL);

  mkv_clients_end_transfer (call->clients, call->sender);
  if (report == NULL)
    {
      mkv_store_call_fail (call, error);
      return;
    }
  g_variant_dict_insert (&dict, "loaded", "t", report->n_loaded);
  g_variant_dict_insert (&dict, "unchanged", "t", report->n_unchanged);
  g_variant_dict_insert (&dict, "refused", "t", report->n_refused);
  g_variant_dict_insert (&dict, "problems", "^as", report->problems);
  mkv_store_call_return (call, g_variant_new ("(@a{sv})", g_variant_dict_end (&dict)), 0);
}

void
mkv_store_call_load (MkvStoreCall *call)
{
  MkvDumpFormat format;
  g_autoptr (GCancellable) cancellable = NULL;
  g_autoptr (GInputStream) stream = NULL;
  int file = begin (call, &format, &cancellable);

  if (cancellable == NULL)
    return;
  stream = g_unix_input_stream_new (file, TRUE);
  mkv_store_load_async (call->store, stream, format, NULL, NULL, NULL, cancellable, on_loaded, call);
}
