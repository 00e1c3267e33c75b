/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_keys - the keys that a policy may have: those of the limits, of the settings, and of what
 * only the program does.  Pure.
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

/* How a key's value is written. */
enum policy_form {
	POLICY_VALUE,
	POLICY_SWITCH, /* true or false */
	POLICY_VALUES, /* a list, or one; what is said later adds to it */
	POLICY_WORDS,  /* true or false, or a list that becomes one text with commas */
	POLICY_NAMED,  /* a map of names; what is said later of a name overrides */
};

struct policy_key {
	const char *key; /* for spec_set(), unless the program takes it */
	enum policy_form form;
	bool in_limits;	      /* below `limits:` */
	bool is_program;      /* the program's business; form is VALUE, and arg lists the texts */
	const char *arg;      /* what may be said, in words */
	const char *preset;   /* what holds where nothing is said; NULL: nothing to speak of */
	const char *place[2]; /* the kernel's file or call, on v2 and, where it differs, on v1 */
};

/* False where there is no such key here. */
bool policy_key_find(const char *key, bool in_limits, struct policy_key *ret);
/* All keys, by index; false beyond the last. */
bool policy_key_at(size_t index, struct policy_key *ret);
/* What was meant, in words such as "did you mean 'memory'?". */
void policy_key_suggest(const char *key, bool in_limits, char *buffer, size_t size);
/* Is a closer to the word than what *distance says?  Keeps the smaller. */
bool policy_nearer(const char *word, const char *a, size_t *distance);
