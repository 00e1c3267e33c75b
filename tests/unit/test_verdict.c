/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <signal.h>
#include <string.h>

#include "report/report.h"
#include "verdict/verdict.h"

enum {
	OK = 1,	      /* all is well */
	SURVIVED = 2, /* the main process ended by itself after the first kill */
	GROUP = 4,    /* the whole job was killed for memory */
	BY_US = 8,    /* by memcage */
};

#define NONE MEMCAGE_SCOPE_NONE
#define JOB MEMCAGE_SCOPE_JOB
#define ANCESTOR MEMCAGE_SCOPE_ANCESTOR
#define HOST MEMCAGE_SCOPE_HOST
#define NESTED MEMCAGE_SCOPE_NESTED
#define UNKNOWN MEMCAGE_SCOPE_UNKNOWN

/* A job that started at 100, whose main process ended at 800 and whose cage was empty at 900. */
#define RAN .start_usec = 100, .end_usec = 900, .main_started = true
#define ENDED RAN, .main_known = true, .main_usec = 800
#define EXITED(code) ENDED, .main_status = (code) << 8
#define SIGNALED(number) ENDED, .main_status = (number)
#define LOST RAN
#define NEVER_RAN .start_usec = 100, .end_usec = 900

#define KILLS(count) .memory.oom_kills = (count)
#define OWN KILLS(1), .memory.own_ooms = 1
#define INNER KILLS(1), .memory.nested_ooms = 1
#define ABOVE KILLS(1), LEVELS(1), HIT(0)
#define LEVELS(count) .memory.ancestor_count = (count)
#define HIT(level) .memory.ancestors[level] = { true, true }
#define CALM(level) .memory.ancestors[level] = { true, false }
#define DARK(level) .memory.ancestors[level] = { false, false }
#define BLIND KILLS(1), .memory.ancestors_hidden = true
/* The log names this limit: ALL kills that were counted, or SOME. */
#define SOME(which) .memory.log_##which = true
#define ALL(which) .memory.log_complete = true, SOME(which)

#define OOM_STATUS 120

#define ROW(name_, cause_, scope_, status_, flags_, guilty_, ...)                                  \
	{                                                                                          \
		name_, { __VA_ARGS__ }, MEMCAGE_CAUSE_##cause_, scope_, status_, flags_, guilty_   \
	}

static const struct row {
	const char *name;
	struct observation seen;
	enum memcage_cause cause;
	enum memcage_scope scope;
	int status;
	unsigned int flags;
	int guilty; /* which ancestor, from 1; 0: none */
} rows[] = {
	/* Nothing was killed for memory. */
	ROW("exit 0 is a success", EXITED, NONE, 0, OK, 0, EXITED(0)),
	ROW("exit 120 by itself is no memory kill", EXITED, NONE, 120, 0, 0, EXITED(120)),
	ROW("the largest status is kept", EXITED, NONE, 255, 0, 0, EXITED(255)),
	ROW("a segmentation fault", SIGNALED, NONE, 139, 0, 0, SIGNALED(SIGSEGV)),
	ROW("a fault that dumped core", SIGNALED, NONE, 139, 0, 0, SIGNALED(SIGSEGV | 0x80)),
	ROW("the last real-time signal", SIGNALED, NONE, 192, 0, 0, SIGNALED(64)),
	ROW("SIGKILL with flat counters came from outside", SIGNALED, NONE, 137, 0, 0,
	    SIGNALED(SIGKILL)),
	ROW("SIGSYS from a filter of the job's own", SIGNALED, NONE, 159, 0, 0, SIGNALED(SIGSYS)),
	ROW("SIGSYS from memcage's filter", SECCOMP, NONE, 122, 0, 0, SIGNALED(SIGSYS),
	    .seccomp_killed = true),
	ROW("init was killed and nothing else is known", SIGNALED, NONE, 137, 0, 0, LOST),
	ROW("a full tmpfs ends with SIGBUS", SIGNALED, NONE, 135, 0, 0, SIGNALED(SIGBUS)),
	ROW("an allocation that was refused is no kill", EXITED, NONE, 1, 0, 0, EXITED(1),
	    .memory.own_ooms = 3, .memory.own_refused = true),
	ROW("an ancestor's OOM that took others is no kill of ours", EXITED, NONE, 0, OK, 0,
	    EXITED(0), LEVELS(1), HIT(0)),
	ROW("what memcage kills at the end is not told of the main process", EXITED, NONE, 0, OK, 0,
	    EXITED(0), .kill_usec = 850),

	/* Whose limit it was. */
	ROW("the main process was killed at the job's own limit", OOM, JOB, 120, 0, 0,
	    SIGNALED(SIGKILL), OWN, .oom_usec = 790),
	ROW("a process was killed and main hides it behind exit 0", OOM, JOB, 120, SURVIVED, 0,
	    EXITED(0), OWN, .oom_usec = 500),
	ROW("a shell turns the kill of its child into 137", OOM, JOB, 120, SURVIVED, 0, EXITED(137),
	    OWN, .oom_usec = 500),
	ROW("a kill makes the main process abort", OOM, JOB, 120, SURVIVED, 0, SIGNALED(SIGABRT),
	    OWN, .oom_usec = 500),
	ROW("a kill that no notification told of in time", OOM, JOB, 120, SURVIVED, 0, EXITED(0),
	    OWN),
	ROW("a kill whose notification came after the main process's end", OOM, JOB, 120, SURVIVED,
	    0, EXITED(0), OWN, .oom_usec = 815),
	ROW("the whole job was killed as a group", OOM, JOB, 120, GROUP, 0, SIGNALED(SIGKILL), OWN,
	    .group_killed = true, .oom_usec = 790),
	ROW("init was killed for memory: the main process is unknown", OOM, JOB, 120, 0, 0, LOST,
	    OWN),
	ROW("the limit of the level above, with our process as the victim", OOM, ANCESTOR, 120, 0,
	    1, SIGNALED(SIGKILL), ABOVE),
	ROW("a group dies for an ancestor's limit too", OOM, ANCESTOR, 120, GROUP, 1,
	    SIGNALED(SIGKILL), ABOVE, .group_killed = true),
	ROW("equal limits on job and parent: the parent's is hit first", OOM, ANCESTOR, 120,
	    SURVIVED, 1, EXITED(3), KILLS(2), LEVELS(2), HIT(0), CALM(1)),
	ROW("the limit of a level further up", OOM, ANCESTOR, 120, 0, 3, SIGNALED(SIGKILL),
	    KILLS(1), LEVELS(3), CALM(0), DARK(1), HIT(2)),
	ROW("of two levels that were hit the nearest is guilty", OOM, ANCESTOR, 120, 0, 2,
	    SIGNALED(SIGKILL), KILLS(1), LEVELS(3), CALM(0), HIT(1), HIT(2)),
	ROW("a level that cannot be read is not guilty", OOM, UNKNOWN, 120, 0, 0, SIGNALED(SIGKILL),
	    BLIND, LEVELS(1), .memory.ancestors[0].limit_hit = true),
	ROW("a level beyond the count is not looked at", OOM, HOST, 120, 0, 0, SIGNALED(SIGKILL),
	    KILLS(1), HIT(0)),
	ROW("no limit was hit and no level is hidden: the machine", OOM, HOST, 120, 0, 0,
	    SIGNALED(SIGKILL), KILLS(1)),
	ROW("no limit was hit and levels are hidden", OOM, UNKNOWN, 120, SURVIVED, 0, EXITED(0),
	    BLIND),
	ROW("hidden levels: the log names the job's limit", OOM, JOB, 120, 0, 0, SIGNALED(SIGKILL),
	    BLIND, ALL(own)),
	ROW("hidden levels: the log names one of them", OOM, ANCESTOR, 120, 0, 0, SIGNALED(SIGKILL),
	    BLIND, ALL(ancestor)),
	ROW("hidden levels: the log names the machine", OOM, HOST, 120, 0, 0, SIGNALED(SIGKILL),
	    BLIND, ALL(host)),
	ROW("hidden levels: the log names a limit inside", EXITED, NESTED, 0, OK | SURVIVED, 0,
	    EXITED(0), BLIND, ALL(nested)),
	ROW("own and ancestor's limit: without the log the job's comes first", OOM, JOB, 120, 0, 0,
	    SIGNALED(SIGKILL), ABOVE, .memory.own_ooms = 1),
	ROW("own and ancestor's limit: the log names the ancestor's", OOM, ANCESTOR, 120, 0, 1,
	    SIGNALED(SIGKILL), ABOVE, .memory.own_ooms = 1, ALL(ancestor)),
	ROW("own and ancestor's limit: the log names the job's", OOM, JOB, 120, 0, 0,
	    SIGNALED(SIGKILL), ABOVE, .memory.own_ooms = 1, ALL(own)),
	ROW("own and ancestor's limit: the log names both", OOM, JOB, 120, 0, 0, SIGNALED(SIGKILL),
	    ABOVE, .memory.own_ooms = 1, ALL(own), SOME(ancestor)),

	/* Limits that the job itself has set inside. */
	ROW("a nested limit is the business of who set it", EXITED, NESTED, 0, OK | SURVIVED, 0,
	    EXITED(0), INNER),
	ROW("a nested memcage says 120", EXITED, NESTED, 120, SURVIVED, 0, EXITED(120), INNER),
	ROW("a nested limit took the main process", SIGNALED, NESTED, 137, 0, 0, SIGNALED(SIGKILL),
	    INNER),
	ROW("a nested group kill is not the job's", EXITED, NESTED, 0, OK | SURVIVED, 0, EXITED(0),
	    INNER, .group_killed = true),
	ROW("a nested kill and then the timeout", TIMEOUT, NESTED, 124, SURVIVED, 0,
	    SIGNALED(SIGTERM), INNER, .oom_usec = 300, .timeout_usec = 700),
	ROW("nested and own limit", OOM, JOB, 120, SURVIVED, 0, EXITED(0), INNER,
	    .memory.own_ooms = 1),
	ROW("nested and own limit: the log names both", OOM, JOB, 120, SURVIVED, 0, EXITED(0),
	    INNER, .memory.own_ooms = 1, ALL(own), SOME(nested)),
	ROW("nested OOMs in masses cannot keep the log from naming the job's own", OOM, JOB, 120,
	    SURVIVED, 0, EXITED(0), INNER, .memory.own_ooms = 1, SOME(nested)),
	ROW("nested and ancestor's limit: nobody can tell", OOM, UNKNOWN, 120, SURVIVED, 0,
	    EXITED(0), ABOVE, .memory.nested_ooms = 1),
	ROW("nested and ancestor's limit: the log names the ancestor's", OOM, ANCESTOR, 120,
	    SURVIVED, 1, EXITED(0), ABOVE, .memory.nested_ooms = 1, ALL(ancestor)),
	ROW("nested and ancestor's limit: the log names the machine", OOM, HOST, 120, SURVIVED, 0,
	    EXITED(0), ABOVE, .memory.nested_ooms = 1, ALL(host)),
	ROW("all three limits: the log names the ancestor's", OOM, ANCESTOR, 120, SURVIVED, 1,
	    EXITED(0), ABOVE, .memory.own_ooms = 1, .memory.nested_ooms = 1, ALL(ancestor)),
	ROW("a nested limit refused something, but the machine killed", OOM, HOST, 120, SURVIVED, 0,
	    EXITED(0), INNER, ALL(host)),
	ROW("nested and own limit: a complete log names the nested alone", EXITED, NESTED, 0,
	    OK | SURVIVED, 0, EXITED(0), INNER, .memory.own_ooms = 1, ALL(nested)),
	ROW("nested and ancestor's limit: a complete log names the nested alone", EXITED, NESTED, 0,
	    OK | SURVIVED, 0, EXITED(0), ABOVE, .memory.nested_ooms = 1, ALL(nested)),
	ROW("nested OOMs in masses cannot hide an ancestor's either", OOM, UNKNOWN, 120, SURVIVED,
	    0, EXITED(0), ABOVE, .memory.nested_ooms = 9, SOME(nested)),
	ROW("an incomplete log names an ancestor, and the job's limit was hit too", OOM, JOB, 120,
	    0, 0, SIGNALED(SIGKILL), ABOVE, .memory.own_ooms = 1, SOME(ancestor)),
	ROW("no limit was hit, and the log names the machine's and a nested one", OOM, HOST, 120,
	    SURVIVED, 0, EXITED(0), KILLS(2), SOME(host), SOME(nested)),
	ROW("a nested limit refused something, but a hidden one killed", OOM, ANCESTOR, 120,
	    SURVIVED, 0, EXITED(0), BLIND, .memory.nested_ooms = 1, ALL(ancestor)),

	/* Nobody whom the kernel may kill. */
	ROW("stuck at its own limit, ended by memcage", OOM, JOB, 120, GROUP | BY_US, 0,
	    SIGNALED(SIGKILL), .memory.own_ooms = 4000, .no_victim_usec = 700),
	ROW("stuck at an ancestor's limit, ended by memcage", OOM, ANCESTOR, 120, GROUP | BY_US, 1,
	    SIGNALED(SIGKILL), .no_victim_usec = 700, LEVELS(1), HIT(0)),
	ROW("stuck at a limit inside, ended by memcage", OOM, NESTED, 120, GROUP | BY_US, 0,
	    SIGNALED(SIGKILL), .memory.nested_ooms = 4000, .no_victim_usec = 700),
	ROW("the timeout came while it was stuck", TIMEOUT, JOB, 124, GROUP | BY_US, 0,
	    SIGNALED(SIGKILL), .memory.own_ooms = 4000, .timeout_usec = 600, .no_victim_usec = 700),

	/* Order in time. */
	ROW("timeout, then a kill", TIMEOUT, JOB, 124, 0, 0, SIGNALED(SIGKILL), OWN,
	    .timeout_usec = 500, .oom_usec = 600),
	ROW("a kill, then the timeout", OOM, JOB, 120, SURVIVED, 0, SIGNALED(SIGTERM), OWN,
	    .oom_usec = 500, .timeout_usec = 600),
	ROW("timeout and kill at once: what memcage did comes first", TIMEOUT, JOB, 124, 0, 0,
	    SIGNALED(SIGKILL), OWN, .timeout_usec = 500, .oom_usec = 500),
	ROW("timeout and a kill that was seen only at the end", TIMEOUT, JOB, 124, 0, 0,
	    SIGNALED(SIGKILL), OWN, .timeout_usec = 500),
	ROW("the job says 0 to the SIGTERM of the timeout", TIMEOUT, NONE, 124, 0, 0, EXITED(0),
	    .timeout_usec = 700),
	ROW("the timeout in the moment of the exit", TIMEOUT, NONE, 124, 0, 0, EXITED(0),
	    .timeout_usec = 800),
	ROW("the timeout while leftovers of an ended job are killed", EXITED, NONE, 0, OK, 0,
	    EXITED(0), .timeout_usec = 850),
	ROW("cancelled by TERM, then it exits 0", CANCELLED, NONE, 143, 0, 0, EXITED(0),
	    .cancel_usec = 700, .cancel_signal = SIGTERM),
	ROW("cancelled by HUP", CANCELLED, NONE, 129, 0, 0, SIGNALED(SIGHUP), .cancel_usec = 700,
	    .cancel_signal = SIGHUP),
	ROW("a TERM that came after the job had ended", EXITED, NONE, 4, 0, 0, EXITED(4),
	    .cancel_usec = 850, .cancel_signal = SIGTERM),
	ROW("cancelled before the command ran", CANCELLED, NONE, 143, 0, 0, NEVER_RAN,
	    .cancel_usec = 200, .cancel_signal = SIGTERM),
	ROW("cancel and timeout at once", CANCELLED, NONE, 143, 0, 0, SIGNALED(SIGKILL),
	    .cancel_usec = 700, .cancel_signal = SIGTERM, .timeout_usec = 700),
	ROW("timeout, then a cancel", TIMEOUT, NONE, 124, 0, 0, SIGNALED(SIGKILL),
	    .cancel_usec = 700, .cancel_signal = SIGTERM, .timeout_usec = 600),
	ROW("cancel, then a kill", CANCELLED, JOB, 143, 0, 0, SIGNALED(SIGKILL), .cancel_usec = 400,
	    .cancel_signal = SIGTERM, OWN, .oom_usec = 500),
	ROW("CPU time used up", CPU_TIME, NONE, 123, 0, 0, SIGNALED(SIGTERM), .cpu_time_usec = 700),
	ROW("CPU time and timeout at once", TIMEOUT, NONE, 124, 0, 0, SIGNALED(SIGTERM),
	    .cpu_time_usec = 700, .timeout_usec = 700),
	ROW("CPU time, then the timeout", CPU_TIME, NONE, 123, 0, 0, SIGNALED(SIGKILL),
	    .cpu_time_usec = 600, .timeout_usec = 700),
	ROW("a child that the filter killed, and main exits well", SECCOMP, NONE, 122, 0, 0,
	    EXITED(0), .seccomp_killed = true, .seccomp_usec = 500),
	ROW("a child that the filter killed, and main dies of it", SECCOMP, NONE, 122, 0, 0,
	    SIGNALED(SIGABRT), .seccomp_killed = true, .seccomp_usec = 500),
	ROW("main, killed for its call by memcage", SECCOMP, NONE, 122, 0, 0, SIGNALED(SIGKILL),
	    .seccomp_killed = true, .seccomp_usec = 799),
	ROW("a call that was seen when main had ended", SECCOMP, NONE, 122, 0, 0, EXITED(3),
	    .seccomp_killed = true, .seccomp_usec = 850),
	ROW("a killed call, then the timeout", SECCOMP, NONE, 122, 0, 0, SIGNALED(SIGKILL),
	    .seccomp_killed = true, .seccomp_usec = 500, .timeout_usec = 700),
	ROW("the timeout, then a killed call", TIMEOUT, NONE, 124, 0, 0, SIGNALED(SIGKILL),
	    .seccomp_killed = true, .seccomp_usec = 750, .timeout_usec = 700),
	ROW("a cancel, then a killed call", CANCELLED, NONE, 143, 0, 0, SIGNALED(SIGTERM),
	    .seccomp_killed = true, .seccomp_usec = 750, .cancel_usec = 700,
	    .cancel_signal = SIGTERM),
	ROW("a killed call, then a kill for memory", SECCOMP, JOB, 122, SURVIVED, 0, EXITED(0), OWN,
	    .seccomp_killed = true, .seccomp_usec = 500, .oom_usec = 600),
	ROW("a kill for memory, then a killed call", OOM, JOB, 120, SURVIVED, 0, EXITED(0), OWN,
	    .seccomp_killed = true, .seccomp_usec = 600, .oom_usec = 500),
	ROW("both at once", OOM, JOB, 120, SURVIVED, 0, EXITED(0), OWN, .seccomp_killed = true,
	    .seccomp_usec = 500, .oom_usec = 500),
	ROW("a kill and a seccomp kill", OOM, JOB, 120, SURVIVED, 0, SIGNALED(SIGSYS), OWN,
	    .seccomp_killed = true),
	ROW("the deadline of a job that thrashes below its working set", TIMEOUT, NONE, 124, 0, 0,
	    SIGNALED(SIGKILL), .timeout_usec = 500, .memory.own_ooms = 2),

	/* What kept it from running. */
	ROW("the cage could not be made", SETUP_FAILED, NONE, 125, 0, 0, NEVER_RAN,
	    .setup_failed = true),
	ROW("nothing at all was begun", SETUP_FAILED, NONE, 125, 0, 0, .setup_failed = true),
	ROW("a cage that could not be made was cancelled too", SETUP_FAILED, NONE, 125, 0, 0,
	    NEVER_RAN, .setup_failed = true, .cancel_usec = 300, .cancel_signal = SIGTERM),
	ROW("the command was not found", EXEC_FAILED, NONE, 127, 0, 0, .exec_status = 127),
	ROW("the command cannot be executed", EXEC_FAILED, NONE, 126, 0, 0, NEVER_RAN,
	    .exec_status = 126),
	ROW("execve had no memory, and no limit was hit", EXEC_FAILED, NONE, 126, 0, 0, NEVER_RAN,
	    .exec_status = 126, .exec_no_memory = true),
	ROW("the limit left no room for the program itself", OOM, JOB, 120, 0, 0, NEVER_RAN,
	    .exec_status = 126, .exec_no_memory = true, .memory.own_ooms = 1),
	ROW("no room for the program, and no OOM was counted", OOM, JOB, 120, 0, 0, NEVER_RAN,
	    .exec_status = 126, .exec_no_memory = true, .memory.own_refused = true),
	ROW("no room for the program, and the kernel told of it by a kill", OOM, ANCESTOR, 120, 0,
	    1, NEVER_RAN, .exec_status = 126, .exec_no_memory = true, ABOVE),
};

static unsigned int flags_of(const struct verdict *verdict)
{
	return (verdict->ok ? OK : 0) | (verdict->main_survived ? SURVIVED : 0) |
	       (verdict->group_kill ? GROUP : 0) | (verdict->by_memcage ? BY_US : 0);
}

/*
 * What the wait status says is kept whatever the cause; one that was lost with init is SIGKILL's.
 */
static void check_main(const struct observation *seen, const struct verdict *verdict)
{
	bool ran = !seen->setup_failed && seen->exec_status == 0;
	bool exited = ran && seen->main_known && (seen->main_status & 0x7f) == 0;
	bool signaled = ran && seen->main_known && !exited;
	int lost = ran && !seen->main_known ? SIGKILL : 0;

	assert_int_equal(verdict->exit_code, exited ? seen->main_status >> 8 : -1);
	assert_int_equal(verdict->signal, signaled ? seen->main_status & 0x7f : lost);
	assert_int_equal(verdict->core_dumped, signaled && (seen->main_status & 0x80));
}

static void check_row(void **state)
{
	const struct row *row = *state;
	struct verdict verdict = verdict_decide(&row->seen, OOM_STATUS);

	assert_int_equal(verdict.cause, row->cause);
	assert_int_equal(verdict.scope, row->scope);
	assert_int_equal(verdict.status, row->status);
	assert_int_equal(flags_of(&verdict), row->flags);
	assert_int_equal(verdict.ancestor, row->guilty - 1);
	check_main(&row->seen, &verdict);
}

/* --oom-exit-code stands in for 120, and only there. */
static void check_oom_status(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int want = rows[i].cause == MEMCAGE_CAUSE_OOM ? 7 : rows[i].status;

		assert_int_equal(verdict_decide(&rows[i].seen, 7).status, want);
	}
}

/* splitmix64: the same numbers at each run. */
static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t below(uint64_t *seed, uint64_t limit)
{
	return next_random(seed) % limit;
}

static bool one_in(uint64_t *seed, uint64_t count)
{
	return below(seed, count) == 0;
}

/* Few dates, so that many fall together. */
static uint64_t some_date(uint64_t *seed, uint64_t chances)
{
	return one_in(seed, chances) ? 1 + below(seed, 9) : 0;
}

static uint64_t some_count(uint64_t *seed)
{
	static const uint64_t counts[] = { 0, 0, 0, 1, 2, 1000, UINT64_MAX };

	return counts[below(seed, ARRAY_LEN(counts))];
}

static void random_memory(uint64_t *seed, struct memory_seen *memory)
{
	memory->oom_kills = some_count(seed);
	memory->own_ooms = some_count(seed);
	memory->nested_ooms = some_count(seed);
	memory->own_refused = one_in(seed, 4);
	memory->ancestor_count = below(seed, OBSERVED_ANCESTORS + 1);
	for (size_t i = 0; i < OBSERVED_ANCESTORS; i++) {
		memory->ancestors[i].readable = !one_in(seed, 3);
		memory->ancestors[i].limit_hit = one_in(seed, 12);
	}
	memory->ancestors_hidden = one_in(seed, 2);
	if (!one_in(seed, 2))
		return;
	memory->log_own = one_in(seed, 3);
	memory->log_nested = one_in(seed, 3);
	memory->log_ancestor = one_in(seed, 3);
	memory->log_host = one_in(seed, 3);
	memory->log_complete = one_in(seed, 2) && (memory->log_own || memory->log_nested ||
						   memory->log_ancestor || memory->log_host);
}

static void random_main(uint64_t *seed, struct observation *seen)
{
	bool exited = one_in(seed, 2);

	seen->main_started = true;
	seen->main_known = !one_in(seed, 5);
	seen->main_status = exited ? (int) below(seed, 256) << 8 : 1 + (int) below(seed, 64);
	if (one_in(seed, 4))
		seen->main_status = 0;
	seen->main_usec = some_date(seed, 1);
}

static struct observation random_observation(uint64_t *seed)
{
	struct observation seen = { .start_usec = 1, .end_usec = 10 };

	if (one_in(seed, 10)) {
		seen.setup_failed = true;
	} else if (one_in(seed, 10)) {
		seen.exec_status = 126 + (int) below(seed, 2);
		seen.exec_no_memory = one_in(seed, 2);
	} else {
		random_main(seed, &seen);
	}
	seen.timeout_usec = some_date(seed, 4);
	seen.cpu_time_usec = some_date(seed, 6);
	seen.cancel_usec = some_date(seed, 5);
	seen.cancel_signal = seen.cancel_usec ? 1 + (int) below(seed, 64) : 0;
	seen.kill_usec = some_date(seed, 3);
	seen.no_victim_usec = some_date(seed, 8);
	seen.oom_group_usec = some_date(seed, 8);
	seen.oom_usec = some_date(seed, 2);
	seen.group_killed = one_in(seed, 3);
	seen.seccomp_killed = one_in(seed, 10);
	seen.seccomp_usec = seen.seccomp_killed ? some_date(seed, 2) : 0;
	random_memory(seed, &seen.memory);
	return seen;
}

static bool was_killed(const struct observation *seen)
{
	const struct memory_seen *memory = &seen->memory;
	bool refused = seen->exec_no_memory && (memory->own_ooms > 0 || memory->own_refused);

	return memory->oom_kills > 0 || seen->no_victim_usec != 0 || refused;
}

static void check_same(const struct verdict *a, const struct verdict *b)
{
	assert_int_equal(a->cause, b->cause);
	assert_int_equal(a->scope, b->scope);
	assert_int_equal(a->ancestor, b->ancestor);
	assert_int_equal(flags_of(a), flags_of(b));
	assert_int_equal(a->exit_code, b->exit_code);
	assert_int_equal(a->signal, b->signal);
	assert_int_equal(a->core_dumped, b->core_dumped);
	assert_int_equal(a->status, b->status);
}

static void check_cause(const struct observation *seen, const struct verdict *verdict)
{
	bool by_itself =
		verdict->cause == MEMCAGE_CAUSE_EXITED || verdict->cause == MEMCAGE_CAUSE_SIGNALED;

	assert_in_range(verdict->cause, MEMCAGE_CAUSE_NONE + 1, MEMCAGE_CAUSE__COUNT - 1);
	if (seen->setup_failed)
		assert_int_equal(verdict->cause, MEMCAGE_CAUSE_SETUP_FAILED);
	if (by_itself) /* a memory kill is never silent */
		assert_true(verdict->scope == NONE || verdict->scope == NESTED);
	if (verdict->cause == MEMCAGE_CAUSE_OOM)
		assert_int_not_equal(verdict->scope, NONE);
	if (verdict->ok)
		assert_true(verdict->cause == MEMCAGE_CAUSE_EXITED && verdict->status == 0);
}

static void check_scope(const struct observation *seen, const struct verdict *verdict)
{
	const struct ancestor_seen *guilty = &seen->memory.ancestors[0] + verdict->ancestor;

	assert_in_range(verdict->scope, 0, MEMCAGE_SCOPE__COUNT - 1);
	assert_int_equal(verdict->scope == NONE, !was_killed(seen));
	if (verdict->scope == NONE)
		assert_int_equal(flags_of(verdict) & ~(unsigned int) OK, 0);
	if (verdict->ancestor >= 0) {
		assert_int_equal(verdict->scope, ANCESTOR);
		assert_in_range(verdict->ancestor, 0, seen->memory.ancestor_count - 1);
		assert_true(guilty->readable && guilty->limit_hit);
	}
	if (verdict->by_memcage)
		assert_true(verdict->group_kill);
}

static void check_properties(void **state)
{
	uint64_t seed = 120;

	(void) state;
	for (int i = 0; i < 50000; i++) {
		struct observation seen = random_observation(&seed), again = seen;
		struct verdict verdict = verdict_decide(&seen, OOM_STATUS);
		struct verdict other = verdict_decide(&again, OOM_STATUS);

		assert_in_range(verdict.status, 0, 255);
		check_same(&verdict, &other);
		check_main(&seen, &verdict);
		check_cause(&seen, &verdict);
		check_scope(&seen, &verdict);
	}
}

/* What a program that reads reports may rely on. */
static void check_names(void **state)
{
	static const char *const causes[] = { NULL,	     "exited",	    "signaled", "oom",
					      "timeout",     "cpu-time",    "seccomp",	"cancelled",
					      "exec-failed", "setup-failed" };
	static const char *const scopes[] = {
		NULL, "job", "ancestor", "host", "nested", "unknown"
	};

	(void) state;
	assert_int_equal(ARRAY_LEN(causes), MEMCAGE_CAUSE__COUNT);
	assert_int_equal(ARRAY_LEN(scopes), MEMCAGE_SCOPE__COUNT);
	assert_null(memcage_cause_name(MEMCAGE_CAUSE_NONE));
	assert_null(memcage_scope_name(MEMCAGE_SCOPE_NONE));
	for (int i = 1; i < MEMCAGE_CAUSE__COUNT; i++)
		assert_string_equal(memcage_cause_name((enum memcage_cause) i), causes[i]);
	for (int i = 1; i < MEMCAGE_SCOPE__COUNT; i++)
		assert_string_equal(memcage_scope_name((enum memcage_scope) i), scopes[i]);
	assert_null(memcage_cause_name(MEMCAGE_CAUSE__COUNT));
	assert_null(memcage_scope_name(MEMCAGE_SCOPE__COUNT));
	assert_null(memcage_cause_name((enum memcage_cause) - 1));
}

/* Each cause and each scope is some row's. */
static void check_complete(void **state)
{
	unsigned int causes = 0, scopes = 0;

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		causes |= 1U << rows[i].cause;
		scopes |= 1U << rows[i].scope;
	}
	assert_int_equal(causes, (1U << MEMCAGE_CAUSE__COUNT) - (1U << MEMCAGE_CAUSE_EXITED));
	assert_int_equal(scopes, (1U << MEMCAGE_SCOPE__COUNT) - 1);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "the status of an OOM can be chosen", check_oom_status, NULL);
	test_add(&suite, "whatever was seen, the verdict is in order", check_properties, NULL);
	test_add(&suite, "causes and scopes have the contract's names", check_names, NULL);
	test_add(&suite, "each cause and each scope has a row", check_complete, NULL);
	return test_run("verdict", &suite);
}
