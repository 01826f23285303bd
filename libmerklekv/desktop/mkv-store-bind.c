/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The half of MkvStore that binds properties to keys. An object has its bindings
 * in a table, by the name of the property, that ends with it.
 */
#include "desktop/mkv-store-bind.h"

#include "desktop/mkv-binding-private.h"
#include "model/mkv-names.h"

static GQuark
get_quark (void)
{
  return g_quark_from_static_string ("mkv-bindings");
}

static GHashTable *
get_bindings (GObject *object)
{
  GHashTable *bindings = g_object_get_qdata (object, get_quark ());

  if (bindings == NULL)
    {
      bindings = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) mkv_binding_free);
      g_object_set_qdata_full (object, get_quark (), bindings, (GDestroyNotify) g_hash_table_unref);
    }
  return bindings;
}

/* The property, if it can be bound so; says what is wrong with the program if not. */
static GParamSpec *
find_property (GObject *object, const char *property, MkvBindFlags flags)
{
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (object), property);
  const char *type = G_OBJECT_TYPE_NAME (object);

  if (pspec == NULL)
    g_critical ("mkv_store_bind: %s has no property %s", type, property);
  else if ((flags & MKV_BIND_GET) != 0 && (pspec->flags & G_PARAM_WRITABLE) == 0)
    g_critical ("mkv_store_bind: the property %s of %s can't be written", pspec->name, type);
  else if ((flags & MKV_BIND_SET) != 0 && (pspec->flags & G_PARAM_READABLE) == 0)
    g_critical ("mkv_store_bind: the property %s of %s can't be read", pspec->name, type);
  else if ((pspec->flags & G_PARAM_CONSTRUCT_ONLY) != 0)
    g_critical ("mkv_store_bind: the property %s of %s can be set at construction only", pspec->name, type);
  else if ((flags & MKV_BIND_INVERT_BOOLEAN) != 0 && pspec->value_type != G_TYPE_BOOLEAN)
    g_critical ("mkv_store_bind: the property %s of %s is no boolean", pspec->name, type);
  else
    return pspec;
  return NULL;
}

void
mkv_store_bind_full (MkvStore *self, const char *key, GObject *object, const char *property, MkvBindFlags flags,
                     MkvClock *clock, MkvBindGetMapping get_mapping, MkvBindSetMapping set_mapping,
                     gpointer user_data, GDestroyNotify destroy)
{
  GParamSpec *pspec;
  MkvBinding *binding;

  if ((flags & MKV_BIND_GET_NO_CHANGES) != 0)
    flags |= MKV_BIND_GET;
  if ((flags & (MKV_BIND_GET | MKV_BIND_SET)) == 0)
    flags |= MKV_BIND_GET | MKV_BIND_SET;
  pspec = find_property (object, property, flags);
  if (pspec == NULL)
    {
      if (destroy != NULL)
        destroy (user_data);
      return;
    }
  binding = mkv_binding_new (self, key, object, pspec, flags, clock, get_mapping, set_mapping, user_data, destroy);
  if (binding == NULL)
    {
      g_critical ("mkv_store_bind: the property %s of %s needs a mapping", pspec->name, G_OBJECT_TYPE_NAME (object));
      return;
    }
  g_hash_table_replace (get_bindings (object), (gpointer) pspec->name, binding);
  mkv_binding_start (binding);
}

/**
 * mkv_store_bind:
 * @self: a store
 * @key: the key
 * @object: whose property it is
 * @property: the property's name
 * @flags: how; 0 for both ways
 *
 * Binds a property to a key, as [method@Gio.Settings.bind] does: the property
 * shows what is stored, here or by another replica, and what the property is set
 * to is stored. A property has at most one binding, and a new one takes its
 * place. The binding does not keep @object, and ends with it or with
 * [func@Store.unbind].
 *
 * Nothing waits: what is stored comes into the property a moment later. If the
 * key is not there, the property stays as it is; what it was when it was bound is
 * its default, and comes back when the key is deleted.
 *
 * A value that the property is set to is written at once, further ones at most
 * ten times a second, and the last one always, even if the binding ends before. As
 * long as that takes, what others write is not shown. If a write fails, that is
 * logged and the property goes back to what is stored, so that nobody takes for
 * saved what is not; not so where it is bound with %MKV_BIND_SET alone.
 *
 * Values are stored as text, which any tool can read and write: strings as they
 * are, numbers in decimal, booleans as `true` and `false`, enumerations by their
 * nick, lists of strings and variants as [method@GLib.Variant.print] writes them;
 * [struct@GLib.Bytes] as they are. With %MKV_BIND_VARIANT they are stored as a
 * serialised [struct@GLib.Variant], little endian, of the type `b`, `i`, `u`, `x`,
 * `t`, `d`, `s` (also for enumerations), `as`, `ay` or the property's own. A
 * property that is %NULL deletes the key.
 *
 * What is stored and is no value of the property, or none in its range, leaves the
 * property as it is; that is logged once.
 *
 * To be called in the thread of the store's main context, in which @object has to
 * live, too.
 *
 * Since: 0.1
 */
void
mkv_store_bind (MkvStore *self, const char *key, GObject *object, const char *property, MkvBindFlags flags)
{
  g_return_if_fail (MKV_IS_STORE (self));
  g_return_if_fail (key != NULL);
  g_return_if_fail (G_IS_OBJECT (object));
  g_return_if_fail (property != NULL);
  g_return_if_fail (mkv_key_check (key, NULL));

  mkv_store_bind_with_mapping (self, key, object, property, flags, NULL, NULL, NULL, NULL);
}

/**
 * mkv_store_bind_with_mapping: (skip)
 * @self: a store
 * @key: the key
 * @object: whose property it is
 * @property: the property's name
 * @flags: how; 0 for both ways
 * @get_mapping: (nullable) (scope notified) (closure user_data) (destroy destroy):
 *   makes the property's value of what is stored
 * @set_mapping: (nullable) (scope notified) (closure user_data) (destroy destroy):
 *   makes what is stored of the property's value
 * @user_data: for both
 * @destroy: (nullable): called with @user_data when the binding ends
 *
 * Binds a property to a key, as [method@Store.bind], with functions of one's own
 * that say what is stored. Where one is needed and is %NULL, that way does
 * nothing; if both are, it is [method@Store.bind]. %MKV_BIND_VARIANT and
 * %MKV_BIND_INVERT_BOOLEAN mean nothing then.
 *
 * Since: 0.1
 */
void
mkv_store_bind_with_mapping (MkvStore *self, const char *key, GObject *object, const char *property,
                             MkvBindFlags flags, MkvBindGetMapping get_mapping, MkvBindSetMapping set_mapping,
                             gpointer user_data, GDestroyNotify destroy)
{
  g_autoptr (MkvClock) clock = mkv_clock_new ();

  g_return_if_fail (MKV_IS_STORE (self));
  g_return_if_fail (key != NULL);
  g_return_if_fail (G_IS_OBJECT (object));
  g_return_if_fail (property != NULL);
  g_return_if_fail (mkv_key_check (key, NULL));

  mkv_store_bind_full (self, key, object, property, flags, clock, get_mapping, set_mapping, user_data, destroy);
}

typedef struct
{
  GClosure *get, *set;
} Closures;

static GClosure *
take_closure (GClosure *closure)
{
  if (closure == NULL)
    return NULL;
  g_closure_ref (closure);
  g_closure_sink (closure);
  if (G_CLOSURE_NEEDS_MARSHAL (closure))
    g_closure_set_marshal (closure, g_cclosure_marshal_generic);
  return closure;
}

static void
closures_free (gpointer data)
{
  Closures *closures = data;

  g_clear_pointer (&closures->get, g_closure_unref);
  g_clear_pointer (&closures->set, g_closure_unref);
  g_free (closures);
}

static gboolean
get_by_closure (GValue *value, GBytes *octets, gpointer user_data)
{
  Closures *closures = user_data;
  g_auto (GValue) argument = G_VALUE_INIT;
  g_auto (GValue) result = G_VALUE_INIT;

  g_value_init (&argument, G_TYPE_BYTES);
  g_value_set_boxed (&argument, octets);
  g_value_init (&result, G_TYPE_VALUE);
  g_closure_invoke (closures->get, &result, 1, &argument, NULL);
  return g_value_get_boxed (&result) != NULL && g_value_transform (g_value_get_boxed (&result), value);
}

static GBytes *
set_by_closure (const GValue *value, gpointer user_data)
{
  Closures *closures = user_data;
  g_auto (GValue) result = G_VALUE_INIT;

  g_value_init (&result, G_TYPE_BYTES);
  g_closure_invoke (closures->set, &result, 1, value, NULL);
  return g_value_dup_boxed (&result);
}

/**
 * mkv_store_bind_with_mapping_for_bindings: (rename-to mkv_store_bind_with_mapping)
 * @self: a store
 * @key: the key
 * @object: whose property it is
 * @property: the property's name
 * @flags: how; 0 for both ways
 * @get_mapping: (nullable): called with what is stored, a [struct@GLib.Bytes];
 *   returns the property's value, or %NULL to leave it as it is
 * @set_mapping: (nullable): called with the property's value; returns what is to
 *   be stored, a [struct@GLib.Bytes], or %NULL to store nothing
 *
 * Binds a property to a key, as [method@Store.bind], with functions of one's own
 * that say what is stored. Where one is needed and is %NULL, that way does
 * nothing; if both are, it is [method@Store.bind].
 *
 * Since: 0.1
 */
void
mkv_store_bind_with_mapping_for_bindings (MkvStore *self, const char *key, GObject *object, const char *property,
                                          MkvBindFlags flags, GClosure *get_mapping, GClosure *set_mapping)
{
  Closures *closures;

  g_return_if_fail (MKV_IS_STORE (self));
  g_return_if_fail (key != NULL);
  g_return_if_fail (G_IS_OBJECT (object));
  g_return_if_fail (property != NULL);
  g_return_if_fail (mkv_key_check (key, NULL));

  closures = g_new0 (Closures, 1);
  closures->get = take_closure (get_mapping);
  closures->set = take_closure (set_mapping);
  mkv_store_bind_with_mapping (self, key, object, property, flags, get_mapping != NULL ? get_by_closure : NULL,
                               set_mapping != NULL ? set_by_closure : NULL, closures, closures_free);
}

/**
 * mkv_store_unbind:
 * @object: an object
 * @property: the name of a property of it
 *
 * Ends the binding of a property, if it has one. What was to be written still is.
 *
 * Since: 0.1
 */
void
mkv_store_unbind (GObject *object, const char *property)
{
  GHashTable *bindings;
  GParamSpec *pspec;

  g_return_if_fail (G_IS_OBJECT (object));
  g_return_if_fail (property != NULL);

  bindings = g_object_get_qdata (object, get_quark ());
  pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (object), property);
  if (bindings != NULL && pspec != NULL)
    g_hash_table_remove (bindings, pspec->name);
}
