/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/phase.h"

#include <signal.h>
#include <stdint.h>

#include "base/clock.h"

#define GRACE_DEFAULT (2 * USEC_PER_SEC)
#define SETTLE (50 * USEC_PER_MSEC)

typedef void step_fn(struct run *run, uint64_t now);

static void start_grace(struct run *run, uint64_t now)
{
	const struct limit_value *grace = &run->limits[LIMIT_GRACE];
	uint64_t usec = grace->set ? grace->number : GRACE_DEFAULT;

	run->phase = PHASE_STOPPING;
	run->deadlines[DEADLINE_GRACE] = usec == LIMIT_NONE ? 0 : now + usec;
}

static void kill_all(struct run *run, uint64_t now)
{
	run->phase = PHASE_KILLING;
	run->seen.kill_usec = now;
	cgroup_kill(&run->cgroup);
	launch_send(&run->child, SIGKILL, CAGE_ALL);
	run->deadlines[DEADLINE_SILENCE] = now + PHASE_SILENCE;
}

/* A stopped job would not hear the signal that it was sent. */
static void await_end(struct run *run, uint64_t now)
{
	launch_send(&run->child, SIGCONT, CAGE_GROUP);
	start_grace(run, now);
	if (run->deadlines[DEADLINE_GRACE] == now)
		kill_all(run, now);
}

static void ask_to_stop(struct run *run, uint64_t now)
{
	const struct limit_value *grace = &run->limits[LIMIT_GRACE];

	if (grace->set && grace->number == 0) {
		kill_all(run, now);
		return;
	}
	launch_send(&run->child, SIGTERM, CAGE_GROUP);
	await_end(run, now);
}

/* Init's death takes all along; what is throttled must first get time to die. */
static void kill_init(struct run *run, uint64_t now)
{
	run->phase = PHASE_KILLING;
	if (run->seen.kill_usec == 0)
		run->seen.kill_usec = now;
	cgroup_kill(&run->cgroup);
	if (!launch_kill(&run->child))
		run_warn(run, WARNING_LEFTOVER_PROCESSES,
			 "some of the job's processes could not be killed within 2 s");
}

/*
 * Many a process ends just after the one that it worked for: what is still there in a moment is
 * left over.
 */
static void let_settle(struct run *run, uint64_t now)
{
	run->leftovers = SIZE_MAX;
	run->deadlines[DEADLINE_LEFTOVERS] = now + SETTLE;
}

void phase_end_leftovers(struct run *run, uint64_t now)
{
	const struct process_source source = run_processes(run);
	char names[160];
	size_t count = process_names(&source, names, sizeof(names));
	bool dwindling = count > 0 && count < run->leftovers && run->leftovers != SIZE_MAX;

	if (dwindling || run->leftovers == SIZE_MAX) {
		run->leftovers = count;
		run->deadlines[DEADLINE_LEFTOVERS] = now + SETTLE;
		return;
	}
	if (count > 0)
		run_warn(run, WARNING_LEFTOVER_PROCESSES,
			 "%zu process%s outlived the main process and %s killed: %s", count,
			 count == 1 ? "" : "es", count == 1 ? "was" : "were", names);
	kill_init(run, now);
}

static void go_on(struct run *run, uint64_t now)
{
	(void) now;
	run->phase = PHASE_RUNNING;
}

/* What to do when; an empty cell means: nothing, on purpose. */
static step_fn *const steps[PHASE__COUNT][EVENT__COUNT] = {
	/* The command may run already, and only the word of it be on its way: as in RUNNING. */
	[PHASE_STARTING] = {
		[EVENT_STARTED] = go_on,
		[EVENT_MAIN_ENDED] = let_settle,
		[EVENT_TIMEOUT] = ask_to_stop,
		[EVENT_CPU_TIME] = ask_to_stop,
		[EVENT_CANCEL] = await_end,
		[EVENT_CANCEL_NOW] = kill_init,
		[EVENT_OOM_JOB] = kill_init,
		[EVENT_NO_VICTIM] = kill_init,
		[EVENT_SILENCE] = kill_init,
	},
	[PHASE_RUNNING] = {
		[EVENT_MAIN_ENDED] = let_settle,
		[EVENT_TIMEOUT] = ask_to_stop,
		[EVENT_CPU_TIME] = ask_to_stop,
		[EVENT_CANCEL] = await_end,
		[EVENT_CANCEL_NOW] = kill_all,
		[EVENT_OOM_JOB] = kill_all,
		[EVENT_NO_VICTIM] = kill_all,
		[EVENT_SILENCE] = kill_init,
	},
	[PHASE_STOPPING] = {
		[EVENT_MAIN_ENDED] = let_settle,
		[EVENT_GRACE] = kill_all,
		[EVENT_CANCEL] = kill_all,
		[EVENT_CANCEL_NOW] = kill_all,
		[EVENT_OOM_JOB] = kill_all,
		[EVENT_NO_VICTIM] = kill_all,
		[EVENT_SILENCE] = kill_init,
	},
	[PHASE_KILLING] = {
		[EVENT_MAIN_ENDED] = kill_init,
		[EVENT_SILENCE] = kill_init,
	},
};

void phase_event(struct run *run, enum event event, uint64_t now)
{
	step_fn *step = steps[run->phase][event];

	if (step)
		step(run, now);
}
