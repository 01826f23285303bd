/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "mkv-cbor-messages.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-cbor-literals.h"
#include "mkv-cbor-sync.h"
#include "model/mkv-names.h"

typedef enum
{
  FIELD_OP,
  FIELD_KEY,
  FIELD_SEQ,
  FIELD_VALUE,
  FIELD_NODE_ID,
  FIELD_CHECKSUM,
  FIELD_TIMESTAMP,
  N_FIELDS
} Field;

static const struct
{
  const char *encoded;
  gsize length;
} names[N_FIELDS] = {
  [FIELD_OP] = { OP, LENGTH (OP) },
  [FIELD_KEY] = { KEY, LENGTH (KEY) },
  [FIELD_SEQ] = { SEQ, LENGTH (SEQ) },
  [FIELD_VALUE] = { VALUE, LENGTH (VALUE) },
  [FIELD_NODE_ID] = { NODE_ID, LENGTH (NODE_ID) },
  [FIELD_CHECKSUM] = { CHECKSUM, LENGTH (CHECKSUM) },
  [FIELD_TIMESTAMP] = { TIMESTAMP, LENGTH (TIMESTAMP) },
};

/* Takes the name of a field; N_FIELDS if it is unknown. */
static gboolean
take_name (MkvCborReader *reader, guint *field)
{
  MkvCborItem item;

  if (!mkv_cbor_reader_key (reader, &item))
    return FALSE;
  for (*field = 0; *field < N_FIELDS; ++*field)
    if (mkv_cbor_item_is (&item, names[*field].encoded + 1, names[*field].length - 1))
      return TRUE;
  return mkv_cbor_reader_keep_key (reader, &item);
}

typedef struct
{
  guint seen; /* a bit for each Field */
  MkvCborItem items[N_FIELDS];
} Event;

/* Takes the value of a field. */
static gboolean
take_value (MkvCborReader *reader, Event *event, guint field)
{
  MkvCborItem *item = &event->items[field];

  if (!mkv_cbor_reader_next (reader, item))
    return FALSE;
  event->seen |= 1u << field;
  return mkv_cbor_reader_complete (reader, item) && mkv_cbor_reader_leave_behind (reader, item);
}

/* Takes all of the map, also where it is no good event: what is malformed in it
 * concerns the whole payload. */
static gboolean
take_fields (MkvCborReader *reader, const MkvCborItem *head, Event *event)
{
  MkvCborContainer map;
  guint field;

  if (!mkv_cbor_reader_enter (reader, head, &map))
    return FALSE;
  while (mkv_cbor_reader_more (reader, &map))
    {
      if (!take_name (reader, &field))
        return FALSE;
      if (field == N_FIELDS ? !mkv_cbor_reader_skip (reader)
          : (event->seen & 1u << field) != 0 ? !mkv_cbor_reader_duplicate (reader)
                                             : !take_value (reader, event, field))
        return FALSE;
    }
  return reader->error == NULL;
}

static MkvEntry *
refuse (Field field, GError **error)
{
  g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("its “%s” is not what it has to be"),
               names[field].encoded + 1);
  return NULL;
}

static MkvEntry *
make_entry (const Event *event, GError **error)
{
  const guint required = (1u << N_FIELDS) - 1 - (1u << FIELD_VALUE);
  const MkvCborItem *items = event->items;
  const MkvCborItem *value = &items[FIELD_VALUE];
  g_autoptr (MkvEntry) entry = NULL;
  gint64 timestamp, seq;
  gboolean deleted;

  if ((event->seen & required) != required)
    {
      guint i = 0;

      while ((required & ~event->seen & 1u << i) == 0)
        i++;
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("it has no “%s”"), names[i].encoded + 1);
      return NULL;
    }
  if (items[FIELD_OP].type != MKV_CBOR_TEXT)
    return refuse (FIELD_OP, error);
  deleted = mkv_cbor_item_is (&items[FIELD_OP], "DELETE", 6);
  if (!deleted && !mkv_cbor_item_is (&items[FIELD_OP], "SET", 3))
    return refuse (FIELD_OP, error);
  if (deleted != ((event->seen & 1u << FIELD_VALUE) == 0))
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED,
                           deleted ? _(_("it is a DELETE with a value")) : _(_("it is a SET without a value")));
      return NULL;
    }
  if (items[FIELD_KEY].type != MKV_CBOR_TEXT)
    return refuse (FIELD_KEY, error);
  if (items[FIELD_NODE_ID].type != MKV_CBOR_TEXT)
    return refuse (FIELD_NODE_ID, error);
  if (!mkv_cbor_item_get_int (&items[FIELD_SEQ], 1, G_MAXINT64, &seq))
    return refuse (FIELD_SEQ, error);
  if (!mkv_cbor_item_get_int (&items[FIELD_TIMESTAMP], 0, MKV_MAX_TIMESTAMP, &timestamp))
    return refuse (FIELD_TIMESTAMP, error);
  if (items[FIELD_CHECKSUM].type != MKV_CBOR_BYTES || items[FIELD_CHECKSUM].length != MKV_CHECKSUM_BYTES)
    return refuse (FIELD_CHECKSUM, error);
  if (!deleted && value->type != MKV_CBOR_TEXT && value->type != MKV_CBOR_BYTES)
    return refuse (FIELD_VALUE, error);
  entry = mkv_entry_new_from_octets ((const char *) items[FIELD_KEY].octets, items[FIELD_KEY].length,
                                     deleted ? NULL : value->octets, deleted ? 0 : value->length, timestamp,
                                     (const char *) items[FIELD_NODE_ID].octets, items[FIELD_NODE_ID].length, seq,
                                     error);
  if (entry == NULL)
    return NULL;
  if (memcmp (mkv_entry_peek_digest (entry), items[FIELD_CHECKSUM].octets, MKV_CHECKSUM_BYTES) != 0)
    {
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, _("its checksum is not that of its content"));
      return NULL;
    }
  return g_steal_pointer (&entry);
}

/* Takes one event. FALSE if the payload is malformed. */
static gboolean
take_map (MkvCborReader *reader, Event *event, GError **reason)
{
  MkvCborItem head;

  event->seen = 0;
  if (!mkv_cbor_reader_take (reader, &head))
    return FALSE;
  if (head.type == MKV_CBOR_MAP)
    return take_fields (reader, &head, event);
  g_set_error_literal (reason, MKV_ERROR, MKV_ERROR_MALFORMED, _("it is not a map"));
  return mkv_cbor_reader_leave_behind (reader, &head);
}

/* Takes a literal, if it comes next. Comparing so many octets as the compiler
 * knows takes a few instructions. */
#define TAKE(at, end, literal)                          \
  ((gsize) ((end) - (at)) >= LENGTH (literal) &&        \
   memcmp ((at), literal, LENGTH (literal)) == 0 &&     \
   ((at) += LENGTH (literal), TRUE))

/* Takes a text, or an integer, that is not the last of the payload. */
static inline gboolean
take_head (const guint8 **at, const guint8 *end, guint8 major, guint64 *number)
{
  guint info;

  if (end - *at < 9 || **at >> 5 != major || (info = **at & 0x1F) > 27)
    return FALSE;
  ++*at;
  *number = mkv_cbor_read_argument (at, info);
  return TRUE;
}

static inline gboolean
take_text (const guint8 **at, const guint8 *end, const char **text, guint64 *length)
{
  if (!take_head (at, end, 3, length) || *length > (gsize) (end - *at))
    return FALSE;
  *text = (const char *) *at;
  *at += *length;
  return TRUE;
}

/* Takes the SET of a text as a deterministic encoder writes it, which is what
 * comes nearly always: then there is nothing to look up and to note. NULL if it
 * is anything else, or not good in any way: why, take_map() finds out, which
 * begins from the start. */
static MkvEntry *
take_usual (MkvCborReader *reader)
{
  const guint8 *at = reader->at, *end = reader->end, *checksum;
  const char *key, *value, *node_id;
  guint64 key_length, value_length, node_id_length, seq, timestamp;
  MkvEntry *entry;

  if (!TAKE (at, end, SET_HEAD) || !take_text (&at, end, &key, &key_length) ||
      !TAKE (at, end, SEQ) || !take_head (&at, end, 0, &seq) ||
      !TAKE (at, end, VALUE) || !take_text (&at, end, &value, &value_length) ||
      !TAKE (at, end, NODE_ID) || !take_text (&at, end, &node_id, &node_id_length) ||
      !TAKE (at, end, CHECKSUM_HEAD) || end - at < MKV_CHECKSUM_BYTES)
    return NULL;
  checksum = at;
  at += MKV_CHECKSUM_BYTES;
  if (!TAKE (at, end, TIMESTAMP) || !take_head (&at, end, 0, &timestamp) ||
      at - reader->at > MKV_MAX_EVENT_BYTES || seq > G_MAXINT64 || timestamp > G_MAXINT64 ||
      !mkv_text_is_valid (value, value_length))
    return NULL;
  entry = mkv_entry_new_from_octets (key, key_length, (const guint8 *) value, value_length, (gint64) timestamp,
                                     node_id, node_id_length, (gint64) seq, NULL);
  if (entry == NULL)
    return NULL;
  if (memcmp (mkv_entry_peek_digest (entry), checksum, MKV_CHECKSUM_BYTES) != 0)
    {
      mkv_entry_unref (entry);
      return NULL;
    }
  reader->at = at;
  return entry;
}

/* The same; what is good goes to @entries, or else the reason to @refused. */
static gboolean
take_event (MkvCborReader *reader, GPtrArray *entries, GPtrArray **refused)
{
  const guint8 *start = reader->at;
  g_autoptr (GError) reason = NULL;
  MkvEntry *entry = take_usual (reader);
  Event event;

  if (entry != NULL)
    {
      g_ptr_array_add (entries, entry);
      return TRUE;
    }
  if (!take_map (reader, &event, &reason))
    return FALSE;
  if (reason == NULL && reader->at - start > MKV_MAX_EVENT_BYTES)
    g_set_error (&reason, MKV_ERROR, MKV_ERROR_TOO_LARGE, _("it takes more than %d octets"), MKV_MAX_EVENT_BYTES);
  if (reason == NULL)
    entry = make_entry (&event, &reason);
  if (entry != NULL)
    {
      g_ptr_array_add (entries, entry);
      return TRUE;
    }
  if (*refused == NULL)
    *refused = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (*refused, g_strdup_printf (_("Event %u: %s"), entries->len + (*refused)->len + 1,
                                              reason->message));
  return TRUE;
}

gboolean
mkv_cbor_take_events (MkvCborReader *reader, GPtrArray *entries, GPtrArray **refused)
{
  MkvCborItem head;
  MkvCborContainer array;
  guint n = 0;

  if (!mkv_cbor_reader_take (reader, &head) || !mkv_cbor_reader_enter (reader, &head, &array))
    return FALSE;
  while (mkv_cbor_reader_more (reader, &array))
    if (++n > MKV_MAX_EVENTS)
      return mkv_cbor_reader_fail (reader, _("there are more than 1,024 events"));
    else if (!take_event (reader, entries, refused))
      return FALSE;
  if (n == 0)
    return mkv_cbor_reader_fail (reader, _("it is an array of no events"));
  return reader->error == NULL;
}

char **
mkv_cbor_refused_to_strv (GPtrArray *refused)
{
  if (refused == NULL)
    return NULL;
  g_ptr_array_add (refused, NULL);
  return (char **) g_ptr_array_free (refused, FALSE);
}

GPtrArray *
mkv_cbor_decode_events (GBytes *payload, char ***refused, GError **error)
{
  g_autoptr (GPtrArray) entries = g_ptr_array_new_full (1, (GDestroyNotify) mkv_entry_unref);
  g_autoptr (GPtrArray) reasons = NULL;
  MkvCborReader reader;
  gboolean done;

  mkv_cbor_reader_init (&reader, payload);
  if (mkv_cbor_reader_is_array (&reader))
    done = mkv_cbor_take_events (&reader, entries, &reasons);
  else
    done = take_event (&reader, entries, &reasons);
  done = done && mkv_cbor_reader_finish (&reader);
  if (!done)
    mkv_cbor_reader_set_error (&reader, error);
  mkv_cbor_reader_clear (&reader);
  if (!done)
    return NULL;
  *refused = mkv_cbor_refused_to_strv (g_steal_pointer (&reasons));
  return g_steal_pointer (&entries);
}
