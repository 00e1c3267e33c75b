/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options - the command line of `memcage run`.  Its rows are those of the limits, of the
 * settings, and of what only the program does; getopt's table and --help are made from them.
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

/* Sets the spec; -1 with a usage error.  What *ret has is released by options_release(). */
int options_parse(int argc, char *argv[], struct memcage_spec *spec, struct run_options *ret,
		  struct memcage_error *err);
void options_release(struct run_options *options);
/* --help of run, on stdout. */
void options_help(void);
