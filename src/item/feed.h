/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed - a range of a file into the stdin of a job, by splice(2): as the pipe takes it, never
 * waiting for the job, and without the bytes passing through us.
 *
 * SIGPIPE has to be blocked or ignored, as the program does: splice(2) into a pipe whose reader has
 * gone raises it as write(2) does.
 */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct feed {
	int pipe; /* our end of the job's stdin, close-on-exec and non-blocking; -1 */
	int file; /* the caller's */
	uint64_t offset, left;
};

#define FEED_NONE ((struct feed) { .pipe = -1, .file = -1 })

enum feed_state {
	FEED_MORE,  /* the pipe is full, or has its share for now: again while it is writable */
	FEED_DONE,  /* all is there, or the job takes no more */
	FEED_SHORT, /* the file ends before the range, or cannot be read; err is filled */
};

/*
 * Makes the pipe; *ret_stdin is the job's end, close-on-exec and blocking, the caller's to close
 * after the start: while he holds it, a job that takes no more is not seen.
 */
int feed_open(struct feed *feed, int file, uint64_t offset, uint64_t length, int *ret_stdin,
	      struct memcage_error *err);
enum feed_state feed_step(struct feed *feed, struct memcage_error *err);
/* Closes the pipe: the job sees the end of its input.  A loop lets go of it first. */
void feed_release(struct feed *feed);
