/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_file - a file that a user names, whole and in bounded time: a FIFO, a terminal or a device
 * may never end, and is refused.
 */
#pragma once

#include <stddef.h>
#include <sys/stat.h>

#include "base/error.h"

/*
 * 0, and *ret_text is the caller's: at most `most` bytes and one more, which shows that there are
 * too many, and a NUL.  ret_st is of the file that was read.  -1: what is wrong, with the path.
 */
int text_file_read(const char *path, size_t most, char **ret_text, size_t *ret_length,
		   struct stat *ret_st, struct memcage_error *err);
