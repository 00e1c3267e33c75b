/* SPDX-License-Identifier: Apache-2.0 */
/* An attempt is one job of a task: started, watched, told, and perhaps followed by another. */
#include <errno.h>
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
#include "report/outcome.h"

/* ---- its descriptors ---- */

struct ends {
	int input, output[COLLECT_STREAMS];
};

static void close_ends(const struct map *map, struct ends *ends)
{
	if (ends->input != map->null)
		own_close(&ends->input);
	own_close(&ends->output[COLLECT_STDOUT]);
	own_close(&ends->output[COLLECT_STDERR]);
}

static int open_ends(struct map *map, struct task *task, struct ends *ends,
		     struct memcage_error *err)
{
	*ends = (struct ends) { map->null, { -1, -1 } };
	if (collect_begin(map->collect, task->item.seq, &task->gathered, ends->output, err) < 0)
		return -1;
	if (!task->item.is_range)
		return 0;
	if (item_source_check(map->source, err) < 0) {
		error_prefix(err, "--split");
		halt_broken(map, err); /* its other ranges would not be right either */
		return -1;
	}
	return feed_open(&task->feed, item_source_file(map->source), task->item.offset,
			 task->item.length, &ends->input, err);
}

static void watch(struct map *map, struct task *task, enum watch_kind kind, int fd)
{
	struct epoll_event event = {
		.events = kind == WATCH_FEED ? EPOLLOUT : EPOLLIN,
		.data.ptr = &task->watches[kind],
	};

	task->watches[kind].fd = fd;
	if (fd >= 0)
		epoll_ctl(map->epoll, EPOLL_CTL_ADD, fd, &event);
}

/*
 * Before it is closed: an init that we are cloning for another job may still hold what it leads to,
 * and the loop would then hear of it when the task is gone.
 */
static void unwatch(struct map *map, struct task *task, enum watch_kind kind)
{
	int *fd = &task->watches[kind].fd;

	if (*fd >= 0)
		epoll_ctl(map->epoll, EPOLL_CTL_DEL, *fd, NULL);
	*fd = -1;
}

static void watch_all(struct map *map, struct task *task)
{
	watch(map, task, WATCH_JOB, memcage_fd(task->job));
	watch(map, task, WATCH_STDOUT, gathered_fd(task->gathered, COLLECT_STDOUT));
	watch(map, task, WATCH_STDERR, gathered_fd(task->gathered, COLLECT_STDERR));
	watch(map, task, WATCH_FEED, task->feed.pipe);
}

/* ---- its end ---- */

static void record(struct map *map, const struct task *task, const struct memcage_result *result,
		   const char *line)
{
	struct memcage_error err;

	if (!ledger_failed(map->ledger) &&
	    ledger_attempt_end(map->ledger, task->attempt_id, result, line, &err) < 0)
		halt_broken(map, &err);
	else if (!ledger_failed(map->ledger))
		line_add(&map->unsaved, ", item %llu", (unsigned long long) task->item.seq);
	write_report(map, line);
}

static struct retry decide_retry(const struct map *map, const struct task *task,
				 const struct memcage_result *result, bool ok)
{
	const struct retry_state state = {
		.cause = result->cause,
		.scope = result->scope,
		.ok = ok,
		.memory_bytes = task->memory_bytes,
		.alone = task->alone,
		.ooms = task->ooms,
		.others = task->others,
	};

	return retry_decide(&map->retry, &state);
}

static bool is_scarce(int errnum)
{
	return errnum == EMFILE || errnum == ENFILE || errnum == EAGAIN || errnum == ENOMEM ||
	       errnum == ENOSPC;
}

static struct retry as_before(const struct task *task, const char *why)
{
	return (struct retry) {
		.again = true,
		.memory_bytes = task->memory_bytes,
		.alone = task->alone,
		.why = why,
	};
}

/*
 * Of what its cage lacked, those that run have some: it is no fault of its own, and from here on
 * there are fewer at once.
 */
static void leave_room(struct map *map, const struct task *task, struct retry *retry)
{
	if (!is_scarce(task->setup_errnum) || map->running.count < 2)
		return;
	map->pool.jobs_most = map->running.count - 1;
	*retry = as_before(task, "when there is room, with fewer jobs at once");
}

/* Somebody has killed the fork server before it made this one's cage: from now on without it. */
static bool is_orphaned(int errnum)
{
	return errnum == ECHILD;
}

/* What a halt has cut off is to be run again some day, also where only its retry was. */
static void cut_off(const struct map *map, struct task *task, struct retry *retry)
{
	if (!retry->again || map->phase == MAP_RUNNING)
		return;
	*retry = (struct retry) { .again = false };
	task->cancelled = true;
}

static void sum_up(struct map *map, const struct task *task, const struct memcage_result *result,
		   bool ok, bool final)
{
	struct summary_job job = {
		.seq = task->item.seq,
		.wall_usec = (uint64_t) (result->wall_seconds * (double) USEC_PER_SEC),
		.peak_bytes = result->memory_peak_bytes,
		.limit_bytes = task->memory_bytes,
		.cause = result->cause,
		.scope = result->scope,
		.status = result->status,
		.attempts = task->attempt,
		.foretold = task->learned && task->attempt == 1,
	};

	parse_quote(task->item.text, job.item, sizeof(job.item));
	map->attempts_ended++;
	map->attempts_usec += job.wall_usec;
	map->retried += !final;
	summary_attempt(map->summary, &job, ok, final);
}

static void again(struct map *map, struct task *task, const struct retry *retry)
{
	collect_drop(map->collect, task->gathered);
	task->gathered = NULL;
	if (!is_scarce(task->setup_errnum) && !is_orphaned(task->setup_errnum))
		*(retry->counts_as_oom ? &task->ooms : &task->others) += 1;
	task->memory_bytes = retry->memory_bytes;
	task->basis = "retry";
	task->alone = retry->alone;
	task->overtaken = 0;
	task->not_before_usec = retry->pause_usec > 0 ? clock_usec() + retry->pause_usec : 0;
	task_list_add_first(&map->waiting, task);
}

static void leave_running(struct map *map, struct task *task)
{
	for (int kind = 0; kind < WATCH__COUNT; kind++)
		unwatch(map, task, (enum watch_kind) kind);
	task_list_remove(&map->running, task);
	map->promised_bytes -= task->memory_bytes;
	if (task->alone)
		map->alone_runs = false;
}

/* What it printed is read to its end now, and goes out in its turn. */
static void end_task(struct map *map, struct task *task, bool ok)
{
	task->ok = ok;
	collect_finish(map->collect, task->gathered, task);
	task->gathered = NULL;
	if (!ok)
		halt_consider(map);
}

/* What the job wrote is in the pipes. */
static void drain(struct task *task)
{
	int errnum = gathered_rest(task->gathered);

	if (errnum != 0)
		task->output_errnum = errnum;
}

/* Why a job that ended well is told as failed. */
static void explain_loss(const struct map *map, const struct task *task)
{
	auto_free char *text = NULL;

	if (asprintf(&text, "item %llu: some of its output could not be kept: %s",
		     (unsigned long long) task->item.seq, strerror(task->output_errnum)) >= 0)
		map->teller->note(map->teller->data, text);
}

static void end_attempt(struct map *map, struct task *task, const struct memcage_result *result,
			const char *line)
{
	bool ok = result->ok && task->output_errnum == 0 && !task->input_cut;
	struct retry retry = decide_retry(map, task, result, ok);
	struct map_attempt told = {
		.item = &task->item,
		.attempt = task->attempt,
		.result = result,
	};

	leave_room(map, task, &retry);
	if (is_orphaned(task->setup_errnum))
		retry = as_before(task, "as its cage had not been made");
	task->cancelled = result->cause == MEMCAGE_CAUSE_CANCELLED;
	cut_off(map, task, &retry);
	told.final = !retry.again;
	told.why = retry.why;
	told.next_memory_bytes = retry.memory_bytes;
	if (result->ok && task->output_errnum != 0)
		explain_loss(map, task);
	record(map, task, result, line);
	told.unrecorded = ledger_failed(map->ledger);
	leave_running(map, task);
	sum_up(map, task, result, ok, !retry.again);
	map->teller->attempt(map->teller->data, &told);
	feed_release(&task->feed);
	if (retry.again)
		again(map, task, &retry);
	else
		end_task(map, task, ok);
}

static void job_ended(struct map *map, struct task *task)
{
	auto_free char *line = api_report_line(task->job);
	struct memcage_job *job = task->job;

	task->job = NULL;
	task->setup_errnum = api_setup_errnum(job);
	drain(task);
	end_attempt(map, task, memcage_result(job), line);
	memcage_job_free(job);
}

/* No job could be made of it, which its report says as any other. */
static void never_began(struct map *map, struct task *task, const struct memcage_error *why)
{
	auto_free char **command = attempt_command(map, &task->item);
	struct limit_value limits_[LIMIT__COUNT];
	const struct report report = {
		.command = command,
		.policy = map->spec.settings.policy,
		.item = task->item.text,
		.seq = task->item.seq,
		.attempt = task->attempt,
		.limits = limits_,
		.memory_effective_bytes = task->memory_bytes,
		.summary = why->text,
	};
	const struct memcage_result result = {
		.cause = MEMCAGE_CAUSE_SETUP_FAILED,
		.status = 125,
		.exit_code = -1,
		.memory_limit_bytes = task->memory_bytes,
		.memory_peak_bytes = UINT64_MAX,
		.summary = why->text,
	};
	auto_free char *line = NULL;

	task->setup_errnum = why->errnum;
	memcpy(limits_, map->spec.limits, sizeof(limits_));
	limits_[LIMIT_MEMORY] = (struct limit_value) { .set = true, .number = task->memory_bytes };
	if (command)
		line = outcome_refused(&report);
	end_attempt(map, task, &result, line);
}

/* ---- its start ---- */

static int note_start(struct map *map, struct task *task, struct memcage_error *err)
{
	const struct ledger_attempt attempt = {
		.task = task->id,
		.attempt = task->attempt,
		.seq = task->item.seq,
		.memory_bytes = task->memory_bytes,
		.basis = task->basis,
	};

	return ledger_attempt_begin(map->ledger, &attempt, &task->attempt_id, err);
}

static void enter_running(struct map *map, struct task *task)
{
	task_list_add(&map->running, task);
	map->promised_bytes += task->memory_bytes;
	map->alone_runs = task->alone;
	if (map->running.count > map->summary->running_peak)
		map->summary->running_peak = map->running.count;
	if (map->promised_bytes > map->summary->promised_peak_bytes)
		map->summary->promised_peak_bytes = map->promised_bytes;
}

/* As if it had not been tried. */
static int take_back(struct map *map, struct task *task)
{
	feed_release(&task->feed);
	if (task->gathered)
		collect_drop(map->collect, task->gathered);
	task->gathered = NULL;
	task->attempt--;
	return -1;
}

int attempt_start(struct map *map, struct task *task, struct memcage_error *err)
{
	struct ends ends;
	int result = open_ends(map, task, &ends, err);

	task->attempt++;
	task->output_errnum = 0;
	task->input_cut = false;
	task->setup_errnum = 0;
	if (result == 0 && note_start(map, task, err) < 0) {
		halt_broken(map, err);
		result = -1;
	}
	if (result < 0) {
		close_ends(map, &ends);
		return take_back(map, task);
	}
	result = attempt_job(map, task,
			     (const int[]) { ends.input, ends.output[COLLECT_STDOUT],
					     ends.output[COLLECT_STDERR] },
			     err);
	close_ends(map, &ends);
	enter_running(map, task);
	if (result < 0)
		never_began(map, task, err);
	else if (memcage_fd(task->job) < 0)
		job_ended(map, task);
	else
		watch_all(map, task);
	return 0;
}

/* ---- what happens to it ---- */

static void read_output(struct map *map, struct task *task, enum collect_stream stream)
{
	int errnum = 0;

	if (!gathered_read(task->gathered, stream, &errnum))
		unwatch(map, task, stream == COLLECT_STDOUT ? WATCH_STDOUT : WATCH_STDERR);
	if (errnum != 0)
		task->output_errnum = errnum;
}

/* The input is not what it was: what is still to come would not be right either. */
static void feed_input(struct map *map, struct task *task)
{
	struct memcage_error err;
	enum feed_state state = feed_step(&task->feed, &err);

	if (state == FEED_MORE)
		return;
	unwatch(map, task, WATCH_FEED);
	feed_release(&task->feed); /* the job sees the end of its input */
	if (state == FEED_DONE)
		return;
	task->input_cut = true;
	error_prefix(&err, "--split: %s", map->options->items.file);
	halt_broken(map, &err);
	memcage_cancel(task->job, SIGTERM);
}

void attempt_event(struct map *map, const struct watch *watch)
{
	struct task *task = watch->task;

	if (!task->job) /* it has ended meanwhile */
		return;
	switch (watch->kind) {
	case WATCH_JOB:
		if (memcage_step(task->job) == MEMCAGE_ENDED)
			job_ended(map, task);
		break;
	case WATCH_STDOUT:
		read_output(map, task, COLLECT_STDOUT);
		break;
	case WATCH_STDERR:
		read_output(map, task, COLLECT_STDERR);
		break;
	case WATCH_FEED:
		feed_input(map, task);
		break;
	case WATCH__COUNT:
		break;
	}
}

/* Nothing is done whose output is lost: it has failed, and is to be run again some day. */
static void take_loss(struct map *map, struct task *task)
{
	map->lost++;
	map->summary->ok -= task->ok;
	map->summary->failed += task->ok;
	task->cancelled = true;
}

void attempt_settle(struct map *map, struct task *task, bool lost)
{
	struct memcage_error err;
	int result = 0;

	if (lost)
		take_loss(map, task);
	if (!ledger_failed(map->ledger))
		result = task->cancelled ? ledger_task_return(map->ledger, task->id, &err)
					 : ledger_task_end(map->ledger, task->id, task->ok, &err);
	if (result < 0)
		halt_broken(map, &err);
	task_free(task);
}
