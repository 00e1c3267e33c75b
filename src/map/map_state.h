/* SPDX-License-Identifier: Apache-2.0 */
/* map_state - what a map carries from turn to turn, for the files of this folder. */
#pragma once

#include "admit/admit.h"
#include "admit/retry.h"
#include "base/line.h"
#include "item/feed.h"
#include "job/job.h"
#include "map/map.h"
#include "map/pool.h"
#include "map/share.h"

/* What an event of the loop is about. */
enum watch_kind { WATCH_JOB, WATCH_STDOUT, WATCH_STDERR, WATCH_FEED, WATCH__COUNT };

struct watch {
	enum watch_kind kind;
	struct task *task;
	int fd; /* that the loop waits for; -1 */
};

/* An item on its way, from intake until the ledger has its end. */
struct task {
	struct task *next, *previous; /* in one of the lists */
	struct item item;
	int64_t id; /* in the ledger */

	/* The next attempt, or the one that runs. */
	uint64_t memory_bytes;
	const char *basis; /* of that limit, for the ledger */
	bool learned;	   /* it was foretold */
	bool alone;
	uint64_t not_before_usec;
	unsigned int overtaken;
	unsigned int attempt, ooms, others;

	struct memcage_job *job; /* while it runs; NULL */
	int64_t attempt_id;
	struct gathered *gathered;
	struct feed feed;
	struct watch watches[WATCH__COUNT];
	int output_errnum; /* some of its output is lost */
	bool input_cut;	   /* its range ended before it should, which ends the map */
	int setup_errnum;  /* why its cage could not be made */
	bool cancelled;	   /* by a halt: it is to be run again some day */
	bool ok;	   /* how it ended */
};

struct task_list {
	struct task *first, *last;
	size_t count;
};

/*
 *	RUNNING		items are read and started
 *	DRAINING	nothing new; what runs may end by itself
 *	STOPPING	what runs has been told to end
 */
enum map_phase { MAP_RUNNING, MAP_DRAINING, MAP_STOPPING };

struct map {
	const struct map_options *options;
	const struct map_teller *teller;
	struct memcage_spec spec; /* of all jobs */
	struct job model;	  /* of those that differ by their item only, which most do */
	bool has_model;
	struct item_source *source;
	struct pool pool;
	struct share share;
	struct ledger *ledger;
	struct line unsaved; /* items that have ended since the last commit, ", item 3..." */
	char unsaved_text[200];
	struct collect *collect;
	struct retry_rule retry;
	int report, epoll, null; /* -1 */
	bool report_is_stdout;	 /* where jobs' output goes too */
	uint64_t start_usec;

	enum map_phase phase;
	int cancelled_by; /* signal; 0 */
	bool broken;	  /* it cannot go on: status 125 */
	bool input_ended; /* all items have been read */
	bool input_waits; /* there may be more later */
	bool hurried;	  /* told twice to end */
	uint64_t lost;	  /* items whose output nobody could be given */
	bool output_gone[COLLECT_STREAMS];

	struct task_list waiting, running;
	struct task_list gone; /* to be freed when the turn's events have been taken */
	uint64_t promised_bytes;
	bool alone_runs;
	struct admit_decision decision; /* the last: what is waited for */

	uint64_t measured_usec; /* when the next three were */
	uint64_t used_bytes, beside_bytes, available_bytes;
	uint64_t told_usec;   /* when progress was */
	uint64_t items_total; /* where they are known beforehand; UINT64_MAX */
	uint64_t attempts_usec, attempts_ended, retried;
	char *family;  /* of the ledger's keys; NULL with a jobs file */
	char *command; /* likewise */
	struct summary *summary;
};

void task_list_add(struct task_list *list, struct task *task);
void task_list_add_first(struct task_list *list, struct task *task);
void task_list_remove(struct task_list *list, struct task *task);

/* intake.c: takes in items while the queue has room. */
void intake(struct map *map);
void task_free(struct task *task);
/* Makes the texts of the ledger's keys, -1 with an error. */
int intake_open(struct map *map, struct memcage_error *err);
/* Most tasks that wait to be started. */
size_t intake_room(const struct map *map);

/* dispatch.c: starts what may start now. */
void dispatch(struct map *map);
/* Reads what the pool and the machine hold, if that was long ago. */
void dispatch_measure(struct map *map, uint64_t now);

/* map.c: a line of --report; what cannot be written halts the map, and no more is written. */
void write_report(struct map *map, const char *line);

/* attempt.c: one job of a task. */
int attempt_start(struct map *map, struct task *task, struct memcage_error *err);
/* attempt_job.c: what all jobs have is looked at once, where that is not the items' own. */
int attempt_model(struct map *map, struct memcage_error *err);
/* argv of its job; one block of memory, the caller's; NULL: no memory. */
char **attempt_command(const struct map *map, const struct item *item);
/* Starts its job with these descriptors as 0, 1, 2; -1: no job was made. */
int attempt_job(struct map *map, struct task *task, const int stdio[3], struct memcage_error *err);
void attempt_event(struct map *map, const struct watch *watch);
/* A task whose output is out, or lost, has ended. */
void attempt_settle(struct map *map, struct task *task, bool lost);

/* halt.c: no more jobs, or no jobs at all. */
void halt_drain(struct map *map);
void halt_stop(struct map *map, int signo);
void halt_take_signals(struct map *map);
/* Something without which the map cannot go on. */
void halt_broken(struct map *map, const struct memcage_error *err);
/* After an item has failed: --halt. */
void halt_consider(struct map *map);
