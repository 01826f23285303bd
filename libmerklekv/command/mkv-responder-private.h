/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "delivery/mkv-router-private.h"

G_BEGIN_DECLS

/* A message on this node's command topic, on its way to an answer. */
typedef struct
{
  MkvMessage *message;
  MkvCodec *codec;     /* of the request, so of the answer */
  const char *topic;   /* where the answer goes; the message's or the responder's */
  char *id;            /* "" if there is none to repeat */
  MkvCommand *command; /* NULL until it was found valid */
  gsize n_bytes;       /* what it keeps in memory */
} MkvRequest;

void mkv_request_free (MkvRequest *request);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MkvRequest, mkv_request_free)

/* Answers requests: knows where to, in what form, and when there are too many
 * to answer. */
typedef struct _MkvResponder MkvResponder;

MkvResponder *mkv_responder_new (MkvRouter *router, MkvCodec *json, MkvCodec *cbor, MkvClock *clock,
                                 MkvObserver *observer);
void mkv_responder_free (MkvResponder *self);

/* @codec and @payload are NULL where the router could make nothing of it. */
MkvRequest *mkv_responder_request_new (MkvResponder *self, MkvMessage *message, MkvCodec *codec, GBytes *payload,
                                       const char *id);

/* Sends @response, or the error that it is too large to be sent. */
void mkv_responder_answer (MkvResponder *self, const MkvRequest *request, MkvResponse *response);
void mkv_responder_answer_error (MkvResponder *self, const MkvRequest *request, const GError *error);

/* Answers a request that is not executed, as long as there are not too many,
 * and counts it. */
void mkv_responder_refuse (MkvResponder *self, const MkvRequest *request, MkvCounter counter, const GError *error);

G_END_DECLS
