/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink - a descriptor that others gave us and use too, written to without ever waiting for whoever
 * reads there.  O_NONBLOCK is of the open file, which is everybody's: it is not touched.  A pipe or
 * a terminal is opened a second time for us alone; where that is not allowed (another user's), it
 * gets at most PIPE_BUF bytes when poll(2) says that there is room.  SIGPIPE is the caller's to
 * ignore.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum sink_kind {
	SINK_FREE, /* a file or device, or an open file of our own that does not block */
	SINK_SOCKET,
	SINK_ASKED, /* a pipe or terminal that may block */
};

struct sink {
	enum sink_kind kind;
	int fd;	 /* to write to */
	int own; /* the same, or -1: to be closed */
};

#define SINK_NONE ((struct sink) { .fd = -1, .own = -1 })

struct sink sink_open(int fd);
void sink_release(struct sink *sink);
/* How many bytes were written; 0: none now, wait for POLLOUT; -1 with errno. */
ssize_t sink_write(const struct sink *sink, const void *data, size_t size);
/* Do they lead to the same pipe, terminal, socket or file? */
bool sink_same(int fd, int other);
