/* SPDX-License-Identifier: Apache-2.0 */
#include "verdict/verdict.h"

#include <stddef.h>
#include <stdint.h>

#define NEVER 0
#define SIGNAL_KILL                                                                                \
	9 /* SIGKILL, the same on every architecture; <signal.h> would bring more than facts */

/*
 * Wait statuses, as waitpid(2) documents them through its macros and the kernel encodes them
 * everywhere.
 */
static bool status_exited(int status)
{
	return (status & 0x7f) == 0;
}

static int status_signal(int status)
{
	return status & 0x7f;
}

static bool memory_refused(const struct observation *seen)
{
	const struct memory_seen *memory = &seen->memory;

	return seen->exec_no_memory &&
	       (memory->own_refused || memory->own_ooms > 0 || memory->oom_kills > 0);
}

static int nearest_hit(const struct memory_seen *memory)
{
	for (size_t i = 0; i < memory->ancestor_count; i++)
		if (memory->ancestors[i].readable && memory->ancestors[i].limit_hit)
			return (int) i;
	return -1;
}

/* What the log names did kill; a nested limit comes last, as its owner answers for it. */
static enum memcage_scope scope_by_log(const struct memory_seen *memory)
{
	if (memory->log_own)
		return MEMCAGE_SCOPE_JOB;
	if (memory->log_ancestor)
		return MEMCAGE_SCOPE_ANCESTOR;
	if (memory->log_host)
		return MEMCAGE_SCOPE_HOST;
	return memory->log_nested ? MEMCAGE_SCOPE_NESTED : MEMCAGE_SCOPE_NONE;
}

/*
 * No limit that we can read was hit.  Then it was the machine, or a limit that is hidden from us:
 * only the kernel log, or the absence of hidden levels, can tell.  (oom_kill of /proc/vmstat
 * cannot: it counts kills of both kinds.)
 */
static enum memcage_scope scope_without_hit(const struct memory_seen *memory)
{
	enum memcage_scope named = scope_by_log(memory);

	if (named != MEMCAGE_SCOPE_NONE)
		return named;
	return memory->ancestors_hidden ? MEMCAGE_SCOPE_UNKNOWN : MEMCAGE_SCOPE_HOST;
}

/*
 * Whose limit took processes of the job?  OOMs are counted where the limit was hit, kills where
 * the victim lived (Documentation/admin-guide/cgroup-v2.rst, memory.events.local).  An OOM need
 * not have killed, and an ancestor's may have taken others' processes only: a complete kernel log
 * settles it.  One that is not complete proves nothing by what it leaves out; then the job's own
 * limit comes first.
 */
static enum memcage_scope decide_scope(const struct observation *seen)
{
	const struct memory_seen *memory = &seen->memory;
	bool own = memory->own_ooms > 0 || (memory_refused(seen) && memory->own_refused);
	bool nested = memory->nested_ooms > 0;
	bool ancestor = nearest_hit(memory) >= 0;

	if (memory->oom_kills == 0 && seen->no_victim_usec == NEVER && !memory_refused(seen))
		return MEMCAGE_SCOPE_NONE;
	if (!own && !nested && !ancestor)
		return scope_without_hit(memory);
	if (memory->log_complete)
		return scope_by_log(memory);
	if (own)
		return MEMCAGE_SCOPE_JOB;
	if (ancestor && nested)
		return MEMCAGE_SCOPE_UNKNOWN;
	return ancestor ? MEMCAGE_SCOPE_ANCESTOR : MEMCAGE_SCOPE_NESTED;
}

/*
 * A kill at a limit that the job set inside is the business of whoever set it, unless memcage had
 * to end the job for it.
 */
static bool was_killed_for_memory(const struct observation *seen, enum memcage_scope scope)
{
	return scope != MEMCAGE_SCOPE_NONE &&
	       (scope != MEMCAGE_SCOPE_NESTED || seen->no_victim_usec != NEVER);
}

static uint64_t setup_failed_at(const struct observation *seen)
{
	return seen->setup_failed ? 1 : NEVER;
}

static uint64_t exec_failed_at(const struct observation *seen)
{
	return seen->exec_status != 0 && !memory_refused(seen) ? 1 : NEVER;
}

static uint64_t cancelled_at(const struct observation *seen)
{
	return seen->cancel_usec;
}

static uint64_t timeout_at(const struct observation *seen)
{
	return seen->timeout_usec;
}

static uint64_t cpu_time_at(const struct observation *seen)
{
	return seen->cpu_time_usec;
}

static uint64_t main_ended_at(const struct observation *seen)
{
	return seen->main_known ? seen->main_usec : seen->end_usec;
}

/*
 * A kill that no notification told of while the job ran is dated with the end of main, and comes
 * first there.
 */
static uint64_t oom_at(const struct observation *seen)
{
	uint64_t noticed = seen->oom_usec != NEVER ? seen->oom_usec : seen->no_victim_usec;

	if (!was_killed_for_memory(seen, decide_scope(seen)))
		return NEVER;
	return noticed != NEVER && noticed < main_ended_at(seen) ? noticed : main_ended_at(seen);
}

static uint64_t seccomp_at(const struct observation *seen)
{
	uint64_t noticed = seen->seccomp_usec;

	if (!seen->seccomp_killed)
		return NEVER;
	return noticed != NEVER && noticed < main_ended_at(seen) ? noticed : main_ended_at(seen);
}

static uint64_t signaled_at(const struct observation *seen)
{
	return !seen->main_known || !status_exited(seen->main_status) ? main_ended_at(seen) : NEVER;
}

static uint64_t exited_at(const struct observation *seen)
{
	return seen->main_known && status_exited(seen->main_status) ? main_ended_at(seen) : NEVER;
}

/*
 * The earliest explains the rest; on a tie the upper row: what we did, then the kernel, then the
 * program.
 */
static const struct {
	enum memcage_cause cause;
	uint64_t (*since)(const struct observation *seen);
} rules[] = {
	{ MEMCAGE_CAUSE_SETUP_FAILED, setup_failed_at },
	{ MEMCAGE_CAUSE_EXEC_FAILED, exec_failed_at },
	{ MEMCAGE_CAUSE_CANCELLED, cancelled_at },
	{ MEMCAGE_CAUSE_TIMEOUT, timeout_at },
	{ MEMCAGE_CAUSE_CPU_TIME, cpu_time_at },
	{ MEMCAGE_CAUSE_OOM, oom_at },
	{ MEMCAGE_CAUSE_SECCOMP, seccomp_at },
	{ MEMCAGE_CAUSE_SIGNALED, signaled_at },
	{ MEMCAGE_CAUSE_EXITED, exited_at },
};

static enum memcage_cause decide_cause(const struct observation *seen)
{
	enum memcage_cause cause = MEMCAGE_CAUSE_NONE;
	uint64_t earliest = NEVER;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		uint64_t since = rules[i].since(seen);

		if (since == NEVER || (earliest != NEVER && since >= earliest))
			continue;
		earliest = since;
		cause = rules[i].cause;
	}
	return cause;
}

static void describe_main(struct verdict *verdict, const struct observation *seen)
{
	verdict->exit_code = -1;
	if (seen->setup_failed || seen->exec_status != 0)
		return;
	if (!seen->main_known) {
		verdict->signal =
			SIGNAL_KILL; /* an init that dies takes its namespace along with SIGKILL */
	} else if (status_exited(seen->main_status)) {
		verdict->exit_code = (seen->main_status >> 8) & 0xff;
	} else {
		verdict->signal = status_signal(seen->main_status);
		verdict->core_dumped = (seen->main_status & 0x80) != 0;
	}
}

static int decide_status(const struct verdict *verdict, const struct observation *seen,
			 int oom_status)
{
	const int statuses[MEMCAGE_CAUSE__COUNT] = {
		[MEMCAGE_CAUSE_EXITED] = verdict->exit_code,
		[MEMCAGE_CAUSE_SIGNALED] = 128 + verdict->signal,
		[MEMCAGE_CAUSE_OOM] = oom_status,
		[MEMCAGE_CAUSE_SECCOMP] = 122,
		[MEMCAGE_CAUSE_CPU_TIME] = 123,
		[MEMCAGE_CAUSE_TIMEOUT] = 124,
		[MEMCAGE_CAUSE_SETUP_FAILED] = 125,
		[MEMCAGE_CAUSE_EXEC_FAILED] = seen->exec_status,
		[MEMCAGE_CAUSE_CANCELLED] = 128 + seen->cancel_signal,
	};

	return statuses[verdict->cause];
}

struct verdict verdict_decide(const struct observation *seen, int oom_status)
{
	struct verdict verdict = { .cause = decide_cause(seen),
				   .scope = decide_scope(seen),
				   .ancestor = -1 };
	bool killed = was_killed_for_memory(seen, verdict.scope);

	describe_main(&verdict, seen);
	if (verdict.scope == MEMCAGE_SCOPE_ANCESTOR)
		verdict.ancestor = nearest_hit(&seen->memory);
	verdict.by_memcage = killed && seen->no_victim_usec != NEVER;
	verdict.group_kill = killed && (seen->group_killed || verdict.by_memcage);
	verdict.main_survived = verdict.scope != MEMCAGE_SCOPE_NONE && seen->main_known &&
				seen->exec_status == 0 && verdict.signal != SIGNAL_KILL;
	verdict.ok = verdict.cause == MEMCAGE_CAUSE_EXITED && verdict.exit_code == 0;
	verdict.status = decide_status(&verdict, seen, oom_status);
	return verdict;
}
