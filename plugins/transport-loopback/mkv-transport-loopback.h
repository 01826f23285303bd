/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "transport/mkv-transport.h"

G_BEGIN_DECLS

/* A client of a broker inside the process, see mkv-loopback-broker.h. */
#define MKV_TYPE_TRANSPORT_LOOPBACK (mkv_transport_loopback_get_type ())

G_DECLARE_FINAL_TYPE (MkvTransportLoopback, mkv_transport_loopback, MKV, TRANSPORT_LOOPBACK, GObject)

G_END_DECLS
