/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-macros.h"

/* The fixed limits of the protocol (doc/protocol.md, "Names and limits"). All
 * lengths are in octets. */

/**
 * MKV_MAX_KEY_BYTES:
 *
 * The longest key, in octets of UTF-8.
 *
 * Since: 0.1
 */
#define MKV_MAX_KEY_BYTES (256)

/**
 * MKV_MAX_VALUE_BYTES:
 *
 * The longest value, in octets.
 *
 * Since: 0.1
 */
#define MKV_MAX_VALUE_BYTES (262144)

/**
 * MKV_MAX_PAYLOAD_BYTES:
 *
 * The longest MQTT payload, before and after decompression.
 *
 * Since: 0.1
 */
#define MKV_MAX_PAYLOAD_BYTES (524288)

/**
 * MKV_MAX_EVENT_BYTES:
 *
 * The longest replication event, encoded, before base64.
 *
 * Since: 0.1
 */
#define MKV_MAX_EVENT_BYTES (307200)

/**
 * MKV_MAX_EVENTS_BYTES:
 *
 * The longest payload of several replication events.
 *
 * Since: 0.1
 */
#define MKV_MAX_EVENTS_BYTES (65536)

/**
 * MKV_MAX_EVENTS:
 *
 * The most replication events in one payload.
 *
 * Since: 0.1
 */
#define MKV_MAX_EVENTS (1024)

/**
 * MKV_MAX_NAME_BYTES:
 *
 * The longest client id or node id.
 *
 * Since: 0.1
 */
#define MKV_MAX_NAME_BYTES (128)

/**
 * MKV_MAX_PREFIX_BYTES:
 *
 * The longest topic prefix.
 *
 * Since: 0.1
 */
#define MKV_MAX_PREFIX_BYTES (50)

/**
 * MKV_MAX_PREFIX_LEVELS:
 *
 * The most levels of a topic prefix.
 *
 * Since: 0.1
 */
#define MKV_MAX_PREFIX_LEVELS (4)

/**
 * MKV_MAX_TOPIC_BYTES:
 *
 * The longest topic.
 *
 * Since: 0.1
 */
#define MKV_MAX_TOPIC_BYTES (256)

/**
 * MKV_MAX_TOPIC_SLASHES:
 *
 * The most slashes in a topic.
 *
 * Since: 0.1
 */
#define MKV_MAX_TOPIC_SLASHES (7)

/**
 * MKV_MAX_BULK_KEYS:
 *
 * The most keys of one MGET or MSET.
 *
 * Since: 0.1
 */
#define MKV_MAX_BULK_KEYS (256)

/**
 * MKV_MAX_LIST_KEYS:
 *
 * The most keys that one KEYS answers.
 *
 * Since: 0.1
 */
#define MKV_MAX_LIST_KEYS (1000)

/**
 * MKV_DEFAULT_LIST_KEYS:
 *
 * How many keys one KEYS answers where nothing is said.
 *
 * Since: 0.1
 */
#define MKV_DEFAULT_LIST_KEYS (100)

/**
 * MKV_MAX_ID_CHARS:
 *
 * The longest id of a request, in characters.
 *
 * Since: 0.1
 */
#define MKV_MAX_ID_CHARS (64)

/**
 * MKV_MAX_TIMESTAMP:
 *
 * The greatest timestamp, in ms since 1970-01-01 UTC: 2^53-1.
 *
 * Since: 0.1
 */
#define MKV_MAX_TIMESTAMP (G_GINT64_CONSTANT (9007199254740991))

/**
 * MKV_MAX_NESTING:
 *
 * How deep containers may be nested in a payload; the outermost is 1.
 *
 * Since: 0.1
 */
#define MKV_MAX_NESTING (16)

/**
 * MKV_DIGEST_BYTES:
 *
 * The length of an entry digest (SHA-256).
 *
 * Since: 0.1
 */
#define MKV_DIGEST_BYTES (32)

/**
 * MKV_CHECKSUM_BYTES:
 *
 * The length of an event's checksum: the first octets of the entry digest.
 *
 * Since: 0.1
 */
#define MKV_CHECKSUM_BYTES (16)

/**
 * MKV_MAX_SYNC_BYTES:
 *
 * The longest message of anti-entropy, but for one with a single event, which
 * may be longer by that event.
 *
 * Since: 0.1
 */
#define MKV_MAX_SYNC_BYTES (65536)

/**
 * MKV_HORIZON_STEP:
 *
 * Every horizon of anti-entropy is a multiple of this, in ms.
 *
 * Since: 0.1
 */
#define MKV_HORIZON_STEP (G_GINT64_CONSTANT (3600000))

/**
 * MKV_CELL_BYTES:
 *
 * The length of the cell of a set of entries.
 *
 * Since: 0.1
 */
#define MKV_CELL_BYTES (12)

/**
 * MKV_SHORT_ID_BYTES:
 *
 * The length of the short id of an entry.
 *
 * Since: 0.1
 */
#define MKV_SHORT_ID_BYTES (8)

/**
 * MKV_OFFER_BYTES:
 *
 * The length of the offer of one entry for another version of it: the short id
 * of the other, the first 4 octets of one's own digest, and one's own timestamp
 * in 7.
 *
 * Since: 0.1
 */
#define MKV_OFFER_BYTES (19)

/**
 * MKV_MAX_PREFIX_BITS:
 *
 * The longest prefix of a position that has a cell, in bits.
 *
 * Since: 0.1
 */
#define MKV_MAX_PREFIX_BITS (32)

/**
 * MKV_MAX_CELL_DEPTH:
 *
 * How many bits the cells of one prefix may be deeper than it.
 *
 * Since: 0.1
 */
#define MKV_MAX_CELL_DEPTH (8)
