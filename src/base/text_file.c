/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"

static int refuse(const char *path, int errnum, struct memcage_error *err)
{
	char quoted[200];

	parse_quote(path, quoted, sizeof(quoted));
	if (errnum == 0)
		return error_usage(err, "cannot read %s: it is no regular file", quoted);
	return error_set(err, MEMCAGE_ERROR_USAGE, errnum, "cannot read %s", quoted);
}

/* Looked at before it is opened too: to open may be to do something, as with a tape. */
static int open_regular(const char *path, struct stat *st, struct memcage_error *err)
{
	auto_fd int fd = -1;

	if (stat(path, st) < 0)
		return refuse(path, errno, err);
	if (!S_ISREG(st->st_mode))
		return refuse(path, 0, err);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, st) < 0)
		return refuse(path, errno, err);
	if (!S_ISREG(st->st_mode))
		return refuse(path, 0, err);
	return take_fd(&fd);
}

static ssize_t read_most(int fd, char *text, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, text + length, size - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		length += (size_t) n;
	}
	text[length] = '\0';
	return (ssize_t) length;
}

int text_file_read(const char *path, size_t most, char **ret_text, size_t *ret_length,
		   struct stat *ret_st, struct memcage_error *err)
{
	auto_free char *text = malloc(most + 2);
	auto_fd int fd = -1;
	ssize_t length;

	if (!text)
		return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
	fd = open_regular(path, ret_st, err);
	if (fd < 0)
		return -1;
	length = read_most(fd, text, most + 1);
	if (length < 0)
		return refuse(path, errno, err);
	*ret_text = take_pointer(text);
	*ret_length = (size_t) length;
	return 0;
}
