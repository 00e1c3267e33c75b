/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz - what the targets of libFuzzer share.  A target is one file: it takes any bytes, gives them
 * to a parser and aborts where something does not hold.  `./dev fuzz SECONDS` runs them long, the
 * suite `fuzz` replays the corpus.
 */
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/own.h"
#include "base/utf8.h"

#ifdef NDEBUG
#error "a target that asserts nothing finds little"
#endif

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as a text, up to its first NUL; the caller frees it. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *) data, size);

	assert(text);
	return text;
}

/* Is it what a terminal can show: UTF-8 without control characters? */
static inline bool fuzz_is_shown(const char *text)
{
	while (*text) {
		size_t length = utf8_length(text);
		unsigned char first = (unsigned char) text[0];

		if (length == 0 || first < 0x20 || first == 0x7f)
			return false;
		if (length == 2 && first == 0xc2 && (unsigned char) text[1] < 0xa0)
			return false;
		text += length;
	}
	return true;
}

/* A refusal is for the user: it is a usage error, and says something that can be read. */
static inline void fuzz_check_refusal(const struct memcage_error *err)
{
	assert(err->code == MEMCAGE_ERROR_USAGE);
	assert(strnlen(err->text, sizeof(err->text)) < sizeof(err->text));
	assert(*err->text && fuzz_is_shown(err->text));
}
