/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

/* The names of the fields as they are encoded, in the order that the
 * deterministic encoding wants. */
#define OP "\x62op"
#define KEY "\x63key"
#define SEQ "\x63seq"
#define VALUE "\x65value"
#define NODE_ID "\x67node_id"
#define CHECKSUM "\x68" "checksum"
#define TIMESTAMP "\x69timestamp"

#define LENGTH(literal) (sizeof (literal) - 1)

/* What an event begins with. */
#define SET_HEAD "\xA7" OP "\x63SET" KEY
#define DELETE_HEAD "\xA6" OP "\x66" "DELETE" KEY
#define CHECKSUM_HEAD CHECKSUM "\x50"
