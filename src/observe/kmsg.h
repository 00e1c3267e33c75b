/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kmsg - who was killed, from the kernel log.  Evidence that names victims and limits; the counters
 * decide, for the log is rate-limited (10 reports in 5 s), may be overrun, is readable to few
 * (CAP_SYSLOG), and lags: "Killed process" is printed after the signal was sent, so the victim may
 * be gone before the line is there.  Formats: mm/oom_kill.c and mm/memcontrol.c, Linux 6.1 to 6.18.
 *
 * The order of calls: kmsg_open() before the job starts, kmsg_collect() as often as wished.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define KMSG_VICTIMS_MOST 64
#define KMSG_MEMBERS_MOST 256
#define KMSG_COMM 16
#define KMSG_LINE 4096
#define KMSG_CALLS_MOST 32

struct kmsg_victim {
	pid_t pid;	      /* in the initial PID namespace */
	char comm[KMSG_COMM]; /* as the victim chose it: any bytes */
	uint64_t rss_bytes;   /* anonymous, file and shared memory; UINT64_MAX: not said */
};

/* A call for which a seccomp filter killed, of whatever job. */
struct kmsg_call {
	pid_t pid; /* in the initial PID namespace */
	char comm[KMSG_COMM];
	uint32_t audit; /* AUDIT_ARCH_... */
	int number;
};

/* What the log says of one job since kmsg_open(); zero at first, whole_path as one likes. */
struct kmsg_evidence {
	/*
	 * Processes of the job, by the initial PID namespace, as the caller knows them: of a
	 * rate-limited report only "Killed process" is left, which names no cgroup.
	 */
	pid_t members[KMSG_MEMBERS_MOST];
	size_t member_count;

	struct kmsg_call calls[KMSG_CALLS_MOST]; /* the last ones */
	size_t call_count;			 /* of all */

	bool whole_path; /* job_path is seen from the host's root, so no tail of a path matches */
	struct kmsg_victim victims[KMSG_VICTIMS_MOST]; /* the first ones, in the log's order */
	size_t victim_count;
	bool own, nested, ancestor, host; /* whose limits it names */
	size_t unnamed; /* victims known as members only: their limit is not among those */
	/* lines that say a process was killed, of whatever job: the log is up to date */
	size_t killed;

	/* The memory report of the first OOM at the job's own limit, as in memory.stat: ... */
	bool memory_known;
	uint64_t anon_bytes, file_bytes, shmem_bytes, kernel_bytes; /* ... shmem is in file too */

	struct {		     /* for kmsg.c only: where in a report the log stands */
		bool own_stats;	     /* lines of "Memory cgroup stats for <job>" follow */
		uint64_t kmem_bytes; /* v1 says it before that headline */
		uint64_t group_usec; /* last line of a group kill in the job; 0: none goes on */
	} at;
};

/* A log being read for a job, and a line of it that may go on in the next record. */
struct kmsg_parser {
	const char *job_path; /* as for kmsg_collect() */
	struct kmsg_evidence *evidence;
	char line[KMSG_LINE];
	size_t length;
	uint64_t usec; /* when the line began */
};

/* The log from its end on, non-blocking; -1 with errno where it is not readable. */
int kmsg_open(void);
/* To its end as it is now. */
void kmsg_skip(int fd);
/*
 * Reads what has come since and adds what concerns job_path, the path of the job's memory cgroup
 * below the hierarchy's root.  As a container does not know the whole of it, it may also be found
 * further right in a path, at a '/'; so one component has to be unguessable.  Never blocks.
 */
void kmsg_collect(int fd, const char *job_path, struct kmsg_evidence *evidence);
/* One record as read(2) gives it, NUL-terminated: for kmsg_collect() and for tests. */
void kmsg_parse(struct kmsg_parser *parser, const char *record_text);
/* There is no more for now: takes in the line that was kept. */
void kmsg_finish(struct kmsg_parser *parser);
