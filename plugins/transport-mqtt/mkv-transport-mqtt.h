/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "transport/mkv-transport.h"

G_BEGIN_DECLS

#define MKV_TYPE_TRANSPORT_MQTT (mkv_transport_mqtt_get_type ())

G_DECLARE_FINAL_TYPE (MkvTransportMqtt, mkv_transport_mqtt, MKV, TRANSPORT_MQTT, GObject)

G_END_DECLS
