/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/process_table.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "cage/descendants.h"

#define PROCESSES_MOST 256
#define NAMED_MOST 3

struct table {
	pid_t pids[PROCESSES_MOST];
	size_t count;
};

static void add_members(int dir, void *data)
{
	struct table *table = data;
	auto_fd int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	auto_fclose FILE *file = fd < 0 ? NULL : fdopen(take_fd(&fd), "re");
	char line[32];

	while (file && table->count < PROCESSES_MOST && fgets(line, sizeof(line), file)) {
		long pid = strtol(line, NULL, 10);

		if (pid > 0)
			table->pids[table->count++] = (pid_t) pid;
	}
}

/*
 * "PID (COMM) STATE ..." of /proc/PID/stat; comm may hold any byte, so its end is the last ')'.
 * Field 24 is the resident set in pages (proc(5)).  False for a process that has ended or is just
 * ending.
 */
static bool read_process(pid_t pid, struct process *ret)
{
	char path[64], text[1024];
	char *comm, *end, *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	comm = strchr(text, '(');
	end = strrchr(text, ')');
	if (!comm || !end || end[1] != ' ' || end[2] == 'Z' || end[2] == 'X')
		return false;
	*end = '\0';
	*ret = (struct process) { .pid = pid };
	snprintf(ret->comm, sizeof(ret->comm), "%s", comm + 1);
	at = end + 1;
	for (int field = 3; at && field <= 24; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	ret->rss_bytes = at ? strtoull(at, NULL, 10) * (uint64_t) sysconf(_SC_PAGESIZE) : 0;
	return true;
}

static void fill(struct table *table, const struct process_source *source)
{
	table->count = 0;
	if (source->part)
		cgroup_walk(source->part->leaf, add_members, table);
	else if (source->init > 0)
		table->count = descendants_list(source->init, table->pids, PROCESSES_MOST);
}

size_t process_list(const struct process_source *source, pid_t *pids, size_t most)
{
	struct table table;

	fill(&table, source);
	if (table.count > most)
		table.count = most;
	memcpy(pids, table.pids, table.count * sizeof(*pids));
	return table.count;
}

bool process_largest(const struct process_source *source, struct process *ret)
{
	struct table table;
	struct process process;
	bool found = false;

	fill(&table, source);
	for (size_t i = 0; i < table.count; i++) {
		if (!read_process(table.pids[i], &process) ||
		    (found && process.rss_bytes <= ret->rss_bytes))
			continue;
		*ret = process;
		found = true;
	}
	return found;
}

size_t process_names(const struct process_source *source, char *buffer, size_t size)
{
	struct table table;
	struct process process;
	size_t used = 0, living = 0;

	buffer[0] = '\0';
	fill(&table, source);
	for (size_t i = 0; i < table.count; i++) {
		if (!read_process(table.pids[i], &process))
			continue;
		if (living++ < NAMED_MOST && used < size)
			used += (size_t) snprintf(buffer + used, size - used, "%s%s (pid %d)",
						  used ? ", " : "", process.comm,
						  (int) process.pid);
	}
	if (living > NAMED_MOST && used < size)
		snprintf(buffer + used, size - used, " and %zu more", living - NAMED_MOST);
	return living;
}
