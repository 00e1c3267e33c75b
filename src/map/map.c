/* SPDX-License-Identifier: Apache-2.0 */
#include "map/map.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "api.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "base/parse.h"
#include "map/map_state.h"
#include "report/text.h"

#define EVENTS_AT_ONCE 64
#define LOOK_AGAIN (100 * USEC_PER_MSEC) /* where nothing tells that memory is free again */

/* ---- what is there before the first job ---- */

static int check_memory(const struct map *map, struct memcage_error *err)
{
	const struct map_options *options = map->options;
	char memory[32], budget[32];

	if (options->memory_auto || options->memory_bytes <= map->pool.budget_bytes)
		return 0;
	text_bytes(options->memory_bytes, memory, sizeof(memory));
	text_bytes(map->pool.budget_bytes, budget, sizeof(budget));
	return error_usage(err,
			   "--memory: %s can never fit into the budget of %s that %s leaves; say a "
			   "smaller --memory",
			   memory, budget, map->pool.budget_why);
}

static bool report_is_file(const char *place)
{
	return strcmp(place, "-") != 0 && strncmp(place, "fd:", 3) != 0;
}

/* Lines go to it as they come: it is not replaced in the end, as what is there is there. */
static int open_report(struct map *map, struct memcage_error *err)
{
	const char *place = map->options->report;
	char quoted[200];

	if (!place)
		return 0;
	map->report_is_stdout =
		strcmp(place, "-") == 0 && map->options->output != COLLECT_DIRECTORY;
	if (strcmp(place, "-") == 0)
		map->report = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	else if (!report_is_file(place))
		map->report = fcntl((int) strtol(place + 3, NULL, 10), F_DUPFD_CLOEXEC, 3);
	else
		map->report = open(place, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	if (map->report >= 0)
		return 0;
	return error_set(err, MEMCAGE_ERROR_USAGE, errno, "--report: cannot write %s",
			 parse_quote(place, quoted, sizeof(quoted)));
}

/* Of an earlier map, which is not lost to a mistake in the options of this one. */
static void empty_report(const struct map *map)
{
	const char *place = map->options->report;

	if (place && report_is_file(place))
		(void) !ftruncate(map->report, 0); /* where there is nothing to cut it fails */
}

static int put_report(struct map *map, const char *line)
{
	if (map->report_is_stdout)
		return collect_say(map->collect, COLLECT_STDOUT, line, strlen(line));
	return file_write_all(map->report, line, strlen(line));
}

void write_report(struct map *map, const char *line)
{
	struct memcage_error err;

	if (map->report < 0 || !line || put_report(map, line) == 0)
		return;
	error_set(&err, MEMCAGE_ERROR_SETUP, errno, "--report: cannot write %s",
		  map->options->report);
	own_close(&map->report);
	halt_broken(map, &err);
}

static int open_loop(struct map *map, struct memcage_error *err)
{
	struct epoll_event signals = { .events = EPOLLIN, .data.ptr = NULL };

	map->epoll = epoll_create1(EPOLL_CLOEXEC);
	map->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (map->epoll < 0 || map->null < 0 ||
	    epoll_ctl(map->epoll, EPOLL_CTL_ADD, map->options->signals, &signals) < 0)
		return error_setup(err, "cannot make an epoll set");
	return 0;
}

static int open_pool(struct map *map, struct memcage_error *err)
{
	const struct pool_options options = {
		.spec = &map->spec,
		.any_limit = map->options->items.origin == ITEM_JOBS,
		.budget_bytes = map->options->budget_bytes,
		.jobs_most = map->options->jobs,
	};

	if (pool_open(&map->pool, &options, err) < 0 || check_memory(map, err) < 0)
		return -1;
	map->retry = (struct retry_rule) {
		.oom_most = map->options->retry_oom,
		.other_most = map->options->retries,
		.grow_millionths = map->options->grow_millionths,
		.budget_bytes = map->pool.budget_bytes,
	};
	return 0;
}

static int open_share(struct map *map, struct memcage_error *err)
{
	if (share_open(&map->share, &map->pool, map->options->shares, &map->spec, err) < 0)
		return -1;
	map->retry.budget_bytes -= map->share.bytes;
	return 0;
}

static int open_output(struct map *map, struct memcage_error *err)
{
	static const int out[] = { STDOUT_FILENO, STDERR_FILENO };

	if (collect_open(map->options->output, map->options->output_directory,
			 map->options->keep_order, out, &map->collect, err) == 0)
		return 0;
	return error_prefix(err, "--output");
}

static int open_ledger(struct map *map, struct memcage_error *err)
{
	struct ledger_options options = map->options->ledger;

	options.budget_bytes = map->pool.budget_bytes;
	if (ledger_open(&options, &map->ledger, err) == 0)
		return 0;
	err->code = MEMCAGE_ERROR_SETUP; /* memcage-map(1): whatever is wrong with it is 125 */
	return -1;
}

/* It has what is there by now, and needs no more. */
static int start_forks(struct map *map, struct memcage_error *err)
{
	struct pool *pool = &map->pool;

	if (api_start_forks(&pool->premises, &map->model, pool->jobs_most) == 0)
		return 0;
	return error_setup(err, "cannot start the process that makes cages");
}

/* What the user said is looked at first, and what is made comes last. */
static int open_all(struct map *map, struct memcage_error *err)
{
	if (spec_copy(map->options->spec, &map->spec) < 0)
		return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
	map->spec.settings.usage = map->options->report != NULL;
	if (item_source_open(&map->options->items, &map->source, err) < 0 ||
	    open_loop(map, err) < 0 || open_output(map, err) < 0 || open_report(map, err) < 0)
		return -1;
	if (open_pool(map, err) < 0 || open_ledger(map, err) < 0 || open_share(map, err) < 0)
		return -1;
	if (intake_open(map, err) < 0 || attempt_model(map, err) < 0 ||
	    (map->has_model && start_forks(map, err) < 0))
		return -1;
	empty_report(map);
	return 0;
}

/* What is freed while events of one go are looked at may be what a later one is about. */
static void free_gone(struct map *map)
{
	for (struct task *task; (task = map->gone.first);) {
		task_list_remove(&map->gone, task);
		task_free(task);
	}
}

static void close_all(struct map *map)
{
	for (struct task *task; (task = map->running.first);) {
		task_list_remove(&map->running, task);
		task_free(task);
	}
	for (struct task *task; (task = map->waiting.first);) {
		task_list_remove(&map->waiting, task);
		task_free(task);
	}
	free_gone(map);
	collect_close(map->collect);
	pool_close(&map->pool);
	ledger_close(map->ledger);
	item_source_close(map->source);
	if (map->has_model)
		job_release(&map->model);
	spec_release(&map->spec);
	own_close(&map->report);
	own_close(&map->epoll);
	own_close(&map->null);
	free(map->command);
	free(map->family);
}

/* ---- a turn ---- */

static void tell_progress(struct map *map, uint64_t now, bool last)
{
	const struct summary *summary = map->summary;
	char words[120];
	struct progress progress;

	if (map->options->progress_usec == 0 ||
	    (!last && now < map->told_usec + map->options->progress_usec))
		return;
	map->told_usec = now;
	dispatch_measure(map, now);
	progress = (struct progress) {
		.items_read = summary->items,
		.ok = summary->ok,
		.failed = summary->failed,
		.skipped = summary->skipped,
		.retried = map->retried,
		.running = map->running.count,
		.waiting = map->waiting.count,
		.input_complete = map->input_ended,
		.items_total = map->items_total,
		.memory_used_bytes = map->used_bytes,
		.budget_bytes = map->pool.budget_bytes,
		.wall_usec = now - map->start_usec,
		.attempts_ended = map->attempts_ended,
		.attempts_usec = map->attempts_usec,
		.jobs_most = map->pool.jobs_most,
		.waits_for = map->waiting.count > 0 && map->decision.reason != ADMIT_STARTS
				     ? admit_words(&map->decision, words, sizeof(words))
				     : NULL,
	};
	map->teller->progress(map->teller->data, &progress);
}

/* A reader that has gone is the end of a map, as of any filter; a full disk is trouble. */
static void output_failed(struct map *map, enum collect_stream stream, int errnum)
{
	struct memcage_error err;

	if (map->output_gone[stream])
		return;
	map->output_gone[stream] = true;
	if (stream == COLLECT_STDERR)
		return; /* there is nobody left to tell */
	if (errnum == EPIPE) {
		map->cancelled_by = map->cancelled_by ? map->cancelled_by : SIGPIPE;
		halt_stop(map, SIGTERM);
		return;
	}
	error_set(&err, MEMCAGE_ERROR_SETUP, errnum, "cannot write the jobs' output to %s",
		  stream == COLLECT_STDOUT ? "stdout" : "stderr");
	halt_broken(map, &err);
}

static bool has_output(const struct map *map)
{
	struct pollfd ready[COLLECT_STREAMS];

	collect_poll(map->collect, ready);
	return ready[COLLECT_STDOUT].fd >= 0 || ready[COLLECT_STDERR].fd >= 0;
}

static void write_output(struct map *map)
{
	enum collect_stream stream;
	struct task *task;
	bool lost;

	if (has_output(map)) {
		map->teller->before_output(map->teller->data);
		while (collect_write(map->collect, &stream) < 0)
			output_failed(map, stream, errno);
	}
	if (map->hurried && map->running.count == 0)
		collect_give_up(map->collect); /* whoever reads there does not hold us */
	while ((task = collect_out(map->collect, &lost)))
		attempt_settle(map, task, lost);
}

static void tell_lost(const struct map *map)
{
	char text[160];
	struct line line = line_start(text, sizeof(text));

	if (map->lost == 0)
		return;
	line_add(&line, "output of %llu item%s is lost: for the ledger they are still to be run",
		 (unsigned long long) map->lost, map->lost == 1 ? "" : "s");
	line_end(&line);
	map->teller->note(map->teller->data, text);
}

/* What was recorded in a transaction that has failed is lost with it. */
static void tell_unsaved(struct map *map)
{
	char text[sizeof(map->unsaved_text) + 80];
	struct line line = line_start(text, sizeof(text));

	line_end(&map->unsaved);
	if (map->unsaved.used == 0)
		return;
	line_add(&line, "not in the ledger either is how these ended: %s", map->unsaved.text + 2);
	line_end(&line);
	map->teller->note(map->teller->data, text);
}

static void commit(struct map *map)
{
	struct memcage_error err;

	if (!ledger_failed(map->ledger) && ledger_commit(map->ledger, &err) < 0)
		halt_broken(map, &err);
	if (ledger_failed(map->ledger))
		tell_unsaved(map);
	map->unsaved = line_start(map->unsaved_text, sizeof(map->unsaved_text));
}

static bool has_ended(const struct map *map)
{
	if (map->running.count > 0 || collect_waiting(map->collect) > 0 || has_output(map))
		return false;
	return map->phase != MAP_RUNNING || (map->input_ended && map->waiting.count == 0);
}

static bool has_room(const struct map *map)
{
	return map->phase == MAP_RUNNING && !map->input_ended &&
	       map->waiting.count < intake_room(map);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Milliseconds that poll may wait; -1: until something happens. */
static int patience(const struct map *map, uint64_t now)
{
	uint64_t date = UINT64_MAX;

	if (has_room(map) && (!map->input_waits || item_source_fd(map->source) < 0))
		return 0;
	if (map->options->progress_usec > 0)
		date = map->told_usec + map->options->progress_usec;
	if (map->waiting.count > 0 && map->phase == MAP_RUNNING) {
		if (map->decision.not_before_usec != 0) /* whatever the first waits for */
			date = earlier(date, map->decision.not_before_usec);
		if (map->decision.reason == ADMIT_FOR_BESIDE ||
		    map->decision.reason == ADMIT_FOR_AVAILABLE)
			date = earlier(date, now + LOOK_AGAIN);
	}
	if (date == UINT64_MAX)
		return -1;
	return date <= now ? 0 : (int) ((date - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC);
}

static void wait_for_something(struct map *map, uint64_t now)
{
	struct pollfd fds[2 + COLLECT_STREAMS] = {
		{ .fd = map->epoll, .events = POLLIN },
		{ .fd = has_room(map) && map->input_waits ? item_source_fd(map->source) : -1,
		  .events = POLLIN },
	};

	collect_poll(map->collect, fds + 2);
	poll(fds, ARRAY_LEN(fds), patience(map, now));
}

static void take_events(struct map *map)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	int count = epoll_wait(map->epoll, events, ARRAY_LEN(events), 0);

	for (int i = 0; i < count; i++) {
		if (events[i].data.ptr)
			attempt_event(map, events[i].data.ptr);
		else
			halt_take_signals(map);
	}
}

static void loop(struct map *map)
{
	for (;;) {
		uint64_t now = clock_usec();

		intake(map);
		dispatch(map);
		write_output(map);
		commit(map);
		tell_progress(map, now, false);
		if (has_ended(map))
			return;
		wait_for_something(map, now);
		take_events(map);
		free_gone(map);
	}
}

/* ---- its end ---- */

static int exit_status(const struct map *map)
{
	const struct summary *summary = map->summary;

	if (map->cancelled_by != 0)
		return 128 + map->cancelled_by;
	if (map->broken)
		return 125;
	return summary->failed > 0 || summary->skipped_failed > 0 ? 1 : 0;
}

/* Also what is still on its way to a stdout that it goes to. */
static void write_summary(struct map *map)
{
	auto_free char *line = summary_json(map->summary);

	write_report(map, line);
	if (map->report_is_stdout && collect_flush(map->collect) < 0)
		output_failed(map, COLLECT_STDOUT, errno);
	map->summary->status = exit_status(map);
}

static void end(struct map *map)
{
	struct summary *summary = map->summary;
	struct memcage_error err;
	struct ledger_sum sum;

	tell_lost(map);
	tell_progress(map, clock_usec(), true);
	summary->input_complete = map->input_ended;
	summary->wall_usec = clock_usec() - map->start_usec;
	summary->status = exit_status(map);
	write_summary(map);
	sum = (struct ledger_sum) { summary->items,   summary->ok,	 summary->failed,
				    summary->skipped, summary->attempts, summary->input_complete,
				    summary->status };
	if (!ledger_failed(map->ledger) && ledger_map_end(map->ledger, &sum, &err) < 0)
		halt_broken(map, &err);
	commit(map);
	summary->status = exit_status(map);
}

static uint64_t count_words(const struct item_options *options)
{
	uint64_t count = 0;

	if (options->origin != ITEM_WORDS)
		return UINT64_MAX;
	while (options->words[count])
		count++;
	return count;
}

int map_run(const struct map_options *options, const struct map_teller *teller, struct summary *ret,
	    struct memcage_error *err)
{
	struct map map = {
		.options = options,
		.teller = teller,
		.pool = POOL_NONE,
		.spec = SPEC_EMPTY,
		.report = -1,
		.epoll = -1,
		.null = -1,
		.start_usec = clock_usec(),
		.told_usec = clock_usec(),
		.items_total = count_words(&options->items),
		.summary = ret,
	};
	int result;

	map.unsaved = line_start(map.unsaved_text, sizeof(map.unsaved_text));
	*ret = (struct summary) { .memory_auto = options->memory_auto,
				  .used_peak_bytes = UINT64_MAX };
	result = open_all(&map, err);
	if (result == 0) {
		ret->budget_bytes = map.pool.budget_bytes;
		ret->jobs_most = map.pool.jobs_most;
		loop(&map);
		end(&map);
	}
	close_all(&map);
	return result;
}
