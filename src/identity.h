/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity - who the job is: in main, which becomes another user before it becomes the command.
 * Async-signal-safe; no wrapper of the C library, which would look for threads that are not there.
 */
#pragma once

#include "settings.h"

/* --user: with no group but its own.  -1 with errno. */
int identity_become_user(const struct settings *settings);
