/* SPDX-License-Identifier: Apache-2.0 */
/*
 * claims - which maps live.  A map holds, as long as it lives, an open-file-description lock
 * (F_OFD_SETLK, fcntl(2)) on the byte of its number in the file LEDGER-maps.  Such a lock ends with
 * the last copy of its descriptor, however its holder ends, and nothing need be written for it: the
 * file stays empty.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Opens or makes the file, with the permissions (and for root the owner) of the ledger at `ledger`,
 * so that whoever may write the one may lock the other.  -1 with errno.
 */
int claims_open(const char *path, const char *ledger);
/* 1, 0 where another has it, -1 with errno. */
int claims_hold(int fd, int64_t map);
/* By another than this descriptor; also where that cannot be found out. */
bool claims_held(int fd, int64_t map);
