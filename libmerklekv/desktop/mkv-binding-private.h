/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The MerkleKV authors */
#pragma once

#include "base/mkv-clock.h"
#include "desktop/mkv-store-bind.h"

G_BEGIN_DECLS

/* What stands between a key and a property. It belongs to the object, which it
 * does not keep, and ends with it. */
typedef struct _MkvBinding MkvBinding;

/* @flags without %MKV_BIND_DEFAULT. Without a mapping, the one that goes with the
 * property's type and @flags; NULL if there is none. @user_data is taken, also if
 * it fails. */
MkvBinding *mkv_binding_new (MkvStore *store, const char *key, GObject *object, GParamSpec *pspec,
                             MkvBindFlags flags, MkvClock *clock, MkvBindGetMapping get_mapping,
                             MkvBindSetMapping set_mapping, gpointer user_data, GDestroyNotify destroy);
void mkv_binding_free (MkvBinding *self);

/* Begins; what it calls may end it. */
void mkv_binding_start (MkvBinding *self);

/* As mkv_store_bind_with_mapping(), with another clock than the system's. */
void mkv_store_bind_full (MkvStore *self, const char *key, GObject *object, const char *property, MkvBindFlags flags,
                          MkvClock *clock, MkvBindGetMapping get_mapping, MkvBindSetMapping set_mapping,
                          gpointer user_data, GDestroyNotify destroy);

G_END_DECLS
