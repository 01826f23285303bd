/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "desktop/mkv-binding-private.h"

#include <glib/gi18n-lib.h>

#include "desktop/mkv-bound-key-private.h"
#include "desktop/mkv-mapping-private.h"

/* Reference-counted: setting a property may end the binding. */
struct _MkvBinding
{
  MkvStore *store;
  char *name; /* of the key */
  MkvBoundKey *key;
  GObject *object; /* NULL once it has ended */
  GParamSpec *pspec;
  MkvBindFlags flags;
  const GVariantType *type; /* in which it is stored; NULL where there is a mapping */
  GValue initial;           /* what the property was; it comes back when the key is deleted */

  MkvBindGetMapping get_mapping;
  MkvBindSetMapping set_mapping;
  gpointer user_data;
  GDestroyNotify destroy;

  gulong changed_id, notify_id;
  guint setting;      /* the property is being set from here */
  gboolean complained; /* that what is stored is no value of the property */
};

static void
binding_clear (gpointer data)
{
  MkvBinding *self = data;

  g_object_unref (self->store);
  g_free (self->name);
  g_param_spec_unref (self->pspec);
  if (G_IS_VALUE (&self->initial))
    g_value_unset (&self->initial);
  if (self->destroy != NULL)
    self->destroy (self->user_data);
}

static void
invert (MkvBinding *self, GValue *value)
{
  if ((self->flags & MKV_BIND_INVERT_BOOLEAN) != 0)
    g_value_set_boolean (value, !g_value_get_boolean (value));
}

static gboolean
make_value (MkvBinding *self, GValue *value, GBytes *octets)
{
  g_autoptr (GVariant) variant = NULL;

  if (self->type == NULL)
    return self->get_mapping != NULL && self->get_mapping (value, octets, self->user_data) &&
           mkv_mapping_check_value (value, self->pspec);
  variant = mkv_mapping_decode (octets, self->type, (self->flags & MKV_BIND_VARIANT) != 0);
  if (variant == NULL || !mkv_mapping_set_value (value, variant, self->pspec))
    return FALSE;
  invert (self, value);
  return TRUE;
}

/* Says whether @octets are to be stored; NULL deletes the key. */
static gboolean
make_octets (MkvBinding *self, GValue *value, GBytes **octets)
{
  g_autoptr (GVariant) variant = NULL;

  if (self->type == NULL)
    {
      *octets = self->set_mapping != NULL ? self->set_mapping (value, self->user_data) : NULL;
      return *octets != NULL;
    }
  invert (self, value);
  variant = mkv_mapping_dup_variant (value, self->type);
  *octets = variant != NULL ? mkv_mapping_encode (variant, (self->flags & MKV_BIND_VARIANT) != 0) : NULL;
  return TRUE;
}

static void
set_property (MkvBinding *self, const GValue *value)
{
  self->setting++;
  g_object_set_property (self->object, self->pspec->name, value);
  self->setting--;
}

static void
on_stored (GBytes *octets, gpointer user_data)
{
  MkvBinding *self = user_data;
  g_auto (GValue) value = G_VALUE_INIT;

  /* One that only writes is called where that failed, which was said. */
  if ((self->flags & MKV_BIND_GET) == 0)
    return;
  g_rc_box_acquire (self);
  g_value_init (&value, self->pspec->value_type);
  if (octets == NULL)
    set_property (self, &self->initial);
  else if (make_value (self, &value, octets))
    set_property (self, &value);
  else if (!self->complained)
    {
      self->complained = TRUE;
      g_message (_("What “%s” holds is no value for the property “%s” of %s, which stays as it is"), self->name,
                 self->pspec->name, g_type_name (self->pspec->owner_type));
    }
  g_rc_box_release_full (self, binding_clear);
}

static void
on_changed (MkvStore *store, MkvEntry *entry, MkvOrigin origin, gpointer user_data)
{
  MkvBinding *self = user_data;

  mkv_bound_key_feed (self->key, mkv_entry_get_value (entry));
}

static void
on_notify (GObject *object, GParamSpec *pspec, gpointer user_data)
{
  MkvBinding *self = user_data;
  g_auto (GValue) value = G_VALUE_INIT;
  g_autoptr (GBytes) octets = NULL;

  if (self->setting > 0)
    return;
  g_value_init (&value, self->pspec->value_type);
  g_object_get_property (object, self->pspec->name, &value);
  if (make_octets (self, &value, &octets))
    mkv_bound_key_write (self->key, octets);
}

MkvBinding *
mkv_binding_new (MkvStore *store, const char *key, GObject *object, GParamSpec *pspec, MkvBindFlags flags,
                 MkvClock *clock, MkvBindGetMapping get_mapping, MkvBindSetMapping set_mapping, gpointer user_data,
                 GDestroyNotify destroy)
{
  gboolean mapped = get_mapping != NULL || set_mapping != NULL;
  MkvBinding *self = g_rc_box_new0 (MkvBinding);

  self->store = g_object_ref (store);
  self->name = g_strdup (key);
  self->object = object;
  self->pspec = g_param_spec_ref (pspec);
  self->flags = flags;
  self->type = mapped ? NULL : mkv_mapping_get_type (pspec);
  self->get_mapping = get_mapping;
  self->set_mapping = set_mapping;
  self->user_data = user_data;
  self->destroy = destroy;
  if (!mapped && self->type == NULL)
    {
      g_rc_box_release_full (self, binding_clear);
      return NULL;
    }
  g_value_init (&self->initial, pspec->value_type);
  if ((pspec->flags & G_PARAM_READABLE) != 0)
    g_object_get_property (object, pspec->name, &self->initial);
  else
    g_param_value_set_default (pspec, &self->initial);
  self->key = mkv_bound_key_new (store, key, clock, on_stored, self);
  return self;
}

void
mkv_binding_start (MkvBinding *self)
{
  if ((self->flags & MKV_BIND_SET) != 0)
    {
      g_autofree char *signal = g_strconcat ("notify::", self->pspec->name, NULL);

      self->notify_id = g_signal_connect (self->object, signal, G_CALLBACK (on_notify), self);
    }
  if ((self->flags & MKV_BIND_GET) == 0)
    return;
  if ((self->flags & MKV_BIND_GET_NO_CHANGES) == 0)
    {
      g_autofree char *signal = g_strconcat ("changed::", self->name, NULL);

      self->changed_id = g_signal_connect (self->store, signal, G_CALLBACK (on_changed), self);
    }
  mkv_bound_key_read (self->key);
}

void
mkv_binding_free (MkvBinding *self)
{
  g_clear_signal_handler (&self->changed_id, self->store);
  /* An object that ends has none any more. */
  if (self->notify_id != 0 && g_signal_handler_is_connected (self->object, self->notify_id))
    g_signal_handler_disconnect (self->object, self->notify_id);
  self->object = NULL;
  mkv_bound_key_close (self->key);
  g_rc_box_release_full (self, binding_clear);
}
