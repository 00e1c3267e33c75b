/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run - one job on its way: what was made for it, where it stands, what was seen.  The stages
 * fill it in order: supervise.h makes the cage and watches it, observe.h takes the last readings
 * and removes it.
 */
#pragma once

#include <time.h>

#include "cage/launch.h"
#include "cgroup/cgroup.h"
#include "filter/listener.h"
#include "job/job.h"
#include "observe/kmsg.h"
#include "observe/observation.h"
#include "observe/oom_watch.h"
#include "observe/process_table.h"
#include "observe/usage.h"
#include "report/report.h"
#include "supervise/sample.h"

/*
 *	STARTING	init makes the cage; the command does not run yet
 *	RUNNING		the command runs
 *	STOPPING	SIGTERM was sent; the grace time runs
 *	KILLING		everything was killed; init is to end within seconds
 *	ENDED		init has been reaped: nothing of the job runs
 */
enum run_phase {
	PHASE_STARTING,
	PHASE_RUNNING,
	PHASE_STOPPING,
	PHASE_KILLING,
	PHASE_ENDED,
	PHASE__COUNT
};

/* Dates in microseconds of CLOCK_MONOTONIC at which something is due. */
enum run_deadline {
	DEADLINE_TIMEOUT,   /* --timeout */
	DEADLINE_CPU_TIME,  /* the earliest moment at which --cpu-time can be used up */
	DEADLINE_GRACE,	    /* after SIGTERM */
	DEADLINE_SILENCE,   /* init must have spoken, or ended, by then */
	DEADLINE_NO_VICTIM, /* look again whether the job stands at its limit without a victim */
	DEADLINE_OOM_LOOK,  /* look for a kill that v1 announced, or does not announce */
	DEADLINE_SAMPLE,
	DEADLINE_LEFTOVERS, /* main has ended: the rest goes, if it has not by then */
	DEADLINE__COUNT,
};

/* What run->epoll tells of. */
enum run_source {
	SOURCE_TIMER,
	SOURCE_INIT,
	SOURCE_SOCKET,
	SOURCE_MEMORY,
	SOURCE_LOG,
	SOURCE_NESTED,
	SOURCE_MAIN,
	SOURCE_LISTENER,
};

struct run {
	const struct job *job;
	struct limit_value limits
		[LIMIT__COUNT]; /* as in force: the job's, and the default size of the tmpfs */
	struct host host;
	struct cgroup cgroup;
	struct oom_watch watch;
	struct child child;
	int main_pidfd, tmp;	/* from init; -1 */
	int listener;		/* of the job's filter, from init; -1 */
	int no_listener_errnum; /* why there is none, where one was wanted; 0 */
	pid_t main_pid;		/* where only the kernel log can tell of the filter's kills; 0 */
	int epoll, timer, kernel_log;
	bool own_pids;	     /* the kernel log's are those that we see */
	uint64_t log_usec;   /* the date of what it began with */
	bool limit_neared;   /* the job's end may be near */
	bool log_watched;    /* new records of the kernel log wake us */
	uint64_t noted_usec; /* when the job's processes were last listed for it */

	enum run_phase phase;
	bool empty; /* no process of the job is left, at most the cage's init */
	uint64_t deadlines[DEADLINE__COUNT];  /* 0: none */
	uint64_t armed_usec;		      /* what the timer is set to; 0: not set */
	uint64_t stalled_ooms, stalled_kills; /* counters when DEADLINE_NO_VICTIM was set */
	unsigned int oom_looks; /* v1: how often we have looked for an announced kill */
	size_t leftovers;	/* of the job's processes, when that was last counted */
	int stopped_by;		/* signal that stopped main, not yet said; 0 */

	struct observation seen;
	struct call_seen call;	 /* the first that the filter killed for */
	struct denials *denials; /* with --seccomp-log; NULL where nothing was denied */
	uint64_t tmp_files;	 /* that are not the job's */
	uint64_t tmp_files_now;	 /* all, as last looked at */
	uint64_t tmp_peak_bytes;
	bool tmp_full;
	struct kmsg_evidence evidence;
	struct process suspect; /* the largest process when the limit was last neared */
	uint64_t looked_usec;	/* when that was last looked for */
	struct samples samples;
	struct usage usage;
	struct usage_files counters;
	struct victim victims[KMSG_VICTIMS_MOST];
	size_t victim_count;
	struct warning warnings[WARNINGS_MOST];
	size_t warning_count;
	struct memcage_error failure; /* why the set-up or execve failed */
	int exec_errnum;
};

/* *run is zero before. */
void run_init(struct run *run, const struct job *job);
void run_warn(struct run *run, enum warning_code code, const char *format, ...) PRINTF_LIKE(3, 4);
/* Where the job's processes are to be found now. */
struct process_source run_processes(const struct run *run);
/* The main process in our PID namespace's numbers; -1 before it runs and after its end. */
pid_t run_main_pid(const struct run *run);
/* Takes in what the kernel log says of the job by now. */
void run_read_log(struct run *run);
/* Space and files of the private tmpfs now: keeps the peak, and whether it was full. */
void run_look_at_tmp(struct run *run);
