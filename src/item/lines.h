/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines - what a descriptor gives, line by line, in one buffer, and without waiting for it: at most
 * one read(2) a call, and that only where poll(2) says that there is something.  O_NONBLOCK would
 * do the same for all others who share our stdin.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines {
	int fd;	     /* the caller's */
	char end;    /* '\n', or '\0' */
	size_t most; /* bytes of a line that are kept; what is longer is cut there */
	char *buffer;
	size_t size, start, looked, filled; /* start <= looked <= filled < size */
	uint64_t number;		    /* of the line that is begun, from 1 */
	bool cut, ended;
};

#define LINES_NONE ((struct lines) { .fd = -1 })

struct lines_line {
	char *text; /* NUL-terminated, in the buffer: until the next call */
	size_t length;
	uint64_t number;
	bool cut;
};

enum lines_state {
	LINES_HERE,   /* *ret is filled */
	LINES_LATER,  /* no line is whole: again when there is more, of a regular file at once */
	LINES_END,    /* a last line without an end has been given */
	LINES_NUL,    /* line `number` has a NUL that does not end it; nothing follows */
	LINES_FAILED, /* errno */
};

/* -1 with ENOMEM. */
int lines_init(struct lines *lines, int fd, char end, size_t most);
enum lines_state lines_next(struct lines *lines, struct lines_line *ret);
void lines_release(struct lines *lines);
