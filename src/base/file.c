/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/own.h"

/*
 * A kernel file may give less than was asked for before its end, but no less than a page without
 * the line that did not fit into it (fs/seq_file.c): below half a page nothing follows.
 */
#define CERTAINLY_LAST 2048

ssize_t file_read_fd(int fd, char *buffer, size_t size)
{
	size_t length = 0;

	for (;;) {
		ssize_t n = pread(fd, buffer + length, size - 1 - length, (off_t) length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		length += (size_t) n;
		if (length == size - 1 && n > 0) {
			errno = EFBIG;
			return -1;
		}
		if (n < CERTAINLY_LAST)
			break;
	}
	buffer[length] = '\0';
	return (ssize_t) length;
}

ssize_t file_read_at(int dir, const char *name, char *buffer, size_t size)
{
	auto_fd int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : file_read_fd(fd, buffer, size);
}

int file_write_at(int dir, const char *name, const char *text)
{
	auto_fd int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = write(fd, text, strlen(text));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

int file_write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += n;
		size -= (size_t) n;
	}
	return 0;
}

int file_number(const char *text, uint64_t *ret_number)
{
	unsigned long long number;
	char *end;

	if (strncmp(text, "max", 3) == 0) {
		*ret_number = UINT64_MAX;
		return 0;
	}
	errno = 0;
	number = strtoull(text, &end, 10);
	if (end == text || errno != 0) {
		errno = EBADMSG;
		return -1;
	}
	*ret_number = number >= FILE_V1_NO_LIMIT ? UINT64_MAX : number;
	return 0;
}

int file_number_at(int dir, const char *name, uint64_t *ret_number)
{
	char text[64];

	return file_read_at(dir, name, text, sizeof(text)) < 0 ? -1 : file_number(text, ret_number);
}

bool file_key(const char *text, const char *key, uint64_t *ret_number)
{
	size_t length = strlen(key);

	for (const char *line = text; line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (strncmp(line, key, length) != 0 || line[length] != ' ' ||
		    line[length + 1] < '0' || line[length + 1] > '9')
			continue;
		*ret_number = strtoull(line + length + 1, NULL, 10);
		return true;
	}
	return false;
}

void file_lock(int fd, int operation)
{
	for (int tries = 0; flock(fd, operation | LOCK_NB) < 0 && tries < 200; tries++)
		usleep(1000);
}
