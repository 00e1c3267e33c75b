/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary - what is said at the end of a map: counts that add up, the slowest and the hungriest,
 * what was killed and why, what -m auto foretold and what came, and the -m and -j that would have
 * been enough.  Of constant size: the few that stand out are kept as attempts end.
 *
 * The order of calls: all zero; what is marked "caller" is set or counted by the caller, the rest
 * by summary_attempt(), once for each attempt; then summary_say(), summary_json().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <memcage.h>

#define SUMMARY_NAMED 5	  /* of the slowest, of the hungriest */
#define SUMMARY_KILLED 10 /* of those that failed: the rest is counted */
#define SUMMARY_ITEM 60	  /* bytes of an item that are kept for words */

/* An attempt that has ended. */
struct summary_job {
	uint64_t seq;
	char item[SUMMARY_ITEM + 20]; /* quoted; "": its number says enough */
	uint64_t wall_usec;
	uint64_t peak_bytes, limit_bytes; /* UINT64_MAX: not known, none */
	enum memcage_cause cause;
	enum memcage_scope scope;
	int status;	       /* as `memcage run` ends with */
	unsigned int attempts; /* of its item, with this one */
	bool foretold;	       /* its limit was learned by -m auto */
};

struct summary {
	uint64_t items, skipped; /* caller */
	uint64_t skipped_failed; /* caller: of skipped, those that the ledger has as failed */
	uint64_t ok, failed, attempts;
	uint64_t kills;		      /* attempts in which something was killed for memory */
	bool input_complete;	      /* caller */
	uint64_t wall_usec;	      /* caller */
	int status;		      /* caller */
	uint64_t budget_bytes;	      /* caller; 0 or UINT64_MAX: none */
	uint64_t jobs_most;	      /* caller; 0: not known */
	uint64_t running_peak;	      /* caller: most that ran at once */
	uint64_t promised_peak_bytes; /* caller: of the pool; 0 or UINT64_MAX: not known */
	uint64_t used_peak_bytes;     /* caller: of the pool; UINT64_MAX: not known */
	bool memory_auto;	      /* caller */
	uint64_t foretold;	      /* attempts whose limit was learned, and of those: */
	uint64_t foretold_killed;     /* at that limit */
	uint64_t foretold_bytes, foretold_peak_bytes;			     /* sums */
	struct summary_job slowest[SUMMARY_NAMED], hungriest[SUMMARY_NAMED]; /* an item once */
	struct summary_job killed[SUMMARY_KILLED]; /* the first that failed, in whatever way */
	unsigned int slowest_count, hungriest_count, killed_count;
	uint64_t causes[MEMCAGE_CAUSE__COUNT]; /* of items that failed */
	uint64_t peak_ok_bytes; /* largest peak of attempts that ended well; 0: none */
};

/* Takes note of an attempt that has ended; `final`: the item has ended with it. */
void summary_attempt(struct summary *summary, const struct summary_job *job, bool ok, bool final);
/* items = ok + failed + skipped? */
bool summary_adds_up(const struct summary *summary);
/* On `to`, a few lines for a person, each safe on a terminal. */
void summary_say(const struct summary *summary, FILE *to);
/* The report's last line, memcage.summary/1, with newline; the caller frees it; NULL: no memory. */
char *summary_json(const struct summary *summary);
