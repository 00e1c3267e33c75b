/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/observe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/own.h"
#include "filter/filter_eval.h"
#include "host/delegate.h"
#include "job/command.h"
#include "observe/usage.h"
#include "report/text.h"
#include "supervise/premises.h"

#define LOG_WAIT_MSEC 5	  /* "Killed process" is printed after the signal was sent */
#define CALL_WAIT_MSEC 50 /* ... and what audit has to say, by a thread of the kernel's */
#define WORTH_SAYING                                                                               \
	10 /* a tenth of the wall time: what of throttling and stalls is worth a warning */
#define WORTH_SAYING_LEAST (100 * USEC_PER_MSEC)

static void read_kernel_log(struct run *run)
{
	struct memory_seen *memory = &run->seen.memory;
	const struct kmsg_evidence *log = &run->evidence;
	struct pollfd more = { .fd = run->kernel_log, .events = POLLIN };
	bool named;

	run_read_log(run);
	if (memory->oom_kills > 0 && log->victim_count == 0 && log->killed == 0 &&
	    run->kernel_log >= 0) {
		poll(&more, 1, LOG_WAIT_MSEC);
		run_read_log(run);
	}
	memory->log_own = log->own;
	memory->log_nested = log->nested;
	memory->log_ancestor = log->ancestor;
	memory->log_host = log->host;
	named = log->own || log->nested || log->ancestor || log->host;
	/* v1 forgets the kills of a cgroup that the job has removed. */
	if (memory->oom_kills == 0 && named)
		memory->oom_kills = log->victim_count > 0 ? log->victim_count : 1;
	if (log->nested && memory->own_ooms == 0 && memory->nested_ooms == 0)
		memory->nested_ooms = 1;
	memory->log_complete = named && log->victim_count - log->unnamed >= memory->oom_kills;
}

/* The main process's, in the kernel log. */
static const struct kmsg_call *find_call(const struct run *run)
{
	const struct kmsg_evidence *log = &run->evidence;
	size_t count = log->call_count < KMSG_CALLS_MOST ? log->call_count : KMSG_CALLS_MOST;

	for (size_t i = 0; i < count && run->main_pid > 0; i++)
		if (log->calls[i].pid == run->main_pid)
			return &log->calls[i];
	return NULL;
}

static const struct kmsg_call *await_call(struct run *run)
{
	struct pollfd more = { .fd = run->kernel_log, .events = POLLIN };
	const struct kmsg_call *call;

	if (!run->own_pids)
		return NULL;
	run_read_log(run);
	call = find_call(run);
	if (call || poll(&more, 1, CALL_WAIT_MSEC) <= 0)
		return call;
	run_read_log(run);
	return find_call(run);
}

/*
 * Without a listener: SIGSYS is of the main process's end, and whose filter it was the log may say.
 * Where it is silent (not every kernel has audit) ours is the one that we know of.
 */
static void explain_sigsys(struct run *run)
{
	const struct kmsg_call *call;

	if (run->listener >= 0 || !run->job->filter.kills || !run->seen.main_known ||
	    !WIFSIGNALED(run->seen.main_status) || WTERMSIG(run->seen.main_status) != SIGSYS)
		return;
	call = await_call(run);
	if (call && !filter_may_kill(&run->job->filter.program, call->audit, &call->number))
		return;
	run->seen.seccomp_killed = true;
	if (!call)
		return;
	run->call = (struct call_seen) {
		.known = true, .number = call->number, .audit = call->audit, .pid = call->pid
	};
	memcpy(run->call.comm, call->comm, sizeof(run->call.comm));
}

/* Must the log be read at all?  Only v1 can have lost a kill of the job's from its counters. */
static bool may_have_kills(const struct run *run)
{
	return run->seen.memory.oom_kills > 0 || host_backend(&run->host) == CGROUP_V1;
}

static void name_from_log(struct run *run)
{
	for (size_t i = 0; i < run->evidence.victim_count; i++) {
		const struct kmsg_victim *from = &run->evidence.victims[i];
		struct victim *to = &run->victims[run->victim_count++];

		*to = (struct victim) {
			.pid = run->own_pids ? from->pid : 0,
			.rss_bytes = from->rss_bytes,
			.source = VICTIM_KMSG,
		};
		memcpy(to->comm, from->comm, sizeof(to->comm));
	}
}

static bool main_was_killed(const struct run *run)
{
	return run->seen.main_known && WIFSIGNALED(run->seen.main_status) &&
	       WTERMSIG(run->seen.main_status) == SIGKILL;
}

/*
 * Without the log: the largest process when the limit was hit is the likeliest victim
 * (oom_badness(), mm/oom_kill.c).
 */
static void name_victims(struct run *run)
{
	struct victim *victim = &run->victims[0];

	name_from_log(run);
	if (run->victim_count > 0 || run->seen.memory.oom_kills == 0 || run->suspect.pid == 0)
		return;
	*victim = (struct victim) {
		.pid = run->suspect.pid,
		.rss_bytes = run->suspect.rss_bytes,
		.source = VICTIM_PROCESS_TABLE,
	};
	memcpy(victim->comm, run->suspect.comm, sizeof(victim->comm));
	run->victim_count = 1;
}

static void note_group_kill(struct run *run)
{
	const struct memory_events *events = &run->usage.events;

	if (host_backend(&run->host) == CGROUP_V2 && !run->host.observes)
		run->seen.group_killed =
			events->oom_group_kill != UNREADABLE && events->oom_group_kill > 0;
	else
		run->seen.group_killed = !run->job->settings.kill_process &&
					 run->seen.memory.oom_kills > 0 &&
					 (run->seen.oom_group_usec != 0 || main_was_killed(run));
}

static bool is_worth_saying(const struct run *run, uint64_t usec)
{
	return usec != UNREADABLE && usec >= WORTH_SAYING_LEAST &&
	       usec >= (run->seen.end_usec - run->seen.start_usec) / WORTH_SAYING;
}

/* Nobody stood still for longer than it took. */
static uint64_t memory_stall(const struct run *run)
{
	bool possible = run->seen.end_usec - run->seen.start_usec >= WORTH_SAYING_LEAST;

	return possible ? usage_memory_stall(&run->cgroup, &run->counters) : 0;
}

static void warn_of_limits(struct run *run)
{
	uint64_t refused = usage_refused_forks(&run->cgroup, &run->counters),
		 stall = memory_stall(run);
	const struct limit_value *pids = &run->limits[LIMIT_PIDS];
	char time[32];

	if (refused > 0 && pids->set && pids->number != LIMIT_NONE)
		run_warn(run, WARNING_PIDS_LIMIT,
			 "the job could not start a process %llu time%s: --pids is %llu",
			 (unsigned long long) refused, refused == 1 ? "" : "s",
			 (unsigned long long) pids->number);
	else if (refused > 0)
		run_warn(run, WARNING_PIDS_LIMIT,
			 "the job could not start a process %llu time%s: a limit above it",
			 (unsigned long long) refused, refused == 1 ? "" : "s");
	if (run->limits[LIMIT_CPUS].set && is_worth_saying(run, run->usage.cpu_throttled_usec)) {
		uint64_t millionths = run->limits[LIMIT_CPUS].number;

		text_usec(run->usage.cpu_throttled_usec, time, sizeof(time));
		run_warn(run, WARNING_CPU_THROTTLED,
			 "the job's threads waited %s for CPU time: --cpus is %llu.%03llu", time,
			 (unsigned long long) (millionths / 1000000),
			 (unsigned long long) (millionths % 1000000 / 1000));
	}
	if (run->usage.events.high != UNREADABLE && run->usage.events.high > 0)
		run_warn(run, WARNING_MEMORY_HIGH,
			 "the job was slowed down %llu times at --memory-high",
			 (unsigned long long) run->usage.events.high);
	if (is_worth_saying(run, stall)) {
		text_usec(stall, time, sizeof(time));
		run_warn(run, WARNING_MEMORY_PRESSURE,
			 "all of the job stood still for %s, waiting for memory", time);
	}
}

static void warn_of_tmp(struct run *run)
{
	char size[32];

	if (run->tmp_full) {
		text_bytes(run->limits[LIMIT_TMP].number, size, sizeof(size));
		run_warn(run, WARNING_TMP_FULL,
			 "/tmp, /var/tmp and /dev/shm were full: --tmp is %s", size);
	}
	if (run->tmp_files_now > run->tmp_files)
		run_warn(run, WARNING_TMP_DISCARDED,
			 "%llu file(s) left in /tmp, /var/tmp or /dev/shm were discarded",
			 (unsigned long long) (run->tmp_files_now - run->tmp_files));
}

static void warn_of_nested(struct run *run)
{
	struct verdict verdict = verdict_decide(&run->seen, 0);

	if (verdict.scope == MEMCAGE_SCOPE_NESTED)
		run_warn(run, WARNING_NESTED_OOM,
			 "a process was killed at a memory limit that the job itself had set");
}

static void explain_exec(struct run *run)
{
	if (run->exec_errnum == 0)
		return;
	run->seen.exec_status = command_explain(run->job, run->exec_errnum, run->failure.text,
						sizeof(run->failure.text));
	/* Arguments that do not fit into the limit give E2BIG. */
	run->seen.exec_no_memory = run->exec_errnum == ENOMEM || run->exec_errnum == E2BIG;
}

/* At once, while init still ends: whoever lets go of it last has the work of unmounting it. */
static void leave_tmp(struct run *run)
{
	run_look_at_tmp(run);
	run->usage.tmp_peak_bytes = UNREADABLE;
	if (run->tmp >= 0 && run->limits[LIMIT_TMP].number != LIMIT_NONE)
		run->usage.tmp_peak_bytes = run->tmp_peak_bytes;
	own_close(&run->tmp);
}

void observe(struct run *run)
{
	leave_tmp(run);
	oom_watch_finish(&run->watch, run->job->settings.usage || run->exec_errnum != 0,
			 &run->seen.memory, &run->usage.events);
	usage_read(&run->cgroup, &run->counters, &run->usage);
	if (may_have_kills(run))
		read_kernel_log(run);
	name_victims(run);
	note_group_kill(run);
	explain_exec(run);
	explain_sigsys(run);
	warn_of_limits(run);
	warn_of_tmp(run);
	warn_of_nested(run);
	oom_watch_release(&run->watch);
}

bool run_remove_cgroup(struct run *run)
{
	char name[sizeof(run->cgroup.name)];

	memcpy(name, run->cgroup.name, sizeof(name));
	if (cgroup_remove(&run->cgroup) == 0)
		return true;
	run_warn(run, WARNING_LEFTOVER_PROCESSES, "the cgroup %s could not be removed: %s", name,
		 strerror(errno));
	return false;
}

/*
 * Of a run that could not start there may be a cgroup.  Init was born where memcage had stepped
 * aside to: only when it has ended can that be undone.
 */
void run_leave(struct run *run)
{
	launch_release(&run->child);
	oom_watch_release(&run->watch);
	cgroup_remove(&run->cgroup);
	if (!run->host.borrowed)
		delegate_restore(&run->host);
}

/* The next of many jobs goes on where this one has stopped. */
static void leave_log(struct run *run)
{
	struct premises *premises = run->job->settings.premises;

	if (premises)
		premises_give_log(premises,
				  (struct premises_log) { run->kernel_log, run->log_usec });
	else
		own_close(&run->kernel_log);
	run->kernel_log = -1;
}

void run_release(struct run *run)
{
	run_leave(run);
	host_release(&run->host);
	samples_release(&run->samples);
	usage_close(&run->counters);
	own_close(&run->main_pidfd);
	own_close(&run->tmp);
	own_close(&run->listener);
	free(run->denials);
	leave_log(run);
	own_close(&run->timer);
	own_close(&run->epoll);
}
