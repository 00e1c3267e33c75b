/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retry - does it help to run a job again, and with what?  Pure.
 *
 *	OOM at the job's own limit	 with `grow` times the memory, the last of --retry-oom times
 *					 alone with the whole budget; not where it had that
 *	OOM of an ancestor or the host	 with the same memory, later; counted as one of --retry-oom
 *	OOM of unknown scope		 as of an ancestor
 *	any other failure		 with the same memory, --retries times
 *	cancelled			 never
 *
 * An OOM at a limit that the job itself set inside is another failure: more memory would not help.
 * A job that is given the whole budget, grown to it or not, is alone: none fits beside it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <memcage.h>

struct retry_rule {
	unsigned int oom_most;	  /* --retry-oom */
	unsigned int other_most;  /* --retries */
	uint64_t grow_millionths; /* --grow, above 1000000 */
	uint64_t budget_bytes;	  /* whole: most that a job can have */
};

struct retry_state {
	enum memcage_cause cause; /* of the attempt that has ended */
	enum memcage_scope scope;
	bool ok;
	uint64_t memory_bytes; /* its limit */
	bool alone;
	unsigned int ooms, others; /* retries that were given for either reason before */
};

struct retry {
	bool again;
	bool counts_as_oom;
	uint64_t memory_bytes; /* whole MiB where it grows, but at most the budget */
	bool alone;
	/* Before it may start: 250 ms, doubled each time up to 8 s, for what is to be later. */
	uint64_t pause_usec;
	const char *why; /* in words, constant: "with more memory", "it had the whole budget" */
};

struct retry retry_decide(const struct retry_rule *rule, const struct retry_state *state);
