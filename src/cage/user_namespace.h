/* SPDX-License-Identifier: Apache-2.0 */
/* user_namespace - one user and one group in a user namespace that we are in alone. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/*
 * In the new namespace: the only ids in it, and whose they are outside.  -1 with errno.
 * Async-signal-safe.
 */
int user_namespace_map(uid_t uid, uid_t outside_uid, gid_t gid, gid_t outside_gid);
/* Why none could be made, with errno: the setting that forbids it, as the end of a line. */
void user_namespace_explain(int errnum, char *buffer, size_t size);
