/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit - which of the jobs that wait may start now, and what it waits for otherwise.  Pure.
 *
 * The rule, which memcage-map(1) states:
 *  1. No more than `jobs_most` at once.
 *  2. What is promised to all that run, what the pool holds beside (shared files, memory that ended
 *     jobs have left charged) beyond its allowance for bookkeeping, and the limit of the job to
 *     come fit into the budget; and with `available_bytes` known, the machine has that much left.
 *     Where nothing runs, only the limit has to fit: nothing that waiting could bring would free
 *     the rest, much of which the kernel can, and a job that fits into the budget must start in
 *     the end.
 *  3. In the order of the queue.  Where the first does not fit, a later one that does may go before
 *     it, but one job is overtaken ADMIT_OVERTAKEN_MOST times at most: then all wait for it.
 *  4. A job that is to be alone starts when nothing runs, and nothing starts beside it.
 *  5. A job that is to be later waits for its date, and nobody waits for it until then; nor is it
 *     overtaken until then.
 *
 * So whatever runs ends, every job of at most the budget starts, and the sum of what is promised
 * never exceeds the budget.  A larger one is never started: the caller gives no such limit.
 *
 * The order of calls: admit_next(); if it starts one, admit_overtake(); then the job leaves the
 * queue.  Again until nothing starts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADMIT_OVERTAKEN_MOST 32

struct admit_waiting {
	uint64_t memory_bytes; /* its limit */
	bool alone;
	uint64_t not_before_usec; /* CLOCK_MONOTONIC; 0: now */
	unsigned int overtaken;	  /* how often a later one was started before it */
};

struct admit_pool {
	uint64_t budget_bytes;
	uint64_t promised_bytes;  /* sum of the limits of all that run */
	uint64_t beside_bytes;	  /* used in the pool, by nobody who runs */
	uint64_t allowance_bytes; /* so much of that is the pool's own, on top of the budget */
	uint64_t available_bytes; /* of the machine and all levels above; UINT64_MAX: do not look */
	uint64_t running, jobs_most;
	bool alone_runs; /* the one that runs wants to be alone */
	uint64_t now_usec;
};

enum admit_reason {
	ADMIT_STARTS,	     /* none waits: the job at `index` may start */
	ADMIT_NOTHING,	     /* the queue is empty */
	ADMIT_FOR_SLOT,	     /* as many run as may */
	ADMIT_FOR_PROMISED,  /* the budget is promised to others */
	ADMIT_FOR_BESIDE,    /* it would fit but for what the pool holds beside */
	ADMIT_FOR_AVAILABLE, /* the machine has less left than the budget says */
	ADMIT_FOR_ALONE,     /* it, or one that runs, is to be alone */
	ADMIT_FOR_DATE,	     /* all are to be later */
	ADMIT_REASON__COUNT,
};

struct admit_decision {
	enum admit_reason reason;
	size_t index; /* of the job that starts, or of the first that waits, by date for FOR_DATE */
	uint64_t missing_bytes; /* what it lacks, for FOR_PROMISED, FOR_BESIDE, FOR_AVAILABLE */
	/*
	 * The earliest date for which a job waits, whatever the reason: then it is worth asking
	 * again, though nothing has ended.  0: none does.
	 */
	uint64_t not_before_usec;
};

struct admit_decision admit_next(const struct admit_pool *pool, const struct admit_waiting queue[],
				 size_t count);
/* The job at `index` starts: those before it that might have started too were overtaken. */
void admit_overtake(struct admit_waiting queue[], size_t index, uint64_t now_usec);
/* Words behind "waits for": "a slot", "64 MiB of the budget", ... in buffer; "" for no wait. */
const char *admit_words(const struct admit_decision *decision, char *buffer, size_t size);
