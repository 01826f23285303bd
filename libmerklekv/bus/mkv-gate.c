/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#include "config.h"

#include "bus/mkv-gate-private.h"

#include <glib/gi18n-lib.h>

#include "base/mkv-error.h"

struct _MkvGate
{
  gboolean guarded;
};

MkvGate *
mkv_gate_new (GDBusConnection *connection, gboolean guarded)
{
  MkvGate *self = g_new0 (MkvGate, 1);

  self->guarded = guarded;
  return self;
}

void
mkv_gate_free (MkvGate *self)
{
  g_free (self);
}

void
mkv_gate_pass (MkvGate *self, GDBusMethodInvocation *invocation, MkvGateAction action, const char *const *names,
               MkvGateFunc func, gpointer user_data)
{
  if (self->guarded)
    g_dbus_method_invocation_return_error_literal (invocation, MKV_ERROR, MKV_ERROR_FORBIDDEN,
                                                   _("Nobody may use this service"));
  else
    func (invocation, user_data);
}
