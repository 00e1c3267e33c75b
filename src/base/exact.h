/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exact - opens paths that lead where they say: absolute, without "." and "..", and with no link of
 * any kind on the way.  Whoever may write to a directory on the way can make that fail, but not
 * lead elsewhere.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* An O_PATH descriptor of the file, directory or whatever it is; -1 with errno (a link: ELOOP). */
int exact_open(const char *path);
/* The same, for a directory below one that is open; made if it is not there. */
int exact_make_directory(int dir, const char *name, mode_t mode);
