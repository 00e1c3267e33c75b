/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - a named set of keys and texts to start a spec from, with all that it inherits.  A name
 * is one of the shipped policies, which are read while building; anything with another letter than
 * those of a name is a file.  Every value goes through spec_set(), as an option's does.
 *
 *	policy_load() -> policy_apply() -> policy_release()
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/policy_yaml.h"
#include "spec/spec.h"

#define POLICY_FAULTS_MOST 20
#define POLICY_CHAIN_MOST 8    /* policies that extend each other */
#define POLICY_SOURCES_MOST 32 /* policies that one may inherit from in all */

/* What is wrong with a policy. */
struct policy_faults {
	struct memcage_error list[POLICY_FAULTS_MOST];
	size_t count; /* of all, of which the list has the first */
};

struct policy_value {
	const char *key; /* a row's */
	char *name;	 /* of a variable or an rlimit; else NULL */
	char *text;	 /* what is said; "NAME=VALUE" of what has a name; NULL: a switch */
	bool off;	 /* the switch is set to false: nothing to do */
	bool counts;	 /* a variable that holds the number of CPUs */
	bool is_program; /* not for a spec */
	const char *file;
	unsigned int line;
};

struct policy {
	char *name;		     /* as it was given */
	char *description;	     /* NULL: it has none */
	struct policy_value *values; /* what is in force, in the order in which it came up */
	size_t count;
	char *files[POLICY_SOURCES_MOST]; /* that it was made of, as messages name them */
	size_t file_count;
};

/* A shipped name or a file; -1 with what is wrong, and the policy is then empty. */
int policy_load(const char *text, struct policy *ret, struct policy_faults *faults);
/* A file, however it is called. */
int policy_load_file(const char *path, struct policy *ret, struct policy_faults *faults);
/* What a file of that name would say; text[length] is NUL. */
int policy_load_text(const char *path, const char *text, size_t length, struct policy *ret,
		     struct policy_faults *faults);
void policy_release(struct policy *policy);

/* Replaces what the spec holds, apart from its mask and whether usage is wanted. */
int policy_apply(const struct policy *policy, struct memcage_spec *spec, struct memcage_error *err);

/* The text of a key of one value; NULL where the policy does not say. */
const char *policy_text(const struct policy *policy, const char *key);
