/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * Properties bound to keys. */
#include <string.h>

#include "base/mkv-error.h"
#include "desktop/mkv-binding-private.h"
#include "desktop/mkv-bound-key-private.h"
#include "mkv-enum-types.h"
#include "mkv-storage-memory.h"
#include "mkv-store-world.h"

/* An object with a property of each kind. */
#define WIDGET_TYPE (widget_get_type ())
G_DECLARE_FINAL_TYPE (Widget, widget, TEST, WIDGET, GObject)

enum
{
  PROP_0,
  PROP_FLAG,
  PROP_TINY,
  PROP_NUMBER,
  PROP_POSITIVE,
  PROP_BIG,
  PROP_HUGE,
  PROP_RATIO,
  PROP_SMALL_RATIO,
  PROP_TEXT,
  PROP_KIND,
  PROP_LIST,
  PROP_OCTETS,
  PROP_PAIR,
  PROP_ANYTHING,
  PROP_OBJECT,
  N_PROPS
};

struct _Widget
{
  GObject parent_instance;

  GValue values[N_PROPS];
  guint n_set;
};

G_DEFINE_FINAL_TYPE (Widget, widget, G_TYPE_OBJECT)

static GParamSpec *properties[N_PROPS];

static void
widget_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  Widget *self = TEST_WIDGET (object);

  g_value_copy (value, &self->values[id]);
  self->n_set++;
}

static void
widget_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  g_value_copy (&TEST_WIDGET (object)->values[id], value);
}

static void
widget_finalize (GObject *object)
{
  for (guint i = 1; i < N_PROPS; i++)
    g_value_unset (&TEST_WIDGET (object)->values[i]);
  G_OBJECT_CLASS (widget_parent_class)->finalize (object);
}

static void
widget_class_init (WidgetClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;

  object_class->set_property = widget_set_property;
  object_class->get_property = widget_get_property;
  object_class->finalize = widget_finalize;
  properties[PROP_FLAG] = g_param_spec_boolean ("flag", NULL, NULL, FALSE, flags);
  properties[PROP_TINY] = g_param_spec_char ("tiny", NULL, NULL, -128, 127, 0, flags);
  properties[PROP_NUMBER] = g_param_spec_int ("number", NULL, NULL, -100, 1000, 7, flags);
  properties[PROP_POSITIVE] = g_param_spec_uint ("positive", NULL, NULL, 0, G_MAXUINT, 0, flags);
  properties[PROP_BIG] = g_param_spec_int64 ("big", NULL, NULL, G_MININT64, G_MAXINT64, 0, flags);
  properties[PROP_HUGE] = g_param_spec_uint64 ("huge", NULL, NULL, 0, G_MAXUINT64, 0, flags);
  properties[PROP_RATIO] = g_param_spec_double ("ratio", NULL, NULL, -G_MAXDOUBLE, G_MAXDOUBLE, 0, flags);
  properties[PROP_SMALL_RATIO] = g_param_spec_float ("small-ratio", NULL, NULL, 0, 1, 0, flags);
  properties[PROP_TEXT] = g_param_spec_string ("text", NULL, NULL, NULL, flags);
  properties[PROP_KIND] = g_param_spec_enum ("kind", NULL, NULL, MKV_TYPE_ORIGIN, MKV_ORIGIN_LOCAL, flags);
  properties[PROP_LIST] = g_param_spec_boxed ("list", NULL, NULL, G_TYPE_STRV, flags);
  properties[PROP_OCTETS] = g_param_spec_boxed ("octets", NULL, NULL, G_TYPE_BYTES, flags);
  properties[PROP_PAIR] = g_param_spec_variant ("pair", NULL, NULL, G_VARIANT_TYPE ("(is)"), NULL, flags);
  properties[PROP_ANYTHING] = g_param_spec_variant ("anything", NULL, NULL, G_VARIANT_TYPE_ANY, NULL, flags);
  properties[PROP_OBJECT] = g_param_spec_object ("object", NULL, NULL, G_TYPE_OBJECT, flags);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
widget_init (Widget *self)
{
  for (guint i = 1; i < N_PROPS; i++)
    {
      g_value_init (&self->values[i], properties[i]->value_type);
      g_param_value_set_default (properties[i], &self->values[i]);
    }
}

static GPtrArray *widgets; /* those that live */

static void
forget_widget (gpointer user_data, GObject *widget)
{
  g_ptr_array_remove_fast (widgets, widget);
}

static Widget *
make_widget (void)
{
  Widget *widget = g_object_new (WIDGET_TYPE, NULL);

  g_ptr_array_add (widgets, widget);
  g_object_weak_ref (G_OBJECT (widget), forget_widget, NULL);
  return widget;
}

/* A call on its way has a reference to the store; so has the fixture, and each
 * binding has two. */
static gboolean
is_quiet (gpointer user_data)
{
  StoreWorld *f = user_data;
  guint n_refs = 1;

  for (guint i = 0; i < widgets->len; i++)
    {
      GHashTable *bindings = g_object_get_data (widgets->pdata[i], "mkv-bindings");

      n_refs += bindings != NULL ? 2 * g_hash_table_size (bindings) : 0;
    }
  return G_OBJECT (f->store)->ref_count == n_refs;
}

static GPtrArray *lines; /* that were logged */

static GLogWriterOutput
keep_line (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  for (gsize i = 0; i < n_fields; i++)
    if (strcmp (fields[i].key, "MESSAGE") == 0)
      g_ptr_array_add (lines, g_strdup (fields[i].value));
  return G_LOG_WRITER_HANDLED;
}

/* One line was logged since the last look, and what it is like. */
static void
assert_logged (const char *pattern)
{
  g_assert_cmpuint (lines->len, ==, 1);
  if (!g_pattern_match_simple (pattern, lines->pdata[0]))
    g_assert_cmpstr (lines->pdata[0], ==, pattern);
  g_ptr_array_set_size (lines, 0);
}

static void
bind (StoreWorld *f, const char *key, Widget *widget, const char *property, MkvBindFlags flags)
{
  mkv_store_bind_full (f->store, key, G_OBJECT (widget), property, flags, MKV_CLOCK (f->clock), NULL, NULL, NULL,
                       NULL);
}

/* All that is under way comes, but no pause ends. */
static void
finish (StoreWorld *f)
{
  mkv_test_run_until (is_quiet, f);
  mkv_test_iterate ();
}

/* Pauses end, too: a write, the next, and a read. */
static void
settle (StoreWorld *f)
{
  finish (f);
  for (guint i = 0; i < 3; i++)
    {
      mkv_test_advance (f->clock, MKV_BOUND_KEY_PAUSE);
      finish (f);
    }
}

static char *
dup_stored (StoreWorld *f, const char *key)
{
  g_autoptr (MkvEntry) entry = mkv_store_get_entry (f->store, key, NULL, NULL);

  return entry != NULL ? mkv_entry_dup_text (entry) : NULL;
}

static void
assert_stored (StoreWorld *f, const char *key, const char *expected)
{
  g_autofree char *text = dup_stored (f, key);

  g_assert_cmpstr (text, ==, expected);
}

static void
count_change (guint *n)
{
  (*n)++;
}

static void
test_both_ways (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Widget) widget = make_widget ();
  guint n_changes = 0;

  g_test_summary ("What is stored comes into the property, what it is set to is stored, and neither comes back");
  store_world_set (f, "number", "5");
  bind (f, "number", widget, "number", MKV_BIND_DEFAULT);
  settle (f);
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 5);
  g_assert_cmpuint (widget->n_set, ==, 1);
  g_signal_connect_swapped (f->store, "changed", G_CALLBACK (count_change), &n_changes);
  store_world_set (f, "number", "6");
  settle (f);
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 6);
  g_assert_cmpuint (widget->n_set, ==, 2);
  g_assert_cmpuint (n_changes, ==, 1);
  g_object_set (widget, "number", 8, NULL);
  settle (f);
  assert_stored (f, "number", "8");
  g_assert_cmpuint (widget->n_set, ==, 3);
  g_assert_cmpuint (n_changes, ==, 2);
  /* A new binding takes the place of the old. */
  store_world_set (f, "other", "9");
  bind (f, "other", widget, "number", MKV_BIND_DEFAULT);
  store_world_set (f, "number", "10");
  settle (f);
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 9);
  mkv_store_unbind (G_OBJECT (widget), "number");
  mkv_store_unbind (G_OBJECT (widget), "number");
  store_world_set (f, "other", "11");
  g_object_set (widget, "number", 12, NULL);
  settle (f);
  assert_stored (f, "other", "11");
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 12);
}

/* A property, what it is set to (as GVariant writes it, or a string), and the
 * text that is stored. */
typedef struct
{
  guint id;
  const char *text;
} Sample;

static const Sample samples[] = {
  { PROP_FLAG, "true" },        { PROP_TINY, "-128" },
  { PROP_NUMBER, "1000" },      { PROP_POSITIVE, "4294967295" },
  { PROP_BIG, "-9223372036854775808" }, { PROP_HUGE, "18446744073709551615" },
  { PROP_RATIO, "0.1" },        { PROP_RATIO, "0.30000000000000004" },
  { PROP_RATIO, "-1.5e+300" },  { PROP_SMALL_RATIO, "0.5" },
  { PROP_TEXT, "it's \xc3\xa4 text\n" }, { PROP_TEXT, "" },
  { PROP_KIND, "sync" },        { PROP_LIST, "['a', 'b c']" },
  { PROP_OCTETS, "octets" },    { PROP_PAIR, "(5, 'five')" },
  { PROP_ANYTHING, "<{'a': 1}>" },
};

static void
test_types (StoreWorld *f, gconstpointer data)
{
  gboolean serialised = GPOINTER_TO_INT (data);

  g_test_summary ("A property of each kind goes through the store and comes out in another object the same; as text, "
                  "it is the text that people would write");
  for (guint i = 0; i < G_N_ELEMENTS (samples); i++)
    {
      const char *property = properties[samples[i].id]->name;
      MkvBindFlags flags = serialised ? MKV_BIND_VARIANT : MKV_BIND_DEFAULT;
      g_autoptr (Widget) one = make_widget ();
      g_autoptr (Widget) two = make_widget ();
      g_autoptr (Widget) three = make_widget ();
      g_autofree char *key = g_strdup_printf ("%s-%u", property, i);
      g_autofree char *another = g_strdup_printf ("%s-%u-again", property, i);
      g_autofree char *before = NULL;
      g_autofree char *after = NULL;

      store_world_set (f, key, samples[i].text);
      bind (f, key, one, property, MKV_BIND_GET);
      settle (f);
      g_test_message ("%s: %s", property, samples[i].text);
      g_assert_cmpuint (one->n_set, ==, 1);
      bind (f, another, one, property, MKV_BIND_SET | flags);
      bind (f, another, two, property, MKV_BIND_GET | flags);
      g_object_notify (G_OBJECT (one), property);
      settle (f);
      before = g_strdup_value_contents (&one->values[samples[i].id]);
      after = g_strdup_value_contents (&two->values[samples[i].id]);
      if (samples[i].id != PROP_OCTETS) /* shown as an address */
        g_assert_cmpstr (after, ==, before);
      g_assert_cmpuint (two->n_set, ==, 1);
      if (!serialised || samples[i].id == PROP_OCTETS)
        {
          assert_stored (f, another, samples[i].text);
          continue;
        }
      /* Two formats: what is not of one's own is no value. */
      if (samples[i].id == PROP_FLAG || samples[i].id == PROP_LIST)
        {
          bind (f, key, three, property, MKV_BIND_GET | MKV_BIND_VARIANT);
          settle (f);
          assert_logged ("*no value for the property*");
          g_assert_cmpuint (three->n_set, ==, 0);
        }
    }
}

static void
test_serialised (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Widget) widget = make_widget ();
  g_autoptr (GBytes) octets = NULL;

  g_test_summary ("Serialised values are little endian, of the type that goes with the property");
  bind (f, "number", widget, "number", MKV_BIND_SET | MKV_BIND_VARIANT);
  g_object_set (widget, "number", 258, NULL);
  settle (f);
  octets = mkv_store_get (f->store, "number", NULL, NULL);
  g_assert_cmpmem (g_bytes_get_data (octets, NULL), g_bytes_get_size (octets), "\x02\x01\x00\x00", 4);
}

static void
test_wrong (StoreWorld *f, gconstpointer data)
{
  static const Sample wrong[] = {
    { PROP_FLAG, "yes" },      { PROP_FLAG, "1" },         { PROP_TINY, "128" },      { PROP_NUMBER, "1001" },
    { PROP_NUMBER, "-101" },   { PROP_NUMBER, "5 apples" }, { PROP_NUMBER, "" },       { PROP_NUMBER, "5000000000" },
    { PROP_NUMBER, "0.5" },    { PROP_POSITIVE, "-1" },    { PROP_HUGE, "18446744073709551616" },
    { PROP_RATIO, "half" },    { PROP_SMALL_RATIO, "1.5" }, { PROP_SMALL_RATIO, "1e300" },
    { PROP_TEXT, "\xff\xfe" }, { PROP_KIND, "nowhere" },   { PROP_LIST, "['a'" },     { PROP_PAIR, "(5, 6)" },
    { PROP_ANYTHING, "{" },
  };

  g_test_summary ("What is no value of the property, or not in its range, leaves it as it is, and is logged once");
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (Widget) widget = make_widget ();
      g_autofree char *key = g_strdup_printf ("key-%u", i);
      const char *property = properties[wrong[i].id]->name;

      store_world_set (f, key, wrong[i].text);
      bind (f, key, widget, property, MKV_BIND_DEFAULT);
      settle (f);
      assert_logged ("*no value for the property*stays as it is*");
      /* Twice, and nothing more is said. */
      g_assert_true (mkv_store_delete (f->store, key, NULL, NULL));
      settle (f);
      widget->n_set = 0;
      store_world_set (f, key, wrong[i].text);
      settle (f);
      g_assert_cmpuint (widget->n_set, ==, 0);
      g_assert_cmpuint (lines->len, ==, 0);
      assert_stored (f, key, g_utf8_validate (wrong[i].text, -1, NULL) ? wrong[i].text : NULL);
    }
}

static void
test_slider (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Widget) widget = make_widget ();
  guint n_changes = 0, n_widget;

  g_test_summary ("A slider that moves a thousand times in two seconds writes at most ten times in each, and the last "
                  "value gets there");
  g_signal_connect_swapped (f->store, "changed::number", G_CALLBACK (count_change), &n_changes);
  bind (f, "number", widget, "number", MKV_BIND_DEFAULT);
  settle (f);
  for (gint i = 1; i <= 1000; i++)
    {
      g_object_set (widget, "number", i, NULL);
      mkv_test_advance (f->clock, 2000);
      if (i == 1)
        assert_stored (f, "number", "1");
    }
  n_widget = widget->n_set;
  settle (f);
  assert_stored (f, "number", "1000");
  g_assert_cmpuint (widget->n_set, ==, n_widget);
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 1000);
  g_assert_cmpuint (n_changes, >=, 10);
  g_assert_cmpuint (n_changes, <=, 22);
  /* Back before it was written: nothing is. */
  g_object_set (widget, "number", 1, NULL);
  g_object_set (widget, "number", 2, NULL);
  g_object_set (widget, "number", 1, NULL);
  n_changes = 0;
  settle (f);
  assert_stored (f, "number", "1");
  g_assert_cmpuint (n_changes, ==, 1);
}

static void
test_two (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Widget) one = make_widget ();
  g_autoptr (Widget) two = make_widget ();
  g_autoptr (Widget) narrow = make_widget ();
  guint n_changes = 0;

  g_test_summary ("Bindings of one key settle, even where one object rounds what it is given");
  bind (f, "number", one, "number", MKV_BIND_DEFAULT);
  bind (f, "number", two, "number", MKV_BIND_DEFAULT);
  bind (f, "number", narrow, "small-ratio", MKV_BIND_DEFAULT);
  settle (f);
  g_signal_connect_swapped (f->store, "changed", G_CALLBACK (count_change), &n_changes);
  for (gint i = 0; i < 20; i++)
    g_object_set (i % 2 == 0 ? one : two, "number", i % 2, NULL);
  settle (f);
  settle (f);
  g_assert_cmpint (g_value_get_int (&one->values[PROP_NUMBER]), ==,
                   g_value_get_int (&two->values[PROP_NUMBER]));
  g_assert_cmpuint (n_changes, <=, 4);
  n_changes = 0;
  settle (f);
  g_assert_cmpuint (n_changes, ==, 0);
  g_object_set (two, "number", 1, NULL);
  settle (f);
  g_object_set (narrow, "small-ratio", 0.0, NULL);
  settle (f);
  g_assert_cmpint (g_value_get_int (&one->values[PROP_NUMBER]), ==, 0);
  g_assert_cmpint (g_value_get_int (&two->values[PROP_NUMBER]), ==, 0);
}

static void
test_other_writes (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Widget) widget = make_widget ();

  g_test_summary ("What another writes while a write is on its way is shown when that is over");
  bind (f, "number", widget, "number", MKV_BIND_DEFAULT);
  settle (f);
  g_object_set (widget, "number", 1, NULL);
  store_world_set (f, "number", "2");
  finish (f);
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 1);
  settle (f);
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 2);
  assert_stored (f, "number", "2");
  /* One's own is newer. */
  g_object_set (widget, "number", 3, NULL);
  store_world_set (f, "number", "4");
  g_object_set (widget, "number", 5, NULL);
  settle (f);
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 5);
  assert_stored (f, "number", "5");
}

static void
test_deleted (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Widget) widget = make_widget ();

  g_test_summary ("A key that is not there leaves the property; one that is deleted brings its first value back; and a "
                  "property that is NULL deletes the key");
  g_object_set (widget, "number", 42, "text", "first", NULL);
  bind (f, "number", widget, "number", MKV_BIND_DEFAULT);
  bind (f, "text", widget, "text", MKV_BIND_DEFAULT);
  settle (f);
  assert_stored (f, "number", NULL);
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 42);
  store_world_set (f, "number", "5");
  settle (f);
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 5);
  g_assert_true (mkv_store_delete (f->store, "number", NULL, NULL));
  settle (f);
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 42);
  assert_stored (f, "number", NULL);
  g_object_set (widget, "text", "second", NULL);
  settle (f);
  assert_stored (f, "text", "second");
  g_object_set (widget, "text", NULL, NULL);
  settle (f);
  assert_stored (f, "text", NULL);
  g_assert_cmpstr (g_value_get_string (&widget->values[PROP_TEXT]), ==, NULL);
}

static void
test_flags (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Widget) widget = make_widget ();

  g_test_summary ("One way only, once only, and upside down");
  store_world_set (f, "get", "1");
  store_world_set (f, "set", "1");
  store_world_set (f, "once", "1");
  store_world_set (f, "not", "false");
  bind (f, "get", widget, "number", MKV_BIND_GET);
  bind (f, "set", widget, "positive", MKV_BIND_SET);
  bind (f, "once", widget, "big", MKV_BIND_GET_NO_CHANGES);
  bind (f, "not", widget, "flag", MKV_BIND_INVERT_BOOLEAN);
  settle (f);
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 1);
  g_assert_cmpuint (g_value_get_uint (&widget->values[PROP_POSITIVE]), ==, 0);
  g_assert_cmpint (g_value_get_int64 (&widget->values[PROP_BIG]), ==, 1);
  g_assert_true (g_value_get_boolean (&widget->values[PROP_FLAG]));
  store_world_set (f, "get", "2");
  store_world_set (f, "set", "2");
  store_world_set (f, "once", "2");
  settle (f);
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 2);
  g_assert_cmpuint (g_value_get_uint (&widget->values[PROP_POSITIVE]), ==, 0);
  g_assert_cmpint (g_value_get_int64 (&widget->values[PROP_BIG]), ==, 1);
  g_object_set (widget, "number", 3, "positive", 3, "big", G_GINT64_CONSTANT (3), "flag", FALSE, NULL);
  settle (f);
  assert_stored (f, "get", "2");
  assert_stored (f, "set", "3");
  assert_stored (f, "once", "2");
  assert_stored (f, "not", "true");
}

static void
test_ends (StoreWorld *f, gconstpointer data)
{
  Widget *widget = make_widget ();
  guint refs = G_OBJECT (f->store)->ref_count;

  g_test_summary ("A binding does not keep its object, ends with it, and what was to be written still is");
  bind (f, "number", widget, "number", MKV_BIND_DEFAULT);
  settle (f);
  g_assert_cmpuint (G_OBJECT (widget)->ref_count, ==, 1);
  for (gint i = 1; i <= 50; i++)
    g_object_set (widget, "number", i, NULL);
  g_object_add_weak_pointer (G_OBJECT (widget), (gpointer *) &widget);
  g_object_unref (widget);
  g_assert_null (widget);
  finish (f);
  assert_stored (f, "number", "50");
  g_assert_cmpuint (G_OBJECT (f->store)->ref_count, ==, refs);
  /* While the first read is on its way. */
  widget = make_widget ();
  bind (f, "number", widget, "number", MKV_BIND_DEFAULT);
  g_object_unref (widget);
  settle (f);
  g_assert_cmpuint (G_OBJECT (f->store)->ref_count, ==, refs);
}

static void
unbind_number (Widget *widget)
{
  mkv_store_unbind (G_OBJECT (widget), "number");
}

static void
test_ends_inside (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Widget) widget = make_widget ();

  g_test_summary ("A binding may end while it sets its property");
  store_world_set (f, "number", "5");
  g_signal_connect (widget, "notify::number", G_CALLBACK (unbind_number), NULL);
  bind (f, "number", widget, "number", MKV_BIND_DEFAULT);
  settle (f);
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 5);
  bind (f, "number", widget, "number", MKV_BIND_DEFAULT);
  store_world_set (f, "number", "6");
  settle (f);
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 6);
}

static void
test_failing (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Widget) widget = make_widget ();
  g_autofree char *large = g_strnfill (MKV_MAX_VALUE_BYTES + 1, 'x');
  const char *const list[] = { large, NULL };
  g_autoptr (GBytes) octets = g_bytes_new (large, strlen (large));

  g_test_summary ("Where a write fails the property goes back to what is stored, and that is logged");
  store_world_set (f, "text", "kept");
  bind (f, "text", widget, "text", MKV_BIND_DEFAULT);
  settle (f);
  g_object_set (widget, "text", large, NULL);
  settle (f);
  assert_logged ("*text*was not written: *");
  g_assert_cmpstr (g_value_get_string (&widget->values[PROP_TEXT]), ==, "kept");
  assert_stored (f, "text", "kept");
  g_object_set (widget, "text", "new", NULL);
  settle (f);
  assert_stored (f, "text", "new");
  /* With no key, its first value comes back; one that only writes keeps what it has. */
  bind (f, "none", widget, "list", MKV_BIND_DEFAULT);
  bind (f, "only", widget, "octets", MKV_BIND_SET);
  settle (f);
  g_object_set (widget, "list", list, NULL);
  settle (f);
  assert_logged ("*none*was not written: *");
  g_assert_null (g_value_get_boxed (&widget->values[PROP_LIST]));
  store_world_set (f, "only", "kept");
  g_object_set (widget, "octets", octets, NULL);
  settle (f);
  assert_logged ("*only*was not written: *");
  g_assert_true (g_value_get_boxed (&widget->values[PROP_OCTETS]) == octets);
  assert_stored (f, "only", "kept");
}

static gboolean
get_length (GValue *value, GBytes *octets, gpointer user_data)
{
  g_value_set_int (value, (gint) g_bytes_get_size (octets));
  return g_bytes_get_size (octets) > 0;
}

static GBytes *
set_length (const GValue *value, gpointer user_data)
{
  return g_value_get_int (value) == 3 ? NULL : g_bytes_new ("xxxxxxxxxx", (gsize) g_value_get_int (value));
}

static void
test_mapping (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Widget) widget = make_widget ();
  guint n_ended = 0;

  g_test_summary ("With functions of one's own, that may refuse");
  store_world_set (f, "length", "four");
  mkv_store_bind_full (f->store, "length", G_OBJECT (widget), "number", MKV_BIND_DEFAULT, MKV_CLOCK (f->clock),
                       get_length, set_length, &n_ended, (GDestroyNotify) count_change);
  settle (f);
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 4);
  g_object_set (widget, "number", 2, NULL);
  settle (f);
  assert_stored (f, "length", "xx");
  g_object_set (widget, "number", 3, NULL);
  settle (f);
  assert_stored (f, "length", "xx");
  store_world_set (f, "length", "");
  settle (f);
  assert_logged ("*no value for the property*");
  g_assert_cmpint (g_value_get_int (&widget->values[PROP_NUMBER]), ==, 3);
  g_assert_cmpuint (n_ended, ==, 0);
  mkv_store_unbind (G_OBJECT (widget), "number");
  g_assert_cmpuint (n_ended, ==, 1);
}

static void
test_misuse (StoreWorld *f, gconstpointer data)
{
  g_autoptr (Widget) widget = make_widget ();
  GLogLevelFlags fatal;

  g_test_summary ("A property that is not there, or can't be bound so, is an error of the program");
  fatal = g_log_set_always_fatal (G_LOG_FATAL_MASK);
  mkv_store_bind (f->store, "key", G_OBJECT (widget), "colour", MKV_BIND_DEFAULT);
  assert_logged ("*no property colour*");
  mkv_store_bind (f->store, "key", G_OBJECT (widget), "number", MKV_BIND_INVERT_BOOLEAN);
  assert_logged ("*no boolean*");
  mkv_store_bind (f->store, "key", G_OBJECT (widget), "object", MKV_BIND_DEFAULT);
  assert_logged ("*needs a mapping*");
  g_log_set_always_fatal (fatal);
  g_test_expect_message ("MerkleKV", G_LOG_LEVEL_CRITICAL, "*mkv_key_check*");
  mkv_store_bind (f->store, "", G_OBJECT (widget), "number", MKV_BIND_DEFAULT);
  g_test_assert_expected_messages ();
  mkv_store_unbind (G_OBJECT (widget), "number");
}

#define ADD(path, func) ADD_WITH (path, func, FALSE)
#define ADD_WITH(path, func, data) \
  g_test_add ("/store-bind/" path, StoreWorld, GINT_TO_POINTER (data), store_world_set_up, func, \
              store_world_tear_down)

int
main (int argc, char **argv)
{
  int status;

  mkv_test_init (&argc, &argv, 60);
  lines = g_ptr_array_new_with_free_func (g_free);
  widgets = g_ptr_array_new ();
  g_log_set_writer_func (keep_line, NULL, NULL);
  ADD ("both-ways", test_both_ways);
  ADD_WITH ("types/text", test_types, FALSE);
  ADD_WITH ("types/serialised", test_types, TRUE);
  ADD ("serialised", test_serialised);
  ADD ("wrong", test_wrong);
  ADD ("slider", test_slider);
  ADD ("two", test_two);
  ADD ("other-writes", test_other_writes);
  ADD ("deleted", test_deleted);
  ADD ("flags", test_flags);
  ADD ("ends", test_ends);
  ADD ("ends-inside", test_ends_inside);
  ADD ("failing", test_failing);
  ADD ("mapping", test_mapping);
  ADD ("misuse", test_misuse);
  status = g_test_run ();
  g_ptr_array_unref (lines);
  g_ptr_array_unref (widgets);
  return status;
}
