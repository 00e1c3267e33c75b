/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress - how a map gets on, as a bar on a terminal or as lines of JSON.  Pure: the caller
 * writes.
 *
 * memcage.progress/1, an object on a line:
 *
 *	schema			"memcage.progress/1"
 *	items_read		items that were read so far
 *	items_total		how many there are; null: not known yet
 *	ok, failed, skipped	items that have ended so, or that the ledger has as done
 *	retried			attempts that were given beyond an item's first
 *	running, waiting	attempts, items
 *	memory_used_bytes	of the pool; null: not known
 *	budget_bytes		null: none
 *	wall_seconds		since the map began
 *	eta_seconds		until it ends, by what has ended so far; null: cannot be told yet
 *	waits_for		why no more are started; null: nothing is in the way
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	uint64_t items_read, ok, failed, skipped, retried, running, waiting;
	bool input_complete;  /* items_read are all that there are */
	uint64_t items_total; /* known beforehand (::: words, ranges); UINT64_MAX: not */
	uint64_t memory_used_bytes, budget_bytes; /* UINT64_MAX: not known */
	uint64_t wall_usec;
	uint64_t attempts_ended, attempts_usec; /* of this map: sum of their wall times */
	uint64_t jobs_most;
	const char *waits_for; /* words, or NULL */
};

/*
 * Time left in microseconds, retries counted as they have come so far; UINT64_MAX: cannot be told
 * yet.  What an item has cost so far, all its attempts together, is what each that is left will
 * cost, those that run are half done, and as many go on to run at once.
 */
uint64_t progress_eta(const struct progress *progress);
/*
 * One line without newline and of at most `columns` columns (0: not known), safe on a terminal.
 * What is narrow loses the bar first, then what stands last.
 */
void progress_bar(const struct progress *progress, unsigned int columns, char *buffer, size_t size);
/* One JSON object on one line with newline; the caller frees it; NULL: no memory. */
char *progress_json(const struct progress *progress);
