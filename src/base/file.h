/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file - small files relative to a directory that we hold (cgroupfs, proc, sysfs), whole or not
 * at all. All return 0 or a length, or -1 with errno; EINTR and short transfers are dealt with.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Reads the file into buffer (size > 0) and ends it with a NUL; -1 with EFBIG where it does not
 * fit.
 */
ssize_t file_read_at(int dir, const char *name, char *buffer, size_t size);
/* The same for an open descriptor, from offset 0. */
ssize_t file_read_fd(int fd, char *buffer, size_t size);
/* One write(2) of the whole text, as kernel files want it. */
int file_write_at(int dir, const char *name, const char *text);
/* Writes all of it, to whatever fd is. */
int file_write_all(int fd, const void *data, size_t size);

/* cgroup v1 says "no limit" as the largest whole page below 2^63: what is from here on is none. */
#define FILE_V1_NO_LIMIT (UINT64_C(1) << 62)

/* A text, or file, that is one decimal number; "max" and v1's huge "none" give UINT64_MAX. */
int file_number(const char *text, uint64_t *ret_number);
int file_number_at(int dir, const char *name, uint64_t *ret_number);
/*
 * The number after `key ` at the start of a line of text, as in memory.events; false where it is
 * not.
 */
bool file_key(const char *text, const char *key, uint64_t *ret_number);
/*
 * flock(2), waiting at most 0.2 s: whoever may read a directory may lock it too, and must not be
 * able to hold us up.  The lock orders what memcages do; without it they are still right, but for
 * a cage that is swept while it is made.
 */
void file_lock(int fd, int operation);
