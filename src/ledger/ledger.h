/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger - the record of every attempt of every map, an SQLite database (memcage-ledger(5)).
 *
 * One writer: all calls between two ledger_commit() are one transaction (begun by the first that
 * looks or writes), so that the events of one turn of the loop are written together; another map
 * waits for it, so a turn should be short.  A call that fails leaves the ledger unusable: what was
 * not committed is lost, the caller stops starting jobs; ledger_failed() then stays true, and every
 * later call fails with the same words.
 *
 * A task is one item of one command with the limits that matter; its key is (command, source, item,
 * occurrence): the third equal line of an input is the third occurrence, wherever it stands.
 *
 * Claims (claims.h): a map holds, as long as it lives, a lock on the byte of its number in the file
 * LEDGER-maps beside the ledger; a task that is claimed by a map whose byte is not locked is free.
 * Only maps with `resume` honour claims, and only of each other.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <memcage.h>

#include "admit/predict.h"
#include "base/error.h"

struct ledger;

struct ledger_options {
	/*
	 * NULL: $XDG_STATE_HOME/memcage/ledger.db, else ~/.local/state/memcage/ledger.db, whose
	 * folders are made (0700).
	 */
	const char *path;
	bool sync;		  /* --ledger-sync: synchronous=FULL */
	bool resume;		  /* skip what has ended, and what a living map with resume has */
	bool rerun_failed;	  /* ... but not what has ended badly before this map began */
	const char *command_line; /* JSON array of the whole command line, for people */
	uint64_t budget_bytes;
};

/*
 * Opens or makes it, checks its application_id and version, and notes a new map.  -1: with a usage
 * error for what is no ledger, is one of a newer version, or cannot be one (a directory), and a
 * set-up error for what cannot be written; each names the path.
 */
int ledger_open(const struct ledger_options *options, struct ledger **ret,
		struct memcage_error *err);
const char *ledger_path(const struct ledger *ledger);

enum ledger_answer {
	LEDGER_RUN,	    /* the task is this map's: run it */
	LEDGER_DONE_OK,	    /* --resume: it has ended well before */
	LEDGER_DONE_FAILED, /* --resume: it has ended badly before */
	LEDGER_CLAIMED,	    /* --resume: another living map has it */
};

/* What is looked up. */
struct ledger_key {
	/*
	 * Canonical JSON text: command without the item, limits and options that matter, but not
	 * memory where that is auto.
	 */
	const char *command;
	/* The same without any limits: what peaks are learned by.  One command has one family. */
	const char *family;
	const char *source; /* item_source_identity() */
	const char *item;
	uint64_t size_bytes; /* UINT64_MAX: unknown */
};

struct ledger_task {
	int64_t id;
	enum ledger_answer answer;
	unsigned int attempts;	  /* that it has had in this and earlier maps */
	struct predict_past past; /* only where it is to be RUN */
};

/* Finds or makes the task of the next occurrence of this key in this map, and claims it. */
int ledger_take(struct ledger *ledger, const struct ledger_key *key, struct ledger_task *ret,
		struct memcage_error *err);

struct ledger_attempt {
	int64_t task;
	unsigned int attempt; /* from 1, in this map */
	uint64_t seq;
	uint64_t memory_bytes; /* its limit; UINT64_MAX */
	const char *basis;     /* of the limit: predict_basis_names, "given", "retry" */
};

/* Before the start; *ret_id is the attempt's. */
int ledger_attempt_begin(struct ledger *ledger, const struct ledger_attempt *attempt,
			 int64_t *ret_id, struct memcage_error *err);
/* Its end with its report; an attempt that ended well teaches the command's family. */
int ledger_attempt_end(struct ledger *ledger, int64_t id, const struct memcage_result *result,
		       const char *report, struct memcage_error *err);
/* The task has ended for good, and its output is out.  Nothing where another map has it by now. */
int ledger_task_end(struct ledger *ledger, int64_t task, bool ok, struct memcage_error *err);
/* The task goes back unclaimed, as if it had never been taken (halted before it started). */
int ledger_task_return(struct ledger *ledger, int64_t task, struct memcage_error *err);
/* Ends the transaction, if there is one; checks too that the file is still the one at its path. */
int ledger_commit(struct ledger *ledger, struct memcage_error *err);
bool ledger_failed(const struct ledger *ledger);

struct ledger_sum { /* of a map, at its end */
	uint64_t items, ok, failed, skipped, attempts;
	bool input_complete;
	int status;
};
int ledger_map_end(struct ledger *ledger, const struct ledger_sum *sum, struct memcage_error *err);
/* What is not committed is lost; its claims end.  Takes NULL; gives NULL. */
struct ledger *ledger_close(struct ledger *ledger);
