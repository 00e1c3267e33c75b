/* SPDX-License-Identifier: Apache-2.0 */
/*
 * escape - what the attempts share.  A program has a table of them: `escape-FAMILY ATTEMPT ARG...`
 * says "through" where the attempt did what it must not, else why not ("EPERM"), and exits 0.  None
 * does harm where it gets through: it does not write to what it opens, and changes only its own.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct attempt {
	const char *name;
	/* Below 0 with errno: it was stopped.  args end with NULL. */
	long (*run)(char **args);
};

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline long stopped(int errnum)
{
	errno = errnum;
	return -1;
}

static inline int escape(int argc, char **argv, const struct attempt *attempts, size_t count)
{
	for (size_t i = 0; argc > 1 && i < count; i++) {
		if (strcmp(attempts[i].name, argv[1]) != 0)
			continue;
		puts(attempts[i].run(argv + 2) < 0 ? strerrorname_np(errno) : "through");
		return 0;
	}
	fprintf(stderr, "%s: no such attempt\n", argv[0]);
	return 99;
}

/* Can it be opened like that?  Nothing is read or written. */
static inline long try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd >= 0)
		close(fd);
	return fd;
}

static inline long put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	long result = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return result;
}
