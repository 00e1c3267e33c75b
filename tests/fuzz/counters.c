/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cgroup whose files hold any bytes: "1" or "2" for the version, then the files' texts, with a
 * line "--" between them.  All that reads counters reads them.
 */
#include "fuzz.h"

#include "observe/oom_watch.h"
#include "observe/usage.h"
#include "tree/fake.h"

static const char *const files[CGROUP_VERSION__COUNT][10] = {
	[CGROUP_V2] = { "job/memory.events", "job/memory.events.local", "memory.events.local",
			"job/memory.stat", "job/cpu.stat", "job/io.stat", "job/memory.peak",
			"job/pids.peak", "memory.max", "job/leaf/memory.events.local" },
	[CGROUP_V1] = { "memory/job/leaf/memory.oom_control", "memory/job/memory.stat",
			"memory/job/memory.failcnt", "memory/job/memory.limit_in_bytes",
			"memory/job/memory.max_usage_in_bytes", "cpuacct/job/cpuacct.usage_user",
			"cpu/job/cpu.stat", "blkio/job/blkio.throttle.io_service_bytes_recursive",
			"memory/memory.limit_in_bytes", "memory/job/memory.memsw.failcnt" },
};

static struct fake fakes[CGROUP_VERSION__COUNT];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void) argc;
	(void) argv;
	for (int version = 0; version < CGROUP_VERSION__COUNT; version++) {
		fake_make(&fakes[version]);
		fake_add_all(&fakes[version], (enum cgroup_version) version);
	}
	tree_put(&fakes[CGROUP_V1].tree, "memory/job/memory.oom_control", "oom_kill 0\n");
	tree_put(&fakes[CGROUP_V1].tree, "memory/job/cgroup.event_control", "");
	return 0;
}

/* Up to a line "--", which goes; NULL: that was the last. */
static char *next_part(char *text)
{
	char *end = strncmp(text, "--\n", 3) == 0 ? text : strstr(text, "\n--\n");

	if (!end)
		return NULL;
	text = end + (*end == '\n') + strlen("--\n");
	end[*end == '\n'] = '\0';
	return text;
}

static void fill(const struct tree *tree, const char *const *names, char *text)
{
	for (size_t i = 0; i < ARRAY_LEN(files[0]); i++) {
		char *next = text ? next_part(text) : NULL;

		tree_put(tree, names[i], text ? text : "");
		text = next;
	}
}

static void check_usage(const struct cgroup *cgroup)
{
	struct usage usage = { 0 };
	const struct cgroup_part *part = cgroup_part(cgroup, CONTROLLER_MEMORY);
	struct memory_parts parts;

	usage_read(cgroup, &USAGE_FILES_NONE, &usage);
	usage_cpu(cgroup);
	usage_memory(cgroup);
	if (memory_parts_read(part, &parts))
		assert(parts.anon_bytes != UNREADABLE);
}

static void check_watch(const struct fake *fake)
{
	struct oom_watch watch = OOM_WATCH_NONE;
	struct memory_seen seen = { 0 };
	struct memory_events events = { 0 };
	struct memcage_error err;

	oom_watch_open_ancestors(&watch, &fake->host);
	if (oom_watch_open(&watch, &fake->cgroup, &err) == 0) {
		oom_watch_read(&watch, true);
		oom_watch_finish(&watch, true, &seen, &events);
		assert(seen.ancestor_count == 1);
	}
	oom_watch_release(&watch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *text = NULL;
	enum cgroup_version version;

	if (size == 0 || (data[0] != '1' && data[0] != '2'))
		return 0;
	version = data[0] == '1' ? CGROUP_V1 : CGROUP_V2;
	text = fuzz_text(data + 1, size - 1);
	fill(&fakes[version].tree, files[version], text);
	check_usage(&fakes[version].cgroup);
	check_watch(&fakes[version]);
	return 0;
}
