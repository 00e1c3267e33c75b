/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/parse.h"
#include "report/text.h"

#define MIB(n) (UINT64_C(1048576) * (n))
#define SEC(n) (UINT64_C(1000000) * (n))

/* A job of 512 MiB that is over its limit 3.2 s after its start. */
static const struct limit_value half_gib[LIMIT__COUNT] = {
	[LIMIT_MEMORY] = { .set = true, .number = MIB(512) },
	[LIMIT_PIDS] = { .set = true, .number = 64 },
	[LIMIT_TMP] = { .set = true, .number = MIB(64) },
	[LIMIT_TIMEOUT] = { .set = true, .number = SEC(5) },
	[LIMIT_CPU_TIME] = { .set = true, .number = SEC(90) },
	[LIMIT_GRACE] = { .set = true, .number = SEC(2) },
};

static const struct limit_value wide_tmp[LIMIT__COUNT] = {
	[LIMIT_MEMORY] = { .set = true, .number = MIB(128) },
	[LIMIT_TMP] = { .set = true, .number = MIB(128) },
};

static const struct limit_value no_limits[LIMIT__COUNT] = {
	[LIMIT_MEMORY] = { .set = true, .number = LIMIT_NONE },
};

static const struct limit_value no_grace[LIMIT__COUNT] = {
	[LIMIT_TIMEOUT] = { .set = true, .number = SEC(5) },
	[LIMIT_GRACE] = { .set = true, .number = 0 },
};

static const struct victim python = {
	.pid = 4121,
	.comm = "python3",
	.rss_bytes = 529530880,
	.source = VICTIM_KMSG,
};

static const struct victim three[] = {
	{ .pid = 7, .comm = "sort" },
	{ .pid = 0, .comm = "gzip" },
	{ .pid = 9, .comm = "awk" },
};

static const struct victim painter = { .pid = 7, .comm = "\033[2J\xff\xc2\x9b" };

#define OVER(kills)                                                                                \
	&(const struct observation)                                                                \
	{                                                                                          \
		.main_known = true, .memory.oom_kills = kills, .start_usec = SEC(100),             \
		.oom_usec = SEC(103) + 214000, .end_usec = SEC(110)                                \
	}
#define ANON .memory_parts_known = true, .memory_parts = { 529530880, 0, 0, 2211840 }
#define KILLED .exit_code = -1, .signal = SIGKILL, .status = 120
/* clang-format off */
#define OOM(whose) { .cause = MEMCAGE_CAUSE_OOM, .scope = whose, KILLED }
#define ENDED_BY(why, signo) { .cause = why, .exit_code = -1, .signal = signo }
/* clang-format on */
#define UNSEEN_USE                                                                                 \
	{                                                                                          \
		.memory_peak_bytes = UNREADABLE, .cpu_user_usec = UNREADABLE,                      \
		.cpu_system_usec = UNREADABLE, .cpu_throttled_usec = UNREADABLE                    \
	}

static const struct row {
	const char *name;
	struct report report;
	const char *summary, *hint; /* hint NULL: none */
} rows[] = {
	{
		"own limit, the victim is known",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_OOM,
				     .scope = MEMCAGE_SCOPE_JOB,
				     .group_kill = true,
				     KILLED },
			.seen = OVER(2),
			.limits = half_gib,
			.victims = &python,
			.victim_count = 1,
			ANON,
		},
		"python3 (pid 4121) was killed by the kernel: the job reached its limit of 512 MiB",
		"it stood at the limit after 3.2 s, with 505 MiB of anonymous memory. Try "
		"--memory 1G",
	},
	{
		"own limit, no victim is known",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_OOM,
				     .scope = MEMCAGE_SCOPE_JOB,
				     .group_kill = true,
				     KILLED },
			.seen = OVER(42),
			.limits = half_gib,
		},
		"a process was killed by the kernel: the job reached its limit of 512 MiB",
		"it stood at the limit after 3.2 s. Try --memory 1G",
	},
	{
		"own limit, several kills without a group kill and without names",
		{
			.verdict = OOM(MEMCAGE_SCOPE_JOB),
			.seen = OVER(3),
			.limits = half_gib,
		},
		"3 processes were killed by the kernel: the job reached its limit of 512 MiB",
		"it stood at the limit after 3.2 s. Try --memory 1G",
	},
	{
		"the main process hides the kill behind exit 0",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_OOM,
				     .scope = MEMCAGE_SCOPE_JOB,
				     .main_survived = true,
				     .exit_code = 0,
				     .status = 120 },
			.seen = OVER(1),
			.limits = half_gib,
			.victims = &python,
			.victim_count = 1,
			ANON,
		},
		"python3 (pid 4121) was killed by the kernel: the job reached its limit of 512 "
		"MiB; the main process hid it and exited 0",
		"it stood at the limit after 3.2 s, with 505 MiB of anonymous memory. Try "
		"--memory 1G",
	},
	{
		"the main process goes on and fails",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_OOM,
				     .scope = MEMCAGE_SCOPE_JOB,
				     .main_survived = true,
				     .exit_code = 137 },
			.seen = OVER(1),
			.limits = half_gib,
		},
		"a process was killed by the kernel: the job reached its limit of 512 MiB; the "
		"main process went on and exited 137",
		"it stood at the limit after 3.2 s. Try --memory 1G",
	},
	{
		"the main process goes on and aborts",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_OOM,
				     .scope = MEMCAGE_SCOPE_JOB,
				     .main_survived = true,
				     .exit_code = -1,
				     .signal = SIGABRT },
			.seen = OVER(1),
			.limits = half_gib,
		},
		"a process was killed by the kernel: the job reached its limit of 512 MiB; the "
		"main process went on and was ended by SIGABRT",
		"it stood at the limit after 3.2 s. Try --memory 1G",
	},
	{
		"two victims are both named",
		{
			.verdict = OOM(MEMCAGE_SCOPE_JOB),
			.seen = OVER(2),
			.limits = half_gib,
			.victims = three,
			.victim_count = 2,
		},
		"sort (pid 7) and gzip were killed by the kernel: the job reached its limit of "
		"512 MiB",
		"it stood at the limit after 3.2 s. Try --memory 1G",
	},
	{
		"of many victims two are named and all are counted",
		{
			.verdict = OOM(MEMCAGE_SCOPE_JOB),
			.seen = OVER(5),
			.limits = half_gib,
			.victims = three,
			.victim_count = 3,
		},
		"sort (pid 7), gzip and 3 more were killed by the kernel: the job reached its "
		"limit of 512 MiB",
		"it stood at the limit after 3.2 s. Try --memory 1G",
	},
	{
		"a name that would paint on the terminal does not",
		{
			.verdict = OOM(MEMCAGE_SCOPE_JOB),
			.seen = OVER(1),
			.limits = half_gib,
			.victims = &painter,
			.victim_count = 1,
		},
		"?[2J??? (pid 7) was killed by the kernel: the job reached its limit of 512 MiB",
		"it stood at the limit after 3.2 s. Try --memory 1G",
	},
	{
		"own limit, files in /tmp hold the memory",
		{
			.verdict = OOM(MEMCAGE_SCOPE_JOB),
			.seen = OVER(1),
			.limits = wide_tmp,
			.memory_parts_known = true,
			.memory_parts = { MIB(20), MIB(100), MIB(100), MIB(2) },
		},
		"a process was killed by the kernel: the job reached its limit of 128 MiB",
		"it stood at the limit after 3.2 s, with 100 MiB of files in /tmp or shared "
		"memory. Files there count until they are deleted; with --tmp 16M a full /tmp is "
		"an error and not a kill. Try --memory 256M",
	},
	{
		"own limit, shared memory and not /tmp holds the memory",
		{
			.verdict = OOM(MEMCAGE_SCOPE_JOB),
			.seen = OVER(1),
			.limits = half_gib,
			.memory_parts_known = true,
			.memory_parts = { MIB(20), MIB(480), MIB(480), UNREADABLE },
		},
		"a process was killed by the kernel: the job reached its limit of 512 MiB",
		"it stood at the limit after 3.2 s, with 480 MiB of files in /tmp or shared "
		"memory. Files there count until they are deleted. Try --memory 1G",
	},
	{
		"own limit, pipes and sockets hold the memory",
		{
			.verdict = OOM(MEMCAGE_SCOPE_JOB),
			.seen = OVER(1),
			.limits = half_gib,
			.memory_parts_known = true,
			.memory_parts = { MIB(20), UNREADABLE, UNREADABLE, MIB(490) },
		},
		"a process was killed by the kernel: the job reached its limit of 512 MiB",
		"it stood at the limit after 3.2 s, with 490 MiB of kernel memory (pipes, "
		"sockets, page tables). Try --memory 1G",
	},
	{
		"own limit, the program did not fit into it",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_OOM,
				     .scope = MEMCAGE_SCOPE_JOB,
				     .exit_code = -1 },
			.seen = &(const struct observation) { .exec_status = 126,
							      .exec_no_memory = true },
			.limits = half_gib,
		},
		"the command could not be started: the job reached its limit of 512 MiB",
		"try --memory 1G",
	},
	{
		"the kernel finds nobody to kill and memcage ends the job",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_OOM,
				     .scope = MEMCAGE_SCOPE_JOB,
				     .by_memcage = true,
				     .group_kill = true,
				     KILLED },
			.seen = &(const struct observation) { .start_usec = SEC(1),
							      .no_victim_usec = SEC(3) },
			.limits = half_gib,
		},
		"the job stood at its limit of 512 MiB and the kernel found no process that it "
		"may kill: memcage ended it",
		"it stood at the limit after 2 s; processes whose oom_score_adj is -1000 are "
		"never killed by the kernel. Try --memory 1G",
	},
	{
		"an ancestor's limit, filled by the job",
		{
			.verdict = OOM(MEMCAGE_SCOPE_ANCESTOR),
			.seen = OVER(1),
			.limits = no_limits,
			.ancestor_name = "/user.slice/x",
			.ancestor_limit_bytes = MIB(1024),
			.usage.memory_peak_bytes = MIB(1000),
		},
		"a process was killed by the kernel: the limit of /user.slice/x above the job was "
		"reached (1 GiB)",
		"raise that limit, run the job elsewhere, or set --memory below it",
	},
	{
		"a container's limit, which can only be observed",
		{
			.verdict = OOM(MEMCAGE_SCOPE_ANCESTOR),
			.seen = OVER(1),
			.limits = no_limits,
			.backend = "observe",
			.ancestor_name = "/",
			.ancestor_limit_bytes = MIB(1024),
			.usage = UNSEEN_USE,
		},
		"a process was killed by the kernel: the limit of the container that memcage is in "
		"was reached (1 GiB)",
		"raise that limit, or run the job elsewhere",
	},
	{
		"an ancestor's limit, filled by others",
		{
			.verdict = OOM(MEMCAGE_SCOPE_ANCESTOR),
			.seen = OVER(1),
			.limits = half_gib,
			.ancestor_name = "/user.slice/x",
			.ancestor_limit_bytes = MIB(1024),
			.usage.memory_peak_bytes = MIB(20),
		},
		"a process was killed by the kernel: the limit of /user.slice/x above the job was "
		"reached (1 GiB); it was the victim of another's greed: the job itself used 20 "
		"MiB of its 512 MiB",
		"others share that limit: run fewer at once below it, raise it, or run the job "
		"elsewhere",
	},
	{
		"an ancestor's limit, it is not known whose",
		{
			.verdict = OOM(MEMCAGE_SCOPE_ANCESTOR),
			.seen = OVER(1),
			.limits = half_gib,
			.ancestor_limit_bytes = UNREADABLE,
			.usage = UNSEEN_USE,
		},
		"a process was killed by the kernel: a limit above the job was reached",
		"raise that limit, run the job elsewhere, or set --memory below it",
	},
	{
		"the machine runs out of memory under a job with a limit",
		{
			.verdict = OOM(MEMCAGE_SCOPE_HOST),
			.seen = OVER(1),
			.limits = half_gib,
			.usage.memory_peak_bytes = MIB(20),
		},
		"a process was killed by the kernel: the machine ran out of memory; the job "
		"itself used 20 MiB of its 512 MiB",
		"run fewer jobs at once, or each with a smaller --memory",
	},
	{
		"the machine runs out of memory under a job without a limit",
		{
			.verdict = OOM(MEMCAGE_SCOPE_HOST),
			.seen = OVER(1),
			.limits = no_limits,
			.usage = UNSEEN_USE,
		},
		"a process was killed by the kernel: the machine ran out of memory",
		"run fewer jobs at once, and give each a --memory, so that one cannot take it all",
	},
	{
		"whose limit it was cannot be seen, and what is missing is said",
		{
			.verdict = OOM(MEMCAGE_SCOPE_UNKNOWN),
			.seen = OVER(1),
			.limits = half_gib,
			.missing_evidence = "/dev/kmsg",
		},
		"a process was killed by the kernel: whose limit was reached cannot be seen here",
		"what would tell is not readable here: /dev/kmsg",
	},
	{
		"whose limit it was cannot be seen at all",
		{
			.verdict = OOM(MEMCAGE_SCOPE_UNKNOWN),
			.seen = OVER(1),
			.limits = half_gib,
		},
		"a process was killed by the kernel: whose limit was reached cannot be seen here",
		"the counters above the job, which would tell, are not readable here",
	},
	{
		"a kill at a limit inside the job does not stay silent",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_EXITED,
				     .scope = MEMCAGE_SCOPE_NESTED,
				     .main_survived = true,
				     .exit_code = 0 },
			.seen = OVER(1),
			.limits = half_gib,
			.victims = &python,
			.victim_count = 1,
		},
		"exited with status 0; python3 (pid 4121) was killed by the kernel: a limit that "
		"the job itself set inside was reached",
		"the limit to raise is the one that was set inside the job",
	},
	{
		"a kill after a cancel does not stay silent",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_CANCELLED,
				     .scope = MEMCAGE_SCOPE_JOB,
				     .exit_code = -1,
				     .signal = SIGKILL },
			.seen = &(const struct observation) { .cancel_usec = 1,
							      .cancel_signal = SIGTERM,
							      .memory.oom_kills = 1 },
			.limits = half_gib,
		},
		"the job was cancelled by SIGTERM and was ended by SIGKILL; a process was killed "
		"by the kernel: the job reached its limit of 512 MiB",
		"try --memory 1G",
	},
	{
		"a timeout that SIGTERM ends",
		{
			.verdict = ENDED_BY(MEMCAGE_CAUSE_TIMEOUT, SIGTERM),
			.seen = &(const struct observation) { .timeout_usec = SEC(5) },
			.limits = half_gib,
			.wall_usec = SEC(5),
			.usage = UNSEEN_USE,
		},
		"the job did not end within 5 s (--timeout) and was ended by SIGTERM",
		"try --timeout 10s",
	},
	{
		"a timeout of a deaf job",
		{
			.verdict = ENDED_BY(MEMCAGE_CAUSE_TIMEOUT, SIGKILL),
			.seen = &(const struct observation) { .timeout_usec = SEC(5),
							      .kill_usec = SEC(7) + 100 },
			.limits = half_gib,
			.wall_usec = SEC(7),
			.usage.cpu_user_usec = 100000,
		},
		"the job did not end within 5 s (--timeout) and was killed after a grace of 2 s",
		"it used 100 ms of CPU time, so it waited for something. Try --timeout 10s",
	},
	{
		"a timeout without grace, of a throttled job",
		{
			.verdict = ENDED_BY(MEMCAGE_CAUSE_TIMEOUT, SIGKILL),
			.seen = &(const struct observation) { .timeout_usec = SEC(5),
							      .kill_usec = SEC(5) },
			.limits = no_grace,
			.wall_usec = SEC(5),
			.usage = { .cpu_user_usec = SEC(1), .cpu_throttled_usec = SEC(3) },
		},
		"the job did not end within 5 s (--timeout) and was killed",
		"--cpus made its threads wait for 3 s. Try --timeout 10s",
	},
	{
		"a timeout of a job that obeys",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_TIMEOUT, .exit_code = 0 },
			.seen = &(const struct observation) { .timeout_usec = SEC(5) },
			.limits = half_gib,
			.wall_usec = SEC(5),
			.usage = { .cpu_user_usec = SEC(3) },
			.warnings = &(const struct warning) { WARNING_MEMORY_PRESSURE, "" },
			.warning_count = 1,
		},
		"the job did not end within 5 s (--timeout) and exited 0 when it was asked to end",
		"it was slow for want of memory. Try --memory 1G. Try --timeout 10s",
	},
	{
		"CPU time",
		{
			.verdict = ENDED_BY(MEMCAGE_CAUSE_CPU_TIME, SIGTERM),
			.seen = &(const struct observation) { .cpu_time_usec = SEC(50) },
			.limits = half_gib,
		},
		"the job used up 1 min 30 s of CPU time (--cpu-time) and was ended by SIGTERM",
		"try --cpu-time 3m",
	},
	{
		"cancelled",
		{
			.verdict = ENDED_BY(MEMCAGE_CAUSE_CANCELLED, SIGHUP),
			.seen = &(const struct observation) { .cancel_usec = 1,
							      .cancel_signal = SIGHUP },
			.limits = half_gib,
		},
		"the job was cancelled by SIGHUP and was ended by SIGHUP",
		NULL,
	},
	{
		"cancelled twice, killed at once",
		{
			.verdict = ENDED_BY(MEMCAGE_CAUSE_CANCELLED, SIGKILL),
			.seen = &(const struct observation) { .cancel_usec = SEC(1),
							      .cancel_signal = SIGTERM,
							      .kill_usec = SEC(2) },
			.limits = half_gib,
		},
		"the job was cancelled by SIGTERM and was killed",
		NULL,
	},
	{
		"a crash",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_SIGNALED,
				     .exit_code = -1,
				     .signal = SIGSEGV,
				     .core_dumped = true },
			.seen = &(const struct observation) { .main_known = true },
			.limits = half_gib,
		},
		"killed by SIGSEGV (core dumped)",
		NULL,
	},
	{
		"SIGKILL with flat counters is not a memory kill",
		{
			.verdict = ENDED_BY(MEMCAGE_CAUSE_SIGNALED, SIGKILL),
			.seen = &(const struct observation) { .main_known = true },
			.limits = half_gib,
		},
		"killed by SIGKILL, but not for memory: no memory kill was counted",
		"somebody sent it: the job itself, a person, or a daemon that watches memory "
		"(systemd-oomd, earlyoom)",
	},
	{
		"SIGKILL without counters may be a memory kill",
		{
			.verdict = ENDED_BY(MEMCAGE_CAUSE_SIGNALED, SIGKILL),
			.seen = &(const struct observation) { .memory.oom_kills = UNREADABLE },
			.limits = half_gib,
		},
		"killed by SIGKILL; whether for memory cannot be seen here",
		NULL,
	},
	{
		"SIGBUS with a full /tmp",
		{
			.verdict = ENDED_BY(MEMCAGE_CAUSE_SIGNALED, SIGBUS),
			.seen = &(const struct observation) { .main_known = true },
			.limits = half_gib,
			.warnings = &(const struct warning) { WARNING_TMP_FULL, "full" },
			.warning_count = 1,
		},
		"killed by SIGBUS",
		"/tmp was full, and a mapped file in it could not grow. Try --tmp 128M, which "
		"counts against --memory",
	},
	{
		"exit with a full /tmp",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_EXITED, .exit_code = 1 },
			.limits = half_gib,
			.warnings = &(const struct warning) { WARNING_TMP_FULL, "full" },
			.warning_count = 1,
		},
		"exited with status 1",
		"try --tmp 128M, which counts against --memory",
	},
	{
		"exit at the limit of processes",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_EXITED, .exit_code = 3 },
			.limits = half_gib,
			.warnings = &(const struct warning) { WARNING_PIDS_LIMIT, "pids" },
			.warning_count = 1,
		},
		"exited with status 3",
		"try --pids 128",
	},
	{
		"exit of a job that was slow for want of memory",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_EXITED },
			.limits = half_gib,
			.warnings = &(const struct warning) { WARNING_MEMORY_PRESSURE, "slow" },
			.warning_count = 1,
		},
		"exited with status 0",
		"try --memory 1G",
	},
	{
		"a mere exit",
		{ .verdict = { .cause = MEMCAGE_CAUSE_EXITED, .exit_code = 0, .ok = true } },
		"exited with status 0",
		NULL,
	},
	{
		"memcage's own filter",
		{ .verdict = ENDED_BY(MEMCAGE_CAUSE_SECCOMP, SIGSYS) },
		"killed by memcage's own seccomp filter (SIGSYS)",
		"what a command needs a profile can allow: --seccomp FILE",
	},
	{
		"a call that the filter killed for",
		{
			.verdict = ENDED_BY(MEMCAGE_CAUSE_SECCOMP, SIGKILL),
			.call = &(const struct call_seen) { .known = true,
							    .number = 101,
							    .audit = AUDIT_ARCH_X86_64,
							    .args_known = true,
							    .pid = 7,
							    .comm = "gdb" },
		},
		"gdb (pid 7) was killed by memcage's seccomp filter for the system call ptrace "
		"(x86_64)",
		"what a command needs a profile can allow: --seccomp FILE",
	},
	{
		"a call that the filter killed a child for, and which has no name",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_SECCOMP,
				     .exit_code = 3,
				     .status = 122 },
			.call = &(const struct call_seen) { .known = true,
							    .number = 9999,
							    .audit = 0x1234,
							    .comm = "a\nb" },
		},
		"a?b was killed by memcage's seccomp filter for the system call number 9999 "
		"(architecture 0x1234); the main process went on and exited 3",
		"what a command needs a profile can allow: --seccomp FILE",
	},
	{
		"a call without a listener",
		{
			.verdict = ENDED_BY(MEMCAGE_CAUSE_SECCOMP, SIGSYS),
			.call = &(const struct call_seen) { .known = true,
							    .number = 20,
							    .audit = AUDIT_ARCH_I386,
							    .comm = "x" },
			.no_listener_errnum = EBUSY,
		},
		"x was killed by memcage's seccomp filter for the system call getpid (i386)",
		"a filter above memcage has the one listener that there can be: the arguments are "
		"not known; what a command needs a profile can allow: --seccomp FILE",
	},
	{
		"not even the call is known",
		{
			.verdict = ENDED_BY(MEMCAGE_CAUSE_SECCOMP, SIGSYS),
			.call = &(const struct call_seen) { .known = false },
			.no_listener_errnum = EBUSY,
		},
		"killed by memcage's own seccomp filter (SIGSYS)",
		"a filter above memcage has the one listener that there can be: which call it was "
		"is not known, nor whether a filter of the job's own killed; what a command needs "
		"a "
		"profile can allow: --seccomp FILE",
	},
	{
		"a command that cannot be executed",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_EXEC_FAILED,
				     .exit_code = -1,
				     .status = 127 },
			.failure = "nosuch: not found in PATH",
		},
		"nosuch: not found in PATH",
		NULL,
	},
	{
		"a cage that cannot be made, with a reason of two lines",
		{
			.verdict = { .cause = MEMCAGE_CAUSE_SETUP_FAILED, .exit_code = -1 },
			.failure = "cgroup: no\nroom",
		},
		"cgroup: no?room",
		NULL,
	},
	{
		"a cage that cannot be made, without a reason",
		{ .verdict = { .cause = MEMCAGE_CAUSE_SETUP_FAILED, .exit_code = -1 } },
		"the cage could not be made",
		NULL,
	},
	{
		"a job that runs",
		{ .verdict = { .cause = MEMCAGE_CAUSE_NONE, .exit_code = -1 } },
		"the job has not ended",
		NULL,
	},
};

static void check_words(void **state)
{
	const struct row *row = *state;
	char words[TEXT_LINE];

	text_summary(&row->report, words, sizeof(words));
	assert_string_equal(words, row->summary);
	assert_int_equal(text_hint(&row->report, words, sizeof(words)), row->hint != NULL);
	assert_string_equal(words, row->hint ? row->hint : "");
}

/* A short buffer cuts anywhere, also within a character, and shows it. */
static void check_cut(void **state)
{
	const struct report report = {
		.verdict.cause = MEMCAGE_CAUSE_SETUP_FAILED,
		.failure =
			"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8c\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8c",
	};

	(void) state;
	for (size_t size = 1; size <= strlen(report.failure); size++) {
		char words[64];

		memset(words, 'x', sizeof(words));
		text_summary(&report, words, size);
		assert_true(strlen(words) < size);
		assert_int_equal(words[size], 'x');
		if (size < sizeof("..."))
			continue;
		assert_string_equal(words + strlen(words) - strlen("..."), "...");
		assert_null(strchr(words, '?'));
	}
}

enum wording { BYTES, USEC, SIZE_OPTION, DURATION_OPTION, SIGNAL, WORDING__COUNT };

static const struct number {
	const char *name;
	enum wording wording;
	uint64_t number;
	const char *text;
} numbers[] = {
	{ "0 bytes", BYTES, 0, "0 bytes" },
	{ "one byte", BYTES, 1, "1 byte" },
	{ "a page", BYTES, 4096, "4 KiB" },
	{ "a limit", BYTES, 536870912, "512 MiB" },
	{ "a use", BYTES, 529530880, "505 MiB" },
	{ "one and a half", BYTES, MIB(1536), "1.5 GiB" },
	{ "tenths are left out above a hundred", BYTES, MIB(100) + 1024 * 600, "101 MiB" },
	{ "rounding never gives 1024 of a unit", BYTES, MIB(1024) - 1, "1 GiB" },
	{ "the most bytes", BYTES, UINT64_MAX, "16777216 TiB" },
	{ "no time", USEC, 0, "0 s" },
	{ "a microsecond", USEC, 1, "0 ms" },
	{ "half a millisecond", USEC, 500, "0.5 ms" },
	{ "milliseconds", USEC, 100000, "100 ms" },
	{ "seconds", USEC, 3214000, "3.2 s" },
	{ "whole seconds", USEC, SEC(5), "5 s" },
	{ "minutes", USEC, SEC(90), "1 min 30 s" },
	{ "whole hours", USEC, SEC(7200), "2 h" },
	{ "days", USEC, SEC(90000), "1 d 1 h" },
	{ "no size is below a MiB", SIZE_OPTION, 0, "1M" },
	{ "a byte more than a MiB", SIZE_OPTION, MIB(1) + 1, "2M" },
	{ "an odd size is rounded up", SIZE_OPTION, 668467200, "640M" },
	{ "a GiB", SIZE_OPTION, MIB(1024), "1G" },
	{ "one and a half GiB", SIZE_OPTION, MIB(1500), "1536M" },
	{ "a TiB", SIZE_OPTION, MIB(1048575), "1T" },
	{ "more than can be typed", SIZE_OPTION, UINT64_MAX - 1, "max" },
	{ "ten seconds", DURATION_OPTION, SEC(10), "10s" },
	{ "three minutes", DURATION_OPTION, SEC(180), "3m" },
	{ "an hour and a half", DURATION_OPTION, SEC(5400), "90m" },
	{ "two days", DURATION_OPTION, SEC(172800), "2d" },
	{ "a part of a millisecond", DURATION_OPTION, 1500001, "1501ms" },
	{ "SIGKILL", SIGNAL, SIGKILL, "SIGKILL" },
	{ "a real-time signal", SIGNAL, 37, "SIGRTMIN+3" },
	{ "a signal of the C library's", SIGNAL, 32, "SIG32" },
	{ "no signal", SIGNAL, 0, "" },
};

static void signal_words(uint64_t number, char *buffer, size_t size)
{
	text_signal((int) number, buffer, size);
}

static void check_number(void **state)
{
	static void (*const wordings[WORDING__COUNT])(uint64_t, char *, size_t) = {
		[BYTES] = text_bytes,
		[USEC] = text_usec,
		[SIZE_OPTION] = text_size_option,
		[DURATION_OPTION] = text_duration_option,
		[SIGNAL] = signal_words,
	};
	const struct number *row = *state;
	char text[64];

	wordings[row->wording](row->number, text, sizeof(text));
	assert_string_equal(text, row->text);
}

static void check_sizes(void **state)
{
	struct memcage_error err;

	(void) state;
	for (uint64_t bytes = 1; bytes < UINT64_C(1) << 62; bytes += bytes / 7 + 1) {
		char text[64];
		uint64_t back;

		text_size_option(bytes, text, sizeof(text));
		assert_int_equal(parse_size(text, &back, &err), 0);
		assert_int_equal(back, text_size_round(bytes));
		assert_true(back >= bytes && back >= MIB(1));
		assert_true(back == MIB(1) || back <= MIB(4) || back - bytes <= bytes / 4);
		assert_true(strlen(text) <=
			    strlen("1792M") + (bytes >= MIB(UINT64_C(1) << 30)) * 5);
	}
}

static void check_times(void **state)
{
	struct memcage_error err;

	(void) state;
	for (uint64_t usec = 1; usec < SEC(86400000); usec += usec / 7 + 1) {
		char text[64];
		uint64_t back;

		text_duration_option(usec, text, sizeof(text));
		assert_int_equal(parse_duration(text, &back, &err), 0);
		assert_true(back >= usec && back - usec < 1000);
	}
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_words, rows);
	TEST_ROWS(&suite, check_number, numbers);
	test_add(&suite, "a cut line ends in dots", check_cut, NULL);
	test_add(&suite, "a proposed size parses back to no less", check_sizes, NULL);
	test_add(&suite, "a proposed time parses back to no less", check_times, NULL);
	return test_run("text", &suite);
}
