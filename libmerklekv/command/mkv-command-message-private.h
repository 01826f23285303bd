/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "delivery/mkv-router-private.h"

G_BEGIN_DECLS

/* The messages that carry commands and responses: in @codec, or in CBOR where
 * @codec can't express what is to be sent or makes it too long. Fail with
 * MKV_ERROR_TOO_LARGE if it is too long in CBOR as well. */
MkvMessage *mkv_command_message_new (MkvRouter *router, const char *topic, MkvCodec *codec, MkvCodec *cbor,
                                     MkvCommand *command, GError **error);
MkvMessage *mkv_response_message_new (MkvRouter *router, const char *topic, MkvCodec *codec, MkvCodec *cbor,
                                      MkvResponse *response, GError **error);

G_END_DECLS
