/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limit - one row describes a limit everywhere: option and policy key, help, parser, the controller
 * and files on cgroup v2 and v1, and its place in the report.  All others walk the rows.  Pure,
 * apart from the look-up of a device or a CPU that a text names.
 *
 * A text becomes a value (limit_parse), a value becomes the writes that put it in force
 * (limit_plan), and after each write the file must say so (limit_holds).  Defaults that join two
 * limits are not made here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/error.h"

enum limit_id {
	LIMIT_MEMORY,
	LIMIT_MEMORY_HIGH,
	LIMIT_SWAP, /* after memory: v1 wants its files written in this order */
	LIMIT_CPUS,
	LIMIT_CPU_WEIGHT,
	LIMIT_CPUSET,
	LIMIT_PIDS,
	LIMIT_IO,
	LIMIT_TMP,
	LIMIT_TIMEOUT,
	LIMIT_CPU_TIME,
	LIMIT_GRACE,
	LIMIT_RLIMITS,
	LIMIT__COUNT,
};

/* The kernel's controllers that limits and counters need, by their v2 names (io is blkio on v1). */
enum controller {
	CONTROLLER_MEMORY,
	CONTROLLER_CPU,
	CONTROLLER_CPUACCT, /* v1 only; v2 counts CPU time in every cgroup */
	CONTROLLER_CPUSET,
	CONTROLLER_IO,
	CONTROLLER_PIDS,
	CONTROLLER__COUNT,
	CONTROLLER_NONE = CONTROLLER__COUNT, /* a limit that no cgroup enforces */
};

enum cgroup_version { CGROUP_V2, CGROUP_V1, CGROUP_VERSION__COUNT };

enum limit_unit {
	LIMIT_BYTES, /* number: bytes, whole pages */
	LIMIT_USEC,  /* number: microseconds */
	LIMIT_COUNT,
	LIMIT_MILLIONTHS, /* number: millionths, cpus 1.5 is 1500000 */
	LIMIT_LIST,	  /* no number: see the other members of the value */
};

#define LIMIT_NONE UINT64_MAX /* the number of a limit given as "max" */
#define LIMIT_CPUS_MOST 4096  /* CPUs that a cpuset list may name */
#define LIMIT_REPEATS_MOST 64 /* devices that --io may name */

struct limit_io {
	unsigned int major, minor; /* of the whole disk */
	uint64_t rbps, wbps;	   /* bytes a second; LIMIT_NONE: no limit */
	uint64_t riops, wiops;	   /* operations a second; likewise */
};

struct limit_rlimit {
	int resource; /* RLIMIT_NOFILE, ... */
	rlim_t soft, hard;
};

/* All zero: unset.  What the pointers point to belongs to the value. */
struct limit_value {
	bool set;		      /* absent and 0 differ */
	uint64_t number;	      /* in the row's unit; LIMIT_NONE for "max" */
	char *cpus;		      /* cpuset: in the kernel's spelling, "0-2,5"; "max": NULL */
	char *mems;		      /* cpuset: the memory nodes that v1 wants with it, "0" */
	struct limit_io *io;	      /* one per device */
	struct limit_rlimit *rlimits; /* one per resource */
	size_t count;		      /* of io or rlimits */
};

struct limit_write {
	const char *file;      /* in the job's cgroup of the row's controller */
	bool in_leaf;	       /* in the cgroup below it, that its processes are in */
	const char *line;      /* what to write */
	const char *check;     /* the file to read back; NULL: the one written */
	const char *read_back; /* what a line of it must then read; NULL: what was written */
};

#define LIMIT_PLAN_MOST (LIMIT_REPEATS_MOST * 4)
#define LIMIT_PLAN_TEXT 20480

/*
 * The writes of one limit, in order.  Their strings are constant or live in text: a plan is not
 * copied.
 */
struct limit_plan {
	struct limit_write writes[LIMIT_PLAN_MOST];
	size_t count;
	char text[LIMIT_PLAN_TEXT];
	size_t used;
};

/* Fills, or adds to, the value; on failure leaves it as it was. */
typedef int limit_parse_fn(const char *text, struct limit_value *value, struct memcage_error *err);
/* All limits of the job are given: v1's memory+swap limit needs both. */
typedef void limit_plan_fn(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
			   struct limit_plan *plan);

struct limit {
	const char *key;	/* policy key; also the long option, where option is NULL */
	const char *option;	/* --rlimit, whose key is rlimits */
	char letter;		/* short option or 0 */
	const char *arg, *help; /* --help and man page */
	const char *example;	/* a right text, for messages */
	enum limit_unit unit;
	bool repeats;
	bool zero;	      /* 0 is a value (swap, grace) and not refused */
	uint64_t least, most; /* in the unit; 0: none beyond the parser's */
	const char *range;    /* both in words, for messages; NULL where there are none */
	limit_parse_fn *parse;
	enum controller controller; /* NONE: a mount, an rlimit or the supervisor enforces it */
	limit_plan_fn *plan[CGROUP_VERSION__COUNT]; /* NULL: this version cannot */
	const char *file[CGROUP_VERSION__COUNT];    /* the main one, for messages */
	const char *report;			    /* key in the report's limits, or NULL */
};

extern const struct limit limits[LIMIT__COUNT];

/* The row of a policy key or long option; LIMIT__COUNT where there is none. */
enum limit_id limit_find(const char *key);

/*
 * Text to value; a limit that repeats adds (what is said anew of a device or resource overrides),
 * any other replaces.  0, or -1 with an error text without the place, and the value as it was.  The
 * value is released by limit_release().
 */
int limit_parse(enum limit_id id, const char *text, struct limit_value *value,
		struct memcage_error *err);
/* Replaces `to` by a copy, where `from` is set; -1 with ENOMEM, and `to` as it was. */
int limit_copy(const struct limit_value *from, struct limit_value *to);
/* Frees what the value owns; it is then unset. */
void limit_release(struct limit_value *value);

/* NULL, or why this version cannot enforce the limit that is set, in words for a message. */
const char *limit_unsupported(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
			      enum cgroup_version version);
/*
 * What has to be written to put it in force; an empty plan where it is unset or "max", or where
 * limit_unsupported() says why.
 */
void limit_plan(const struct limit_value values[LIMIT__COUNT], enum limit_id id,
		enum cgroup_version version, struct limit_plan *plan);
/* Is the plan's line among the lines of the file to check?  (io files hold a line per device.) */
bool limit_holds(const struct limit_write *write, const char *file_text);

/* "NOFILE" of RLIMIT_NOFILE. */
const char *limit_rlimit_name(int resource);
/* Rounded down to whole pages, as the kernel does it. */
uint64_t limit_whole_pages(uint64_t bytes);
/*
 * "memory", "cpu", ... as in cgroup.controllers (v2) or /proc/cgroups (v1: io is "blkio"); NULL
 * where the version has none.
 */
const char *controller_name(enum controller controller, enum cgroup_version version);
