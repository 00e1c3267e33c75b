/* SPDX-License-Identifier: Apache-2.0 */
/*
 * map - one job an item, many at once, under one memory budget: one process and one loop for all.
 *
 *	item_source -> intake -> queue -> dispatch -> attempts -> collect -> ledger
 *
 * Intake makes tasks of items as the queue has room, dispatch starts those that admit.h lets in, an
 * attempt is one job of a task, and a task ends when its last attempt's output is out and the
 * ledger says so.  Each turn of the loop is one transaction of the ledger.
 */
#pragma once

#include "collect/collect.h"
#include "item/item.h"
#include "ledger/ledger.h"
#include "map/progress.h"
#include "map/summary.h"
#include "spec/spec.h"

enum map_halt { MAP_HALT_NEVER, MAP_HALT_SOON, MAP_HALT_NOW };

struct map_options {
	const struct memcage_spec *spec; /* of all jobs; its report and memory are not looked at */
	char *const *command; /* NULL-terminated, with {} and {#}; empty with a jobs file */
	bool append_item;     /* where no {} is in it */
	struct item_options items;
	bool memory_auto;
	uint64_t memory_bytes; /* else */
	uint64_t budget_bytes; /* 0: auto */
	uint64_t jobs;	       /* at once; 0: auto */
	unsigned int retry_oom, retries;
	uint64_t grow_millionths;
	struct ledger_options ledger;
	enum collect_mode output;
	const char *output_directory;
	bool keep_order;
	enum map_halt halt;
	uint64_t halt_fails;	/* so many failed items halt it */
	char *const *shares;	/* paths, NULL-terminated; NULL: none */
	const char *report;	/* FILE, fd:N, -; NULL */
	int signals;		/* a signalfd of all signals, read by the map */
	uint64_t progress_usec; /* how often progress is told; 0: never */
};

/* An attempt that has ended. */
struct map_attempt {
	const struct item *item;
	unsigned int attempt;
	const struct memcage_result *result;
	bool final;		    /* the item has ended with it */
	bool unrecorded;	    /* the ledger has failed and does not have it */
	const char *why;	    /* it is run again, or is not; constant words or NULL */
	uint64_t next_memory_bytes; /* where it is run again */
};

/* Who is told; none of them is NULL. */
struct map_teller {
	void *data;
	void (*attempt)(void *data, const struct map_attempt *attempt);
	void (*note)(void *data, const char *text); /* one line worth saying */
	void (*progress)(void *data, const struct progress *progress);
	void (*before_output)(void *data); /* jobs' output comes next on our stdout or stderr */
};

/*
 * Runs it to its end.  0 with *ret filled, and ret->status is the exit status; -1 with an error
 * where it could not begin, and nothing was run.
 */
int map_run(const struct map_options *options, const struct map_teller *teller, struct summary *ret,
	    struct memcage_error *err);
