/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options - the command lines of `memcage run` and `memcage map`.  Their rows are those of the
 * limits, of the settings, and of what only the program does; getopt's table and --help are made
 * from them.
 */
#pragma once

#include <stdbool.h>

#include <memcage.h>

#include "base/descriptors.h"
#include "cli/say.h"
#include "policy/policy.h"

/* What is to be shown in place of a run. */
enum options_show { OPTIONS_SHOW_NOTHING, OPTIONS_SHOW_HELP, OPTIONS_SHOW_VERSION };

struct run_options {
	enum say_format format;
	const char *policy;	 /* NULL: default */
	struct policy loaded;	 /* what it says */
	const char *report;	 /* for messages; NULL */
	struct descriptors kept; /* those that --pass-fd and --report name */
	enum options_show show;
	char **command; /* the rest of argv */
};

/* Its value goes to the verb's own data, or to the spec. */
typedef int verb_take_fn(const char *text, struct memcage_spec *spec, void *data,
			 struct memcage_error *err);

/* An option that only one verb has, or takes in its own way. */
struct verb_option {
	const char *key;
	char letter; /* 0: none */
	const char *arg, *help;
	verb_take_fn *take;
};

struct verb_options {
	const char *name;		/* "run" */
	const char *usage, *statuses;	/* --help's head and foot */
	const struct verb_option *rows; /* in place of those of that key for all verbs */
	size_t count;
	/* Empties the data: the options are read once more after a policy; NULL: nothing to do. */
	void (*clear)(void *data);
	void *data;
};

/*
 * Sets the spec and the verb's data; -1 with a usage error.  What *ret has is released by
 * options_release().
 */
int options_parse(int argc, char *argv[], const struct verb_options *verb,
		  struct memcage_spec *spec, struct run_options *ret, struct memcage_error *err);
void options_release(struct run_options *options);
/* --help of the verb, on stdout. */
void options_help(const struct verb_options *verb);
