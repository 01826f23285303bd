/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "mkv-loopback-broker.h"

G_BEGIN_DECLS

/* What a broker refuses to whom. The latest rule that fits decides. */
typedef struct _MkvLoopbackRules MkvLoopbackRules;

MkvLoopbackRules *mkv_loopback_rules_new (void);
void mkv_loopback_rules_free (MkvLoopbackRules *self);

/* Takes the place of a rule for the same action, client and filter. */
void mkv_loopback_rules_set (MkvLoopbackRules *self, MkvLoopbackAction action, const char *client_id,
                             const char *filter, guint8 reason);
void mkv_loopback_rules_clear (MkvLoopbackRules *self);

/* @otherwise if no rule fits; @topic is NULL where there is none. */
guint mkv_loopback_rules_find (MkvLoopbackRules *self, MkvLoopbackAction action, const char *client_id,
                               const char *topic, guint otherwise);

G_END_DECLS
