/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error - one flat value says what failed and where.  A function that can fail returns -1 and
 * fills it; a caller that knows more puts its words in front and returns.  Nobody below the
 * program prints.
 */
#pragma once

#include <memcage.h>

#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/*
 * Fills err; errnum (or 0) is put into words at the end: "...: No such file or directory".
 * Returns -1.
 */
int error_set(struct memcage_error *err, enum memcage_error_code code, int errnum,
	      const char *format, ...) PRINTF_LIKE(4, 5);

/* Puts "words: " in front of what is there.  Returns -1. */
int error_prefix(struct memcage_error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* The two commonest. */
#define error_usage(err, ...) error_set(err, MEMCAGE_ERROR_USAGE, 0, __VA_ARGS__)
#define error_setup(err, ...) error_set(err, MEMCAGE_ERROR_SETUP, errno, __VA_ARGS__)
