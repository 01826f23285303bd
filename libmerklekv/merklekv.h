/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#define MKV_INSIDE

#include "base/mkv-clock.h"
#include "base/mkv-error.h"
#include "base/mkv-limits.h"
#include "base/mkv-macros.h"
#include "base/mkv-manual-clock.h"
#include "base/mkv-plugin-error.h"
#include "base/mkv-version.h"
#include "mkv-enum-types.h"
#include "codec/mkv-codec.h"
#include "config/mkv-config.h"
#include "model/mkv-command.h"
#include "model/mkv-entry.h"
#include "model/mkv-message.h"
#include "model/mkv-names.h"
#include "model/mkv-operation.h"
#include "model/mkv-response.h"
#include "model/mkv-stamp.h"
#include "model/mkv-sync-message.h"
#include "model/mkv-sync-node.h"
#include "model/mkv-sync-operation.h"
#include "model/mkv-sync-prefix.h"
#include "node/mkv-node.h"
#include "observe/mkv-health.h"
#include "plugin/mkv-plugin-descriptor.h"
#include "plugin/mkv-plugin-info.h"
#include "plugin/mkv-plugin-registry.h"
#include "security/mkv-sealed-storage.h"
#include "security/mkv-secret-file.h"
#include "storage/mkv-storage-batch.h"
#include "storage/mkv-storage-folder.h"
#include "storage/mkv-storage.h"
#include "store/mkv-local-store.h"
#include "store/mkv-store.h"
#include "transport/mkv-transport.h"

#undef MKV_INSIDE
