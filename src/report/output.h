/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output - where a report goes: a file (replaced by rename, a symlink's target is), fd:N, or - for
 * stdout.  A file says "unfinished" from before the command starts; it is always a whole JSON
 * document.  FIFOs, devices and descriptors are opened before the start and written once, at the
 * end.
 *
 * The program has SIGPIPE and SIGXFSZ blocked, so that a reader that has gone and a file that grows
 * too large are errors of output_write().
 */
#pragma once

#include <stdbool.h>

#include "base/error.h"

struct publisher;

struct output {
	int fd;			     /* an open stream or descriptor; -1: a file that is replaced */
	int dir;		     /* the directory that holds the file; -1 otherwise */
	char *name;		     /* of the file in dir */
	struct publisher *publisher; /* a process that stands by; NULL */
	bool made_ready;	     /* that was tried, once */
};

#define OUTPUT_NONE ((struct output) { .fd = -1, .dir = -1 })
#define auto_output __attribute__((cleanup(output_release)))

/* Is the text a place at all?  Checks the form only: "fd:x" is refused. */
int output_check(const char *place, struct memcage_error *err);
/*
 * Opens it, following symlinks to the file that is meant; creates nothing yet.  `fd:N`, `-` and
 * what leads there (/dev/stdout, /dev/fd/N) are duplicated close-on-exec, for opened anew they
 * would start at offset 0.  Errors are usage errors where the place cannot be right (a directory, a
 * mount point, a missing folder, a closed descriptor, no permission), for then nothing has been
 * made.  A FIFO without a reader does not block: one may come until the end.
 */
int output_open(struct output *output, const char *place, struct memcage_error *err);
/* Replaces the file by this text, whole or not at all; nothing for a stream.  -1 with errno. */
int output_unfinished(struct output *output, const char *text);
/* Can it be written again?  A stream cannot. */
bool output_is_file(const struct output *output);
/* Writes the final text, once; a stream is closed.  -1 with errno: a file is as it was. */
int output_write(struct output *output, const char *text);
/*
 * Makes ready what output_write_beside() needs: when a job's end may be near, and there is time.
 * Nothing is lost where it cannot.
 */
void output_make_ready(struct output *output);
/*
 * The same as output_write(), with something done meanwhile, once, whatever becomes of the text.
 * That must close nothing of the output, and must not look at errno, which another process may
 * write too.
 */
typedef void output_beside_fn(void *data);
int output_write_beside(struct output *output, const char *text, output_beside_fn *beside,
			void *data);
/* Closes.  Takes an empty one and leaves an empty one. */
void output_release(struct output *output);
