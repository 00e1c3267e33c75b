/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <linux/audit.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "report/outcome.h"

#define MIB(n) (UINT64_C(1048576) * (n))
#define STYLE (JSON_INDENT(2) | JSON_REAL_PRECISION(15))

static char *const train[] = { (char *) "python3", (char *) "train.py", NULL };

static const struct limit_value half_gib[LIMIT__COUNT] = {
	[LIMIT_MEMORY] = { .set = true, .number = MIB(512) },
	[LIMIT_SWAP] = { .set = true, .number = 0 },
	[LIMIT_TMP] = { .set = true, .number = MIB(64) },
};

#define JOB                                                                                        \
	.id = "20261120T081502-4f2a", .command = train, .policy = "default", .backend = "v2",      \
	.started_at = { 1795162502, 123456789 }, .limits = half_gib,                               \
	.memory_effective_bytes = MIB(512)
#define ENDED JOB, .ended = true, .wall_usec = 3214000

#define UNREAD_EVENTS                                                                              \
	{                                                                                          \
		UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE             \
	}
#define UNREAD_USAGE                                                                               \
	{                                                                                          \
		UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE,            \
			UNREADABLE, UNREADABLE, UNREADABLE, UNREAD_EVENTS                          \
	}

static const struct victim python = {
	.pid = 4121,
	.comm = "python3",
	.rss_bytes = 529530880,
	.source = VICTIM_KMSG,
};

/* What stands in the contract, key by key and in its order. */
static const struct report contract_report = {
	ENDED,
	.verdict = { .cause = MEMCAGE_CAUSE_OOM,
		     .scope = MEMCAGE_SCOPE_JOB,
		     .group_kill = true,
		     .exit_code = -1,
		     .signal = SIGKILL,
		     .status = 120 },
	.seen = &(const struct observation) { .memory.oom_kills = 1,
					      .start_usec = 1000000,
					      .oom_usec = 4200000 },
	.usage = { MIB(512), 0, 2900000, 300000, 0, 3, UNREADABLE, 0, 4096, { 0, 0, 69, 1, 1, 1 } },
	.memory_parts_known = true,
	.memory_parts = { 529530880, 0, 0, 2211840 },
	.victims = &python,
	.victim_count = 1,
	.warnings = &(const struct warning) { WARNING_CPU_THROTTLED, "\xe2\x80\xa6" },
	.warning_count = 1,
};

static const char contract_json[] =
	"{"
	"\"schema\": \"memcage.report/1\","
	"\"id\": \"20261120T081502-4f2a\", \"command\": [\"python3\", \"train.py\"],"
	"\"policy\": \"default\", \"backend\": \"v2\","
	"\"item\": null, \"seq\": null, \"attempt\": null,"
	"\"started_at\": \"2026-11-20T08:15:02.123456Z\", \"wall_seconds\": 3.214,"
	"\"outcome\": \"failed\", \"cause\": \"oom\","
	"\"exit_code\": null, \"signal\": \"SIGKILL\", \"core_dumped\": false, \"status\": 120,"
	"\"summary\": \"python3 (pid 4121) was killed by the kernel: "
	"the job reached its limit of 512 MiB\","
	"\"hint\": \"it stood at the limit after 3.2 s, with 505 MiB of anonymous memory. "
	"Try --memory 1G\","
	"\"oom\": {"
	"\"scope\": \"job\", \"by\": \"kernel\", \"kills\": 1, \"group_kill\": true,"
	"\"main_survived\": false, \"limit_bytes\": 536870912, \"peak_bytes\": 536870912,"
	"\"victims\": [{\"pid\": 4121, \"comm\": \"python3\", \"rss_bytes\": 529530880,"
	"\"source\": \"kmsg\"}],"
	"\"memory\": {\"anon_bytes\": 529530880, \"file_bytes\": 0, \"shmem_bytes\": 0,"
	"\"kernel_bytes\": 2211840}},"
	"\"seccomp\": null,"
	"\"limits\": {\"memory_bytes\": 536870912, \"memory_effective_bytes\": 536870912,"
	"\"memory_high_bytes\": null, \"swap_bytes\": 0, \"cpus\": null, \"pids\": null,"
	"\"tmp_bytes\": 67108864, \"timeout_seconds\": null, \"cpu_time_seconds\": null},"
	"\"usage\": {"
	"\"memory_peak_bytes\": 536870912, \"swap_peak_bytes\": 0, \"cpu_user_seconds\": 2.9,"
	"\"cpu_system_seconds\": 0.3, \"cpu_throttled_seconds\": 0.0, \"pids_peak\": 3,"
	"\"tmp_peak_bytes\": null, \"io_read_bytes\": 0, \"io_write_bytes\": 4096,"
	"\"memory_events\": {\"low\": 0, \"high\": 0, \"max\": 69, \"oom\": 1, \"oom_kill\": 1,"
	"\"oom_group_kill\": 1}},"
	"\"warnings\": [{\"code\": \"cpu-throttled\", \"message\": \"\xe2\x80\xa6\"}],"
	"\"samples\": null"
	"}";

static const struct limit_value many_limits[LIMIT__COUNT] = {
	[LIMIT_MEMORY] = { .set = true, .number = LIMIT_NONE },
	[LIMIT_MEMORY_HIGH] = { .set = true, .number = MIB(100) },
	[LIMIT_CPUS] = { .set = true, .number = 1500000 },
	[LIMIT_PIDS] = { .set = true, .number = 64 },
	[LIMIT_TIMEOUT] = { .set = true, .number = 90000000 },
	[LIMIT_CPU_TIME] = { .set = true, .number = 500000 },
};

static char *const odd_command[] = {
	(char *) "\xff\xfe",
	(char *) "\xed\xa0\x80",
	(char *) "\xc0\x80 \xf4\x90\x80\x80",
	(char *) "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8c",
	(char *) "a\nb\001\"\\",
	(char *) "",
	NULL,
};

static const struct victim odd_victims[] = {
	{ .pid = 0,
	  .comm = "fifteen bytes \xc3",
	  .rss_bytes = UNREADABLE,
	  .source = VICTIM_PROCESS_TABLE },
	{ .pid = 3,
	  .comm = { 's', 'i', 'x', 't', 'e', 'e', 'n', ' ', 'b', 'y', 't', 'e', 's', '!', '!',
		    '!' } },
};

static const struct sample two_samples[] = {
	{ .at_usec = 500000,
	  .memory_bytes = 1,
	  .parts = { 1, 0, 0, 0 },
	  .cpu_usec = 100000,
	  .memory_some_percent = 12.34 },
	{ .at_usec = 1000001,
	  .memory_bytes = UNREADABLE,
	  .parts = { UNREADABLE, 2, 3, 4 },
	  .cpu_usec = UNREADABLE,
	  .memory_some_percent = -1 },
};

#define WANTS_MOST 16 /* one more than any row has */

static const struct row {
	const char *name;
	struct report report;
	/* Where in the report, and the JSON text that must be there. */
	struct want {
		const char *path, *json;
	} wants[WANTS_MOST];
} rows[] = {
	{
		"exit 0 is ok",
		{ ENDED, .verdict = { .cause = MEMCAGE_CAUSE_EXITED, .ok = true },
		  .usage = UNREAD_USAGE },
		{ { "outcome", "\"ok\"" },
		  { "cause", "\"exited\"" },
		  { "exit_code", "0" },
		  { "signal", "null" },
		  { "core_dumped", "false" },
		  { "status", "0" },
		  { "summary", "\"exited with status 0\"" },
		  { "hint", "null" },
		  { "oom", "null" },
		  { "usage.memory_peak_bytes", "null" },
		  { "usage.memory_events.oom_kill", "null" },
		  { "warnings", "[]" } },
	},
	{
		"exit 3 is a failure",
		{ ENDED,
		  .verdict = { .cause = MEMCAGE_CAUSE_EXITED, .exit_code = 3, .status = 3 } },
		{ { "outcome", "\"failed\"" },
		  { "cause", "\"exited\"" },
		  { "exit_code", "3" },
		  { "status", "3" },
		  { "usage.cpu_user_seconds", "0.0" } },
	},
	{
		"a crash",
		{ ENDED, .verdict = { .cause = MEMCAGE_CAUSE_SIGNALED,
				      .exit_code = -1,
				      .signal = SIGSEGV,
				      .core_dumped = true,
				      .status = 139 } },
		{ { "cause", "\"signaled\"" },
		  { "exit_code", "null" },
		  { "signal", "\"SIGSEGV\"" },
		  { "core_dumped", "true" },
		  { "status", "139" } },
	},
	{
		"a real-time signal has a name",
		{ ENDED, .verdict = { .cause = MEMCAGE_CAUSE_SIGNALED,
				      .exit_code = -1,
				      .signal = 37,
				      .status = 165 } },
		{ { "signal", "\"SIGRTMIN+3\"" } },
	},
	{
		"a timeout keeps the main process's own end",
		{ ENDED,
		  .verdict = { .cause = MEMCAGE_CAUSE_TIMEOUT, .exit_code = 0, .status = 124 } },
		{ { "outcome", "\"failed\"" },
		  { "cause", "\"timeout\"" },
		  { "exit_code", "0" },
		  { "status", "124" },
		  { "oom", "null" } },
	},
	{
		"cpu-time",
		{ ENDED, .verdict = { .cause = MEMCAGE_CAUSE_CPU_TIME,
				      .exit_code = -1,
				      .signal = SIGTERM,
				      .status = 123 } },
		{ { "cause", "\"cpu-time\"" }, { "signal", "\"SIGTERM\"" } },
	},
	{
		"cancelled",
		{ ENDED, .verdict = { .cause = MEMCAGE_CAUSE_CANCELLED,
				      .exit_code = -1,
				      .signal = SIGTERM,
				      .status = 143 } },
		{ { "cause", "\"cancelled\"" }, { "status", "143" } },
	},
	{
		"exec-failed",
		{ ENDED,
		  .verdict = { .cause = MEMCAGE_CAUSE_EXEC_FAILED, .exit_code = -1, .status = 127 },
		  .failure = "nosuch: not found" },
		{ { "cause", "\"exec-failed\"" },
		  { "exit_code", "null" },
		  { "signal", "null" },
		  { "status", "127" },
		  { "summary", "\"nosuch: not found\"" } },
	},
	{
		"setup-failed before the backend was known",
		{ .id = "20261120T081502-4f2a",
		  .command = train,
		  .policy = "default",
		  .started_at = { 1795162502, 0 },
		  .ended = true,
		  .memory_effective_bytes = UNREADABLE,
		  .verdict = { .cause = MEMCAGE_CAUSE_SETUP_FAILED,
			       .exit_code = -1,
			       .status = 125 } },
		{ { "cause", "\"setup-failed\"" },
		  { "backend", "null" },
		  { "wall_seconds", "0.0" },
		  { "limits.memory_bytes", "null" },
		  { "limits.memory_effective_bytes", "null" },
		  { "started_at", "\"2026-11-20T08:15:02.000000Z\"" } },
	},
	{
		"a kill that the main process hid",
		{ ENDED,
		  .verdict = { .cause = MEMCAGE_CAUSE_OOM,
			       .scope = MEMCAGE_SCOPE_JOB,
			       .main_survived = true,
			       .exit_code = 0,
			       .status = 120 },
		  .seen = &(const struct observation) { .memory.oom_kills = 2 } },
		{ { "outcome", "\"failed\"" },
		  { "cause", "\"oom\"" },
		  { "exit_code", "0" },
		  { "oom.main_survived", "true" },
		  { "oom.group_kill", "false" },
		  { "oom.kills", "2" },
		  { "oom.victims", "[]" },
		  { "oom.memory", "null" } },
	},
	{
		"memcage ends a job in which the kernel finds no victim",
		{ ENDED,
		  .verdict = { .cause = MEMCAGE_CAUSE_OOM,
			       .scope = MEMCAGE_SCOPE_JOB,
			       .by_memcage = true,
			       .group_kill = true,
			       .exit_code = -1,
			       .signal = SIGKILL,
			       .status = 120 },
		  .seen = &(const struct observation) { .no_victim_usec = 1 } },
		{ { "oom.by", "\"memcage\"" }, { "oom.kills", "0" }, { "oom.group_kill", "true" } },
	},
	{
		"an ancestor's limit is said where it is known",
		{ ENDED,
		  .verdict = { .cause = MEMCAGE_CAUSE_OOM,
			       .scope = MEMCAGE_SCOPE_ANCESTOR,
			       .exit_code = -1,
			       .signal = SIGKILL,
			       .status = 120 },
		  .ancestor_name = "/x", .ancestor_limit_bytes = MIB(256) },
		{ { "oom.scope", "\"ancestor\"" }, { "oom.limit_bytes", "268435456" } },
	},
	{
		"the limit of an unknown ancestor is null",
		{ ENDED, .verdict = { .cause = MEMCAGE_CAUSE_OOM,
				      .scope = MEMCAGE_SCOPE_ANCESTOR,
				      .exit_code = -1,
				      .signal = SIGKILL,
				      .status = 120 } },
		{ { "oom.limit_bytes", "null" }, { "oom.kills", "null" } },
	},
	{
		"the machine has no limit in bytes",
		{ ENDED, .verdict = { .cause = MEMCAGE_CAUSE_OOM,
				      .scope = MEMCAGE_SCOPE_HOST,
				      .exit_code = -1,
				      .signal = SIGKILL,
				      .status = 120 } },
		{ { "oom.scope", "\"host\"" }, { "oom.limit_bytes", "null" } },
	},
	{
		"an unknown scope says what is missing",
		{ ENDED,
		  .verdict = { .cause = MEMCAGE_CAUSE_OOM,
			       .scope = MEMCAGE_SCOPE_UNKNOWN,
			       .exit_code = -1,
			       .signal = SIGKILL,
			       .status = 120 },
		  .missing_evidence = "/dev/kmsg" },
		{ { "oom.scope", "\"unknown\"" },
		  { "oom.limit_bytes", "null" },
		  { "hint", "\"what would tell is not readable here: /dev/kmsg\"" } },
	},
	{
		"a nested kill is filled in though the cause is the exit",
		{ ENDED,
		  .verdict = { .cause = MEMCAGE_CAUSE_EXITED,
			       .scope = MEMCAGE_SCOPE_NESTED,
			       .main_survived = true,
			       .ok = true },
		  .seen = &(const struct observation) { .memory.oom_kills = 1 },
		  .warnings = &(const struct warning) { WARNING_NESTED_OOM, "inside" },
		  .warning_count = 1 },
		{ { "outcome", "\"ok\"" },
		  { "cause", "\"exited\"" },
		  { "status", "0" },
		  { "oom.scope", "\"nested\"" },
		  { "oom.kills", "1" },
		  { "oom.limit_bytes", "null" },
		  { "warnings.0.code", "\"nested-oom\"" },
		  { "warnings.0.message", "\"inside\"" } },
	},
	{
		"a kill after a cancel is filled in though the cause is the cancel",
		{ ENDED, .verdict = { .cause = MEMCAGE_CAUSE_CANCELLED,
				      .scope = MEMCAGE_SCOPE_JOB,
				      .exit_code = -1,
				      .signal = SIGKILL,
				      .status = 143 } },
		{ { "cause", "\"cancelled\"" }, { "oom.scope", "\"job\"" } },
	},
	{
		"unfinished says only what is known before the start",
		{ JOB, .wall_usec = 77, .verdict = { .cause = MEMCAGE_CAUSE_EXITED, .ok = true },
		  .samples = two_samples, .sample_count = 2 },
		{ { "outcome", "\"unfinished\"" },
		  { "cause", "null" },
		  { "wall_seconds", "null" },
		  { "exit_code", "null" },
		  { "core_dumped", "null" },
		  { "status", "null" },
		  { "summary", "null" },
		  { "limits.memory_bytes", "536870912" },
		  { "usage.memory_peak_bytes", "null" },
		  { "usage.memory_events.oom", "null" },
		  { "samples", "null" },
		  { "backend", "\"v2\"" } },
	},
	{
		"all limits in their units",
		{ .id = "20261120T081502-4f2a",
		  .command = train,
		  .ended = true,
		  .started_at = { 1795162502, 0 },
		  .limits = many_limits,
		  .memory_effective_bytes = MIB(4096),
		  .verdict = { .cause = MEMCAGE_CAUSE_EXITED, .ok = true } },
		{ { "limits.memory_bytes", "null" },
		  { "limits.memory_effective_bytes", "4294967296" },
		  { "limits.memory_high_bytes", "104857600" },
		  { "limits.swap_bytes", "null" },
		  { "limits.cpus", "1.5" },
		  { "limits.pids", "64" },
		  { "limits.tmp_bytes", "null" },
		  { "limits.timeout_seconds", "90.0" },
		  { "limits.cpu_time_seconds", "0.5" },
		  { "policy", "null" } },
	},
	{
		"what is not UTF-8 is replaced, the rest is kept",
		{ .id = "20261120T081502-4f2a",
		  .command = odd_command,
		  .ended = true,
		  .started_at = { 1795162502, 0 },
		  .verdict = { .cause = MEMCAGE_CAUSE_OOM,
			       .scope = MEMCAGE_SCOPE_JOB,
			       .exit_code = -1,
			       .signal = SIGKILL,
			       .status = 120 },
		  .victims = odd_victims,
		  .victim_count = 2 },
		{ { "command.0", "\"\\ufffd\\ufffd\"" },
		  { "command.1", "\"\\ufffd\\ufffd\\ufffd\"" },
		  { "command.2", "\"\\ufffd\\ufffd \\ufffd\\ufffd\\ufffd\\ufffd\"" },
		  { "command.3", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8c\"" },
		  { "command.4", "\"a\\nb\\u0001\\\"\\\\\"" },
		  { "command.5", "\"\"" },
		  { "oom.victims.0.comm", "\"fifteen bytes \\ufffd\"" },
		  { "oom.victims.0.pid", "null" },
		  { "oom.victims.0.rss_bytes", "null" },
		  { "oom.victims.0.source", "\"process-table\"" },
		  { "oom.victims.1.comm", "\"sixteen bytes!!!\"" } },
	},
	{
		"a call that was killed for",
		{ ENDED,
		  .verdict = { .cause = MEMCAGE_CAUSE_SECCOMP, .exit_code = 3, .status = 122 },
		  .call = &(const struct call_seen) { .known = true,
						      .number = 0x40000000 | 110,
						      .audit = AUDIT_ARCH_X86_64,
						      .args_known = true,
						      .args = { 0, UINT64_MAX, 1ULL << 63, 7 },
						      .pid = 7,
						      .comm = "x" } },
		{ { "outcome", "\"failed\"" },
		  { "cause", "\"seccomp\"" },
		  { "status", "122" },
		  { "seccomp",
		    "{\"syscall\": \"getppid\", \"number\": 1073741934, \"arch\": \"x32\","
		    "\"args\": [0, -1, -9223372036854775808, 7, 0, 0], \"pid\": 7,"
		    "\"comm\": \"x\"}" } },
	},
	{
		"a call of which the log told, on an architecture that nobody knows",
		{ ENDED,
		  .verdict = { .cause = MEMCAGE_CAUSE_SECCOMP, .exit_code = -1, .signal = SIGSYS },
		  .call =
			  &(const struct call_seen) {
				  .known = true, .number = 9, .audit = 0x1234, .comm = "\xff" } },
		{ { "seccomp", "{\"syscall\": null, \"number\": 9, \"arch\": null, \"args\": null,"
			       "\"pid\": null, \"comm\": \"\\ufffd\"}" } },
	},
	{
		"a call of which nothing is known",
		{ ENDED,
		  .verdict = { .cause = MEMCAGE_CAUSE_SECCOMP, .exit_code = -1, .signal = SIGSYS },
		  .call = &(const struct call_seen) { .known = false } },
		{ { "seccomp", "{\"syscall\": null, \"number\": null, \"arch\": null,"
			       "\"args\": null, \"pid\": null, \"comm\": null}" } },
	},
	{
		"a timeline",
		{ ENDED, .verdict = { .cause = MEMCAGE_CAUSE_EXITED, .ok = true },
		  .samples = two_samples, .sample_count = 2 },
		{ { "samples.0", "{\"at_seconds\": 0.5, \"memory_bytes\": 1, \"anon_bytes\": 1,"
				 "\"file_bytes\": 0, \"shmem_bytes\": 0, \"kernel_bytes\": 0,"
				 "\"cpu_seconds\": 0.1, \"memory_some_percent\": 12.34}" },
		  { "samples.1", "{\"at_seconds\": 1.000001, \"memory_bytes\": null,"
				 "\"anon_bytes\": null, \"file_bytes\": 2, \"shmem_bytes\": 3,"
				 "\"kernel_bytes\": 4, \"cpu_seconds\": null,"
				 "\"memory_some_percent\": null}" } },
	},
	{
		"a timeline without a sample is empty and not null",
		{ ENDED, .verdict = { .cause = MEMCAGE_CAUSE_EXITED, .ok = true },
		  .samples = two_samples, .sample_count = 0 },
		{ { "samples", "[]" } },
	},
};

/* Keys and shapes, all the way down; a list may be empty, and null may stand for anything. */
static void assert_same_keys(const json_t *got, const json_t *want)
{
	void *at = json_object_iter((json_t *) got);
	const char *key;
	json_t *inner;

	if (!json_is_object(got) || !json_is_object(want))
		return;
	assert_int_equal(json_object_size(got), json_object_size(want));
	json_object_foreach((json_t *) want, key, inner)
	{
		assert_string_equal(json_object_iter_key(at), key);
		assert_same_keys(json_object_iter_value(at), inner);
		at = json_object_iter_next((json_t *) got, at);
	}
}

static const json_t *look_up(const json_t *json, const char *path)
{
	char *words = strdup(path), *rest = words;

	for (char *word = strsep(&rest, "."); word; word = strsep(&rest, ".")) {
		json = json_is_array(json) ? json_array_get(json, (size_t) strtol(word, NULL, 10))
					   : json_object_get(json, word);
	}
	free(words);
	return json;
}

static json_t *report_back(const struct report *report)
{
	char *text = report_json(report, false);
	json_t *json;

	assert_non_null(text);
	assert_string_equal(text + strlen(text) - 2, "}\n");
	json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	assert_non_null(json);
	return json;
}

static void check_row(void **state)
{
	const struct row *row = *state;
	json_t *got = report_back(&row->report);
	json_t *shape = json_loads(contract_json, 0, NULL);

	assert_same_keys(got, shape);
	for (const struct want *want = row->wants; want->path; want++) {
		json_t *json = json_loads(want->json, JSON_DECODE_ANY, NULL);
		const json_t *there = look_up(got, want->path);

		if (!json || !there || !json_equal(json, there))
			fail_msg("%s: wanted %s", want->path, want->json);
		json_decref(json);
	}
	json_decref(shape);
	json_decref(got);
}

static void check_contract(void **state)
{
	char *text = report_json(&contract_report, false);
	json_t *json = json_loads(contract_json, 0, NULL);
	char *want = json_dumps(json, STYLE);

	(void) state;
	assert_non_null(want);
	assert_memory_equal(text, want, strlen(want));
	assert_string_equal(text + strlen(want), "\n");
	free(want);
	json_decref(json);
	free(text);
}

/* All the times that a microsecond can say are written with no more digits than it has. */
static void check_times(void **state)
{
	(void) state;
	for (uint64_t usec = 1; usec < UINT64_C(1) << 48; usec += usec / 3 + 1) {
		const struct report report = { ENDED, .usage = { .cpu_user_usec = usec } };
		char *text = report_json(&report, false);
		const char *at =
			strstr(text, "\"cpu_user_seconds\": ") + strlen("\"cpu_user_seconds\": ");
		const char *point = memchr(at, '.', strcspn(at, ",e"));

		assert_true(llround(strtod(at, NULL) * 1e6) == (long long) usec);
		assert_true(!point || strcspn(point, ",e") <= strlen(".123456"));
		free(text);
	}
}

static void check_warning_names(void **state)
{
	(void) state;
	for (size_t i = 0; i < WARNING__COUNT; i++) {
		assert_non_null(warning_names[i]);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(warning_names[i], warning_names[j]);
	}
}

static void check_said(void **state)
{
	static const struct warning warnings[WARNINGS_MOST + 1] = {
		{ WARNING_TMP_DISCARDED, "left" },
		{ WARNING_PIDS_LIMIT, "forks" },
	};
	struct report report = { .warnings = warnings, .warning_count = 2 };
	struct memcage_warning said[WARNINGS_MOST];

	(void) state;
	assert_int_equal(report_warnings_said(&report, said), 1);
	assert_string_equal(said[0].code, "pids-limit");
	assert_string_equal(said[0].message, "forks");
	report.warning_count = 1;
	assert_int_equal(report_warnings_said(&report, said), 0);
	report.warning_count = WARNINGS_MOST + 1;
	assert_int_equal(report_warnings_said(&report, said), WARNINGS_MOST);
}

static const char *text_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void check_refused(void **state)
{
	const struct report known = {
		.command = train,
		.limits = half_gib,
		.item = "a",
		.seq = 3,
		.attempt = 1,
		.summary = "--bind '/x': no",
	};
	char *line = outcome_refused(&known);
	json_t *report = json_loads(line, 0, NULL);
	const json_t *usage = json_object_get(report, "usage");

	(void) state;
	assert_non_null(report);
	assert_string_equal(text_at(report, "outcome"), "failed");
	assert_string_equal(text_at(report, "cause"), "setup-failed");
	assert_string_equal(text_at(report, "summary"), known.summary);
	assert_string_equal(text_at(report, "policy"), "default");
	assert_int_equal(strlen(text_at(report, "id")), strlen("20261120T081502-4f2a"));
	assert_int_equal(strlen(text_at(report, "started_at")),
			 strlen("2026-11-20T08:15:02.123456Z"));
	assert_int_equal(json_array_size(json_object_get(report, "command")), 2);
	assert_true(json_is_null(json_object_get(usage, "memory_peak_bytes")));
	assert_true(json_is_null(json_object_get(json_object_get(usage, "memory_events"), "oom")));
	json_decref(report);
	free(line);
}

static size_t memory_left;

static void *scarce_malloc(size_t size)
{
	if (memory_left == 0)
		return NULL;
	memory_left--;
	return malloc(size);
}

/* Never half a report: at whichever allocation memory runs out. */
static void check_out_of_memory(void **state)
{
	char *text = NULL;
	size_t allocations = 0;

	(void) state;
	json_set_alloc_funcs(scarce_malloc, free);
	for (; !text && allocations < 10000; allocations++) {
		memory_left = allocations;
		errno = 0;
		text = report_json(&contract_report, false);
		assert_true(text || errno == ENOMEM);
	}
	json_set_alloc_funcs(malloc, free);
	assert_non_null(text);
	assert_true(allocations > 100);
	free(text);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	test_add(&suite, "the contract's example comes out as it stands there", check_contract,
		 NULL);
	test_add(&suite, "times have no noise in their digits", check_times, NULL);
	test_add(&suite, "every warning has a name of its own", check_warning_names, NULL);
	test_add(&suite, "what is only for the report is not said", check_said, NULL);
	test_add(&suite, "a job that could not be made has a whole report", check_refused, NULL);
	test_add(&suite, "without memory there is no report at all", check_out_of_memory, NULL);
	return test_run("report", &suite);
}
