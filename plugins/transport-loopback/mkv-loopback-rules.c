/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "mkv-loopback-rules.h"

#include "mkv-loopback-session.h"

typedef struct
{
  MkvLoopbackAction action;
  char *client_id; /* NULL for every client */
  char *filter;    /* NULL for every topic */
  guint8 reason;
} Rule;

struct _MkvLoopbackRules
{
  GPtrArray *rules; /* of Rule, the latest last */
};

static void
rule_free (gpointer data)
{
  Rule *rule = data;

  g_free (rule->client_id);
  g_free (rule->filter);
  g_free (rule);
}

MkvLoopbackRules *
mkv_loopback_rules_new (void)
{
  MkvLoopbackRules *self = g_new0 (MkvLoopbackRules, 1);

  self->rules = g_ptr_array_new_with_free_func (rule_free);
  return self;
}

void
mkv_loopback_rules_free (MkvLoopbackRules *self)
{
  g_ptr_array_unref (self->rules);
  g_free (self);
}

void
mkv_loopback_rules_set (MkvLoopbackRules *self, MkvLoopbackAction action, const char *client_id,
                        const char *filter, guint8 reason)
{
  Rule *rule = g_new0 (Rule, 1);

  for (guint i = self->rules->len; i > 0; i--)
    {
      const Rule *other = self->rules->pdata[i - 1];

      if (other->action == action && g_strcmp0 (other->client_id, client_id) == 0
          && g_strcmp0 (other->filter, filter) == 0)
        g_ptr_array_remove_index (self->rules, i - 1);
    }
  rule->action = action;
  rule->client_id = g_strdup (client_id);
  rule->filter = g_strdup (filter);
  rule->reason = reason;
  g_ptr_array_add (self->rules, rule);
}

void
mkv_loopback_rules_clear (MkvLoopbackRules *self)
{
  g_ptr_array_set_size (self->rules, 0);
}

guint
mkv_loopback_rules_find (MkvLoopbackRules *self, MkvLoopbackAction action, const char *client_id,
                         const char *topic, guint otherwise)
{
  for (guint i = self->rules->len; i > 0; i--)
    {
      const Rule *rule = self->rules->pdata[i - 1];

      if (rule->action == action && (rule->client_id == NULL || g_strcmp0 (rule->client_id, client_id) == 0)
          && (rule->filter == NULL || topic == NULL || mkv_loopback_filter_matches (rule->filter, topic)))
        return rule->reason;
    }
  return otherwise;
}
