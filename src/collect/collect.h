/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect - what jobs print, on its way to our stdout and stderr: whole per job (group), whole
 * lines as they come (line), or into files (a directory).
 *
 * Group writes a job's bytes as they are, its stdout in one piece and its stderr in one piece.
 * Line never cuts a line, however long, and ends a last one that the job did not end, so that it is
 * not glued to the next job's.  Where both of ours lead to the same place they take turns too: a
 * job's stdout, then its stderr.
 *
 * Bounded in memory: what one stream of a job holds beyond COLLECT_MEMORY, or all together beyond
 * COLLECT_MEMORY_ALL, goes to unnamed files in $TMPDIR (or /tmp).  Nothing blocks, also where our
 * descriptors do; what cannot be written waits until poll(2) says that it can, and a slow stdout
 * holds nothing back but itself.  SIGPIPE and SIGXFSZ are the caller's to block or ignore.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define COLLECT_MEMORY 65536		   /* bytes of one stream kept in memory */
#define COLLECT_MEMORY_ALL (64 * 65536)	   /* bytes of all, beside some 512 each */
#define COLLECT_AT_ONCE ((size_t) 1 << 20) /* most that one call reads, or writes to a stream */

enum collect_mode { COLLECT_GROUP, COLLECT_LINE, COLLECT_DIRECTORY };
enum collect_stream { COLLECT_STDOUT, COLLECT_STDERR, COLLECT_STREAMS };

struct collect;	 /* all of a map */
struct gathered; /* of one attempt */

/*
 * out: descriptors of our stdout and stderr, which stay the caller's and open.  Directory: is made
 * if it is not there; a file of each job is NUMBER.out and NUMBER.err there, written by the job
 * itself and emptied by its next attempt.  Keep_order: in the order of seq, from 1; by line, the
 * job whose turn it is prints as it goes, and those behind it wait; of files there is no order.
 */
int collect_open(enum collect_mode mode, const char *directory, bool keep_order,
		 const int out[COLLECT_STREAMS], struct collect **ret, struct memcage_error *err);
/* Frees all, also what was not finished or is not written; gives NULL, and takes it. */
struct collect *collect_close(struct collect *collect);

/*
 * For an attempt that is to start: ret_job are its ends, close-on-exec, which the caller closes
 * once it has started; gathered_fd() are ours (-1: nothing to read), and are not closed before
 * collect_drop() or collect_finish(): a loop can let go of them first.
 */
int collect_begin(struct collect *collect, uint64_t seq, struct gathered **ret,
		  int ret_job[COLLECT_STREAMS], struct memcage_error *err);
int gathered_fd(const struct gathered *gathered, enum collect_stream stream);
/*
 * Takes what is there, at most COLLECT_AT_ONCE; false at the end of it.  Ret_errnum: 0, or why
 * something of this stream, now or before, could not be kept (a full disk): all from there on is
 * lost, and the job is to be told as failed.
 */
bool gathered_read(struct gathered *gathered, enum collect_stream stream, int *ret_errnum);
/*
 * The job has ended: takes what is there now and no more, as somebody to whom the job has passed
 * its end of a pipe may hold it for as long as he likes.  0, or why something could not be kept.
 */
int gathered_rest(struct gathered *gathered);
/*
 * It is to be run again: nothing of what is gathered goes out (by line, whole lines that have come
 * do, unless they wait for their turn).  Gathered is then collect's.
 */
void collect_drop(struct collect *collect, struct gathered *gathered);
/*
 * The job has ended (all that it wrote is in the pipes): the rest is read, and all goes out in its
 * turn; then `token`, which is not NULL, comes from collect_out().  Gathered is then collect's.
 * -1 with errno where something of it could not be kept, now or before.
 */
int collect_finish(struct collect *collect, struct gathered *gathered, void *token);
/*
 * With keep_order: number seq has no output (it was skipped, or never started).  Needs memory only
 * where numbers below it are still to come; -1 with errno where there is none.
 */
int collect_skip(struct collect *collect, uint64_t seq);
/*
 * A text of our own, behind what is on its way to that stream and never within a job's line or
 * piece.  Not in a directory.  -1 with errno where it could not be kept.
 */
int collect_say(struct collect *collect, enum collect_stream stream, const char *text, size_t size);
/*
 * The token of a job whose output has all been written (or lost with its stream), once each, in the
 * order in which that was; NULL: none now.  Ret_lost: some of its stdout was lost with the stream.
 */
void *collect_out(struct collect *collect, bool *ret_lost);
/* Nothing more is written: what has not gone out is lost as with a stream that has gone. */
void collect_give_up(struct collect *collect);

/*
 * For poll(2): fds to wait on until more can be written (fd -1 where there is nothing to write).
 * They may be others than `out`; a regular file is always ready.
 */
void collect_poll(const struct collect *collect, struct pollfd ret[COLLECT_STREAMS]);
/*
 * Writes what can be written now. -1 with errno of a stream that has gone (EPIPE, ENOSPC, ...),
 * once for each; what else is for it is dropped.  Two that lead to the same place are told as
 * stdout.
 */
int collect_write(struct collect *collect, enum collect_stream *ret_stream);
/* Is the last that was written there a newline (or nothing), so that others may print a line? */
bool collect_at_line_start(const struct collect *collect, enum collect_stream stream);
/*
 * How many ended jobs wait for their output to go out: the caller starts no more where there are
 * too many.
 */
size_t collect_waiting(const struct collect *collect);
/* With keep_order: what has ended waits for this number, which has not ended.  Else 0. */
uint64_t collect_turn(const struct collect *collect);
/*
 * Blocking, through signals too: all that can go out goes (at the end of a map).  -1 with errno of
 * the first stream that has gone meanwhile.
 */
int collect_flush(struct collect *collect);
