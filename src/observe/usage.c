/* SPDX-License-Identifier: Apache-2.0 */
#include "observe/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/own.h"

#define STAT_TEXT 4096
#define IO_TEXT 65536

static uint64_t number(int dir, const char *file)
{
	uint64_t value;

	return file_number_at(dir, file, &value) < 0 ? UNREADABLE : value;
}

static uint64_t key(int dir, const char *file, const char *name)
{
	char text[STAT_TEXT];
	uint64_t value;

	return file_read_at(dir, file, text, sizeof(text)) < 0 || !file_key(text, name, &value)
		       ? UNREADABLE
		       : value;
}

/* ---- counters of v2 that are opened while the job runs ---- */

/* Until 6.11 what is refused is counted where the forker lives only, and there is no local file. */
static const struct {
	const char *name, *otherwise;
	enum controller controller; /* NONE: in every cgroup */
	bool in_leaf;
} counter_files[USAGE_FILE__COUNT] = {
	[USAGE_MEMORY_PEAK] = { "memory.peak", NULL, CONTROLLER_MEMORY },
	[USAGE_SWAP_PEAK] = { "memory.swap.peak", NULL, CONTROLLER_MEMORY },
	[USAGE_PIDS_PEAK] = { "pids.peak", NULL, CONTROLLER_PIDS },
	[USAGE_CPU_STAT] = { "cpu.stat", NULL, CONTROLLER_NONE },
	[USAGE_IO_STAT] = { "io.stat", NULL, CONTROLLER_IO },
	[USAGE_PRESSURE] = { "memory.pressure", NULL, CONTROLLER_MEMORY },
	[USAGE_REFUSED] = { "pids.events.local", "pids.events", CONTROLLER_PIDS },
	[USAGE_REFUSED_LEAF] = { "pids.events.local", "pids.events", CONTROLLER_PIDS, true },
};

static const struct cgroup_part *first_of_v2(const struct cgroup *cgroup)
{
	for (size_t i = 0; i < cgroup->count; i++)
		if (cgroup->parts[i].hierarchy->version == CGROUP_V2)
			return &cgroup->parts[i];
	return NULL;
}

static const struct cgroup_part *part_of_v2(const struct cgroup *cgroup, enum controller controller)
{
	const struct cgroup_part *part = controller == CONTROLLER_NONE
						 ? first_of_v2(cgroup)
						 : cgroup_part(cgroup, controller);

	return part && part->hierarchy->version == CGROUP_V2 ? part : NULL;
}

static int open_counter(const struct cgroup_part *part, enum usage_file which)
{
	int dir = counter_files[which].in_leaf ? part->leaf : part->job;
	int fd = openat(dir, counter_files[which].name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && counter_files[which].otherwise)
		fd = openat(dir, counter_files[which].otherwise, O_RDONLY | O_CLOEXEC);
	return fd;
}

void usage_open(const struct cgroup *cgroup, struct usage_files *ret)
{
	for (int i = 0; i < USAGE_FILE__COUNT; i++) {
		const struct cgroup_part *part = part_of_v2(cgroup, counter_files[i].controller);

		ret->fds[i] = part ? open_counter(part, (enum usage_file) i) : -1;
	}
}

void usage_close(struct usage_files *files)
{
	for (int i = 0; i < USAGE_FILE__COUNT; i++)
		own_close(&files->fds[i]);
}

/* Where it could not be opened before, it is now. */
static ssize_t read_counter(const struct usage_files *files, enum usage_file which,
			    const struct cgroup_part *part, char *text, size_t size)
{
	return files->fds[which] >= 0
		       ? file_read_fd(files->fds[which], text, size)
		       : file_read_at(part->job, counter_files[which].name, text, size);
}

/* ---- all counters ---- */

static uint64_t peak(const struct usage_files *files, enum usage_file which,
		     const struct cgroup_part *part)
{
	char text[64];
	uint64_t value;

	return read_counter(files, which, part, text, sizeof(text)) < 0 ||
			       file_number(text, &value) < 0
		       ? UNREADABLE
		       : value;
}

/* v1 counts in nanoseconds. */
static uint64_t usec(uint64_t nanoseconds)
{
	return nanoseconds == UNREADABLE ? UNREADABLE : nanoseconds / 1000;
}

/* v2's cpu.stat is in every cgroup, whether it has the cpu controller or not. */
static const struct cgroup_part *cpu_part(const struct cgroup *cgroup)
{
	const struct cgroup_part *v1 = cgroup_part(cgroup, CONTROLLER_CPUACCT);

	return v1 ? v1 : first_of_v2(cgroup);
}

/* All is in one file. */
static void read_cpu_v2(const struct cgroup_part *part, const struct usage_files *files,
			bool throttled, struct usage *ret)
{
	char text[STAT_TEXT];

	if (read_counter(files, USAGE_CPU_STAT, part, text, sizeof(text)) < 0)
		return;
	file_key(text, "user_usec", &ret->cpu_user_usec);
	file_key(text, "system_usec", &ret->cpu_system_usec);
	if (throttled)
		file_key(text, "throttled_usec", &ret->cpu_throttled_usec);
}

static void read_cpu(const struct cgroup *cgroup, const struct usage_files *files,
		     struct usage *ret)
{
	const struct cgroup_part *accounting = cpu_part(cgroup);
	const struct cgroup_part *limiting = cgroup_part(cgroup, CONTROLLER_CPU);

	if (accounting && accounting->hierarchy->version == CGROUP_V2) {
		read_cpu_v2(accounting, files, limiting == accounting, ret);
	} else if (accounting) {
		ret->cpu_user_usec = usec(number(accounting->job, "cpuacct.usage_user"));
		ret->cpu_system_usec = usec(number(accounting->job, "cpuacct.usage_sys"));
	}
	if (limiting && limiting->hierarchy->version == CGROUP_V2 && limiting != accounting)
		ret->cpu_throttled_usec = key(limiting->job, "cpu.stat", "throttled_usec");
	else if (limiting && limiting->hierarchy->version == CGROUP_V1)
		ret->cpu_throttled_usec = usec(key(limiting->job, "cpu.stat", "throttled_time"));
}

/*
 * The sum of the numbers that follow a word in any line: "8:0 rbytes=4096 wbytes=0 ..." or "8:0
 * Read 4096".
 */
static uint64_t sum_after(const char *text, const char *word)
{
	uint64_t sum = 0;

	for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
		sum += strtoull(at + strlen(word), NULL, 10);
	return sum;
}

static void read_io(const struct cgroup *cgroup, const struct usage_files *files, struct usage *ret)
{
	const struct cgroup_part *io = cgroup_part(cgroup, CONTROLLER_IO);
	bool v2 = io && io->hierarchy->version == CGROUP_V2;
	const char *file = v2 ? "io.stat" : "blkio.throttle.io_service_bytes_recursive";
	auto_free char *many = NULL;
	char few[STAT_TEXT], *text = few;
	ssize_t length;

	if (!io)
		return;
	length = v2 ? read_counter(files, USAGE_IO_STAT, io, few, sizeof(few))
		    : file_read_at(io->job, file, few, sizeof(few));
	if (length < 0) { /* many disks */
		text = many = errno == EFBIG ? malloc(IO_TEXT) : NULL;
		if (!text || file_read_at(io->job, file, many, IO_TEXT) < 0)
			return;
	}
	ret->io_read_bytes = sum_after(text, v2 ? " rbytes=" : " Read ");
	ret->io_write_bytes = sum_after(text, v2 ? " wbytes=" : " Write ");
}

void usage_read(const struct cgroup *cgroup, const struct usage_files *files, struct usage *ret)
{
	const struct cgroup_part *memory = cgroup_part(cgroup, CONTROLLER_MEMORY);
	const struct cgroup_part *pids = cgroup_part(cgroup, CONTROLLER_PIDS);

	ret->memory_peak_bytes = ret->swap_peak_bytes = UNREADABLE;
	ret->cpu_user_usec = ret->cpu_system_usec = ret->cpu_throttled_usec = UNREADABLE;
	ret->pids_peak = ret->io_read_bytes = ret->io_write_bytes = UNREADABLE;
	if (memory && memory->hierarchy->version == CGROUP_V2) {
		ret->memory_peak_bytes = peak(files, USAGE_MEMORY_PEAK, memory);
		ret->swap_peak_bytes = peak(files, USAGE_SWAP_PEAK, memory);
	} else if (memory) {
		ret->memory_peak_bytes = number(memory->job, "memory.max_usage_in_bytes");
	}
	if (pids)
		ret->pids_peak = peak(files, USAGE_PIDS_PEAK, pids);
	read_cpu(cgroup, files, ret);
	read_io(cgroup, files, ret);
}

uint64_t usage_cpu(const struct cgroup *cgroup)
{
	const struct cgroup_part *part = cpu_part(cgroup);

	if (!part)
		return UNREADABLE;
	return part->hierarchy->version == CGROUP_V2 ? key(part->job, "cpu.stat", "usage_usec")
						     : usec(number(part->job, "cpuacct.usage"));
}

uint64_t usage_memory(const struct cgroup *cgroup)
{
	const struct cgroup_part *memory = cgroup_part(cgroup, CONTROLLER_MEMORY);

	if (!memory)
		return UNREADABLE;
	return number(memory->job, memory->hierarchy->version == CGROUP_V2
					   ? "memory.current"
					   : "memory.usage_in_bytes");
}

/*
 * Until 6.11, and on v1, it is counted where the forker lives and nowhere above; since then where
 * the limit is, and in all above, apart from the local file.
 */
static void add_refused(int dir, void *sum)
{
	uint64_t refused = key(dir, "pids.events.local", "max");

	if (refused == UNREADABLE)
		refused = key(dir, "pids.events", "max");

	*(uint64_t *) sum += refused == UNREADABLE ? 0 : refused;
}

static void add_refused_open(int dir, int fd, uint64_t *sum)
{
	char text[STAT_TEXT];
	uint64_t refused;

	if (fd < 0)
		add_refused(dir, sum);
	else if (file_read_fd(fd, text, sizeof(text)) >= 0 && file_key(text, "max", &refused))
		*sum += refused;
}

uint64_t usage_refused_forks(const struct cgroup *cgroup, const struct usage_files *files)
{
	const struct cgroup_part *pids = cgroup_part(cgroup, CONTROLLER_PIDS);
	uint64_t sum = 0;

	if (!pids)
		return 0;
	if (cgroup_is_childless(pids->leaf))
		add_refused_open(pids->leaf, files->fds[USAGE_REFUSED_LEAF], &sum);
	else
		cgroup_walk(pids->leaf, add_refused, &sum);
	if (pids->leaf != pids->job)
		add_refused_open(pids->job, files->fds[USAGE_REFUSED], &sum);
	return sum;
}

static bool read_pressure(const struct cgroup *cgroup, const struct usage_files *files, char *text,
			  size_t size)
{
	const struct cgroup_part *memory = part_of_v2(cgroup, CONTROLLER_MEMORY);

	return memory && read_counter(files, USAGE_PRESSURE, memory, text, size) >= 0;
}

uint64_t usage_memory_stall(const struct cgroup *cgroup, const struct usage_files *files)
{
	char text[STAT_TEXT];
	const char *full =
		read_pressure(cgroup, files, text, sizeof(text)) ? strstr(text, "full ") : NULL;
	const char *total = full ? strstr(full, "total=") : NULL;

	return total ? strtoull(total + strlen("total="), NULL, 10) : UNREADABLE;
}

double usage_memory_pressure(const struct cgroup *cgroup)
{
	char text[STAT_TEXT];
	const char *average = read_pressure(cgroup, &USAGE_FILES_NONE, text, sizeof(text))
				      ? strstr(text, "some avg10=")
				      : NULL;

	unsigned int whole = 0, hundredths = 0;

	/* Not strtod: the program that we are in may have a locale with another decimal point. */
	if (!average || sscanf(average, "some avg10=%u.%2u", &whole, &hundredths) != 2)
		return -1;
	return whole + hundredths / 100.0;
}
