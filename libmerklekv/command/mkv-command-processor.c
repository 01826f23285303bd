/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors
 *
 * The way of a command: decode, mirrored?, allowed?, valid? Then a read is
 * answered at once. A write is looked up among the receipts, and if it is new,
 * committed together with its receipt; its message is handled when that is done
 * and the answer is with the router. So a crash before the commit makes the
 * broker bring the command again, and one behind it finds the receipt.
 */
#include "config.h"

#include "command/mkv-command-processor-private.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "base/mkv-version.h"
#include "command/mkv-command-mirror-private.h"
#include "command/mkv-execution-private.h"
#include "command/mkv-receipt-book-private.h"
#include "command/mkv-responder-private.h"

/* What may be on its way into the store at once. */
#define MAX_EXECUTING 256
#define MAX_EXECUTING_BYTES (16 * 1024 * 1024)

/* How many may wait for a SYNC at once. */
#define MAX_SYNCING 16

/* By how much the head of a long value in CBOR exceeds that of an empty one. */
#define VALUE_HEAD_BYTES 4

struct _MkvCommandProcessor
{
  GObject parent_instance;

  MkvRouter *router;
  MkvLocalStore *store;
  MkvCodec *cbor;
  MkvClock *clock;
  MkvObserver *observer;
  MkvResponder *responder;
  MkvSyncer *syncer; /* NULL where anti-entropy is off */
  MkvReceiptBook *receipts; /* the store's; NULL until started */
  gboolean stopped;
  gint64 started_at;
  MkvCommandAccess access;
  MkvDescribeFunc describe;
  gpointer describe_data;

  guint n_executing;
  gsize executing_bytes;
  guint n_syncing;
};

G_DEFINE_FINAL_TYPE (MkvCommandProcessor, mkv_command_processor, G_TYPE_OBJECT)

/* A write on its way through the store. */
typedef struct
{
  MkvCommandProcessor *self;
  MkvRequest *request;
  MkvReceipt *receipt;
  MkvResponse *answer; /* made by the leader, kept with the write */
} Work;

static void
refuse_with (MkvCommandProcessor *self, const MkvRequest *request, MkvCounter counter, MkvError code,
             const char *text)
{
  g_autoptr (GError) error = g_error_new_literal (MKV_ERROR, (gint) code, text);

  mkv_responder_refuse (self->responder, request, counter, error);
}

static MkvResponse *
replay_new (MkvResponse *kept)
{
  MkvResponse *replay = mkv_response_new (mkv_response_get_id (kept), mkv_response_get_status (kept));
  GPtrArray *results = mkv_response_get_results (kept);

  mkv_response_set_timestamp (replay, mkv_response_get_timestamp (kept));
  mkv_response_set_value (replay, mkv_response_get_value (kept));
  for (guint i = 0; results != NULL && i < results->len; i++)
    mkv_response_add_result (replay, mkv_result_ref (results->pdata[i]));
  mkv_response_set_replayed (replay, TRUE);
  if (mkv_response_get_status (kept) == MKV_STATUS_OK)
    mkv_response_set_error (replay, MKV_ERROR_CODE_IDEMPOTENT_REPLAY, NULL);
  else
    mkv_response_set_error (replay, mkv_response_get_error_code (kept), mkv_response_get_error_text (kept));
  return replay;
}

/* Whether the reason lies in what was asked: then it is an answer that is kept.
 * Any other may be gone when the request comes again. */
static gboolean
is_answer (const GError *error)
{
  return g_error_matches (error, MKV_ERROR, MKV_ERROR_INVALID_TYPE) ||
         g_error_matches (error, MKV_ERROR, MKV_ERROR_RANGE_OVERFLOW) ||
         g_error_matches (error, MKV_ERROR, MKV_ERROR_TOO_LARGE);
}

/* The leader's: in any thread, but nothing else looks at the work meanwhile. */
static void
on_decided (const MkvWrite *write, MkvStorageBatch *batch, gpointer user_data)
{
  Work *work = user_data;

  work->answer =
      mkv_execution_answer_new (work->request->command, write, mkv_clock_get_time (work->self->clock));
  mkv_receipt_write (work->receipt, work->answer, batch);
}

/* Takes both. */
static void
finish_write (Work *work, MkvWrite *write)
{
  g_autoptr (MkvCommandProcessor) self = work->self;
  g_autoptr (MkvRequest) request = work->request;
  gboolean done = write->error == NULL;

  self->n_executing--;
  self->executing_bytes -= request->n_bytes;
  if (!done)
    {
      /* The leader may have made an answer before the storage failed. */
      g_clear_pointer (&work->answer, mkv_response_unref);
      work->answer = mkv_response_new_error (request->id, write->error);
      mkv_response_set_timestamp (work->answer, mkv_clock_get_time (self->clock));
    }
  mkv_receipt_book_end (self->receipts, work->receipt, done,
                        done || is_answer (write->error) ? work->answer : NULL);
  mkv_responder_answer (self->responder, request, work->answer);
  mkv_message_handled (request->message);
  mkv_response_unref (work->answer);
  mkv_write_free (write);
  g_free (work);
}

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  finish_write (user_data, mkv_store_submit_finish (MKV_STORE (source), result));
}

/* A write whose answer could not be sent must not happen. */
static gboolean
limit_answer (MkvCommandProcessor *self, const MkvCommand *command, MkvWrite *write, GError **error)
{
  g_autoptr (MkvResponse) frame = NULL;
  g_autoptr (GBytes) empty = g_bytes_new_static ("", 0);
  g_autoptr (GBytes) payload = NULL;
  guint max_inflight, max_payload;
  gsize left;

  if (write->kind != MKV_WRITE_SET_MANY && write->kind != MKV_WRITE_APPEND && write->kind != MKV_WRITE_PREPEND)
    return TRUE;
  frame = mkv_execution_answer_new (command, NULL, mkv_clock_get_time (self->clock));
  if (write->kind != MKV_WRITE_SET_MANY)
    mkv_response_set_value (frame, empty);
  payload = mkv_codec_encode_response (self->cbor, frame, error);
  if (payload == NULL)
    return FALSE;
  mkv_router_get_limits (self->router, &max_inflight, &max_payload);
  if (g_bytes_get_size (payload) + VALUE_HEAD_BYTES >= max_payload)
    {
      g_set_error (error, MKV_ERROR, MKV_ERROR_TOO_LARGE,
                   _("The answer would have more than %u octets, which can't be sent: write less at once"),
                   max_payload);
      return FALSE;
    }
  left = max_payload - g_bytes_get_size (payload) - VALUE_HEAD_BYTES;
  if (left < MKV_MAX_VALUE_BYTES)
    write->max_value_bytes = left;
  return TRUE;
}

static void
execute_write (MkvCommandProcessor *self, MkvRequest *request, MkvReceipt *receipt)
{
  MkvWrite *write = mkv_execution_write_new (request->command);
  g_autoptr (GError) error = NULL;
  Work *work;

  if (self->n_executing >= MAX_EXECUTING || self->executing_bytes + request->n_bytes > MAX_EXECUTING_BYTES)
    g_set_error (&error, MKV_ERROR, MKV_ERROR_RATE_LIMITED,
                 _("This node has %u writes to do and takes no more: ask again"), self->n_executing);
  else
    limit_answer (self, request->command, write, &error);
  if (error != NULL)
    {
      mkv_write_free (write);
      mkv_receipt_book_end (self->receipts, receipt, FALSE, NULL);
      mkv_responder_refuse (self->responder, request, MKV_COUNTER_COMMANDS_REFUSED, error);
      mkv_request_free (request);
      return;
    }
  mkv_observer_count (self->observer, MKV_COUNTER_COMMANDS, 1);
  mkv_message_claim (request->message);
  self->n_executing++;
  self->executing_bytes += request->n_bytes;
  work = g_new0 (Work, 1);
  work->self = g_object_ref (self);
  work->request = request;
  work->receipt = receipt;
  write->receipt = on_decided;
  write->receipt_data = work;
  if (mkv_storage_is_instant (mkv_local_store_get_storage (self->store)))
    {
      mkv_store_submit (MKV_STORE (self->store), write, NULL);
      finish_write (work, write);
    }
  else
    mkv_store_submit_async (MKV_STORE (self->store), write, NULL, on_written, work);
}

static void
take_write (MkvCommandProcessor *self, MkvRequest *owned)
{
  g_autoptr (MkvRequest) request = owned;
  g_autoptr (MkvResponse) kept = NULL;
  g_autoptr (MkvResponse) replay = NULL;
  MkvReceipt *receipt;

  switch (mkv_receipt_book_begin (self->receipts, request->topic, request->command, &receipt, &kept))
    {
    case MKV_RECEIPT_NEW:
      execute_write (self, g_steal_pointer (&request), receipt);
      break;
    case MKV_RECEIPT_EXECUTING:
      mkv_observer_count (self->observer, MKV_COUNTER_COMMANDS_REPLAYED, 1);
      break;
    case MKV_RECEIPT_KNOWN:
      mkv_observer_count (self->observer, MKV_COUNTER_COMMANDS_REPLAYED, 1);
      replay = replay_new (kept);
      mkv_responder_answer (self->responder, request, replay);
      break;
    case MKV_RECEIPT_OTHER:
      refuse_with (self, request, MKV_COUNTER_COMMANDS_INVALID, MKV_ERROR_INVALID_ARGUMENT,
                   _("The id belongs to an earlier request that asked for something else: take a new one"));
      break;
    }
}

static GVariant *
describe (MkvCommandProcessor *self)
{
  const char *state = NULL, *health = NULL;
  MkvContents *store_contents = mkv_local_store_get_contents (self->store);
  g_autofree char *root = mkv_contents_dup_root (store_contents);
  MkvContentsState contents;
  GVariantDict info;

  mkv_contents_get_state (store_contents, &contents);
  if (self->describe != NULL)
    self->describe (&state, &health, self->describe_data);
  g_variant_dict_init (&info, NULL);
  g_variant_dict_insert (&info, "node_id", "s", mkv_local_store_get_node_id (self->store));
  g_variant_dict_insert (&info, "client_id", "s", mkv_router_get_client_id (self->router));
  g_variant_dict_insert (&info, "version", "s", MKV_VERSION_S);
  g_variant_dict_insert (&info, "uptime_ms", "x",
                         (mkv_clock_get_monotonic_time (self->clock) - self->started_at) / 1000);
  g_variant_dict_insert (&info, "entries", "x", (gint64) (contents.n_entries - contents.n_tombstones));
  g_variant_dict_insert (&info, "tombstones", "x", (gint64) contents.n_tombstones);
  g_variant_dict_insert (&info, "graves", "x", (gint64) contents.n_graves);
  g_variant_dict_insert (&info, "root", "s", root);
  if (state != NULL)
    g_variant_dict_insert (&info, "state", "s", state);
  if (health != NULL)
    g_variant_dict_insert (&info, "health", "s", health);
  return g_variant_dict_end (&info);
}

static MkvResponse *
execute_read (MkvCommandProcessor *self, const MkvCommand *command, GError **error)
{
  MkvResponse *response = NULL;
  guint max_inflight, max_payload;
  GVariant *info;

  switch (mkv_command_get_operation (command))
    {
    case MKV_OPERATION_PING:
      return mkv_response_new (mkv_command_get_id (command), MKV_STATUS_OK);
    case MKV_OPERATION_INFO:
      info = describe (self);
      response = mkv_response_new (mkv_command_get_id (command), MKV_STATUS_OK);
      mkv_response_set_info (response, info);
      return response;
    default:
      mkv_router_get_limits (self->router, &max_inflight, &max_payload);
      return mkv_execution_read (self->store, command, max_payload, error);
    }
}

static void
take_read (MkvCommandProcessor *self, const MkvRequest *request)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvResponse) response = execute_read (self, request->command, &error);

  mkv_observer_count (self->observer, MKV_COUNTER_COMMANDS, 1);
  if (response == NULL)
    {
      mkv_responder_answer_error (self->responder, request, error);
      return;
    }
  mkv_response_set_timestamp (response, mkv_clock_get_time (self->clock));
  mkv_responder_answer (self->responder, request, response);
}

typedef struct
{
  MkvCommandProcessor *self;
  MkvRequest *request;
} Syncing;

static void
on_synced (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Syncing *syncing = user_data;
  g_autoptr (MkvCommandProcessor) self = syncing->self;
  g_autoptr (MkvRequest) request = syncing->request;
  g_autoptr (GError) error = NULL;
  gint64 n_changed = mkv_syncer_sync_finish (MKV_SYNCER (source), result, &error);
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, n_changed);
  g_autoptr (GBytes) value = g_bytes_new (text, strlen (text));
  g_autoptr (MkvResponse) response = NULL;

  g_free (syncing);
  self->n_syncing--;
  if (error != NULL)
    {
      mkv_responder_answer_error (self->responder, request, error);
      return;
    }
  response = mkv_response_new (request->id, MKV_STATUS_OK);
  mkv_response_set_timestamp (response, mkv_clock_get_time (self->clock));
  mkv_response_set_value (response, value);
  mkv_responder_answer (self->responder, request, response);
}

/* It changes nothing that could not come by itself: a request that is lost with
 * this process need not come again, so its message is handled at once. */
static void
take_sync (MkvCommandProcessor *self, MkvRequest *owned)
{
  g_autoptr (MkvRequest) request = owned;
  Syncing *syncing;

  if (self->syncer == NULL)
    {
      refuse_with (self, request, MKV_COUNTER_COMMANDS_REFUSED, MKV_ERROR_NOT_SUPPORTED,
                   _("Anti-entropy is off at this node: its antientropy.enabled or replication.enabled is false"));
      return;
    }
  if (self->n_syncing >= MAX_SYNCING)
    {
      refuse_with (self, request, MKV_COUNTER_COMMANDS_REFUSED, MKV_ERROR_RATE_LIMITED,
                   _("Too many wait for a SYNC of this node: ask again"));
      return;
    }
  mkv_observer_count (self->observer, MKV_COUNTER_COMMANDS, 1);
  self->n_syncing++;
  syncing = g_new (Syncing, 1);
  syncing->self = g_object_ref (self);
  syncing->request = g_steal_pointer (&request);
  mkv_syncer_sync_async (self->syncer, mkv_command_get_peer (syncing->request->command), NULL, on_synced, syncing);
}

/* Comes before anything else is said about a command that can be read. */
static gboolean
check_access (MkvCommandProcessor *self, const MkvCommand *command, GError **error)
{
  if (self->access == MKV_COMMAND_ACCESS_ALLOW)
    return TRUE;
  g_set_error_literal (error, MKV_ERROR, MKV_ERROR_FORBIDDEN,
                       _("This node takes no commands: its commands.access is deny"));
  return FALSE;
}

static void
on_command (MkvMessage *message, MkvCodec *codec, GBytes *payload, const GError *route_error, gpointer user_data)
{
  MkvCommandProcessor *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (MkvCommand) command = NULL;
  g_autoptr (MkvRequest) request = NULL;
  g_autofree char *id = NULL;
  const GError *reason;

  if (route_error == NULL)
    command = mkv_codec_decode_command (codec, payload, &id, &error);
  if (id != NULL && g_str_has_prefix (id, MKV_MIRROR_PREFIX))
    {
      mkv_observer_drop (self->observer, MKV_COUNTER_DROPPED_MIRROR, _("A mirrored command was dropped"));
      return;
    }
  request = mkv_responder_request_new (self->responder, message, codec, payload, id);
  if (command == NULL)
    {
      reason = route_error != NULL ? route_error : error;
      refuse_with (self, request, MKV_COUNTER_COMMANDS_INVALID,
                   g_error_matches (reason, MKV_ERROR, MKV_ERROR_TOO_LARGE) ? MKV_ERROR_TOO_LARGE
                                                                            : MKV_ERROR_INVALID_ARGUMENT,
                   reason->message);
    }
  else if (self->stopped)
    refuse_with (self, request, MKV_COUNTER_COMMANDS_REFUSED, MKV_ERROR_UNAVAILABLE,
                 _("This node stops and takes no more commands"));
  else if (!check_access (self, command, &error))
    mkv_responder_refuse (self->responder, request, MKV_COUNTER_COMMANDS_REFUSED, error);
  else if (!mkv_command_id_check (mkv_command_get_id (command), &error) || !mkv_command_validate (command, &error))
    mkv_responder_refuse (self->responder, request, MKV_COUNTER_COMMANDS_INVALID, error);
  else
    {
      request->command = g_steal_pointer (&command);
      if (mkv_operation_writes (mkv_command_get_operation (request->command)))
        take_write (self, g_steal_pointer (&request));
      else if (mkv_command_get_operation (request->command) == MKV_OPERATION_SYNC)
        take_sync (self, g_steal_pointer (&request));
      else
        take_read (self, request);
    }
}

static void
mkv_command_processor_dispose (GObject *object)
{
  MkvCommandProcessor *self = MKV_COMMAND_PROCESSOR (object);

  if (self->router != NULL && self->receipts != NULL)
    mkv_router_set_handler (self->router, MKV_ROUTE_COMMANDS, NULL, NULL);
  g_clear_object (&self->router);
  g_clear_object (&self->store);
  g_clear_object (&self->syncer);
  G_OBJECT_CLASS (mkv_command_processor_parent_class)->dispose (object);
}

static void
mkv_command_processor_finalize (GObject *object)
{
  MkvCommandProcessor *self = MKV_COMMAND_PROCESSOR (object);

  g_clear_object (&self->cbor);
  g_clear_object (&self->clock);
  g_clear_object (&self->observer);
  g_clear_pointer (&self->responder, mkv_responder_free);
  G_OBJECT_CLASS (mkv_command_processor_parent_class)->finalize (object);
}

static void
mkv_command_processor_class_init (MkvCommandProcessorClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = mkv_command_processor_dispose;
  G_OBJECT_CLASS (klass)->finalize = mkv_command_processor_finalize;
}

static void
mkv_command_processor_init (MkvCommandProcessor *self)
{
}

MkvCommandProcessor *
mkv_command_processor_new (MkvRouter *router, MkvLocalStore *store, MkvCodec *json, MkvCodec *cbor, MkvClock *clock,
                           MkvObserver *observer)
{
  MkvCommandProcessor *self = g_object_new (MKV_TYPE_COMMAND_PROCESSOR, NULL);

  self->router = g_object_ref (router);
  self->store = g_object_ref (store);
  self->cbor = g_object_ref (cbor);
  self->clock = g_object_ref (clock);
  self->observer = g_object_ref (observer);
  self->responder = mkv_responder_new (router, json, cbor, clock, observer);
  self->started_at = mkv_clock_get_monotonic_time (clock);
  return self;
}

void
mkv_command_processor_set_access (MkvCommandProcessor *self, MkvCommandAccess access)
{
  self->access = access;
}

void
mkv_command_processor_set_syncer (MkvCommandProcessor *self, MkvSyncer *syncer)
{
  g_set_object (&self->syncer, syncer);
}

void
mkv_command_processor_set_describe_func (MkvCommandProcessor *self, MkvDescribeFunc func, gpointer user_data)
{
  self->describe = func;
  self->describe_data = user_data;
}

gboolean
mkv_command_processor_start (MkvCommandProcessor *self, GError **error)
{
  self->receipts = mkv_receipt_book_get_for (self->store, self->clock, error);
  if (self->receipts == NULL)
    return FALSE;
  mkv_router_set_handler (self->router, MKV_ROUTE_COMMANDS, on_command, self);
  return TRUE;
}

void
mkv_command_processor_stop (MkvCommandProcessor *self)
{
  self->stopped = TRUE;
}
