/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a report of the OOM killer looks (Linux 6.1 to 6.18):
 *
 *	NAME invoked oom-killer: ...		not more than 10 times in 5 s, from here
 *	kmem: usage 36kB, limit ...		v1 only
 *	Memory cgroup stats for LIMIT:		LIMIT is the cgroup whose limit was hit
 *	anon 16740352 ...			one record a key, or (6.1) all in one
 *	Tasks state (memory values in pages):
 *	oom-kill:constraint=...,oom_memcg=LIMIT,task_memcg=PATH,task=NAME,pid=N,uid=N
 *						to here
 *	Memory cgroup out of memory: Killed process N (NAME) total-vm:...
 *	Tasks in GROUP are going to be killed due to memory.oom.group set
 *	Memory cgroup out of memory: Killed process ...
 *						each member, the first victim once more
 *
 * Reports do not mix, since the kernel holds oom_lock throughout; other lines come in between.
 *
 * Lines that hold a path are printed piece by piece (pr_cont), and a piece that does not fit into
 * 1 KiB with those before it becomes a record of its own, marked 'c': a job can bring that about
 * with the names of its cgroups.  So such a line is kept until another line of a report, or the end
 * of the log, shows that it is whole.
 */
#include "observe/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/own.h"
#include "observe/kmsg_line.h"

/* The most that one read gives: CONSOLE_EXT_LOG_MAX of Linux 6.1. */
#define RECORD_MOST 8192
/* Records read in one go: more than a log holds, and an end to one that keeps growing. */
#define RECORDS_MOST 65536
/* Members of a group die some 50 us apart; a slow serial console makes it 20 ms. */
#define GROUP_GAP_USEC 100000
#define TEXT_MOST 2048

static const char oom_start[] = "oom-kill:constraint=";
static const char group_start[] = "Tasks in ";
static const char group_end[] = " are going to be killed due to memory.oom.group set";
static const char stats_start[] = "Memory cgroup stats for ";
static const char kmem_start[] = "kmem: usage ";
static const char call_start[] = "audit: type=1326 ";

static void add_victim(struct kmsg_evidence *evidence, const struct kmsg_victim *victim)
{
	if (evidence->victim_count < KMSG_VICTIMS_MOST)
		evidence->victims[evidence->victim_count++] = *victim;
}

/* The latest of that number, as numbers are used again. */
static struct kmsg_victim *find_victim(struct kmsg_evidence *evidence, pid_t pid)
{
	for (size_t i = evidence->victim_count; i-- > 0;)
		if (evidence->victims[i].pid == pid)
			return &evidence->victims[i];
	return NULL;
}

/* Job and limit are where the victim lives or above it: the shorter path is the upper one. */
static void take_limit(struct kmsg_evidence *evidence, const char *oom_memcg, size_t job_length)
{
	size_t length = oom_memcg ? strlen(oom_memcg) : 0;

	if (!oom_memcg)
		evidence->host = true;
	else if (length == job_length)
		evidence->own = true;
	else if (length > job_length)
		evidence->nested = true;
	else
		evidence->ancestor = true;
}

/* As kmsg_find_job(), but a path that is known as a whole matches at the start only. */
static size_t find_job(const struct kmsg_parser *parser, const char *path)
{
	size_t length = kmsg_find_job(path, parser->job_path);

	return parser->evidence->whole_path && length != strlen(parser->job_path) ? 0 : length;
}

static void take_oom(struct kmsg_parser *parser)
{
	struct kmsg_evidence *evidence = parser->evidence;
	struct kmsg_oom oom;
	size_t job_length;

	evidence->at.group_usec = 0;
	if (!kmsg_split_oom(parser->line, &oom))
		return;
	job_length = find_job(parser, oom.task_memcg);
	if (job_length == 0)
		return;
	add_victim(evidence, &oom.victim);
	take_limit(evidence, oom.oom_memcg, job_length);
}

/*
 * The members that follow are the job's where the group is its cgroup or one below; those of a
 * group above it may be anybody's.
 */
static void take_group(struct kmsg_parser *parser)
{
	char *path = parser->line + strlen(group_start), *end = kmsg_find_last(path, group_end);

	parser->evidence->at.group_usec = 0;
	if (!end || end[strlen(group_end)] != '\0')
		return;
	*end = '\0';
	if (find_job(parser, path) != 0)
		parser->evidence->at.group_usec = parser->usec;
}

static void take_headline(struct kmsg_parser *parser)
{
	struct kmsg_evidence *evidence = parser->evidence;
	char *path = parser->line + strlen(stats_start), *end = kmsg_find_last(path, ":");
	uint64_t kmem_bytes = evidence->at.kmem_bytes;

	evidence->at.own_stats = false;
	evidence->at.kmem_bytes = 0;
	if (!end || end == path || end[1] != '\0' || evidence->memory_known)
		return;
	*end = '\0';
	if (find_job(parser, path) != strlen(path))
		return;
	evidence->at.own_stats = true;
	evidence->kernel_bytes = kmem_bytes;
}

/* What counts the cgroups below too: all keys of v2, the second half of v1's. */
static const struct stats_key {
	const char *key;
	size_t offset;
} stats_keys[] = {
	{ "anon", offsetof(struct kmsg_evidence, anon_bytes) },
	{ "file", offsetof(struct kmsg_evidence, file_bytes) },
	{ "shmem", offsetof(struct kmsg_evidence, shmem_bytes) },
	{ "kernel", offsetof(struct kmsg_evidence, kernel_bytes) },
	{ "total_rss", offsetof(struct kmsg_evidence, anon_bytes) },
	{ "total_cache", offsetof(struct kmsg_evidence, file_bytes) },
	{ "total_shmem", offsetof(struct kmsg_evidence, shmem_bytes) },
};

static void take_stat(struct kmsg_evidence *evidence, const char *line)
{
	for (size_t i = 0; i < ARRAY_LEN(stats_keys); i++) {
		void *number = (char *) evidence + stats_keys[i].offset;

		if (kmsg_split_stat(line, stats_keys[i].key, number))
			evidence->memory_known = true;
	}
}

static void take_stats(struct kmsg_evidence *evidence, const char *text)
{
	char lines[TEXT_MOST];
	char *next;

	kmsg_unescape(text, lines, sizeof(lines));
	for (char *line = lines; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		take_stat(evidence, line);
	}
}

/*
 * The line names no cgroup: it is the job's where "oom-kill:" has named this process before, or in
 * a group kill of the job.
 */
static bool is_member(const struct kmsg_evidence *evidence, pid_t pid)
{
	for (size_t i = 0; i < evidence->member_count; i++)
		if (evidence->members[i] == pid)
			return true;
	return false;
}

static void take_killed(struct kmsg_evidence *evidence, const char *text, uint64_t usec)
{
	uint64_t last = evidence->at.group_usec;
	bool group = last != 0 && usec < last + GROUP_GAP_USEC;
	struct kmsg_victim victim, *known;
	char line[TEXT_MOST];

	evidence->at.group_usec = group ? usec : 0;
	kmsg_unescape(text, line, sizeof(line));
	evidence->killed++;
	if (!kmsg_split_killed(line, &victim))
		return;
	known = find_victim(evidence, victim.pid);
	if (known && known->rss_bytes == UINT64_MAX)
		*known = victim;
	if (known || !(group || is_member(evidence, victim.pid)))
		return;
	add_victim(evidence, &victim);
	if (!group)
		evidence->unnamed++;
}

static void take_call(struct kmsg_evidence *evidence, const char *text)
{
	struct kmsg_call call;
	char line[TEXT_MOST];

	kmsg_unescape(text, line, sizeof(line));
	if (kmsg_split_call(line, &call))
		evidence->calls[evidence->call_count++ % KMSG_CALLS_MOST] = call;
}

/* The length of what stands before "N (NAME) ..." in a "Killed process" line; 0 in others. */
static size_t killed_start(const char *text)
{
	static const char *const starts[] = {
		"Memory cgroup out of memory: Killed process ",
		"Out of memory: Killed process ",
		"Out of memory (oom_kill_allocating_task): Killed process ",
	};

	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (kmsg_starts(text, starts[i]))
			return strlen(starts[i]);
	return 0;
}

/* A line that never takes more than one record. */
static void take_line(struct kmsg_parser *parser, const struct kmsg_record *record)
{
	struct kmsg_evidence *evidence = parser->evidence;
	size_t killed = killed_start(record->text);

	if (killed != 0 || kmsg_starts(parser->line, stats_start))
		kmsg_finish(parser);
	if (killed != 0)
		take_killed(evidence, record->text + killed, record->usec);
	else if (kmsg_starts(record->text, call_start))
		take_call(evidence, record->text);
	else if (kmsg_starts(record->text, kmem_start))
		evidence->at.kmem_bytes = kmsg_kib_after(record->text, kmem_start);
	else if (kmsg_starts(record->text, "Tasks state (memory values in pages):"))
		evidence->at.own_stats = false;
	else if (evidence->at.own_stats)
		take_stats(evidence, record->text);
	else if (evidence->at.group_usec != 0 && strstr(record->text, " invoked oom-killer: "))
		evidence->at.group_usec = 0;
}

static bool may_continue(const char *text)
{
	return kmsg_starts(text, oom_start) || kmsg_starts(text, group_start) ||
	       kmsg_starts(text, stats_start);
}

static void keep(struct kmsg_parser *parser, const char *text)
{
	char *end = parser->line + parser->length;

	parser->length += kmsg_unescape(text, end, sizeof(parser->line) - parser->length);
}

static void drop(struct kmsg_parser *parser)
{
	parser->length = 0;
	parser->line[0] = '\0';
}

void kmsg_parse(struct kmsg_parser *parser, const char *record_text)
{
	struct kmsg_record record;

	if (!kmsg_split_record(record_text, &record))
		return;
	if (record.continues) {
		if (parser->length > 0)
			keep(parser, record.text);
	} else if (may_continue(record.text)) {
		kmsg_finish(parser);
		parser->usec = record.usec;
		keep(parser, record.text);
	} else {
		take_line(parser, &record);
	}
}

void kmsg_finish(struct kmsg_parser *parser)
{
	if (kmsg_starts(parser->line, oom_start))
		take_oom(parser);
	else if (kmsg_starts(parser->line, group_start))
		take_group(parser);
	else if (kmsg_starts(parser->line, stats_start))
		take_headline(parser);
	drop(parser);
}

/* Records were overwritten unread: what stands on either side does not belong together. */
static void forget(struct kmsg_parser *parser)
{
	struct kmsg_evidence *evidence = parser->evidence;

	if (evidence->at.own_stats)
		evidence->memory_known = false;
	memset(&evidence->at, 0, sizeof(evidence->at));
	drop(parser);
}

/* /dev/kmsg is 1:11 everywhere; some containers put a terminal there, which is not ours to read. */
int kmsg_open(void)
{
	auto_fd int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -1;
	if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 11)) {
		errno = ENODEV;
		return -1;
	}
	if (lseek(fd, 0, SEEK_END) < 0)
		return -1;
	return take_fd(&fd);
}

void kmsg_skip(int fd)
{
	lseek(fd, 0, SEEK_END);
}

/* One record; false where there is no more. */
static bool read_record(struct kmsg_parser *parser, int fd)
{
	char record[RECORD_MOST + 1];
	ssize_t length = read(fd, record, RECORD_MOST);

	if (length > 0) {
		record[length] = '\0';
		kmsg_parse(parser, record);
		return true;
	}
	if (length < 0 && errno == EPIPE) {
		forget(parser);
		return true;
	}
	/* EINVAL: too long, and passed over. */
	return length < 0 && (errno == EINTR || errno == EINVAL);
}

void kmsg_collect(int fd, const char *job_path, struct kmsg_evidence *evidence)
{
	struct kmsg_parser parser = { .job_path = job_path, .evidence = evidence };

	for (size_t i = 0; i < RECORDS_MOST; i++)
		if (!read_record(&parser, fd))
			break;
	kmsg_finish(&parser);
}
