/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-cbor-messages.h"

#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "mkv-cbor-literals.h"
#include "mkv-cbor-sync.h"

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

/* What is good as an op, a key or a node id is good as a text: check_texts() is
 * for those that are not. */
static inline gboolean
check_value (MkvCborReader *reader, guint field, const MkvCborItem *item)
{
  return field == FIELD_OP || field == FIELD_KEY || field == FIELD_NODE_ID ||
         mkv_cbor_reader_check_text (reader, item);
}

/* Takes the value of a field. */
static gboolean
take_value (MkvCborReader *reader, Event *event, guint field)
{
  MkvCborItem *item = &event->items[field];

  if (!mkv_cbor_reader_next (reader, item))
    return FALSE;
  event->seen |= 1u << field;
  if (item->type == MKV_CBOR_TEXT)
    return check_value (reader, field, item);
  return mkv_cbor_reader_complete (reader, item) && mkv_cbor_reader_leave_behind (reader, item);
}

/* The same, if it is of the type that it has to be. */
static inline gboolean
take_value_of (MkvCborReader *reader, Event *event, guint field, MkvCborType type)
{
  MkvCborItem *item = &event->items[field];

  event->seen |= 1u << field;
  return mkv_cbor_reader_next (reader, item) && item->type == type &&
         (type != MKV_CBOR_TEXT || check_value (reader, field, item));
}

/* Takes a literal, if it comes next. Comparing so many octets as the compiler
 * knows takes a few instructions. */
#define TAKE(reader, literal)                                       \
  ((gsize) ((reader)->end - (reader)->at) >= LENGTH (literal) &&    \
   memcmp ((reader)->at, literal, LENGTH (literal)) == 0 &&         \
   ((reader)->at += LENGTH (literal), TRUE))

/* Takes the SET of a text that a deterministic encoder writes, which is what
 * comes nearly always: then there is nothing to look up. If it is anything else,
 * or malformed, it is for take_fields() to find out. */
static gboolean
take_usual (MkvCborReader *reader, Event *event)
{
  const guint8 *start = reader->at;

  event->seen = 1u << FIELD_OP;
  event->items[FIELD_OP] = (MkvCborItem){ .type = MKV_CBOR_TEXT, .octets = (const guint8 *) "SET", .length = 3 };
  if (TAKE (reader, SET_HEAD) && take_value_of (reader, event, FIELD_KEY, MKV_CBOR_TEXT) &&
      TAKE (reader, SEQ) && take_value_of (reader, event, FIELD_SEQ, MKV_CBOR_UINT) &&
      TAKE (reader, VALUE) && take_value_of (reader, event, FIELD_VALUE, MKV_CBOR_TEXT) &&
      TAKE (reader, NODE_ID) && take_value_of (reader, event, FIELD_NODE_ID, MKV_CBOR_TEXT) &&
      TAKE (reader, CHECKSUM) && take_value_of (reader, event, FIELD_CHECKSUM, MKV_CBOR_BYTES) &&
      TAKE (reader, TIMESTAMP) && take_value_of (reader, event, FIELD_TIMESTAMP, MKV_CBOR_UINT))
    return TRUE;
  reader->at = start;
  reader->error = NULL;
  return FALSE;
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

/* What take_value() leaves out. */
static gboolean
check_texts (MkvCborReader *reader, const Event *event)
{
  static const Field texts[] = { FIELD_OP, FIELD_KEY, FIELD_NODE_ID };

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    if ((event->seen & 1u << texts[i]) != 0 && event->items[texts[i]].type == MKV_CBOR_TEXT &&
        !mkv_cbor_reader_check_text (reader, &event->items[texts[i]]))
      return FALSE;
  return TRUE;
}

static MkvEntry *
refuse (Field field, GError **error)
{
  g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, "its “%s” is not what it has to be", names[field].encoded + 1);
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
      g_set_error (error, MKV_ERROR, MKV_ERROR_MALFORMED, "it has no “%s”", names[i].encoded + 1);
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
                           deleted ? "it is a DELETE with a value" : "it is a SET without a value");
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
      g_set_error_literal (error, MKV_ERROR, MKV_ERROR_MALFORMED, "its checksum is not that of its content");
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
  g_set_error_literal (reason, MKV_ERROR, MKV_ERROR_MALFORMED, "it is not a map");
  return mkv_cbor_reader_leave_behind (reader, &head);
}

/* The same; what is good goes to @entries, or else the reason to @refused. */
static gboolean
take_event (MkvCborReader *reader, GPtrArray *entries, GPtrArray **refused)
{
  const guint8 *start = reader->at;
  g_autoptr (GError) reason = NULL;
  MkvEntry *entry = NULL;
  Event event;

  if (!take_usual (reader, &event) && !take_map (reader, &event, &reason))
    return FALSE;
  if (reason == NULL && reader->at - start > MKV_MAX_EVENT_BYTES)
    g_set_error (&reason, MKV_ERROR, MKV_ERROR_TOO_LARGE, "it takes more than %d octets", MKV_MAX_EVENT_BYTES);
  if (reason == NULL)
    entry = make_entry (&event, &reason);
  if (entry != NULL)
    {
      g_ptr_array_add (entries, entry);
      return TRUE;
    }
  if (!check_texts (reader, &event))
    return FALSE;
  if (*refused == NULL)
    *refused = g_ptr_array_new_with_free_func (g_free);
  g_ptr_array_add (*refused, g_strdup_printf ("Event %u: %s", entries->len + (*refused)->len + 1, reason->message));
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
      return mkv_cbor_reader_fail (reader, "there are more than 1,024 events");
    else if (!take_event (reader, entries, refused))
      return FALSE;
  if (n == 0)
    return mkv_cbor_reader_fail (reader, "it is an array of no events");
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
