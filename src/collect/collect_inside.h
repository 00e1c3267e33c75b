/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect_inside - what the files of this folder know of what is collected, and nobody else.
 *
 * A flow is one stream of one attempt: from a pipe into a spill, and from there to a lane, which is
 * one of our own streams (or both, where they lead to the same place).  Of a flow, `ready` bytes
 * may go out: its whole lines, or all when the job has ended.  Once its attempt is open (it may
 * print, it is its turn), a flow that has some stands in its lane's queue with a batch of them, and
 * nobody else writes there until the batch is out; what has become ready meanwhile stands behind
 * the others'.
 *
 *	begin -> [open, by line] -> finish -> [open] -> queues empty -> settled: the token comes out
 *
 * With keep_order the attempts that were begun stand in a list by seq, and only its head can be
 * open; what is queued stays in order from there on.
 */
#pragma once

#include <sys/queue.h>

#include "collect/collect.h"
#include "collect/sink.h"
#include "collect/spill.h"

#define COLLECT_BUFFER 65536 /* what a pipe holds */

struct flow {
	struct gathered *of;
	struct lane *lane;
	int fd; /* our end of the pipe */
	struct spill held;
	uint64_t ready, batch; /* of what is held: the first bytes */
	bool add_newline;      /* behind it */
	bool queued;
	int errnum; /* why the rest was lost */
	TAILQ_ENTRY(flow) queue;
};

/* Also a run of skipped numbers, which never has anything to tell. */
struct gathered {
	struct collect *collect;
	uint64_t seq, last_seq;
	struct flow flows[COLLECT_STREAMS];
	void *token; /* NULL: dropped, or skipped */
	bool skipped, finished, open, in_order;
	bool lost; /* some of its stdout, with the stream */
	TAILQ_ENTRY(gathered) all, order;
	STAILQ_ENTRY(gathered) done;
};

TAILQ_HEAD(flow_queue, flow);
TAILQ_HEAD(gathered_list, gathered);
STAILQ_HEAD(gathered_queue, gathered);

struct lane {
	struct sink sink;
	struct flow_queue queue;
	int errnum; /* why it has gone */
	bool told;
	char last; /* byte written */
};

struct collect {
	enum collect_mode mode;
	bool keep_order, one_lane;
	int directory;
	char *directory_name, *spill_directory;
	struct lane lanes[COLLECT_STREAMS];
	struct spill_place place;
	uint64_t turn;
	size_t waiting;
	struct gathered_list all, order;
	struct gathered_queue done;
	char buffer[COLLECT_BUFFER];
};

/* The lane that a stream goes to. */
enum collect_stream lane_of(const struct collect *collect, enum collect_stream stream);
/* Puts it into its lane's queue, if it has something for it. */
void flow_offer(struct flow *flow);
/* Has all gone out that ever will?  Then it is over, and gathered may be gone after this. */
void gathered_settle(struct gathered *gathered);
