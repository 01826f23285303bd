/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "store/mkv-decision-private.h"

#include <glib/gi18n-lib.h>
#include <inttypes.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "model/mkv-entry-private.h"
#include "storage/mkv-storage-batch-private.h"

/* A page of the scan that heals entries from the future. */
#define HEAL_PAGE 256
/* What an entry takes beside its key and its value, about: stamp, digest, index. */
#define ENTRY_OVERHEAD 128

void
mkv_decision_init (MkvDecision *self)
{
  self->batch = mkv_storage_batch_new (MKV_DURABILITY_NONE);
  self->staged = g_array_new (FALSE, FALSE, sizeof (MkvStaged));
  self->pending = g_hash_table_new (g_str_hash, g_str_equal);
}

void
mkv_decision_clear (MkvDecision *self)
{
  g_clear_pointer (&self->batch, mkv_storage_batch_unref);
  g_clear_pointer (&self->staged, g_array_unref);
  g_clear_pointer (&self->pending, g_hash_table_unref);
}

/* Every write comes by here, and printf() takes longer than all the rest. */
void
mkv_write_hex (char *text, guint64 number)
{
  static const char digits[] = "0123456789abcdef";

  for (gint i = 15; i >= 0; i--, number >>= 4)
    text[i] = digits[number & 15];
}

void
mkv_outbox_name (char *name, gint64 seq, const char *key)
{
  const gsize start = strlen (MKV_OUTBOX_PREFIX);

  memcpy (name, MKV_OUTBOX_PREFIX, start);
  mkv_write_hex (name + start, (guint64) seq);
  name[start + 16] = '/';
  strcpy (name + start + 17, key);
}

static gboolean
is_own (MkvDecision *self, MkvEntry *entry)
{
  return strcmp (mkv_entry_get_stamp (entry)->node_id, self->node_id) == 0;
}

static gboolean
is_future (MkvDecision *self, gint64 timestamp)
{
  return timestamp > self->now + self->policy.skew_max_future;
}

/* A tombstone that is out of the tree. */
static gboolean
is_grave (MkvDecision *self, const MkvEntry *entry)
{
  return mkv_entry_is_tombstone (entry) && mkv_entry_get_stamp (entry)->timestamp < self->horizon;
}

/* What @key holds, with the writes before this one: *@current is NULL if
 * nothing is there. Says whether that could be found out. */
static gboolean
look_up (MkvDecision *self, const char *key, MkvEntry **current, GError **error)
{
  GError *local_error = NULL;

  *current = self->several ? g_hash_table_lookup (self->pending, key) : NULL;
  if (*current != NULL)
    {
      mkv_entry_ref (*current);
      return TRUE;
    }
  *current = mkv_storage_get (self->storage, key, &local_error);
  if (*current != NULL)
    return TRUE;
  if (g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
    {
      g_error_free (local_error);
      return TRUE;
    }
  g_propagate_error (error, local_error);
  return FALSE;
}

static void
mark_outbox (MkvDecision *self, MkvEntry *entry, gboolean marked)
{
  static GBytes *empty;
  char name[MKV_OUTBOX_NAME_MAX];

  if (g_once_init_enter (&empty))
    g_once_init_leave (&empty, g_bytes_new_static ("", 0));
  mkv_outbox_name (name, mkv_entry_get_stamp (entry)->seq, mkv_entry_get_key (entry));
  mkv_storage_batch_set_meta (self->batch, name, marked ? empty : NULL);
}

/* Puts @entry where @current is. A mark follows the newest local entry of a
 * key, and goes when another node's wins. */
static void
stage (MkvDecision *self, MkvEntry *entry, MkvEntry *current, MkvOrigin origin)
{
  const MkvStaged staged = {
    .old_timestamp = current != NULL ? mkv_entry_get_stamp (current)->timestamp : -1,
    .origin = origin,
    .old_tombstone = current != NULL && mkv_entry_is_tombstone (current),
  };

  mkv_storage_batch_put (self->batch, entry);
  mkv_storage_batch_raise_durability (self->batch,
                                      origin == MKV_ORIGIN_LOCAL ? self->policy.durability
                                                                 : MKV_DURABILITY_ORDERED);
  g_array_append_val (self->staged, staged);
  if (self->several)
    g_hash_table_replace (self->pending, (gpointer) mkv_entry_get_key (entry), entry);
  if (!self->policy.outbox)
    return;
  if (current != NULL && is_own (self, current))
    mark_outbox (self, current, FALSE);
  if (origin == MKV_ORIGIN_LOCAL)
    mark_outbox (self, entry, TRUE);
}

/* The least timestamp, from now on, that wins over @current. */
static gint64
winning_timestamp (MkvDecision *self, MkvEntry *current, gint64 seq)
{
  const MkvStamp *stamp;
  gint order;

  if (current == NULL)
    return self->now;
  stamp = mkv_entry_get_stamp (current);
  if (stamp->timestamp < self->now)
    return self->now;
  order = strcmp (self->node_id, stamp->node_id);
  /* What this node wrote while its clock was wrong was not published: it need
   * not be beaten, only replaced. */
  if (order == 0 && is_future (self, stamp->timestamp))
    return self->now;
  if (!self->policy.unique_timestamps && (order > 0 || (order == 0 && seq > stamp->seq)))
    return stamp->timestamp;
  return stamp->timestamp + 1;
}

static guint
head_size (guint64 number)
{
  return number < 24 ? 1 : number <= 0xFF ? 2 : number <= 0xFFFF ? 3 : number <= 0xFFFFFFFF ? 5 : 9;
}

/* The length of the entry's event in CBOR: op, key, node_id, seq, timestamp,
 * checksum, and the value, with their names. */
static gsize
event_size (const char *key, GBytes *value, gint64 timestamp, gsize node_id_length, gint64 seq)
{
  gsize key_length = strlen (key), value_length = value != NULL ? g_bytes_get_size (value) : 0;
  gsize size = 1 + 3 + (value != NULL ? 4 : 7) + 4 + 8 + 4 + 10 + 9 + 17;

  size += head_size (key_length) + key_length + head_size (node_id_length) + node_id_length +
          head_size ((guint64) seq) + head_size ((guint64) timestamp);
  if (value != NULL)
    size += 6 + head_size (value_length) + value_length;
  return size;
}

static gint64
stored_size (const char *key, gsize value_length)
{
  return (gint64) (strlen (key) + value_length) + ENTRY_OVERHEAD;
}

/* Takes the room for a value of @value_length octets, or a tombstone, in place of @current. What makes room, or
 * keeps the size, always fits. */
static gboolean
take_room (MkvDecision *self, const char *key, gboolean tombstone, gsize value_length, MkvEntry *current,
           GError **error)
{
  g_autofree char *max_size = NULL;
  gint64 growth;
  gsize old_length = 0;

  if (self->room == G_MAXINT64 || tombstone)
    return TRUE;
  growth = stored_size (key, value_length);
  if (current != NULL)
    {
      mkv_entry_peek_value (current, &old_length);
      growth -= stored_size (key, old_length);
    }
  if (growth <= 0 || growth <= self->room)
    {
      self->room -= growth;
      return TRUE;
    }
  self->lacking = MAX (self->lacking, growth);
  max_size = g_format_size (self->policy.max_size);
  g_set_error (error, MKV_ERROR, MKV_ERROR_UNAVAILABLE,
               _("“%s” can't be written: the store is full, storage.max-size is %s; delete something, or raise it"),
               key, max_size);
  return FALSE;
}

/* Makes the local entry that puts @value, or a tombstone, over @current. */
static MkvEntry *
make_entry (MkvDecision *self, const char *key, GBytes *value, MkvEntry *current, GError **error)
{
  gint64 seq = self->seq + 1;
  gint64 timestamp = winning_timestamp (self, current, seq);
  gsize size;

  if (value != NULL && g_bytes_get_size (value) > MKV_MAX_VALUE_BYTES)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                   _("The value would have %zu octets, at most %d are allowed"), g_bytes_get_size (value),
                   MKV_MAX_VALUE_BYTES);
      return NULL;
    }
  if (timestamp < 0 || timestamp > MKV_MAX_TIMESTAMP || seq < 1)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_FAILED,
                   _("“%s” can't be written: its entry is at the end of time, %" PRId64 " ms"), key, timestamp);
      return NULL;
    }
  if (self->policy.max_event_bytes > 0)
    {
      size = event_size (key, value, timestamp, self->node_id_length, seq);
      if (size > self->policy.max_event_bytes)
        {
          g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                       _("The event of this write would have %zu octets, this node sends at most %zu; write less, "
                         "or raise transport.max-payload"), size, self->policy.max_event_bytes);
          return NULL;
        }
    }
  if (!take_room (self, key, value == NULL, value != NULL ? g_bytes_get_size (value) : 0, current, error))
    return NULL;
  return mkv_entry_new_checked (key, strlen (key), value, timestamp, self->node_id, self->node_id_length, seq);
}

/* Takes @entry, which make_entry() made. */
static void
stage_local (MkvDecision *self, MkvEntry *entry, MkvEntry *current)
{
  self->seq = mkv_entry_get_stamp (entry)->seq;
  self->clock_high = MAX (self->clock_high, mkv_entry_get_stamp (entry)->timestamp);
  stage (self, entry, current, MKV_ORIGIN_LOCAL);
  mkv_entry_unref (entry);
}

/* -?(0|[1-9][0-9]*), not -0, within 64 bits. */
static gboolean
parse_number (GBytes *value, gint64 *number)
{
  gsize length;
  const char *p = g_bytes_get_data (value, &length);
  gboolean negative = length > 0 && p[0] == '-';
  gint64 result = 0;
  gsize i = negative;

  if (length == i || (p[i] == '0' && length > 1))
    return FALSE;
  for (; i < length; i++)
    {
      if (p[i] < '0' || p[i] > '9')
        return FALSE;
      /* Towards the negative, which reaches one further. */
      if (__builtin_mul_overflow (result, 10, &result) || __builtin_sub_overflow (result, p[i] - '0', &result))
        return FALSE;
    }
  if (!negative && result == G_MININT64)
    return FALSE;
  *number = negative ? result : -result;
  return TRUE;
}

static GBytes *
count (MkvWrite *write, GBytes *old, GError **error)
{
  gint64 number = 0;
  char text[24];
  gboolean overflow;

  if (old != NULL && !parse_number (old, &number))
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_INVALID_TYPE,
                   _("“%s” does not hold a decimal integer of 64 bits, and can't be counted up or down"),
                   write->key);
      return NULL;
    }
  if (write->kind == MKV_WRITE_INCREMENT)
    overflow = __builtin_add_overflow (number, write->amount, &write->number);
  else
    overflow = __builtin_sub_overflow (number, write->amount, &write->number);
  if (overflow)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_RANGE_OVERFLOW,
                   write->kind == MKV_WRITE_INCREMENT
                       ? _("“%s” holds %" PRId64 ": adding %" PRId64 " leaves the range of 64 bits")
                       : _("“%s” holds %" PRId64 ": subtracting %" PRId64 " leaves the range of 64 bits"),
                   write->key, number, write->amount);
      return NULL;
    }
  g_snprintf (text, sizeof text, "%" G_GINT64_FORMAT, write->number);
  return g_bytes_new (text, strlen (text));
}

static GBytes *
join (GBytes *first, GBytes *second)
{
  gsize a, b;
  gconstpointer first_data = g_bytes_get_data (first, &a), second_data = g_bytes_get_data (second, &b);
  guint8 *data = g_malloc (MAX (a + b, 1));

  if (a > 0)
    memcpy (data, first_data, a);
  if (b > 0)
    memcpy (data + a, second_data, b);
  return g_bytes_new_take (data, a + b);
}

/* The value that @write makes out of @old, which is NULL where there is none. */
static GBytes *
new_value (MkvWrite *write, GBytes *old, GError **error)
{
  switch (write->kind)
    {
    case MKV_WRITE_INCREMENT:
    case MKV_WRITE_DECREMENT:
      return count (write, old, error);
    case MKV_WRITE_APPEND:
      return old != NULL ? join (old, write->value) : g_bytes_ref (write->value);
    case MKV_WRITE_PREPEND:
      return old != NULL ? join (write->value, old) : g_bytes_ref (write->value);
    default:
      return g_bytes_ref (write->value);
    }
}

static void
decide_one (MkvDecision *self, MkvWrite *write)
{
  g_autoptr (MkvEntry) current = NULL;
  g_autoptr (GBytes) value = NULL;
  MkvEntry *entry;

  if (!look_up (self, write->key, &current, &write->error))
    return;
  if (write->kind != MKV_WRITE_DELETE)
    {
      value = new_value (write, current != NULL ? mkv_entry_get_value (current) : NULL, &write->error);
      if (value == NULL)
        return;
      if (write->max_value_bytes > 0 && g_bytes_get_size (value) > write->max_value_bytes)
        {
          g_set_error (&write->error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                       _("The new value of “%s” would have %zu octets, the answer has room for %zu"), write->key,
                       g_bytes_get_size (value), write->max_value_bytes);
          return;
        }
    }
  entry = make_entry (self, write->key, value, current, &write->error);
  if (entry == NULL)
    return;
  write->entry = mkv_entry_ref (entry);
  stage_local (self, entry, current);
}

static void
decide_many (MkvDecision *self, MkvWrite *write)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
  g_autoptr (GPtrArray) currents = g_ptr_array_new ();
  gint64 seq = self->seq, room = self->room;

  for (guint i = 0; write->keys[i] != NULL && write->error == NULL; i++)
    {
      MkvEntry *current = NULL, *entry = NULL;

      if (look_up (self, write->keys[i], &current, &write->error))
        entry = make_entry (self, write->keys[i], write->values->pdata[i], current, &write->error);
      g_ptr_array_add (currents, current);
      if (entry != NULL)
        {
          g_ptr_array_add (entries, entry);
          self->seq++;
        }
    }
  self->seq = seq;
  if (write->error != NULL)
    self->room = room;
  for (guint i = 0; i < currents->len; i++)
    {
      MkvEntry *current = currents->pdata[i];

      if (write->error == NULL)
        stage_local (self, mkv_entry_ref (entries->pdata[i]), current);
      if (current != NULL)
        mkv_entry_unref (current);
    }
}

static void
decide_apply (MkvDecision *self, MkvWrite *write)
{
  if (write->want_outcome)
    {
      write->applied = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
      write->winners = g_ptr_array_new_with_free_func ((GDestroyNotify) mkv_entry_unref);
    }
  for (guint i = 0; i < write->entries->len; i++)
    {
      MkvEntry *entry = write->entries->pdata[i];
      g_autoptr (MkvEntry) current = NULL;
      gint order;

      if (is_future (self, mkv_entry_get_stamp (entry)->timestamp))
        {
          write->n_future++;
          continue;
        }
      if (!look_up (self, mkv_entry_get_key (entry), &current, &write->error))
        return;
      if (current == NULL && is_grave (self, entry))
        {
          write->n_stale++;
          continue;
        }
      order = current != NULL ? mkv_entry_compare (entry, current) : 1;
      if (order < 0)
        {
          write->n_stale++;
          if (write->want_outcome && !is_future (self, mkv_entry_get_stamp (current)->timestamp))
            g_ptr_array_add (write->winners, mkv_entry_ref (current));
        }
      else if (order == 0)
        write->n_duplicate++;
      else
        {
          gsize value_length;

          mkv_entry_peek_value (entry, &value_length);
          if (!take_room (self, mkv_entry_get_key (entry), mkv_entry_is_tombstone (entry), value_length, current,
                          &write->error))
            return;
          stage (self, entry, current, write->origin);
          write->n_applied++;
          if (write->want_outcome)
            g_ptr_array_add (write->applied, mkv_entry_ref (entry));
        }
    }
}

static void
decide_load (MkvDecision *self, MkvWrite *write)
{
  decide_apply (self, write);
  for (guint i = 0; write->error == NULL && i < write->entries->len; i++)
    if (is_own (self, write->entries->pdata[i]))
      self->seq = MAX (self->seq, mkv_entry_get_stamp (write->entries->pdata[i])->seq);
}

static void
decide_clear_outbox (MkvDecision *self, MkvWrite *write)
{
  for (guint i = 0; i < write->entries->len; i++)
    mark_outbox (self, write->entries->pdata[i], FALSE);
}

static void
decide_heal (MkvDecision *self, MkvWrite *write)
{
  g_autofree char *after = NULL;

  for (;;)
    {
      g_autoptr (GPtrArray) page = mkv_storage_scan (self->storage, NULL, after, HEAL_PAGE, &write->error);

      if (page == NULL)
        return;
      for (guint i = 0; i < page->len; i++)
        {
          g_autoptr (MkvEntry) current = NULL;
          MkvEntry *entry;

          if (!look_up (self, mkv_entry_get_key (page->pdata[i]), &current, &write->error))
            return;
          if (current == NULL || !is_own (self, current) ||
              !is_future (self, mkv_entry_get_stamp (current)->timestamp))
            continue;
          entry = make_entry (self, mkv_entry_get_key (current), mkv_entry_get_value (current), current,
                              &write->error);
          if (entry == NULL)
            return;
          stage_local (self, entry, current);
          write->n_applied++;
        }
      if (page->len < HEAL_PAGE)
        break;
      g_free (after);
      after = g_strdup (mkv_entry_get_key (page->pdata[page->len - 1]));
    }
  self->clock_high = self->now;
}

void
mkv_decision_reset (MkvDecision *self)
{
  mkv_storage_batch_clear (self->batch, MKV_DURABILITY_NONE);
  self->lacking = 0;
  g_array_set_size (self->staged, 0);
  if (g_hash_table_size (self->pending) > 0)
    g_hash_table_remove_all (self->pending);
}

void
mkv_decision_write (MkvDecision *self, MkvWrite *write)
{
  switch (write->kind)
    {
    case MKV_WRITE_SET_MANY:
      decide_many (self, write);
      break;
    case MKV_WRITE_APPLY:
      decide_apply (self, write);
      break;
    case MKV_WRITE_LOAD:
      decide_load (self, write);
      break;
    case MKV_WRITE_CLEAR_OUTBOX:
      decide_clear_outbox (self, write);
      break;
    case MKV_WRITE_HEAL:
      decide_heal (self, write);
      break;
    case MKV_WRITE_MAINTAIN:
    case MKV_WRITE_PROBE:
    case MKV_WRITE_CALL:
      break;
    default:
      decide_one (self, write);
    }
  if (write->error == NULL && write->receipt != NULL)
    write->receipt (write, self->batch, write->receipt_data);
}

/* Whether @entry has a mark in the outbox; FALSE, too, where that can't be read. */
static gboolean
is_marked (MkvDecision *self, MkvEntry *entry, GError **error)
{
  char name[MKV_OUTBOX_NAME_MAX];
  g_autoptr (GBytes) mark = NULL;
  GError *local_error = NULL;

  mkv_outbox_name (name, mkv_entry_get_stamp (entry)->seq, mkv_entry_get_key (entry));
  mark = mkv_storage_get_meta (self->storage, name, &local_error);
  if (mark != NULL)
    return TRUE;
  if (g_error_matches (local_error, MKV_ERROR, MKV_ERROR_NOT_FOUND))
    g_error_free (local_error);
  else
    g_propagate_error (error, local_error);
  return FALSE;
}

gboolean
mkv_decision_remove_graves (MkvDecision *self, GPtrArray *graves, GPtrArray *unsent)
{
  gboolean readable = TRUE;

  for (guint i = graves->len; i-- > 0;)
    {
      const MkvTombstone *grave = graves->pdata[i];
      g_autoptr (MkvEntry) current = NULL;
      g_autoptr (GError) error = NULL;
      gboolean marked;

      if (g_hash_table_contains (self->pending, grave->key))
        {
          /* Another write of this batch is in its place. */
          g_ptr_array_remove_index_fast (graves, i);
          continue;
        }
      marked = look_up (self, grave->key, &current, &error) && current != NULL && is_own (self, current) &&
               is_marked (self, current, &error);
      if (error != NULL)
        {
          g_ptr_array_remove_index_fast (graves, i);
          readable = FALSE;
          continue;
        }
      if (marked)
        {
          g_ptr_array_add (unsent, g_ptr_array_steal_index_fast (graves, i));
          continue;
        }
      if (current == NULL || !is_grave (self, current))
        continue;
      mkv_storage_batch_remove (self->batch, grave->key);
      mkv_storage_batch_raise_durability (self->batch, MKV_DURABILITY_ORDERED);
    }
  return readable;
}
