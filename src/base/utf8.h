/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8 - names and arguments are any bytes on Linux; what we say of them is UTF-8.
 */
#pragma once

#include <stddef.h>

/* Bytes of the well-formed sequence (no overlong one, no surrogate) that text starts with, or 0. */
size_t utf8_length(const char *text);
/* A copy of at most `most` bytes, each that is not UTF-8 as U+FFFD; NULL with errno ENOMEM. */
char *utf8_copy(const char *bytes, size_t most);
