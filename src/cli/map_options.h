/* SPDX-License-Identifier: Apache-2.0 */
/* map_options - the command line of `memcage map`, beyond what all verbs have. */
#pragma once

#include "cli/options.h"
#include "map/map.h"

#define SHARES_MOST 32

enum map_progress { PROGRESS_AUTO, PROGRESS_BAR, PROGRESS_JSON, PROGRESS_NONE, PROGRESS__COUNT };

struct map_line {
	struct map_options map;
	enum map_progress progress;
	bool retry_oom_said, split_said, cut_said;
	char *shares[SHARES_MOST + 1];
	size_t share_count;
	char *command_line; /* JSON, owned */
};

/*
 * As options_parse(), and what options say of each other is checked; argv is changed: the command
 * ends where ::: stood.  What *line has is released by map_line_release().
 */
int map_line_parse(int argc, char *argv[], struct memcage_spec *spec, struct run_options *options,
		   struct map_line *line, struct memcage_error *err);
void map_line_release(struct map_line *line);
void map_line_help(void);
