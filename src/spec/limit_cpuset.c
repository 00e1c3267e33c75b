/* SPDX-License-Identifier: Apache-2.0 */
/* cpuset: a list of CPUs, and on v1 the memory nodes that it has to come with. */
#include "spec/limit_row.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/parse.h"

/* The number at *at, below LIMIT_CPUS_MOST, and *at moves on behind it.  -1 where there is none. */
static int read_cpu(const char **at)
{
	int cpu = 0;

	if (**at < '0' || **at > '9')
		return -1;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		cpu = cpu * 10 + (**at - '0');
		if (cpu >= LIMIT_CPUS_MOST)
			return -1;
	}
	return cpu;
}

/* Marks what a list such as "0-2,5" names; false where it is none. */
static bool read_cpus(const char *at, bool cpus[LIMIT_CPUS_MOST])
{
	for (;;) {
		int first = read_cpu(&at), last = first;

		if (first >= 0 && *at == '-') {
			at++;
			last = read_cpu(&at);
		}
		if (first < 0 || last < first)
			return false;
		for (int cpu = first; cpu <= last; cpu++)
			cpus[cpu] = true;
		if (*at != ',')
			return *at == '\0';
		at++;
	}
}

/* The list as the kernel prints it; for the caller to free, NULL where there is no memory. */
static char *spell_cpus(const bool cpus[LIMIT_CPUS_MOST])
{
	char text[4 * LIMIT_CPUS_MOST]; /* at most 1000-1001,...: 10 bytes for 3 CPUs */
	size_t used = 0;

	text[0] = '\0';
	for (int cpu = 0; cpu < LIMIT_CPUS_MOST; cpu++) {
		int first = cpu;

		if (!cpus[cpu])
			continue;
		while (cpu + 1 < LIMIT_CPUS_MOST && cpus[cpu + 1])
			cpu++;
		used += (size_t) snprintf(text + used, sizeof(text) - used, "%s%d", used ? "," : "",
					  first);
		if (cpu > first)
			used += (size_t) snprintf(text + used, sizeof(text) - used, "-%d", cpu);
	}
	return strdup(text);
}

int limit_cpuset_read(const char *text, const char *online, const char *mems,
		      struct limit_value *value, struct memcage_error *err)
{
	bool asked[LIMIT_CPUS_MOST] = { false }, there[LIMIT_CPUS_MOST] = { false };
	char quoted[PARSE_QUOTED];
	bool known;
	int cpu = 0;

	parse_quote(text, quoted, sizeof(quoted));
	if (!read_cpus(text, asked))
		return error_usage(err, "%s is not a list of CPUs; say 0-2,5 or max", quoted);
	known = online && read_cpus(online, there);
	while (cpu < LIMIT_CPUS_MOST && (!asked[cpu] || there[cpu]))
		cpu++;
	if (known && cpu < LIMIT_CPUS_MOST)
		return error_usage(err, "%s names CPU %d, which is not online; say some of %s",
				   quoted, cpu, online);
	value->cpus = spell_cpus(asked);
	value->mems = strdup(mems ? mems : "0");
	if (value->cpus && value->mems)
		return 0;
	limit_release(value);
	return limit_refuse_memory(err);
}

/* The rest of the line that begins with key, in a file that fits into buffer; NULL: not there. */
static const char *read_line(const char *path, const char *key, char *buffer, size_t size)
{
	char *line;

	if (file_read_at(AT_FDCWD, path, buffer, size) < 0)
		return NULL;
	line = strstr(buffer, key);
	if (!line)
		return NULL;
	line += strlen(key);
	line[strcspn(line, "\n")] = '\0';
	return line;
}

int limit_cpuset_parse(const char *text, struct limit_value *value, struct memcage_error *err)
{
	char buffer[4096], status[16384];
	const char *online, *mems;

	if (strcmp(text, "max") == 0) {
		value->number = LIMIT_NONE;
		return 0;
	}
	online = read_line("/sys/devices/system/cpu/online", "", buffer, sizeof(buffer));
	/* Our own nodes: the machine's may be more than the cgroups above the job have. */
	mems = read_line("/proc/self/status", "\nMems_allowed_list:\t", status, sizeof(status));
	if (!mems)
		mems = read_line("/sys/devices/system/node/online", "", status, sizeof(status));
	return limit_cpuset_read(text, online, mems, value, err);
}

void limit_cpuset_plan_v2(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
			  struct limit_plan *plan)
{
	struct limit_write *write = limit_plan_add(plan, "cpuset.cpus", "%s", values[id].cpus);

	/*
	 * cpuset.cpus takes any CPU of the machine and says so ever after, even where the levels
	 * above lack it and the job runs on theirs: cgroup-v2.rst, and so seen on 6.12.
	 */
	write->check = "cpuset.cpus.effective";
}

void limit_cpuset_plan_v1(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
			  struct limit_plan *plan)
{
	/*
	 * Both are empty in a new cgroup, and then no process may enter it.  The cgroup below, that
	 * the processes are in, gets them when it is made, if asked (cgroup-v1/cpusets.rst).
	 */
	limit_plan_add(plan, "cpuset.mems", "%s", values[id].mems);
	limit_plan_add(plan, "cpuset.cpus", "%s", values[id].cpus);
	limit_plan_add(plan, "cgroup.clone_children", "1");
}
