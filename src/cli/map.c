/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/line.h"
#include "base/own.h"
#include "base/parse.h"
#include "cli/map_options.h"
#include "cli/say.h"
#include "cli/signals.h"
#include "cli/verbs.h"
#include "spec/spec.h"

#define BAR_PAUSE (200 * USEC_PER_MSEC)
#define JSON_PAUSE USEC_PER_SEC

struct telling {
	enum say_format format;
	enum map_progress progress; /* not AUTO */
	bool bar_stands;	    /* on the terminal's last line */
};

/* ---- what is said while it runs ---- */

static void put(const char *text)
{
	file_write_all(STDERR_FILENO, text, strlen(text));
}

static void erase_bar(void *data)
{
	struct telling *telling = data;

	if (telling->bar_stands)
		put("\r\033[K");
	telling->bar_stands = false;
}

static void note(void *data, const char *text)
{
	auto_free char *line = NULL;

	erase_bar(data);
	if (asprintf(&line, "memcage: %s\n", text) >= 0)
		put(line);
}

static unsigned int columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void draw_bar(struct telling *telling, const struct progress *progress)
{
	char bar[512], text[600];

	progress_bar(progress, columns() - 1, bar, sizeof(bar));
	snprintf(text, sizeof(text), "\r\033[K%s", bar);
	put(text);
	telling->bar_stands = true;
}

static void tell_progress(void *data, const struct progress *progress)
{
	struct telling *telling = data;
	auto_free char *json = NULL;

	if (telling->progress == PROGRESS_BAR) {
		draw_bar(telling, progress);
		return;
	}
	json = progress_json(progress);
	if (json)
		put(json);
}

/* "item 7 'b.txt', attempt 2: " in front of what run would say. */
static char *name_attempt(const struct map_attempt *attempt)
{
	char quoted[PARSE_QUOTED], number[32] = "", *text = NULL;

	if (attempt->attempt > 1 || !attempt->final)
		snprintf(number, sizeof(number), ", attempt %u", attempt->attempt);
	if (asprintf(&text, "item %llu %s%s: %s%s", (unsigned long long) attempt->item->seq,
		     parse_quote(attempt->item->text, quoted, sizeof(quoted)), number,
		     attempt->result->summary,
		     attempt->unrecorded ? ", which is not in the ledger" : "") < 0)
		return NULL;
	return text;
}

static char *say_what_next(const struct map_attempt *attempt)
{
	char text[200];
	struct line line = line_start(text, sizeof(text));

	line_add(&line, "it is run again %s: ", attempt->why ? attempt->why : "");
	line_add_bytes(&line, attempt->next_memory_bytes);
	line_end(&line);
	return strdup(text);
}

static void tell_attempt(void *data, const struct map_attempt *attempt)
{
	struct telling *telling = data;
	struct memcage_result said = *attempt->result;
	auto_free char *summary = NULL, *next = NULL;

	if (said.ok && said.quiet && !attempt->unrecorded)
		return;
	erase_bar(data);
	summary = name_attempt(attempt);
	if (summary)
		said.summary = summary;
	if (!attempt->final) {
		next = say_what_next(attempt);
		said.hint = next;
	}
	said.quiet = false;
	say_result_stderr(telling->format, &said, NULL);
}

/* ---- the verb ---- */

static bool sets_descriptors(const struct memcage_spec *spec)
{
	const struct limit_value *value = &spec->limits[LIMIT_RLIMITS];

	for (size_t i = 0; i < value->count; i++)
		if (value->rlimits[i].resource == RLIMIT_NOFILE)
			return true;
	return false;
}

/* Each job takes some descriptors of ours; what the jobs may open stays as it was. */
static int raise_descriptors(struct memcage_spec *spec, struct memcage_error *err)
{
	struct rlimit limit;
	char text[64];

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
		return 0;
	snprintf(text, sizeof(text), "NOFILE=%llu:%llu", (unsigned long long) limit.rlim_cur,
		 (unsigned long long) limit.rlim_max);
	if (!sets_descriptors(spec) && memcage_spec_set(spec, "rlimit", text, err) < 0)
		return -1;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return 0;
}

static enum map_progress choose_progress(const struct map_line *line,
					 const struct run_options *options)
{
	if (line->progress != PROGRESS_AUTO)
		return line->progress;
	if (options->format == SAY_QUIET)
		return PROGRESS_NONE;
	return isatty(STDERR_FILENO) ? PROGRESS_BAR : PROGRESS_JSON;
}

static int run(struct map_line *line, const struct run_options *options, int *ret_status,
	       struct memcage_error *err)
{
	struct telling telling = { .format = options->format,
				   .progress = choose_progress(line, options) };
	const struct map_teller teller = {
		.data = &telling,
		.attempt = tell_attempt,
		.note = note,
		.progress = tell_progress,
		.before_output = erase_bar,
	};
	struct summary summary;

	if (telling.progress != PROGRESS_NONE)
		line->map.progress_usec = telling.progress == PROGRESS_BAR ? BAR_PAUSE : JSON_PAUSE;
	if (map_run(&line->map, &teller, &summary, err) < 0)
		return -1;
	erase_bar(&telling);
	if (options->format != SAY_QUIET)
		summary_say(&summary, stderr);
	*ret_status = summary.status;
	return 0;
}

static int start(struct memcage_spec *spec, struct map_line *line,
		 const struct run_options *options, int *ret_status, struct memcage_error *err)
{
	descriptors_close_others(&options->kept);
	if (raise_descriptors(spec, err) < 0)
		return -1;
	line->map.signals = signals_open(spec, err);
	return line->map.signals < 0 ? -1 : run(line, options, ret_status, err);
}

static int show(enum options_show what)
{
	if (what == OPTIONS_SHOW_HELP)
		map_line_help();
	else
		printf("memcage %s\n", MEMCAGE_VERSION);
	return fflush(stdout) == EOF ? 125 : 0;
}

int verb_map(int argc, char *argv[])
{
	struct memcage_spec *spec = memcage_spec_new();
	struct run_options options = { 0 };
	struct map_line line = { .map = { .signals = -1 } };
	struct memcage_error err = { 0 };
	int status = 0, result = -1;

	if (!spec)
		error_set(&err, MEMCAGE_ERROR_SETUP, ENOMEM, "cannot begin");
	else
		result = map_line_parse(argc, argv, spec, &options, &line, &err);
	if (result == 0 && options.show != OPTIONS_SHOW_NOTHING)
		status = show(options.show);
	else if (result == 0)
		result = start(spec, &line, &options, &status, &err);
	if (result < 0)
		status = say_error(&err);
	if (FREE_AT_EXIT) {
		memcage_spec_free(spec);
		options_release(&options);
		map_line_release(&line);
		own_close(&line.map.signals);
	}
	return status;
}
