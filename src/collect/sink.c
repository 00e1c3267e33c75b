/* SPDX-License-Identifier: Apache-2.0 */
#include "collect/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

static int open_again(int fd)
{
	char path[sizeof("/proc/self/fd/") + 12];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static enum sink_kind kind_of(int fd)
{
	struct stat what;

	if (fstat(fd, &what) < 0)
		return SINK_FREE; /* the first write tells */
	if (S_ISSOCK(what.st_mode))
		return SINK_SOCKET;
	if (S_ISFIFO(what.st_mode) || (S_ISCHR(what.st_mode) && isatty(fd)))
		return SINK_ASKED;
	return SINK_FREE;
}

struct sink sink_open(int fd)
{
	struct sink sink = { .kind = kind_of(fd), .fd = fd, .own = -1 };

	if (sink.kind != SINK_ASKED)
		return sink;
	sink.own = open_again(fd);
	if (sink.own >= 0) {
		sink.kind = SINK_FREE;
		sink.fd = sink.own;
	}
	return sink;
}

void sink_release(struct sink *sink)
{
	own_close(&sink->own);
	*sink = SINK_NONE;
}

/* Also where the reader has gone: writing says so. */
static bool has_room(int fd)
{
	struct pollfd wanted = { .fd = fd, .events = POLLOUT };

	return poll(&wanted, 1, 0) > 0;
}

static ssize_t write_once(const struct sink *sink, const void *data, size_t size)
{
	if (sink->kind == SINK_SOCKET)
		return send(sink->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sink->kind == SINK_FREE)
		return write(sink->fd, data, size);
	if (!has_room(sink->fd))
		return 0;
	return write(sink->fd, data, size < PIPE_BUF ? size : PIPE_BUF);
}

ssize_t sink_write(const struct sink *sink, const void *data, size_t size)
{
	ssize_t n;

	do
		n = write_once(sink, data, size);
	while (n < 0 && errno == EINTR);
	return n < 0 && errno == EAGAIN ? 0 : n;
}

bool sink_same(int fd, int other)
{
	struct stat one, two;

	return fstat(fd, &one) == 0 && fstat(other, &two) == 0 && one.st_dev == two.st_dev &&
	       one.st_ino == two.st_ino;
}
