/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/descendants.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/kernel_dirent.h"
#include "base/own.h"

#define PROCESSES_MOST (1 << 17) /* of the machine; memory is taken for those only that there are */
#define GIVE_UP (2 * USEC_PER_SEC)
#define PAUSE (USEC_PER_MSEC / 4)

struct entry {
	pid_t pid, parent;
	bool stopped, alive, descends;
};

struct table {
	struct entry *entries; /* by pid, as /proc lists them */
	size_t count;
};

/* Field 20 of proc_pid_stat(5), from field 3 on. */
static long read_thread_count(const char *at)
{
	for (int field = 3; at && field < 20; field++) {
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
	return at ? strtol(at, NULL, 10) : 0;
}

/*
 * "PID (COMM) STATE PARENT ..."; comm may hold any byte, so its end is the last ')'.  A process
 * whose first thread has ended is a zombie there, and may run on in others.
 */
static bool read_entry(int proc, const char *name, struct entry *ret)
{
	char path[32], text[1024];
	const char *end;

	memcpy(stpncpy(path, name, 20), "/stat", sizeof("/stat"));
	if (file_read_at(proc, path, text, sizeof(text)) < 0 || !(end = strrchr(text, ')')) ||
	    end[1] != ' ' || end[2] == '\0' || end[3] != ' ')
		return false;
	*ret = (struct entry) {
		.pid = (pid_t) strtol(name, NULL, 10),
		.parent = (pid_t) strtol(end + 4, NULL, 10),
		.stopped = end[2] == 'T' || end[2] == 't',
		.alive = (end[2] != 'Z' && end[2] != 'X') || read_thread_count(end + 2) > 1,
	};
	return true;
}

static void read_block(int proc, const char *block, size_t length, struct table *table)
{
	for (size_t at = 0; at < length;) {
		const struct kernel_dirent *dirent = (const void *) (block + at);
		const char *name = dirent->name;

		at += dirent->length;
		if (*name >= '1' && *name <= '9' && strlen(name) < 20 &&
		    table->count < PROCESSES_MOST &&
		    read_entry(proc, name, &table->entries[table->count]))
			table->count++;
	}
}

static void read_table(struct table *table)
{
	auto_fd int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_Alignas(struct kernel_dirent) char block[4096];
	long length;

	while (proc >= 0 && (length = syscall(SYS_getdents64, proc, block, sizeof(block))) > 0)
		read_block(proc, block, (size_t) length, table);
}

static const struct entry *find(const struct table *table, pid_t pid)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->entries[middle].pid == pid)
			return &table->entries[middle];
		if (table->entries[middle].pid < pid)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Most have a larger pid than their parent, so that the second pass finds nothing new. */
static void mark(struct table *table, pid_t root)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < table->count; i++) {
			struct entry *entry = &table->entries[i];
			const struct entry *parent = find(table, entry->parent);

			if (entry->descends ||
			    !(entry->parent == root || (parent && parent->descends)))
				continue;
			entry->descends = more = true;
		}
	}
}

/* NULL: no memory.  To be unmapped. */
static struct entry *take_census(pid_t root, struct table *ret)
{
	void *memory = mmap(NULL, PROCESSES_MOST * sizeof(struct entry), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	*ret = (struct table) { .entries = memory };
	read_table(ret);
	mark(ret, root);
	return memory;
}

static void end_census(struct entry *entries)
{
	munmap(entries, PROCESSES_MOST * sizeof(struct entry));
}

static bool is_alive(const struct entry *entry)
{
	return entry->descends && entry->alive;
}

size_t descendants_list(pid_t root, pid_t *pids, size_t most)
{
	struct table table;
	struct entry *census = take_census(root, &table);
	size_t count = 0;

	for (size_t i = 0; census && i < table.count && count < most; i++)
		if (is_alive(&table.entries[i]))
			pids[count++] = table.entries[i].pid;
	if (census)
		end_census(census);
	return count;
}

/* SIGSTOP goes to those only that do not stand still yet.  The number of those it was sent to. */
static size_t signal_all(pid_t root, int signo)
{
	struct table table;
	struct entry *census = take_census(root, &table);
	size_t count = 0;

	for (size_t i = 0; census && i < table.count; i++) {
		if (!is_alive(&table.entries[i]) || (signo == SIGSTOP && table.entries[i].stopped))
			continue;
		kill(table.entries[i].pid, signo);
		count++;
	}
	if (census)
		end_census(census);
	return count;
}

static void pause_until(uint64_t give_up)
{
	if (clock_usec() < give_up)
		usleep(PAUSE);
}

/*
 * True when nobody was left to send it to, in two looks: one that is being forked while /proc is
 * listed may be in neither half of the list.
 */
static bool signal_until(pid_t root, int signo, uint64_t give_up)
{
	int calm = 0;

	while (calm < 2) {
		calm = signal_all(root, signo) > 0 ? 0 : calm + 1;
		if (clock_usec() >= give_up)
			return calm == 2;
		if (calm == 0)
			pause_until(give_up);
	}
	return true;
}

bool descendants_kill(pid_t root)
{
	uint64_t now = clock_usec();

	/* One that sleeps in the kernel stops late: it is no reason to wait for long. */
	signal_until(root, SIGSTOP, now + GIVE_UP / 4);
	return signal_until(root, SIGKILL, now + GIVE_UP);
}
