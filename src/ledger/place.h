/* SPDX-License-Identifier: Apache-2.0 */
/* place - where the ledger is where nobody has said it. */
#pragma once

#include "base/error.h"

/*
 * $XDG_STATE_HOME/memcage/ledger.db, else ~/.local/state/memcage/ledger.db, whose folders are made;
 * the caller frees it.  NULL with a usage error where neither variable says where that is.
 */
char *place_default(struct memcage_error *err);
