/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/map_options.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"
#include "base/parse.h"
#include "report/output.h"
#include "report/text.h"
#include "spec/spec.h"

#define MILLION UINT64_C(1000000)
#define JOBS_MOST 100000
#define RETRIES_MOST 1000
#define BUDGET_LEAST (UINT64_C(1) << 20) /* as of --memory */
#define RETRY_OOM_AUTO 3		 /* where -m auto guesses, an OOM is an answer */

/* ---- values ---- */

static int take_number(const char *option, const char *text, uint64_t least, uint64_t most,
		       uint64_t *ret, struct memcage_error *err)
{
	uint64_t number = 0;
	char quoted[PARSE_QUOTED];

	if (parse_number(text, most, &number, err) < 0)
		return error_prefix(err, "--%s", option);
	if (number < least)
		return error_usage(err, "--%s: %s is too small; say %llu or more", option,
				   parse_quote(text, quoted, sizeof(quoted)),
				   (unsigned long long) least);
	*ret = number;
	return 0;
}

static int take_size(const char *option, const char *text, uint64_t *ret, struct memcage_error *err)
{
	uint64_t bytes;

	if (parse_size(text, &bytes, err) < 0)
		return error_prefix(err, "--%s", option);
	if (bytes == 0 || bytes == PARSE_MAX)
		return error_usage(err, "--%s: '%.40s' is not right; say a size, for example 2G",
				   option, text);
	*ret = bytes;
	return 0;
}

static int take_jobs(const char *text, struct memcage_spec *spec, void *data,
		     struct memcage_error *err)
{
	struct map_line *line = data;

	(void) spec;
	line->map.jobs = 0;
	return strcmp(text, "auto") == 0
		       ? 0
		       : take_number("jobs", text, 1, JOBS_MOST, &line->map.jobs, err);
}

static int take_budget(const char *text, struct memcage_spec *spec, void *data,
		       struct memcage_error *err)
{
	struct map_line *line = data;

	(void) spec;
	line->map.budget_bytes = 0;
	if (strcmp(text, "auto") == 0)
		return 0;
	if (take_size("budget", text, &line->map.budget_bytes, err) < 0)
		return -1;
	if (line->map.budget_bytes >= BUDGET_LEAST)
		return 0;
	return error_usage(err, "--budget: '%.40s' is too small for any job; say 1M or more", text);
}

static int take_memory(const char *text, struct memcage_spec *spec, void *data,
		       struct memcage_error *err)
{
	struct map_line *line = data;

	line->map.memory_auto = strcmp(text, "auto") == 0;
	if (line->map.memory_auto) {
		limit_release(&spec->limits[LIMIT_MEMORY]);
		return 0;
	}
	if (memcage_spec_set(spec, "memory", text, err) < 0)
		return -1;
	if (spec->limits[LIMIT_MEMORY].number != LIMIT_NONE)
		return 0;
	return error_usage(err, "--memory: each job of a map has a limit; say a size, for example "
				"512M, or auto");
}

static int take_retry_oom(const char *text, struct memcage_spec *spec, void *data,
			  struct memcage_error *err)
{
	struct map_line *line = data;
	uint64_t number = 0;

	(void) spec;
	if (take_number("retry-oom", text, 0, RETRIES_MOST, &number, err) < 0)
		return -1;
	line->map.retry_oom = (unsigned int) number;
	line->retry_oom_said = true;
	return 0;
}

static int take_grow(const char *text, struct memcage_spec *spec, void *data,
		     struct memcage_error *err)
{
	struct map_line *line = data;
	uint64_t factor;

	(void) spec;
	if (parse_decimal(text, &factor, err) < 0)
		return error_prefix(err, "--grow");
	if (factor <= MILLION || factor > 100 * MILLION)
		return error_usage(err,
				   "--grow: '%.40s' is not right; say a factor above 1, for "
				   "example 1.5",
				   text);
	line->map.grow_millionths = factor;
	return 0;
}

static int take_retries(const char *text, struct memcage_spec *spec, void *data,
			struct memcage_error *err)
{
	struct map_line *line = data;
	uint64_t number = 0;

	(void) spec;
	if (take_number("retries", text, 0, RETRIES_MOST, &number, err) < 0)
		return -1;
	line->map.retries = (unsigned int) number;
	return 0;
}

static int take_origin(struct map_line *line, enum item_origin origin, const char *option,
		       const char *file, struct memcage_error *err)
{
	if (line->map.items.file)
		return error_usage(err,
				   "--%s: items come from %s already; say one of --arg-file, "
				   "--split, --jobs-file",
				   option, line->map.items.file);
	line->map.items.origin = origin;
	line->map.items.file = file;
	return 0;
}

static int take_arg_file(const char *text, struct memcage_spec *spec, void *data,
			 struct memcage_error *err)
{
	(void) spec;
	return take_origin(data, ITEM_LINES, "arg-file", text, err);
}

static int take_jobs_file(const char *text, struct memcage_spec *spec, void *data,
			  struct memcage_error *err)
{
	(void) spec;
	return take_origin(data, ITEM_JOBS, "jobs-file", text, err);
}

static int take_split(const char *text, struct memcage_spec *spec, void *data,
		      struct memcage_error *err)
{
	struct map_line *line = data;

	(void) spec;
	line->split_said = true;
	return take_origin(data, ITEM_RANGES, "split", text, err);
}

static int take_null(const char *text, struct memcage_spec *spec, void *data,
		     struct memcage_error *err)
{
	struct map_line *line = data;

	(void) text;
	(void) spec;
	(void) err;
	line->map.items.nul_ends = true;
	return 0;
}

static int take_cut(struct map_line *line, enum item_cut cut, struct memcage_error *err)
{
	if (line->cut_said)
		return error_usage(err, "--split: say one of --chunks, --lines, --bytes");
	line->cut_said = true;
	line->map.items.cut = cut;
	return 0;
}

static int take_chunks(const char *text, struct memcage_spec *spec, void *data,
		       struct memcage_error *err)
{
	struct map_line *line = data;

	(void) spec;
	return take_cut(line, ITEM_CHUNKS, err) < 0 || take_number("chunks", text, 1, UINT32_MAX,
								   &line->map.items.amount, err) < 0
		       ? -1
		       : 0;
}

static int take_lines(const char *text, struct memcage_spec *spec, void *data,
		      struct memcage_error *err)
{
	struct map_line *line = data;

	(void) spec;
	return take_cut(line, ITEM_CHUNK_LINES, err) < 0 ||
			       take_number("lines", text, 1, INT64_MAX, &line->map.items.amount,
					   err) < 0
		       ? -1
		       : 0;
}

static int take_bytes(const char *text, struct memcage_spec *spec, void *data,
		      struct memcage_error *err)
{
	struct map_line *line = data;

	(void) spec;
	return take_cut(line, ITEM_CHUNK_BYTES, err) < 0 ||
			       take_size("bytes", text, &line->map.items.amount, err) < 0
		       ? -1
		       : 0;
}

static int take_share(const char *text, struct memcage_spec *spec, void *data,
		      struct memcage_error *err)
{
	struct map_line *line = data;

	(void) spec;
	if (line->share_count == SHARES_MOST)
		return error_usage(err, "--share: at most %d paths", SHARES_MOST);
	line->shares[line->share_count++] = (char *) text;
	return 0;
}

static int take_ledger(const char *text, struct memcage_spec *spec, void *data,
		       struct memcage_error *err)
{
	struct map_line *line = data;

	(void) spec;
	if (*text == '\0')
		return error_usage(err, "--ledger: '' is not right; say a file");
	line->map.ledger.path = text;
	return 0;
}

static int take_ledger_sync(const char *text, struct memcage_spec *spec, void *data,
			    struct memcage_error *err)
{
	struct map_line *line = data;

	(void) text;
	(void) spec;
	(void) err;
	line->map.ledger.sync = true;
	return 0;
}

static int take_resume(const char *text, struct memcage_spec *spec, void *data,
		       struct memcage_error *err)
{
	struct map_line *line = data;

	(void) text;
	(void) spec;
	(void) err;
	line->map.ledger.resume = true;
	return 0;
}

static int take_rerun_failed(const char *text, struct memcage_spec *spec, void *data,
			     struct memcage_error *err)
{
	struct map_line *line = data;

	line->map.ledger.rerun_failed = true;
	return take_resume(text, spec, data, err);
}

static int take_halt(const char *text, struct memcage_spec *spec, void *data,
		     struct memcage_error *err)
{
	static const struct {
		const char *start;
		enum map_halt halt;
	} forms[] = { { "soon,fail=", MAP_HALT_SOON }, { "now,fail=", MAP_HALT_NOW } };
	struct map_line *line = data;
	uint64_t fails;

	(void) spec;
	line->map.halt = MAP_HALT_NEVER;
	if (strcmp(text, "never") == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		size_t length = strlen(forms[i].start);

		if (strncmp(text, forms[i].start, length) != 0 ||
		    parse_number(text + length, UINT32_MAX, &fails, err) < 0 || fails == 0)
			continue;
		line->map.halt = forms[i].halt;
		line->map.halt_fails = fails;
		return 0;
	}
	return error_usage(err,
			   "--halt: '%.40s' is not right; say never, soon,fail=1 or now,fail=1",
			   text);
}

static int take_progress(const char *text, struct memcage_spec *spec, void *data,
			 struct memcage_error *err)
{
	static const char *const names[PROGRESS__COUNT] = { "auto", "bar", "json", "none" };
	struct map_line *line = data;

	(void) spec;
	for (int i = 0; i < PROGRESS__COUNT; i++)
		if (strcmp(text, names[i]) == 0) {
			line->progress = (enum map_progress) i;
			return 0;
		}
	return error_usage(err, "--progress: '%.40s' is not right; say auto, bar, json or none",
			   text);
}

static int take_output(const char *text, struct memcage_spec *spec, void *data,
		       struct memcage_error *err)
{
	struct map_line *line = data;

	(void) spec;
	line->map.output_directory = NULL;
	if (strcmp(text, "group") == 0) {
		line->map.output = COLLECT_GROUP;
	} else if (strcmp(text, "line") == 0) {
		line->map.output = COLLECT_LINE;
	} else if (*text) {
		line->map.output = COLLECT_DIRECTORY;
		line->map.output_directory = text;
	} else {
		return error_usage(err, "--output: '' is not right; say group, line or a folder");
	}
	return 0;
}

static int take_keep_order(const char *text, struct memcage_spec *spec, void *data,
			   struct memcage_error *err)
{
	struct map_line *line = data;

	(void) text;
	(void) spec;
	(void) err;
	line->map.keep_order = true;
	return 0;
}

static int take_report(const char *text, struct memcage_spec *spec, void *data,
		       struct memcage_error *err)
{
	struct map_line *line = data;

	(void) spec;
	if (output_check(text, err) < 0)
		return error_prefix(err, "--report");
	line->map.report = text;
	return 0;
}

static const struct verb_option rows[] = {
	{ "arg-file", 'a', "FILE", "take items from FILE, one a line (default: stdin)",
	  take_arg_file },
	{ "null", '0', NULL, "items end with NUL and not at line ends: find -print0", take_null },
	{ "jobs-file", 0, "FILE", "take whole jobs from FILE, as JSON, one a line",
	  take_jobs_file },
	{ "split", 0, "FILE", "the items are ranges of FILE, on each job's stdin", take_split },
	{ "chunks", 0, "N", "split into N ranges that end at line ends", take_chunks },
	{ "lines", 0, "N", "split into ranges of N lines", take_lines },
	{ "bytes", 0, "SIZE", "split into ranges of about SIZE that end at line ends", take_bytes },
	{ "jobs", 'j', "N|auto", "most jobs at once (default: auto, as many as CPUs)", take_jobs },
	{ "budget", 0, "SIZE|auto", "memory for all jobs together (default: auto)", take_budget },
	{ "memory", 'm', "SIZE|auto", "each job's limit (default: auto, learned from earlier jobs)",
	  take_memory },
	{ "retry-oom", 0, "N", "times to run again with more memory (-m auto: 3, else 0)",
	  take_retry_oom },
	{ "grow", 0, "FACTOR", "... with so many times the memory (default: 2)", take_grow },
	{ "retries", 0, "N", "times to run again after another failure (default: 0)",
	  take_retries },
	{ "share", 0, "PATH", "a file or folder that all jobs read, in memory once (repeats)",
	  take_share },
	{ "ledger", 0, "FILE", "record all there (default: ~/.local/state/memcage/ledger.db)",
	  take_ledger },
	{ "ledger-sync", 0, NULL, "... so that it outlives a power cut too", take_ledger_sync },
	{ "resume", 0, NULL, "skip items that the ledger has as ended, well or badly",
	  take_resume },
	{ "rerun-failed", 0, NULL, "... but run again those that have failed", take_rerun_failed },
	{ "halt", 0, "WHEN", "after N failed items: never (default), soon,fail=N or now,fail=N",
	  take_halt },
	{ "progress", 0, "HOW", "on stderr: auto (default), bar, json or none", take_progress },
	{ "output", 0, "group|line|DIR",
	  "jobs' output whole (default), by line, or into files in DIR", take_output },
	{ "keep-order", 0, NULL, "outputs in the order of the items, not as they end",
	  take_keep_order },
	{ "report", 'r', "FILE|fd:N|-",
	  "write each attempt's report there, one a line, and a summary", take_report },
};

static void clear(void *data)
{
	struct map_line *line = data;

	*line = (struct map_line) {
		.map = { .memory_auto = true,
			 .grow_millionths = 2 * MILLION,
			 .items = { .origin = ITEM_LINES } },
	};
}

static const struct verb_options map_verb = {
	.name = "map",
	.usage = "map [OPTION...] [--] COMMAND [ARG...] [::: ITEM...]\n\n"
		 "Runs COMMAND once for each item, each in a cage, many at once under one memory "
		 "budget.\n"
		 "Items are the words after :::, else the lines of stdin.  In COMMAND {} is the "
		 "item, which\n"
		 "is appended where there is no {}, and {#} its number.\n\n"
		 "  memcage map -- xz -9 -k ::: *.log\n"
		 "  find . -name '*.log' -print0 | memcage map -0 -j 4 --budget 4G -- xz -9 -k\n"
		 "  memcage map --split big.txt --chunks 8 -- wc -l\n\n"
		 "Items, and how they are run:",
	.statuses = "Exit status: 0 all ok, 1 some failed, 2 usage, 125 could not go on, 128+N "
		    "cancelled.\n"
		    "More: man memcage-map, man memcage-ledger, man memcage-report\n",
	.rows = rows,
	.count = ARRAY_LEN(rows),
	.clear = clear,
};

/* ---- what they say of each other ---- */

/* Where the command ends; the words after it are the items. */
static void find_words(char *command[], struct map_line *line)
{
	for (; *command; command++) {
		if (strcmp(*command, ":::") != 0)
			continue;
		*command = NULL;
		line->map.items.words = command + 1;
		return;
	}
}

static int check_items(struct map_line *line, struct memcage_error *err)
{
	struct item_options *items = &line->map.items;

	if (items->words && items->file)
		return error_usage(err, "items come both from ::: and from %s; say one of them",
				   items->file);
	if (items->words)
		items->origin = ITEM_WORDS;
	if (items->nul_ends && items->origin != ITEM_LINES)
		return error_usage(err, "--null is for items of stdin or --arg-file");
	if (line->split_said && !line->cut_said)
		return error_usage(err, "--split: into what? say --chunks N, --lines N or --bytes "
					"SIZE, for example --chunks 8");
	if (line->cut_said && !line->split_said)
		return error_usage(err, "--chunks, --lines and --bytes go with --split FILE");
	return 0;
}

static int check_command(const struct map_line *line, struct memcage_error *err)
{
	bool has_command = line->map.command[0] != NULL;

	if (line->map.items.origin == ITEM_JOBS && has_command)
		return error_usage(err, "--jobs-file: each line has its own command; leave out %s",
				   line->map.command[0]);
	if (line->map.items.origin != ITEM_JOBS && !has_command)
		return error_usage(err, "no command; say for example: memcage map -j 4 -- gzip {} "
					"::: *.log");
	return 0;
}

/* A policy's memory is said too. */
static void choose_memory(const struct memcage_spec *spec, struct map_line *line)
{
	const struct limit_value *memory = &spec->limits[LIMIT_MEMORY];

	if (memory->set && memory->number != LIMIT_NONE) {
		line->map.memory_auto = false;
		line->map.memory_bytes = memory->number;
	} else {
		line->map.memory_auto = true;
	}
	if (!line->retry_oom_said)
		line->map.retry_oom = line->map.memory_auto ? RETRY_OOM_AUTO : 0;
}

static int check_budget(const struct map_line *line, struct memcage_error *err)
{
	char memory[32], budget[32];

	if (line->map.budget_bytes == 0 || line->map.memory_auto ||
	    line->map.memory_bytes <= line->map.budget_bytes)
		return 0;
	text_bytes(line->map.memory_bytes, memory, sizeof(memory));
	text_bytes(line->map.budget_bytes, budget, sizeof(budget));
	return error_usage(err,
			   "--memory: %s can never fit into the --budget of %s; say less memory or "
			   "a larger budget",
			   memory, budget);
}

static char *print_command_line(int argc, char *const argv[])
{
	struct json_writer array = json_open_array();

	json_append_text(&array, "memcage");
	for (int i = 0; i < argc; i++)
		json_append_text(&array, argv[i]);
	return json_print_line(json_close(&array));
}

int map_line_parse(int argc, char *argv[], struct memcage_spec *spec, struct run_options *options,
		   struct map_line *line, struct memcage_error *err)
{
	struct verb_options verb = map_verb;
	char *command_line = print_command_line(argc, argv);

	verb.data = line;
	clear(line);
	if (options_parse(argc, argv, &verb, spec, options, err) < 0 ||
	    options->show != OPTIONS_SHOW_NOTHING) {
		free(command_line);
		return options->show != OPTIONS_SHOW_NOTHING ? 0 : -1;
	}
	line->command_line = command_line;
	line->map.ledger.command_line = command_line;
	line->map.command = options->command;
	line->map.shares = line->shares;
	line->map.append_item = !line->split_said;
	line->map.spec = spec;
	find_words(options->command, line);
	choose_memory(spec, line);
	return check_items(line, err) < 0 || check_command(line, err) < 0 ||
			       check_budget(line, err) < 0
		       ? -1
		       : 0;
}

void map_line_release(struct map_line *line)
{
	free(line->command_line);
}

void map_line_help(void)
{
	options_help(&map_verb);
}
