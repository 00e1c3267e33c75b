/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - what is said of a job.  struct report holds the facts, plain and complete; report_json()
 * puts them into the JSON object memcage.report/1 (memcage-report(5),
 * include/memcage-report-1.schema.json), text.h into words.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "observe/observation.h"
#include "spec/limit.h"
#include "verdict/verdict.h"

/* The kernel's counters, v2's memory.events; UNREADABLE where this backend does not have one. */
struct memory_events {
	uint64_t low, high, max, oom, oom_kill, oom_group_kill;
};

/* What the whole job used; UNREADABLE where it is not known here. */
struct usage {
	uint64_t memory_peak_bytes, swap_peak_bytes;
	uint64_t cpu_user_usec, cpu_system_usec, cpu_throttled_usec;
	uint64_t pids_peak;
	uint64_t tmp_peak_bytes;
	uint64_t io_read_bytes, io_write_bytes;
	struct memory_events events;
};

/* What the memory consisted of at the limit; UNREADABLE where not known. */
struct memory_parts {
	uint64_t anon_bytes, file_bytes, shmem_bytes, kernel_bytes;
};

enum victim_source { VICTIM_KMSG, VICTIM_PROCESS_TABLE, VICTIM_SOURCE__COUNT };

struct victim {
	pid_t pid;	    /* in memcage's own PID namespace; 0: only the host's is known */
	char comm[16];	    /* as the kernel has it: any bytes but NUL */
	uint64_t rss_bytes; /* UNREADABLE: not known */
	enum victim_source source;
};

/* A call that memcage's own filter killed for. */
struct call_seen {
	bool known; /* which call it was */
	int number;
	uint32_t audit; /* AUDIT_ARCH_... */
	bool args_known;
	uint64_t args[6];
	pid_t pid;     /* in memcage's own PID namespace; 0: not known */
	char comm[16]; /* as the kernel has it: any bytes but NUL */
};

enum warning_code {
	WARNING_PIDS_LIMIT,
	WARNING_TMP_FULL,
	WARNING_CPU_THROTTLED,
	WARNING_MEMORY_HIGH,
	WARNING_MEMORY_PRESSURE,
	WARNING_NESTED_OOM,
	WARNING_LEFTOVER_PROCESSES,
	WARNING_LIMIT_NOT_BELOW_ANCESTOR,
	WARNING_LIMIT_UNSUPPORTED,
	WARNING_NAMESPACE_UNAVAILABLE,
	WARNING_TMP_NOT_PRIVATE,
	WARNING_OBSERVE_ONLY,
	WARNING_TMP_DISCARDED, /* in the report only: nothing is said for it alone */
	WARNING__COUNT,
};

struct warning {
	enum warning_code code;
	char message[240];
};

#define WARNINGS_MOST 32

struct sample {
	uint64_t at_usec; /* since the start of the command */
	uint64_t memory_bytes;
	struct memory_parts parts;
	uint64_t cpu_usec;
	double memory_some_percent; /* PSI some avg10; negative: no PSI here */
};

struct report {
	bool ended; /* false: "unfinished", what the file says while the job runs */
	const char *id;
	char *const *command; /* NULL-terminated; any bytes */
	const char *policy;
	const char *item;	    /* of a map; NULL */
	uint64_t seq, attempt;	    /* likewise; 0 */
	const char *backend;	    /* "v2", "v1"; NULL where the set-up did not get that far */
	struct timespec started_at; /* CLOCK_REALTIME */
	uint64_t wall_usec;

	struct verdict verdict;
	const struct observation *seen; /* NULL: nothing was seen */
	const char *summary,
		*hint;	     /* text.h's words; hint may be NULL, and so may both before the end */
	const char *failure; /* one line: why the set-up or execve failed; NULL where neither did */
	const char *missing_evidence;  /* for the scope unknown: what could not be read; NULL */
	const char *ancestor_name;     /* path of the guilty ancestor, NULL if not known */
	uint64_t ancestor_limit_bytes; /* its memory limit; 0 or UNREADABLE if not known */

	const char *seccomp;	      /* the filter as it was asked for; NULL: default */
	const struct call_seen *call; /* where it killed; NULL */
	int no_listener_errnum;	      /* why no more is known of the call; 0 */

	const struct limit_value *limits; /* LIMIT__COUNT, as in force; NULL: not known yet */
	uint64_t memory_effective_bytes;  /* smallest of the job's and its readable ancestors' */
	struct usage usage;
	bool memory_parts_known;
	struct memory_parts memory_parts;
	const struct victim *victims;
	size_t victim_count;
	const struct warning *warnings;
	size_t warning_count;
	const struct sample *samples; /* NULL: no timeline was asked for */
	size_t sample_count;
};

extern const char *const warning_names[WARNING__COUNT];

/*
 * The JSON text, ended by a newline; the caller frees it; NULL with errno ENOMEM.  Of a report that
 * has not ended only what is known before the start is said.  Bytes of command and comm that are
 * not UTF-8 become U+FFFD; keys are always there, null where they do not apply.
 */
char *report_json(const struct report *report, bool one_line);
/* The number of a limit in force, in its row's unit; UNREADABLE where there is none. */
uint64_t report_limit(const struct report *report, enum limit_id id);
/* The memory limit that was hit, in bytes; UNREADABLE where it is not known. */
uint64_t report_limit_hit(const struct report *report);
bool report_has_warning(const struct report *report, enum warning_code code);
/* The warnings that are worth a line, at most WARNINGS_MOST of them, pointing into the report. */
size_t report_warnings_said(const struct report *report, struct memcage_warning ret[WARNINGS_MOST]);
