/* SPDX-License-Identifier: Apache-2.0 */
/* How a map ends before its input does: nothing new, and perhaps nothing that runs either. */
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "map/map_state.h"

/* As if they had not been read, but they are counted; one that had failed before has failed. */
static void return_waiting(struct map *map)
{
	struct memcage_error err;

	for (struct task *task; (task = map->waiting.first);) {
		task_list_remove(&map->waiting, task);
		*(task->attempt > 0 ? &map->summary->failed : &map->summary->skipped) += 1;
		collect_skip(map->collect, task->item.seq);
		if (!ledger_failed(map->ledger))
			ledger_task_return(map->ledger, task->id, &err);
		task_list_add(&map->gone, task);
	}
}

void halt_drain(struct map *map)
{
	if (map->phase == MAP_RUNNING)
		map->phase = MAP_DRAINING;
	return_waiting(map);
}

static void tell_all(struct map *map, int signo, bool now)
{
	for (struct task *task = map->running.first; task; task = task->next) {
		if (now)
			memcage_cancel(task->job, signo);
		else
			memcage_signal(task->job, SIGTERM);
	}
}

void halt_stop(struct map *map, int signo)
{
	bool again = map->phase == MAP_STOPPING;

	halt_drain(map);
	map->phase = MAP_STOPPING;
	map->hurried |= again;
	tell_all(map, signo, again);
}

void halt_broken(struct map *map, const struct memcage_error *err)
{
	if (!map->broken)
		map->teller->note(map->teller->data, err->text);
	map->broken = true;
	halt_drain(map);
}

void halt_consider(struct map *map)
{
	const struct map_options *options = map->options;

	if (options->halt == MAP_HALT_NEVER || map->summary->failed < options->halt_fails)
		return;
	if (options->halt == MAP_HALT_SOON)
		halt_drain(map);
	else if (map->phase != MAP_STOPPING)
		halt_stop(map, SIGTERM);
}

/* The first asks for an orderly end, by --halt; the second for one now. */
static void interrupted(struct map *map, int signo)
{
	bool first = map->cancelled_by == 0;

	map->cancelled_by = first ? signo : map->cancelled_by;
	if (first && signo == SIGINT && map->options->halt != MAP_HALT_NOW) {
		halt_drain(map);
		map->teller->note(map->teller->data,
				  "interrupted: no new jobs; those that run may end, or "
				  "interrupt again to stop them now");
		return;
	}
	if (!first && signo == SIGINT)
		map->phase = MAP_STOPPING; /* so that they are not asked, but killed */
	halt_stop(map, signo);
}

void halt_take_signals(struct map *map)
{
	struct signalfd_siginfo info;

	while (read(map->options->signals, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGINT:
		case SIGTERM:
		case SIGHUP:
		case SIGQUIT:
			interrupted(map, (int) info.ssi_signo);
			break;
		case SIGTSTP: /* jobs go on: they are not in the terminal's process group */
			raise(SIGSTOP);
			break;
		case SIGCHLD: /* orphans, where we are PID 1 */
			while (getpid() == 1 && waitpid(-1, NULL, WNOHANG) > 0)
				;
			break;
		default:
			break;
		}
	}
}
