/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "plugin/mkv-plugin-loader-private.h"

#include <glib/gi18n-lib.h>
#include <gmodule.h>

#include "base/mkv-plugin-error.h"
#include "codec/mkv-codec.h"
#include "plugin/mkv-plugin-info-private.h"
#include "storage/mkv-storage.h"
#include "transport/mkv-transport.h"

/* Vfuncs that a kind can't do without, by their place in the interface. */
typedef struct
{
  const char *name;
  gsize offset;
} Vfunc;

#define VFUNC(Interface, vfunc) { #vfunc, G_STRUCT_OFFSET (Interface, vfunc) }

static const Vfunc storage_vfuncs[] = {
  VFUNC (MkvStorageInterface, open),     VFUNC (MkvStorageInterface, close),
  VFUNC (MkvStorageInterface, get),      VFUNC (MkvStorageInterface, scan),
  VFUNC (MkvStorageInterface, apply),    VFUNC (MkvStorageInterface, get_meta),
  VFUNC (MkvStorageInterface, scan_meta), VFUNC (MkvStorageInterface, stats),
  { NULL, 0 },
};

static const Vfunc transport_vfuncs[] = {
  VFUNC (MkvTransportInterface, start),
  VFUNC (MkvTransportInterface, stop),
  VFUNC (MkvTransportInterface, publish),
  VFUNC (MkvTransportInterface, subscribe),
  { NULL, 0 },
};

static const Vfunc codec_vfuncs[] = {
  VFUNC (MkvCodecInterface, get_content_type),
  VFUNC (MkvCodecInterface, encode_events),
  VFUNC (MkvCodecInterface, decode_events),
  { NULL, 0 },
};

/* Of a codec: all of each group or none. */
static const Vfunc codec_command_vfuncs[] = {
  VFUNC (MkvCodecInterface, encode_command),
  VFUNC (MkvCodecInterface, decode_command),
  VFUNC (MkvCodecInterface, encode_response),
  VFUNC (MkvCodecInterface, decode_response),
  { NULL, 0 },
};

static const Vfunc codec_sync_vfuncs[] = {
  VFUNC (MkvCodecInterface, encode_sync),
  VFUNC (MkvCodecInterface, decode_sync),
  { NULL, 0 },
};

static GType
get_interface (MkvPluginKind kind)
{
  switch (kind)
    {
    case MKV_PLUGIN_STORAGE:
      return MKV_TYPE_STORAGE;
    case MKV_PLUGIN_TRANSPORT:
      return MKV_TYPE_TRANSPORT;
    default:
      return MKV_TYPE_CODEC;
    }
}

static const Vfunc *
get_required_vfuncs (MkvPluginKind kind)
{
  switch (kind)
    {
    case MKV_PLUGIN_STORAGE:
      return storage_vfuncs;
    case MKV_PLUGIN_TRANSPORT:
      return transport_vfuncs;
    default:
      return codec_vfuncs;
    }
}

static void
collect_missing (gconstpointer iface, const Vfunc *vfuncs, GPtrArray *missing)
{
  for (; vfuncs->name != NULL; vfuncs++)
    if (G_STRUCT_MEMBER (gpointer, iface, vfuncs->offset) == NULL)
      g_ptr_array_add (missing, (gpointer) vfuncs->name);
}

/* The same of a group that may be left out. */
static void
collect_missing_of_group (gconstpointer iface, const Vfunc *vfuncs, GPtrArray *missing)
{
  guint n_before = missing->len, n = 0;

  while (vfuncs[n].name != NULL)
    n++;
  collect_missing (iface, vfuncs, missing);
  if (missing->len - n_before == n)
    g_ptr_array_set_size (missing, (gint) n_before);
}

static gboolean
check_vfuncs (MkvPluginKind kind, const char *origin, GType type, GError **error)
{
  g_autoptr (GTypeClass) klass = g_type_class_ref (type);
  gconstpointer iface = g_type_interface_peek (klass, get_interface (kind));
  g_autoptr (GPtrArray) missing = g_ptr_array_new ();
  g_autofree char *names = NULL;

  collect_missing (iface, get_required_vfuncs (kind), missing);
  if (kind == MKV_PLUGIN_CODEC)
    {
      collect_missing_of_group (iface, codec_command_vfuncs, missing);
      collect_missing_of_group (iface, codec_sync_vfuncs, missing);
    }
  if (missing->len == 0)
    return TRUE;
  g_ptr_array_add (missing, NULL);
  names = g_strjoinv (", ", (char **) missing->pdata);
  g_set_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_MISSING_VFUNC,
               _("%s: the type %s leaves out %s of the interface %s; its author has to implement that"), origin,
               g_type_name (type), names, g_type_name (get_interface (kind)));
  return FALSE;
}

gboolean
mkv_plugin_loader_check_type (MkvPluginKind kind, const char *origin, GType type, GError **error)
{
  GType iface = get_interface (kind);

  if (type == G_TYPE_INVALID || type == G_TYPE_NONE)
    {
      g_set_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_WRONG_INTERFACE,
                   _("%s: gives no type; another plugin may have taken the type's name: use one of them"), origin);
      return FALSE;
    }
  if (!g_type_is_a (type, G_TYPE_OBJECT) || !g_type_is_a (type, iface))
    {
      g_set_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_WRONG_INTERFACE,
                   _("%s: the type %s does not implement %s, which every %s plugin has to"), origin,
                   g_type_name (type), g_type_name (iface), mkv_plugin_kind_get_name (kind));
      return FALSE;
    }
  if (G_TYPE_IS_ABSTRACT (type))
    {
      g_set_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_WRONG_INTERFACE,
                   _("%s: no object can be made of the type %s, it is abstract; name one derived from it"), origin,
                   g_type_name (type));
      return FALSE;
    }
  return check_vfuncs (kind, origin, type, error);
}

/* Looks at the descriptor as data: no function of the module has run yet. Past
 * the first two fields it is only read where they say that it has this shape. */
static gboolean
check_descriptor (MkvPluginInfo *info, const MkvPluginDescriptor *descriptor, GError **error)
{
  const char *file = mkv_plugin_info_get_file (info);
  const char *kind = mkv_plugin_kind_get_name (mkv_plugin_info_get_kind (info));
  const char *name = mkv_plugin_info_get_name (info);

  if (descriptor->abi != MKV_PLUGIN_ABI)
    g_set_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_OTHER_ABI,
                 _("%s: made for plugin ABI %u, this library has %u; install the version that goes with it"), file,
                 descriptor->abi, MKV_PLUGIN_ABI);
  else if (descriptor->size != sizeof (MkvPluginDescriptor))
    g_set_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_OTHER_ABI,
                 _("%s: its descriptor has %u octets instead of %u; build it anew"), file,
                 descriptor->size, (guint) sizeof (MkvPluginDescriptor));
  else if (g_strcmp0 (descriptor->kind, kind) != 0 || g_strcmp0 (descriptor->name, name) != 0)
    g_set_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_OTHER_NAME,
                 _("%s: its descriptor says %s/%s, its file name %s/%s; give the file its own name back"), file,
                 descriptor->kind, descriptor->name, kind, name);
  else if (descriptor->get_type == NULL)
    g_set_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_WRONG_INTERFACE,
                 _("%s: its descriptor names no function that gives the type; its author has to add it"), file);
  else
    return TRUE;
  return FALSE;
}

GType
mkv_plugin_loader_open (MkvPluginInfo *info, GError **error)
{
  const char *file = mkv_plugin_info_get_file (info);
  MkvPluginKind kind = mkv_plugin_info_get_kind (info);
  g_autofree char *symbol = NULL;
  g_autoptr (GError) module_error = NULL;
  const MkvPluginDescriptor *descriptor;
  gpointer address = NULL;
  GModule *module;
  GType type;

  symbol = g_strdelimit (g_strdup_printf ("mkv_plugin_%s_%s", mkv_plugin_kind_get_name (kind),
                                          mkv_plugin_info_get_name (info)),
                         "-", '_');

  /* Not lazy: a symbol that is missing is an error now, not a crash later. */
  module = g_module_open_full (file, G_MODULE_BIND_LOCAL, &module_error);
  if (module == NULL)
    {
      g_set_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_CANNOT_OPEN,
                   _("%s: can't be opened: %s; install it anew, with the libraries that it needs"), file,
                   module_error->message);
      return G_TYPE_INVALID;
    }
  /* Also where it is refused: what came in with it may not bear to leave. */
  g_module_make_resident (module);
  if (!g_module_symbol (module, symbol, &address) || address == NULL)
    {
      g_set_error (error, MKV_PLUGIN_ERROR, MKV_PLUGIN_ERROR_NO_DESCRIPTOR,
                   _("%s: does not export %s, so it is no plugin of that name; take it out of the folder"), file,
                   symbol);
      return G_TYPE_INVALID;
    }
  descriptor = address;
  if (!check_descriptor (info, descriptor, error))
    return G_TYPE_INVALID;

  mkv_plugin_info_set_descriptor (info, descriptor);
  type = descriptor->get_type ();
  return mkv_plugin_loader_check_type (kind, file, type, error) ? type : G_TYPE_INVALID;
}
