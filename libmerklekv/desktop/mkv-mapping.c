/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "desktop/mkv-mapping-private.h"

#include <string.h>

#include "model/mkv-names.h"

/* The shortest of two that reads as the same number. */
static char *
print_double (double number)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (text, sizeof text, "%.15g", number);
  if (g_ascii_strtod (text, NULL) != number)
    g_ascii_formatd (text, sizeof text, "%.17g", number);
  return g_strdup (text);
}

GBytes *
mkv_mapping_encode (GVariant *variant, gboolean serialised)
{
  gsize length;
  char *text;

  if (serialised || g_variant_is_of_type (variant, G_VARIANT_TYPE_BYTESTRING))
    {
      g_autoptr (GVariant) little
          = G_BYTE_ORDER == G_BIG_ENDIAN ? g_variant_byteswap (variant) : g_variant_ref (variant);

      /* Copied: GVariant's octets may lie in a file's map, or be a part of something large. */
      return g_bytes_new (g_variant_get_data (little), g_variant_get_size (little));
    }
  if (g_variant_is_of_type (variant, G_VARIANT_TYPE_STRING))
    text = g_variant_dup_string (variant, &length);
  else if (g_variant_is_of_type (variant, G_VARIANT_TYPE_DOUBLE))
    text = print_double (g_variant_get_double (variant));
  else
    text = g_variant_print (variant, FALSE);
  length = strlen (text);
  return g_bytes_new_take (text, length);
}

static GVariant *
decode_serialised (GBytes *octets, const GVariantType *type)
{
  g_autoptr (GVariant) variant = g_variant_ref_sink (g_variant_new_from_bytes (type, octets, FALSE));

  if (!g_variant_is_normal_form (variant))
    return NULL;
  return G_BYTE_ORDER == G_BIG_ENDIAN ? g_variant_byteswap (variant) : g_steal_pointer (&variant);
}

GVariant *
mkv_mapping_decode (GBytes *octets, const GVariantType *type, gboolean serialised)
{
  gsize length;
  const char *text = g_bytes_get_data (octets, &length);
  GVariant *variant;

  if (serialised || g_variant_type_equal (type, G_VARIANT_TYPE_BYTESTRING))
    return decode_serialised (octets, type);
  if (!mkv_text_is_valid (text, length))
    return NULL;
  if (g_variant_type_equal (type, G_VARIANT_TYPE_STRING))
    return g_variant_ref_sink (g_variant_new_take_string (g_strndup (text != NULL ? text : "", length)));
  variant = length > 0 ? g_variant_parse (type, text, text + length, NULL, NULL) : NULL;
  return variant != NULL ? g_variant_take_ref (variant) : NULL;
}

/* The type of GValue that GIO turns a variant of @type into. */
static GType
get_plain_type (const GVariantType *type)
{
  switch (g_variant_type_peek_string (type)[0])
    {
    case 'b':
      return G_TYPE_BOOLEAN;
    case 'i':
      return G_TYPE_INT;
    case 'u':
      return G_TYPE_UINT;
    case 'x':
      return G_TYPE_INT64;
    case 't':
      return G_TYPE_UINT64;
    case 'd':
      return G_TYPE_DOUBLE;
    default:
      return G_TYPE_STRING;
    }
}

const GVariantType *
mkv_mapping_get_type (GParamSpec *pspec)
{
  switch (G_TYPE_FUNDAMENTAL (pspec->value_type))
    {
    case G_TYPE_BOOLEAN:
      return G_VARIANT_TYPE_BOOLEAN;
    case G_TYPE_CHAR:
    case G_TYPE_INT:
      return G_VARIANT_TYPE_INT32;
    case G_TYPE_UCHAR:
    case G_TYPE_UINT:
      return G_VARIANT_TYPE_UINT32;
    case G_TYPE_LONG:
    case G_TYPE_INT64:
      return G_VARIANT_TYPE_INT64;
    case G_TYPE_ULONG:
    case G_TYPE_UINT64:
      return G_VARIANT_TYPE_UINT64;
    case G_TYPE_FLOAT:
    case G_TYPE_DOUBLE:
      return G_VARIANT_TYPE_DOUBLE;
    case G_TYPE_STRING:
    case G_TYPE_ENUM:
      return G_VARIANT_TYPE_STRING;
    case G_TYPE_BOXED:
      if (pspec->value_type == G_TYPE_STRV)
        return G_VARIANT_TYPE_STRING_ARRAY;
      return pspec->value_type == G_TYPE_BYTES ? G_VARIANT_TYPE_BYTESTRING : NULL;
    case G_TYPE_VARIANT:
      return g_variant_type_is_definite (G_PARAM_SPEC_VARIANT (pspec)->type) ? G_PARAM_SPEC_VARIANT (pspec)->type
                                                                              : G_VARIANT_TYPE_VARIANT;
    default:
      return NULL;
    }
}

static GVariant *
dup_boxed (const GValue *value)
{
  gpointer boxed = g_value_get_boxed (value);

  if (boxed == NULL)
    return NULL;
  return G_VALUE_TYPE (value) == G_TYPE_BYTES ? g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, boxed, TRUE)
                                              : g_variant_new_strv (boxed, -1);
}

/* Full or floating. */
static GVariant *
new_variant (const GValue *value, const GVariantType *type)
{
  g_auto (GValue) plain = G_VALUE_INIT;
  GEnumValue *nick;
  GVariant *variant;

  switch (G_TYPE_FUNDAMENTAL (G_VALUE_TYPE (value)))
    {
    case G_TYPE_STRING:
      return g_value_get_string (value) != NULL ? g_variant_new_string (g_value_get_string (value)) : NULL;
    case G_TYPE_ENUM:
      nick = g_enum_get_value (g_type_class_peek (G_VALUE_TYPE (value)), g_value_get_enum (value));
      return nick != NULL ? g_variant_new_string (nick->value_nick) : NULL;
    case G_TYPE_BOXED:
      return dup_boxed (value);
    case G_TYPE_VARIANT:
      variant = g_value_get_variant (value);
      if (variant == NULL)
        return NULL;
      return g_variant_is_of_type (variant, type) ? g_variant_ref (variant) : g_variant_new_variant (variant);
    default:
      g_value_init (&plain, get_plain_type (type));
      g_value_transform (value, &plain);
      return g_dbus_gvalue_to_gvariant (&plain, type);
    }
}

GVariant *
mkv_mapping_dup_variant (const GValue *value, const GVariantType *type)
{
  GVariant *variant = new_variant (value, type);

  return variant != NULL ? g_variant_take_ref (variant) : NULL;
}

/* A number goes through GValue's own conversions; where one comes back another
 * it did not fit. A double may lose digits in a float, though. */
static gboolean
set_number (GValue *value, GVariant *variant)
{
  g_auto (GValue) plain = G_VALUE_INIT;
  g_autoptr (GVariant) back = NULL;

  g_dbus_gvariant_to_gvalue (variant, &plain);
  if (!g_value_transform (&plain, value))
    return FALSE;
  if (g_variant_is_of_type (variant, G_VARIANT_TYPE_DOUBLE))
    return TRUE;
  back = mkv_mapping_dup_variant (value, g_variant_get_type (variant));
  return g_variant_equal (back, variant);
}

/* Not g_param_value_is_valid(), which in GLib 2.74 takes a double for a float. */
gboolean
mkv_mapping_check_value (GValue *value, GParamSpec *pspec)
{
  return !g_param_value_validate (pspec, value);
}

gboolean
mkv_mapping_set_value (GValue *value, GVariant *variant, GParamSpec *pspec)
{
  g_autoptr (GVariant) inner = NULL;
  GEnumValue *nick;

  switch (G_TYPE_FUNDAMENTAL (pspec->value_type))
    {
    case G_TYPE_STRING:
      g_value_set_string (value, g_variant_get_string (variant, NULL));
      break;
    case G_TYPE_ENUM:
      nick = g_enum_get_value_by_nick (G_PARAM_SPEC_ENUM (pspec)->enum_class, g_variant_get_string (variant, NULL));
      if (nick == NULL)
        return FALSE;
      g_value_set_enum (value, nick->value);
      break;
    case G_TYPE_BOXED:
      if (pspec->value_type == G_TYPE_BYTES)
        g_value_take_boxed (value, g_variant_get_data_as_bytes (variant));
      else
        g_value_take_boxed (value, g_variant_dup_strv (variant, NULL));
      break;
    case G_TYPE_VARIANT:
      if (g_variant_type_equal (G_PARAM_SPEC_VARIANT (pspec)->type, G_VARIANT_TYPE_VARIANT) ||
          !g_variant_is_of_type (variant, G_VARIANT_TYPE_VARIANT))
        g_value_set_variant (value, variant);
      else
        {
          inner = g_variant_get_variant (variant);
          g_value_set_variant (value, inner);
        }
      break;
    default:
      if (!set_number (value, variant))
        return FALSE;
    }
  return mkv_mapping_check_value (value, pspec);
}
