/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#define G_LOG_DOMAIN "MerkleKV"

#include "observe/mkv-observer-private.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>

/* What is dropped is logged at most this often for each counter. */
#define LOG_INTERVAL (10 * G_USEC_PER_SEC)

typedef struct
{
  char *name;
  MkvHealth level;
  char *text;
} Condition;

struct _MkvObserver
{
  GObject parent_instance;

  MkvClock *clock;
  GMainContext *context;

  GMutex mutex; /* guards all below; no other lock is taken under it */
  guint64 counts[MKV_N_COUNTERS];
  guint64 unlogged[MKV_N_COUNTERS];
  gint64 logged_at[MKV_N_COUNTERS]; /* monotonic; 0 for never */
  GPtrArray *conditions;            /* of Condition, in the order they came up */
  gboolean changed_pending;
};

G_DEFINE_FINAL_TYPE (MkvObserver, mkv_observer, G_TYPE_OBJECT)

enum
{
  SIGNAL_CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static const char *const counter_names[] = {
  [MKV_COUNTER_WRITES] = "writes",
  [MKV_COUNTER_MESSAGES_RECEIVED] = "messages-received",
  [MKV_COUNTER_MESSAGES_SENT] = "messages-sent",
  [MKV_COUNTER_BYTES_RECEIVED] = "bytes-received",
  [MKV_COUNTER_BYTES_SENT] = "bytes-sent",
  [MKV_COUNTER_COMMANDS] = "commands",
  [MKV_COUNTER_COMMANDS_REPLAYED] = "commands-replayed",
  [MKV_COUNTER_EVENTS_APPLIED] = "events-applied",
  [MKV_COUNTER_EVENTS_STALE] = "events-stale",
  [MKV_COUNTER_EVENTS_DUPLICATE] = "events-duplicate",
  [MKV_COUNTER_EVENTS_PUBLISHED] = "events-published",
  [MKV_COUNTER_SYNC_SESSIONS] = "sync-sessions",
  [MKV_COUNTER_SYNC_APPLIED] = "sync-applied",
  [MKV_COUNTER_DROPPED_RETAINED] = "dropped-retained",
  [MKV_COUNTER_DROPPED_OWN] = "dropped-own",
  [MKV_COUNTER_DROPPED_TOPIC] = "dropped-topic",
  [MKV_COUNTER_DROPPED_MALFORMED] = "dropped-malformed",
  [MKV_COUNTER_DROPPED_TOO_LARGE] = "dropped-too-large",
  [MKV_COUNTER_DROPPED_RATE_LIMITED] = "dropped-rate-limited",
  [MKV_COUNTER_DROPPED_MIRROR] = "dropped-mirror",
  [MKV_COUNTER_EVENTS_REFUSED] = "events-refused",
  [MKV_COUNTER_EVENTS_FUTURE] = "events-future",
  [MKV_COUNTER_EVENTS_NOT_STORED] = "events-not-stored",
  [MKV_COUNTER_EVENTS_REJECTED_BY_BROKER] = "events-rejected-by-broker",
  [MKV_COUNTER_COMMANDS_INVALID] = "commands-invalid",
  [MKV_COUNTER_COMMANDS_REFUSED] = "commands-refused",
  [MKV_COUNTER_RESPONSE_TOPIC_REFUSED] = "response-topic-refused",
  [MKV_COUNTER_RESPONSES_LATE] = "responses-late",
  [MKV_COUNTER_RESPONSES_NOT_SENT] = "responses-not-sent",
  [MKV_COUNTER_RESPONSES_UNKNOWN] = "responses-unknown",
  [MKV_COUNTER_MIRRORED_NOT_SENT] = "mirrored-not-sent",
  [MKV_COUNTER_MESSAGES_NOT_SENT] = "messages-not-sent",
  [MKV_COUNTER_SYNC_IGNORED] = "sync-ignored",
  [MKV_COUNTER_SYNC_REFUSED] = "sync-refused",
  [MKV_COUNTER_BUS_CALLS_REFUSED] = "bus-calls-refused",
  [MKV_COUNTER_BUS_CALLS_LIMITED] = "bus-calls-limited",
  [MKV_COUNTER_BUS_CHANGES_MISSED] = "bus-changes-missed",
};

G_STATIC_ASSERT (G_N_ELEMENTS (counter_names) == MKV_N_COUNTERS);

static void
condition_free (gpointer data)
{
  Condition *condition = data;

  g_free (condition->name);
  g_free (condition->text);
  g_free (condition);
}

static void
mkv_observer_finalize (GObject *object)
{
  MkvObserver *self = MKV_OBSERVER (object);

  g_clear_object (&self->clock);
  g_main_context_unref (self->context);
  g_ptr_array_unref (self->conditions);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (mkv_observer_parent_class)->finalize (object);
}

static void
mkv_observer_class_init (MkvObserverClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mkv_observer_finalize;

  /* The conditions, and so maybe the health, are others than before. */
  signals[SIGNAL_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                          NULL, G_TYPE_NONE, 0);
}

static void
mkv_observer_init (MkvObserver *self)
{
  g_mutex_init (&self->mutex);
  self->context = g_main_context_ref_thread_default ();
  self->conditions = g_ptr_array_new_with_free_func (condition_free);
}

const char *
mkv_counter_get_name (MkvCounter counter)
{
  return counter_names[counter];
}

MkvObserver *
mkv_observer_new (MkvClock *clock)
{
  MkvObserver *self = g_object_new (MKV_TYPE_OBSERVER, NULL);

  self->clock = g_object_ref (clock);
  return self;
}

void
mkv_observer_count (MkvObserver *self, MkvCounter counter, guint n)
{
  g_mutex_lock (&self->mutex);
  self->counts[counter] += n;
  g_mutex_unlock (&self->mutex);
}

/* Counts something that was dropped or refused, and says so in the log, once
 * in a while. What a stranger sent must not be in the text as it came. */
void
mkv_observer_drop (MkvObserver *self, MkvCounter counter, const char *format, ...)
{
  gint64 now = mkv_clock_get_monotonic_time (self->clock);
  g_autofree char *text = NULL;
  guint64 unlogged;
  va_list args;

  g_mutex_lock (&self->mutex);
  self->counts[counter]++;
  if (self->logged_at[counter] != 0 && now - self->logged_at[counter] < LOG_INTERVAL)
    {
      self->unlogged[counter]++;
      g_mutex_unlock (&self->mutex);
      return;
    }
  unlogged = self->unlogged[counter];
  self->unlogged[counter] = 0;
  self->logged_at[counter] = now;
  g_mutex_unlock (&self->mutex);

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  if (unlogged > 0)
    g_message (_("%s: %s (and %" PRIu64 " more since the last line)"), counter_names[counter], text, unlogged);
  else
    g_message ("%s: %s", counter_names[counter], text);
}

guint64
mkv_observer_get_count (MkvObserver *self, MkvCounter counter)
{
  guint64 count;

  g_mutex_lock (&self->mutex);
  count = self->counts[counter];
  g_mutex_unlock (&self->mutex);
  return count;
}

/* An a{st} of all counters, zero or not. */
GVariant *
mkv_observer_list_counters (MkvObserver *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{st}"));
  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < MKV_N_COUNTERS; i++)
    g_variant_builder_add (&builder, "{st}", counter_names[i], self->counts[i]);
  g_mutex_unlock (&self->mutex);
  return g_variant_builder_end (&builder);
}

static gboolean
emit_changed (gpointer user_data)
{
  MkvObserver *self = user_data;

  g_mutex_lock (&self->mutex);
  self->changed_pending = FALSE;
  g_mutex_unlock (&self->mutex);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
  return G_SOURCE_REMOVE;
}

/* Called with the mutex held. */
static void
schedule_changed (MkvObserver *self)
{
  g_autoptr (GSource) source = NULL;

  if (self->changed_pending)
    return;
  self->changed_pending = TRUE;
  source = g_idle_source_new ();
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, emit_changed, g_object_ref (self), g_object_unref);
  g_source_attach (source, self->context);
}

static gboolean
find_condition (MkvObserver *self, const char *name, guint *index)
{
  for (guint i = 0; i < self->conditions->len; i++)
    if (g_str_equal (((Condition *) self->conditions->pdata[i])->name, name))
      {
        *index = i;
        return TRUE;
      }
  return FALSE;
}

/* Says that something is the matter, until mkv_observer_clear_condition().
 * @name is for programs, the text for people: what, why, and what helps. */
void
mkv_observer_set_condition (MkvObserver *self, const char *name, MkvHealth level, const char *format, ...)
{
  g_autofree char *text = NULL;
  Condition *condition;
  gboolean changed;
  guint index;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);

  g_mutex_lock (&self->mutex);
  if (find_condition (self, name, &index))
    condition = self->conditions->pdata[index];
  else
    {
      condition = g_new0 (Condition, 1);
      condition->name = g_strdup (name);
      g_ptr_array_add (self->conditions, condition);
    }
  changed = condition->level != level || g_strcmp0 (condition->text, text) != 0;
  if (changed)
    {
      condition->level = level;
      g_free (condition->text);
      condition->text = g_strdup (text);
      schedule_changed (self);
    }
  g_mutex_unlock (&self->mutex);
  if (changed)
    g_message ("%s: %s", name, text);
}

void
mkv_observer_clear_condition (MkvObserver *self, const char *name)
{
  guint index;

  g_mutex_lock (&self->mutex);
  if (find_condition (self, name, &index))
    {
      g_ptr_array_remove_index (self->conditions, index);
      schedule_changed (self);
    }
  g_mutex_unlock (&self->mutex);
}

MkvHealth
mkv_observer_get_health (MkvObserver *self)
{
  MkvHealth health = MKV_HEALTH_OK;

  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->conditions->len; i++)
    health = MAX (health, ((Condition *) self->conditions->pdata[i])->level);
  g_mutex_unlock (&self->mutex);
  return health;
}

/* Each condition as "name: text". */
char **
mkv_observer_list_conditions (MkvObserver *self)
{
  GPtrArray *list = g_ptr_array_new ();

  g_mutex_lock (&self->mutex);
  for (guint i = 0; i < self->conditions->len; i++)
    {
      const Condition *condition = self->conditions->pdata[i];

      g_ptr_array_add (list, g_strdup_printf ("%s: %s", condition->name, condition->text));
    }
  g_mutex_unlock (&self->mutex);
  g_ptr_array_add (list, NULL);
  return (char **) g_ptr_array_free (list, FALSE);
}
