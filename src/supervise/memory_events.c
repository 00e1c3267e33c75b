/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/memory_events.h"

#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/own.h"
#include "supervise/phase.h"

#define LOOK_PAUSE (50 * USEC_PER_MSEC)	 /* between close looks at the memory */
#define NOTE_PAUSE (5 * USEC_PER_MSEC)	 /* between lists of the members, while the log grows */
#define NO_VICTIM (1500 * USEC_PER_MSEC) /* how long OOMs without a kill go on before we end it */
#define NO_VICTIM_OOMS 20 /* ... and how many: a lone refused allocation is no stall */
#define OOM_LOOKS 10	  /* v1 announces before it kills */
#define NESTED_LOOKS 100  /* a cgroup that the job makes may soon have others below it */
#define OOM_LOOK_PAUSE (2 * USEC_PER_MSEC)

static bool whole_job_dies(const struct run *run)
{
	return !run->job->settings.kill_process;
}

void memory_look(struct run *run, uint64_t now)
{
	if (!oom_watch_is_open(&run->watch))
		return;
	oom_watch_read(&run->watch, false);
	if (run->watch.kills > 0 && run->seen.oom_usec == 0)
		run->seen.oom_usec = now;
}

/* While the victim is still among them. */
static void note_members(struct run *run, uint64_t now)
{
	const struct process_source source = run_processes(run);
	struct kmsg_evidence *log = &run->evidence;
	pid_t pids[KMSG_MEMBERS_MOST];
	size_t count;

	if (!run->own_pids)
		return;
	count = process_list(&source, pids, ARRAY_LEN(pids));
	if (count == 0)
		return;
	memcpy(log->members, pids, count * sizeof(*pids));
	log->member_count = count;
	run->noted_usec = now;
}

/*
 * v2 tells of a kill up to 10 ms late, but the log says it at once, in a hundred lines: where the
 * limit has been neared they are read as they come, and not after the death.
 */
static void watch_log(struct run *run)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = SOURCE_LOG };

	if (run->log_watched || run->kernel_log < 0 || host_backend(&run->host) != CGROUP_V2)
		return;
	run->log_watched = true;
	epoll_ctl(run->epoll, EPOLL_CTL_ADD, run->kernel_log, &event);
}

void memory_log_grew(struct run *run, uint64_t now)
{
	if (now >= run->noted_usec + NOTE_PAUSE)
		note_members(run, now);
	run_read_log(run);
}

/*
 * OOMs without a kill: nobody there whom the kernel may kill (oom_score_adj -1000), and they
 * fault for ever.
 */
static void watch_for_stall(struct run *run, uint64_t now)
{
	const struct oom_watch *watch = &run->watch;

	if (run->deadlines[DEADLINE_NO_VICTIM] != 0 || watch->ooms <= run->stalled_ooms)
		return;
	run->stalled_ooms = watch->ooms;
	run->stalled_kills = watch->kills;
	run->deadlines[DEADLINE_NO_VICTIM] = now + NO_VICTIM;
}

/* On v2 the kernel takes the whole job at once (memory.oom.group), if it has a cgroup. */
static bool kernel_ends_job(const struct run *run)
{
	return host_backend(&run->host) == CGROUP_V2 && !run->host.observes;
}

/* Elsewhere memcage ends the job that the kernel only took one process of. */
static void end_job_for_kill(struct run *run, uint64_t now)
{
	if (!run->watch.kills_concern_job || !whole_job_dies(run) || kernel_ends_job(run))
		return;
	if (run->seen.oom_group_usec == 0) {
		run->seen.oom_group_usec = now;
		phase_event(run, EVENT_OOM_JOB, now);
	}
}

/* For what the kernel announces, or may not announce. */
static void look_often(struct run *run, unsigned int times, uint64_t now)
{
	run->oom_looks = times;
	run->deadlines[DEADLINE_OOM_LOOK] = now + OOM_LOOK_PAUSE;
}

/*
 * What it consists of is asked for at every OOM, but not at each of the many times that a limit
 * is neared.
 */
static void look_closely(struct run *run, uint64_t now)
{
	const struct process_source source = run_processes(run);
	struct process largest = { 0 };

	run->looked_usec = now;
	/* The kernel log names victims better, but not always: it is rate-limited. */
	if (run->watch.kills == 0)
		process_largest(&source, &largest);
	oom_watch_read(&run->watch, true);
	/* After a kill the largest is another one. */
	if (run->watch.kills == 0 && largest.pid != 0)
		run->suspect = largest;
	run_look_at_tmp(run);
}

void memory_changed(struct run *run, uint64_t now)
{
	uint64_t kills = run->watch.kills, ooms = run->watch.ooms;

	run->limit_neared = true;
	memory_look(run, now);
	watch_log(run);
	if (run->watch.kills > kills || run->watch.ooms > ooms)
		note_members(run, now);
	if (run->watch.kills > kills)
		run_read_log(run); /* while the victim is still dying */
	else if (run->watch.ooms > ooms || now >= run->looked_usec + LOOK_PAUSE)
		look_closely(run, now);
	if (run->watch.kills == kills && run->watch.ooms > ooms) {
		watch_for_stall(run, now);
		if (host_backend(&run->host) == CGROUP_V1)
			look_often(run, OOM_LOOKS, now);
	}
	end_job_for_kill(run, now);
}

void memory_no_victim_due(struct run *run, uint64_t now)
{
	uint64_t before = run->stalled_ooms;

	oom_watch_read(&run->watch, true);
	if (run->watch.kills == run->stalled_kills && run->watch.ooms >= before + NO_VICTIM_OOMS) {
		run->seen.no_victim_usec = now;
		phase_event(run, EVENT_NO_VICTIM, now);
		return;
	}
	watch_for_stall(run, now);
}

void memory_look_for_nested(struct run *run)
{
	struct nested_watch *nested = &run->watch.nested;
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = SOURCE_NESTED };

	if (run->watch.part && nested_watch_update(nested, run->watch.part->leaf))
		epoll_ctl(run->epoll, EPOLL_CTL_ADD, nested->event, &event);
}

void memory_nested_told(struct run *run, uint64_t now)
{
	memory_look_for_nested(run);
	look_often(run, NESTED_LOOKS, now);
}

void memory_oom_look_due(struct run *run, uint64_t now)
{
	uint64_t kills = run->watch.kills;

	memory_look(run, now);
	if (run->watch.kills > kills)
		run_read_log(run);
	memory_look_for_nested(run);
	end_job_for_kill(run, now);
	if (run->oom_looks > 0)
		run->oom_looks--;
	run->deadlines[DEADLINE_OOM_LOOK] =
		now + (run->oom_looks > 0 ? OOM_LOOK_PAUSE : MEMORY_LOOK_IDLE);
}
