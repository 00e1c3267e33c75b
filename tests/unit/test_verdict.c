/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <signal.h>
#include <string.h>

#include "report.h"
#include "verdict.h"

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

#define OWN .oom_kills = 1, .own_ooms = 1
#define INNER .oom_kills = 1, .nested_ooms = 1
#define ABOVE .oom_kills = 1, .ancestor_count = 1, .ancestors = { { true, true } }
#define BLIND .oom_kills = 1, .ancestors_hidden = true
#define LOG(which) .kernel_log = true, .log_##which = true

#define OOM_STATUS 120

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
	{ "exit 0 is a success", { EXITED(0) }, MEMCAGE_CAUSE_EXITED, NONE, 0, OK },
	{ "exit 120 by itself is no memory kill",
	  { EXITED(120) },
	  MEMCAGE_CAUSE_EXITED,
	  NONE,
	  120 },
	{ "exit 137 by itself is no memory kill",
	  { EXITED(137) },
	  MEMCAGE_CAUSE_EXITED,
	  NONE,
	  137 },
	{ "the largest status is kept", { EXITED(255) }, MEMCAGE_CAUSE_EXITED, NONE, 255 },
	{ "a segmentation fault", { SIGNALED(SIGSEGV) }, MEMCAGE_CAUSE_SIGNALED, NONE, 139 },
	{ "a fault that dumped core",
	  { SIGNALED(SIGSEGV | 0x80) },
	  MEMCAGE_CAUSE_SIGNALED,
	  NONE,
	  139 },
	{ "the last real-time signal", { SIGNALED(64) }, MEMCAGE_CAUSE_SIGNALED, NONE, 192 },
	{ "SIGKILL with flat counters came from outside",
	  { SIGNALED(SIGKILL) },
	  MEMCAGE_CAUSE_SIGNALED,
	  NONE,
	  137 },
	{ "SIGSYS from a filter of the job's own",
	  { SIGNALED(SIGSYS) },
	  MEMCAGE_CAUSE_SIGNALED,
	  NONE,
	  159 },
	{ "SIGSYS from memcage's filter",
	  { SIGNALED(SIGSYS), .seccomp_killed = true },
	  MEMCAGE_CAUSE_SECCOMP,
	  NONE,
	  122 },
	{ "init was killed and nothing else is known",
	  { LOST },
	  MEMCAGE_CAUSE_SIGNALED,
	  NONE,
	  137 },
	{ "a full tmpfs ends with SIGBUS",
	  { SIGNALED(SIGBUS) },
	  MEMCAGE_CAUSE_SIGNALED,
	  NONE,
	  135 },
	{ "an allocation that was refused is no kill",
	  { EXITED(1), .memory = { .own_ooms = 3 } },
	  MEMCAGE_CAUSE_EXITED,
	  NONE,
	  1 },
	{ "an ancestor's OOM that took others is no kill of ours",
	  { EXITED(0), .memory = { .ancestor_count = 1, .ancestors = { { true, true } } } },
	  MEMCAGE_CAUSE_EXITED,
	  NONE,
	  0,
	  OK },
	{ "what memcage kills at the end is not told of the main process",
	  { EXITED(0), .kill_usec = 850 },
	  MEMCAGE_CAUSE_EXITED,
	  NONE,
	  0,
	  OK },

	/* Whose limit it was. */
	{ "the main process was killed at the job's own limit",
	  { SIGNALED(SIGKILL), .memory = { OWN }, .oom_usec = 790 },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120 },
	{ "a process was killed and main hides it behind exit 0",
	  { EXITED(0), .memory = { OWN }, .oom_usec = 500 },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120,
	  SURVIVED },
	{ "a shell turns the kill of its child into 137",
	  { EXITED(137), .memory = { OWN }, .oom_usec = 500 },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120,
	  SURVIVED },
	{ "a kill makes the main process abort",
	  { SIGNALED(SIGABRT), .memory = { OWN }, .oom_usec = 500 },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120,
	  SURVIVED },
	{ "a kill that no notification told of in time",
	  { EXITED(0), .memory = { OWN } },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120,
	  SURVIVED },
	{ "a kill whose notification came after the main process's end",
	  { EXITED(0), .memory = { OWN }, .oom_usec = 815 },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120,
	  SURVIVED },
	{ "the whole job was killed as a group",
	  { SIGNALED(SIGKILL), .memory = { OWN }, .group_killed = true, .oom_usec = 790 },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120,
	  GROUP },
	{ "init was killed for memory: the main process is unknown",
	  { LOST, .memory = { OWN } },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120 },
	{ "the limit of the level above, with our process as the victim",
	  { SIGNALED(SIGKILL), .memory = { ABOVE } },
	  MEMCAGE_CAUSE_OOM,
	  ANCESTOR,
	  120,
	  0,
	  1 },
	{ "a group dies for an ancestor's limit too",
	  { SIGNALED(SIGKILL), .memory = { ABOVE }, .group_killed = true },
	  MEMCAGE_CAUSE_OOM,
	  ANCESTOR,
	  120,
	  GROUP,
	  1 },
	{ "equal limits on job and parent: the parent's is hit first",
	  { EXITED(3), .memory = { .oom_kills = 2,
				   .ancestor_count = 2,
				   .ancestors = { { true, true }, { true, false } } } },
	  MEMCAGE_CAUSE_OOM,
	  ANCESTOR,
	  120,
	  SURVIVED,
	  1 },
	{ "the limit of a level further up",
	  { SIGNALED(SIGKILL),
	    .memory = { .oom_kills = 1,
			.ancestor_count = 3,
			.ancestors = { { true, false }, { false, false }, { true, true } } } },
	  MEMCAGE_CAUSE_OOM,
	  ANCESTOR,
	  120,
	  0,
	  3 },
	{ "of two levels that were hit the nearest is guilty",
	  { SIGNALED(SIGKILL),
	    .memory = { .oom_kills = 1,
			.ancestor_count = 3,
			.ancestors = { { true, false }, { true, true }, { true, true } } } },
	  MEMCAGE_CAUSE_OOM,
	  ANCESTOR,
	  120,
	  0,
	  2 },
	{ "a level that cannot be read is not guilty",
	  { SIGNALED(SIGKILL),
	    .memory = { BLIND, .ancestor_count = 1, .ancestors = { { false, true } } } },
	  MEMCAGE_CAUSE_OOM,
	  UNKNOWN,
	  120 },
	{ "a level beyond the count is not looked at",
	  { SIGNALED(SIGKILL), .memory = { .oom_kills = 1, .ancestors = { { true, true } } } },
	  MEMCAGE_CAUSE_OOM,
	  HOST,
	  120 },
	{ "no limit was hit and no level is hidden: the machine",
	  { SIGNALED(SIGKILL), .memory = { .oom_kills = 1 } },
	  MEMCAGE_CAUSE_OOM,
	  HOST,
	  120 },
	{ "no limit was hit and levels are hidden",
	  { EXITED(0), .memory = { BLIND } },
	  MEMCAGE_CAUSE_OOM,
	  UNKNOWN,
	  120,
	  SURVIVED },
	{ "hidden levels: the log names the job's limit",
	  { SIGNALED(SIGKILL), .memory = { BLIND, LOG(own) } },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120 },
	{ "hidden levels: the log names one of them",
	  { SIGNALED(SIGKILL), .memory = { BLIND, LOG(ancestor) } },
	  MEMCAGE_CAUSE_OOM,
	  ANCESTOR,
	  120 },
	{ "hidden levels: the log names the machine",
	  { SIGNALED(SIGKILL), .memory = { BLIND, LOG(host) } },
	  MEMCAGE_CAUSE_OOM,
	  HOST,
	  120 },
	{ "hidden levels: the log names a limit inside",
	  { EXITED(0), .memory = { BLIND, LOG(nested) } },
	  MEMCAGE_CAUSE_EXITED,
	  NESTED,
	  0,
	  OK | SURVIVED },
	{ "own and ancestor's limit: without the log the job's comes first",
	  { SIGNALED(SIGKILL), .memory = { ABOVE, .own_ooms = 1 } },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120 },
	{ "own and ancestor's limit: the log names the ancestor's",
	  { SIGNALED(SIGKILL), .memory = { ABOVE, .own_ooms = 1, LOG(ancestor) } },
	  MEMCAGE_CAUSE_OOM,
	  ANCESTOR,
	  120,
	  0,
	  1 },
	{ "own and ancestor's limit: the log names the job's",
	  { SIGNALED(SIGKILL), .memory = { ABOVE, .own_ooms = 1, LOG(own) } },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120 },
	{ "own and ancestor's limit: the log names both",
	  { SIGNALED(SIGKILL), .memory = { ABOVE, .own_ooms = 1, LOG(own), .log_ancestor = true } },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120 },

	/* Limits that the job itself has set inside. */
	{ "a nested limit is the business of who set it",
	  { EXITED(0), .memory = { INNER } },
	  MEMCAGE_CAUSE_EXITED,
	  NESTED,
	  0,
	  OK | SURVIVED },
	{ "a nested memcage says 120",
	  { EXITED(120), .memory = { INNER } },
	  MEMCAGE_CAUSE_EXITED,
	  NESTED,
	  120,
	  SURVIVED },
	{ "a nested limit took the main process",
	  { SIGNALED(SIGKILL), .memory = { INNER } },
	  MEMCAGE_CAUSE_SIGNALED,
	  NESTED,
	  137 },
	{ "a nested group kill is not the job's",
	  { EXITED(0), .memory = { INNER }, .group_killed = true },
	  MEMCAGE_CAUSE_EXITED,
	  NESTED,
	  0,
	  OK | SURVIVED },
	{ "a nested kill and then the timeout",
	  { SIGNALED(SIGTERM), .memory = { INNER }, .oom_usec = 300, .timeout_usec = 700 },
	  MEMCAGE_CAUSE_TIMEOUT,
	  NESTED,
	  124,
	  SURVIVED },
	{ "nested and own limit",
	  { EXITED(0), .memory = { INNER, .own_ooms = 1 } },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120,
	  SURVIVED },
	{ "nested and own limit: the log names both",
	  { EXITED(0), .memory = { INNER, .own_ooms = 1, LOG(own), .log_nested = true } },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120,
	  SURVIVED },
	{ "nested OOMs in masses cannot keep the log from naming the job's own",
	  { EXITED(0), .memory = { INNER, .own_ooms = 1, LOG(nested) } },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120,
	  SURVIVED },
	{ "nested and ancestor's limit: nobody can tell",
	  { EXITED(0), .memory = { ABOVE, .nested_ooms = 1 } },
	  MEMCAGE_CAUSE_OOM,
	  UNKNOWN,
	  120,
	  SURVIVED },
	{ "nested and ancestor's limit: the log names the ancestor's",
	  { EXITED(0), .memory = { ABOVE, .nested_ooms = 1, LOG(ancestor) } },
	  MEMCAGE_CAUSE_OOM,
	  ANCESTOR,
	  120,
	  SURVIVED,
	  1 },
	{ "nested and ancestor's limit: the log names the machine",
	  { EXITED(0), .memory = { ABOVE, .nested_ooms = 1, LOG(host) } },
	  MEMCAGE_CAUSE_OOM,
	  HOST,
	  120,
	  SURVIVED },
	{ "all three limits: the log names the ancestor's",
	  { EXITED(0), .memory = { ABOVE, .own_ooms = 1, .nested_ooms = 1, LOG(ancestor) } },
	  MEMCAGE_CAUSE_OOM,
	  ANCESTOR,
	  120,
	  SURVIVED,
	  1 },
	{ "a nested limit refused something, but the machine killed",
	  { EXITED(0), .memory = { INNER, LOG(host) } },
	  MEMCAGE_CAUSE_OOM,
	  HOST,
	  120,
	  SURVIVED },
	{ "a nested limit refused something, but a hidden one killed",
	  { EXITED(0), .memory = { INNER, .ancestors_hidden = true, LOG(ancestor) } },
	  MEMCAGE_CAUSE_OOM,
	  ANCESTOR,
	  120,
	  SURVIVED },

	/* Nobody whom the kernel may kill. */
	{ "stuck at its own limit, ended by memcage",
	  { SIGNALED(SIGKILL), .memory = { .own_ooms = 4000 }, .no_victim_usec = 700 },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120,
	  GROUP | BY_US },
	{ "stuck at an ancestor's limit, ended by memcage",
	  { SIGNALED(SIGKILL), .no_victim_usec = 700,
	    .memory = { .ancestor_count = 1, .ancestors = { { true, true } } } },
	  MEMCAGE_CAUSE_OOM,
	  ANCESTOR,
	  120,
	  GROUP | BY_US,
	  1 },
	{ "stuck at a limit inside, ended by memcage",
	  { SIGNALED(SIGKILL), .memory = { .nested_ooms = 4000 }, .no_victim_usec = 700 },
	  MEMCAGE_CAUSE_OOM,
	  NESTED,
	  120,
	  GROUP | BY_US },
	{ "the timeout came while it was stuck",
	  { SIGNALED(SIGKILL), .memory = { .own_ooms = 4000 }, .timeout_usec = 600,
	    .no_victim_usec = 700 },
	  MEMCAGE_CAUSE_TIMEOUT,
	  JOB,
	  124,
	  GROUP | BY_US },

	/* Order in time. */
	{ "timeout, then a kill",
	  { SIGNALED(SIGKILL), .memory = { OWN }, .timeout_usec = 500, .oom_usec = 600 },
	  MEMCAGE_CAUSE_TIMEOUT,
	  JOB,
	  124 },
	{ "a kill, then the timeout",
	  { SIGNALED(SIGTERM), .memory = { OWN }, .oom_usec = 500, .timeout_usec = 600 },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120,
	  SURVIVED },
	{ "timeout and kill at once: what memcage did comes first",
	  { SIGNALED(SIGKILL), .memory = { OWN }, .timeout_usec = 500, .oom_usec = 500 },
	  MEMCAGE_CAUSE_TIMEOUT,
	  JOB,
	  124 },
	{ "timeout and a kill that was seen only at the end",
	  { SIGNALED(SIGKILL), .memory = { OWN }, .timeout_usec = 500 },
	  MEMCAGE_CAUSE_TIMEOUT,
	  JOB,
	  124 },
	{ "the job says 0 to the SIGTERM of the timeout",
	  { EXITED(0), .timeout_usec = 700 },
	  MEMCAGE_CAUSE_TIMEOUT,
	  NONE,
	  124 },
	{ "the timeout in the moment of the exit",
	  { EXITED(0), .timeout_usec = 800 },
	  MEMCAGE_CAUSE_TIMEOUT,
	  NONE,
	  124 },
	{ "the timeout while leftovers of an ended job are killed",
	  { EXITED(0), .timeout_usec = 850 },
	  MEMCAGE_CAUSE_EXITED,
	  NONE,
	  0,
	  OK },
	{ "cancelled by TERM, then it exits 0",
	  { EXITED(0), .cancel_usec = 700, .cancel_signal = SIGTERM },
	  MEMCAGE_CAUSE_CANCELLED,
	  NONE,
	  143 },
	{ "cancelled by HUP",
	  { SIGNALED(SIGHUP), .cancel_usec = 700, .cancel_signal = SIGHUP },
	  MEMCAGE_CAUSE_CANCELLED,
	  NONE,
	  129 },
	{ "a TERM that came after the job had ended",
	  { EXITED(4), .cancel_usec = 850, .cancel_signal = SIGTERM },
	  MEMCAGE_CAUSE_EXITED,
	  NONE,
	  4 },
	{ "cancelled before the command ran",
	  { NEVER_RAN, .cancel_usec = 200, .cancel_signal = SIGTERM },
	  MEMCAGE_CAUSE_CANCELLED,
	  NONE,
	  143 },
	{ "cancel and timeout at once",
	  { SIGNALED(SIGKILL), .cancel_usec = 700, .cancel_signal = SIGTERM, .timeout_usec = 700 },
	  MEMCAGE_CAUSE_CANCELLED,
	  NONE,
	  143 },
	{ "timeout, then a cancel",
	  { SIGNALED(SIGKILL), .cancel_usec = 700, .cancel_signal = SIGTERM, .timeout_usec = 600 },
	  MEMCAGE_CAUSE_TIMEOUT,
	  NONE,
	  124 },
	{ "cancel, then a kill",
	  { SIGNALED(SIGKILL), .cancel_usec = 400, .cancel_signal = SIGTERM, .memory = { OWN },
	    .oom_usec = 500 },
	  MEMCAGE_CAUSE_CANCELLED,
	  JOB,
	  143 },
	{ "CPU time used up",
	  { SIGNALED(SIGTERM), .cpu_time_usec = 700 },
	  MEMCAGE_CAUSE_CPU_TIME,
	  NONE,
	  123 },
	{ "CPU time and timeout at once",
	  { SIGNALED(SIGTERM), .cpu_time_usec = 700, .timeout_usec = 700 },
	  MEMCAGE_CAUSE_TIMEOUT,
	  NONE,
	  124 },
	{ "CPU time, then the timeout",
	  { SIGNALED(SIGKILL), .cpu_time_usec = 600, .timeout_usec = 700 },
	  MEMCAGE_CAUSE_CPU_TIME,
	  NONE,
	  123 },
	{ "a kill and a seccomp kill",
	  { SIGNALED(SIGSYS), .memory = { OWN }, .seccomp_killed = true },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120,
	  SURVIVED },
	{ "the deadline of a job that thrashes below its working set",
	  { SIGNALED(SIGKILL), .timeout_usec = 500, .memory = { .own_ooms = 2 } },
	  MEMCAGE_CAUSE_TIMEOUT,
	  NONE,
	  124 },

	/* What kept it from running. */
	{ "the cage could not be made",
	  { NEVER_RAN, .setup_failed = true },
	  MEMCAGE_CAUSE_SETUP_FAILED,
	  NONE,
	  125 },
	{ "nothing at all was begun",
	  { .setup_failed = true },
	  MEMCAGE_CAUSE_SETUP_FAILED,
	  NONE,
	  125 },
	{ "a cage that could not be made was cancelled too",
	  { NEVER_RAN, .setup_failed = true, .cancel_usec = 300, .cancel_signal = SIGTERM },
	  MEMCAGE_CAUSE_SETUP_FAILED,
	  NONE,
	  125 },
	{ "the command was not found",
	  { .exec_status = 127 },
	  MEMCAGE_CAUSE_EXEC_FAILED,
	  NONE,
	  127 },
	{ "the command cannot be executed",
	  { NEVER_RAN, .exec_status = 126 },
	  MEMCAGE_CAUSE_EXEC_FAILED,
	  NONE,
	  126 },
	{ "execve had no memory, and no limit was hit",
	  { NEVER_RAN, .exec_status = 126, .exec_no_memory = true },
	  MEMCAGE_CAUSE_EXEC_FAILED,
	  NONE,
	  126 },
	{ "the limit left no room for the program itself",
	  { NEVER_RAN, .exec_status = 126, .exec_no_memory = true, .memory = { .own_ooms = 1 } },
	  MEMCAGE_CAUSE_OOM,
	  JOB,
	  120 },
	{ "... of which the kernel told by a kill",
	  { NEVER_RAN, .exec_status = 126, .exec_no_memory = true, .memory = { ABOVE } },
	  MEMCAGE_CAUSE_OOM,
	  ANCESTOR,
	  120,
	  0,
	  1 },
};

static unsigned int flags_of(const struct verdict *verdict)
{
	return (verdict->ok ? OK : 0) | (verdict->main_survived ? SURVIVED : 0) |
	       (verdict->group_kill ? GROUP : 0) | (verdict->by_memcage ? BY_US : 0);
}

/* What the wait status says is kept whatever the cause; one that was lost with init is SIGKILL's. */
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
	memory->kernel_log =
		memory->log_own || memory->log_nested || memory->log_ancestor || memory->log_host;
}

static void random_main(uint64_t *seed, struct observation *seen)
{
	bool exited = one_in(seed, 2);

	seen->main_started = true;
	seen->main_known = !one_in(seed, 5);
	seen->main_status = exited ? (int) below(seed, 256) << 8 : 1 + (int) below(seed, 64);
	if (one_in(seed, 4))
		seen->main_status = 0;
	seen->main_usec = some_date(seed, 2);
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
	random_memory(seed, &seen.memory);
	return seen;
}

static bool was_killed(const struct observation *seen)
{
	bool refused = seen->exec_no_memory && seen->memory.own_ooms > 0;

	return seen->memory.oom_kills > 0 || seen->no_victim_usec != 0 || refused;
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
