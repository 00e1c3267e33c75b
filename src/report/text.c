/* SPDX-License-Identifier: Apache-2.0 */
#include "report/text.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/line.h"
#include "base/own.h"
#include "filter/arch.h"
#include "filter/filter_compile.h"

#define NAMED_MOST 2 /* victims that a summary names; the report has the others */

typedef void clause_fn(struct line *line, const struct report *report);

static const struct observation *seen_by(const struct report *report)
{
	static const struct observation nothing;

	return report->seen ? report->seen : &nothing;
}

void text_bytes(uint64_t bytes, char *buffer, size_t size)
{
	struct line line = line_start(buffer, size);

	line_add_bytes(&line, bytes);
	line_end(&line);
}

void text_usec(uint64_t usec, char *buffer, size_t size)
{
	struct line line = line_start(buffer, size);

	line_add_usec(&line, usec);
	line_end(&line);
}

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)
#define SIZE_OPTION_MOST (UINT64_C(1) << 62) /* what --memory takes ends at 2^63 */

/* Quarters of a power of two are what people type: 512M, 640M, 768M, 896M, 1G, 1280M. */
uint64_t text_size_round(uint64_t bytes)
{
	uint64_t power = MIB, step;

	if (bytes > SIZE_OPTION_MOST)
		return UINT64_MAX;
	while (power * 2 <= bytes)
		power *= 2;
	step = power < 4 * MIB ? MIB : power / 4;
	return bytes <= MIB ? MIB : (bytes + step - 1) / step * step;
}

void text_size_option(uint64_t bytes, char *buffer, size_t size)
{
	static const struct {
		uint64_t unit;
		char suffix;
	} units[] = { { TIB, 'T' }, { GIB, 'G' }, { MIB, 'M' } };
	size_t i = 0;

	bytes = text_size_round(bytes);
	if (bytes == UINT64_MAX) {
		snprintf(buffer, size, "max");
		return;
	}
	while (bytes % units[i].unit != 0)
		i++;
	snprintf(buffer, size, "%" PRIu64 "%c", bytes / units[i].unit, units[i].suffix);
}

void text_duration_option(uint64_t usec, char *buffer, size_t size)
{
	static const struct {
		uint64_t unit;
		const char *suffix;
	} units[] = {
		{ UINT64_C(24) * 3600 * USEC_PER_SEC, "d" },
		{ 3600 * USEC_PER_SEC, "h" },
		{ 60 * USEC_PER_SEC, "m" },
		{ USEC_PER_SEC, "s" },
		{ USEC_PER_MSEC, "ms" },
	};
	size_t i = 0;

	while (i + 1 < ARRAY_LEN(units) && (usec < units[i].unit || usec % units[i].unit != 0))
		i++;
	snprintf(buffer, size, "%" PRIu64 "%s", usec / units[i].unit + (usec % units[i].unit != 0),
		 units[i].suffix);
}

void text_signal(int signo, char *buffer, size_t size)
{
	const char *name = sigabbrev_np(signo);

	if (signo <= 0)
		snprintf(buffer, size, "%s", "");
	else if (name)
		snprintf(buffer, size, "SIG%s", name);
	else if (signo >= SIGRTMIN && signo <= SIGRTMAX)
		snprintf(buffer, size, "SIGRTMIN+%d", signo - SIGRTMIN);
	else
		snprintf(buffer, size, "SIG%d", signo);
}

static void add_signal(struct line *line, int signo)
{
	char name[32];

	text_signal(signo, name, sizeof(name));
	line_add(line, "%s", name);
}

/* "a", "a and b", "a, b and 3 more": what stands before item i of n. */
static const char *separator(size_t i, size_t n)
{
	if (i == 0)
		return "";
	return i + 1 == n ? " and " : ", ";
}

static void add_victim(struct line *line, const struct victim *victim)
{
	line_add(line, "%.*s", (int) sizeof(victim->comm),
		 victim->comm[0] ? victim->comm : "a process");
	if (victim->pid > 0)
		line_add(line, " (pid %d)", (int) victim->pid);
}

/*
 * Under a group kill the kernel's counter is not a count of processes; and whether one inside the
 * job was a group kill we do not know.
 */
static uint64_t count_victims(const struct report *report)
{
	uint64_t kills = seen_by(report)->memory.oom_kills;
	uint64_t known = report->victim_count;
	bool nested = report->verdict.scope == MEMCAGE_SCOPE_NESTED;

	if (report->verdict.group_kill || (nested && known > 0) || kills == UNREADABLE ||
	    kills < known)
		return known;
	return kills;
}

static void add_victims(struct line *line, const struct report *report)
{
	uint64_t count = count_victims(report);
	size_t named = report->victim_count < NAMED_MOST ? report->victim_count : NAMED_MOST;
	size_t items = named + (count > named);

	if (named == 0) {
		if (count > 1)
			line_add(line, "%" PRIu64 " processes were", count);
		else
			line_add(line, "a process was");
		return;
	}
	for (size_t i = 0; i < named; i++) {
		line_add(line, "%s", separator(i, items));
		add_victim(line, &report->victims[i]);
	}
	if (count > named)
		line_add(line, " and %" PRIu64 " more", count - named);
	line_add(line, count > 1 ? " were" : " was");
}

static void add_limit(struct line *line, const struct report *report)
{
	uint64_t limit = report_limit(report, LIMIT_MEMORY);

	if (limit == UNREADABLE) {
		line_add(line, "its memory limit");
		return;
	}
	line_add(line, "its limit of ");
	line_add_bytes(line, limit);
}

bool text_is_bystander(const struct report *report)
{
	uint64_t limit = report_limit_hit(report);
	uint64_t peak = report->usage.memory_peak_bytes;

	if (report->verdict.scope != MEMCAGE_SCOPE_ANCESTOR || peak == UNREADABLE)
		return false;
	if (limit == UNREADABLE)
		limit = report_limit(report, LIMIT_MEMORY);
	return limit != UNREADABLE && peak < limit / 2;
}

static void add_own_use(struct line *line, const struct report *report)
{
	uint64_t limit = report_limit(report, LIMIT_MEMORY);

	line_add(line, "the job itself used ");
	line_add_bytes(line, report->usage.memory_peak_bytes);
	if (limit != UNREADABLE) {
		line_add(line, " of its ");
		line_add_bytes(line, limit);
	}
}

static void add_job_limit(struct line *line, const struct report *report)
{
	line_add(line, "the job reached ");
	add_limit(line, report);
}

static void add_ancestor_limit(struct line *line, const struct report *report)
{
	uint64_t limit = report_limit_hit(report);

	/* The root of a cgroup namespace or mount: what has limits is outside of it. */
	if (report->ancestor_name && strcmp(report->ancestor_name, "/") == 0)
		line_add(line, "the limit of the container that memcage is in was reached");
	else if (report->ancestor_name)
		line_add(line, "the limit of %s above the job was reached", report->ancestor_name);
	else
		line_add(line, "a limit above the job was reached");
	if (limit != UNREADABLE) {
		line_add(line, " (");
		line_add_bytes(line, limit);
		line_add(line, ")");
	}
	if (text_is_bystander(report)) {
		line_add(line, "; it was the victim of another's greed: ");
		add_own_use(line, report);
	}
}

static void add_host_limit(struct line *line, const struct report *report)
{
	line_add(line, "the machine ran out of memory");
	if (report->usage.memory_peak_bytes != UNREADABLE) {
		line_add(line, "; ");
		add_own_use(line, report);
	}
}

static void add_nested_limit(struct line *line, const struct report *report)
{
	(void) report;
	line_add(line, "a limit that the job itself set inside was reached");
}

static void add_unknown_limit(struct line *line, const struct report *report)
{
	(void) report;
	line_add(line, "whose limit was reached cannot be seen here");
}

/* Whose limit it was. */
static clause_fn *const limits_hit[MEMCAGE_SCOPE__COUNT] = {
	[MEMCAGE_SCOPE_NONE] = add_unknown_limit,      [MEMCAGE_SCOPE_JOB] = add_job_limit,
	[MEMCAGE_SCOPE_ANCESTOR] = add_ancestor_limit, [MEMCAGE_SCOPE_HOST] = add_host_limit,
	[MEMCAGE_SCOPE_NESTED] = add_nested_limit,     [MEMCAGE_SCOPE_UNKNOWN] = add_unknown_limit,
};

static void add_kill(struct line *line, const struct report *report)
{
	if (report->verdict.by_memcage) {
		line_add(line, "the job stood at ");
		add_limit(line, report);
		line_add(line,
			 " and the kernel found no process that it may kill: memcage ended it");
		return;
	}
	if (seen_by(report)->exec_no_memory && report->victim_count == 0) {
		line_add(line, "the command could not be started: ");
	} else {
		add_victims(line, report);
		line_add(line, " killed by the kernel: ");
	}
	limits_hit[report->verdict.scope](line, report);
}

static void add_survivor(struct line *line, const struct verdict *verdict)
{
	if (verdict->exit_code == 0) {
		line_add(line, "; the main process hid it and exited 0");
	} else if (verdict->exit_code > 0) {
		line_add(line, "; the main process went on and exited %d", verdict->exit_code);
	} else {
		line_add(line, "; the main process went on and was ended by ");
		add_signal(line, verdict->signal);
	}
}

static void say_oom(struct line *line, const struct report *report)
{
	add_kill(line, report);
	if (report->verdict.main_survived)
		add_survivor(line, &report->verdict);
}

/* How the main process, asked to end at `asked`, did. */
static void add_ending(struct line *line, const struct report *report, uint64_t asked)
{
	const struct observation *seen = seen_by(report);
	uint64_t grace = report_limit(report, LIMIT_GRACE);

	if (seen->kill_usec != 0) {
		line_add(line, "was killed");
		if (grace == 0 || grace == UNREADABLE || seen->kill_usec < asked + grace)
			return;
		line_add(line, " after a grace of ");
		line_add_usec(line, grace);
	} else if (report->verdict.signal > 0) {
		line_add(line, "was ended by ");
		add_signal(line, report->verdict.signal);
	} else if (report->verdict.exit_code >= 0) {
		line_add(line, "exited %d when it was asked to end", report->verdict.exit_code);
	} else {
		line_add(line, "was ended");
	}
}

static void add_time(struct line *line, const struct report *report, enum limit_id id,
		     const char *what)
{
	uint64_t limit = report_limit(report, id);

	if (limit == UNREADABLE)
		line_add(line, "its %s", what);
	else
		line_add_usec(line, limit);
}

static void say_timeout(struct line *line, const struct report *report)
{
	line_add(line, "the job did not end within ");
	add_time(line, report, LIMIT_TIMEOUT, "time");
	line_add(line, " (--timeout) and ");
	add_ending(line, report, seen_by(report)->timeout_usec);
}

static void say_cpu_time(struct line *line, const struct report *report)
{
	line_add(line, "the job used up ");
	add_time(line, report, LIMIT_CPU_TIME, "limit");
	line_add(line, " of CPU time (--cpu-time) and ");
	add_ending(line, report, seen_by(report)->cpu_time_usec);
}

static void say_cancelled(struct line *line, const struct report *report)
{
	line_add(line, "the job was cancelled by ");
	add_signal(line, seen_by(report)->cancel_signal);
	line_add(line, " and ");
	add_ending(line, report, seen_by(report)->cancel_usec);
}

static void say_exited(struct line *line, const struct report *report)
{
	line_add(line, "exited with status %d", report->verdict.exit_code);
}

static void say_signaled(struct line *line, const struct report *report)
{
	uint64_t kills = seen_by(report)->memory.oom_kills;

	line_add(line, "killed by ");
	add_signal(line, report->verdict.signal);
	if (report->verdict.core_dumped)
		line_add(line, " (core dumped)");
	if (report->verdict.signal != SIGKILL)
		return;
	if (kills == 0)
		line_add(line, ", but not for memory: no memory kill was counted");
	else if (kills == UNREADABLE)
		line_add(line, "; whether for memory cannot be seen here");
}

static void add_call(struct line *line, const struct call_seen *call)
{
	enum arch arch = arch_of_call(call->audit, call->number);
	char name[64];

	if (filter_call_name(call->audit, call->number, name, sizeof(name)))
		line_add(line, "%s", name);
	else
		line_add(line, "number %d", call->number);
	if (arch < ARCH__COUNT)
		line_add(line, " (%s)", arches[arch].shown);
	else
		line_add(line, " (architecture %#x)", call->audit);
}

/* The process may be another than the main one, which then ended in its own way. */
static void say_seccomp(struct line *line, const struct report *report)
{
	const struct call_seen *call = report->call;
	const struct verdict *verdict = &report->verdict;

	if (!call || !call->known) {
		line_add(line, "killed by memcage's own seccomp filter (SIGSYS)");
		return;
	}
	line_add(line, "%.*s", (int) sizeof(call->comm), call->comm[0] ? call->comm : "a process");
	if (call->pid > 0)
		line_add(line, " (pid %d)", (int) call->pid);
	line_add(line, " was killed by memcage's seccomp filter for the system call ");
	add_call(line, call);
	if (verdict->exit_code >= 0 || (verdict->signal != SIGKILL && verdict->signal != SIGSYS))
		add_survivor(line, verdict);
}

void text_denied(const struct call_seen *call, int errnum, uint64_t times, char *buffer,
		 size_t size)
{
	struct line line = line_start(buffer, size);
	const char *error = errnum > 0 ? strerrorname_np(errnum) : NULL;

	add_call(&line, call);
	if (errnum < 0)
		line_add(&line, ": killed");
	else if (error)
		line_add(&line, ": denied with %s", error);
	else
		line_add(&line, ": denied with error %d", errnum);
	line_add(&line, " %" PRIu64 " time%s, first for %.*s (pid %d)", times,
		 times == 1 ? "" : "s", (int) sizeof(call->comm),
		 call->comm[0] ? call->comm : "a process", (int) call->pid);
	line_end(&line);
}

static void say_failure(struct line *line, const struct report *report)
{
	const char *failed = report->verdict.cause == MEMCAGE_CAUSE_EXEC_FAILED
				     ? "the command could not be executed"
				     : "the cage could not be made";

	line_add(line, "%s", report->failure ? report->failure : failed);
}

static void say_running(struct line *line, const struct report *report)
{
	(void) report;
	line_add(line, "the job has not ended");
}

static clause_fn *const ends[MEMCAGE_CAUSE__COUNT] = {
	[MEMCAGE_CAUSE_NONE] = say_running,	   [MEMCAGE_CAUSE_EXITED] = say_exited,
	[MEMCAGE_CAUSE_SIGNALED] = say_signaled,   [MEMCAGE_CAUSE_OOM] = say_oom,
	[MEMCAGE_CAUSE_TIMEOUT] = say_timeout,	   [MEMCAGE_CAUSE_CPU_TIME] = say_cpu_time,
	[MEMCAGE_CAUSE_SECCOMP] = say_seccomp,	   [MEMCAGE_CAUSE_CANCELLED] = say_cancelled,
	[MEMCAGE_CAUSE_EXEC_FAILED] = say_failure, [MEMCAGE_CAUSE_SETUP_FAILED] = say_failure,
};

void text_summary(const struct report *report, char *buffer, size_t size)
{
	struct line line = line_start(buffer, size);

	ends[report->verdict.cause](&line, report);
	/* A kill that is not the cause (nested, or after a cancel) is not silent either. */
	if (report->verdict.cause != MEMCAGE_CAUSE_OOM &&
	    report->verdict.scope != MEMCAGE_SCOPE_NONE) {
		line_add(&line, "; ");
		add_kill(&line, report);
	}
	line_end(&line);
}
