/* SPDX-License-Identifier: Apache-2.0 */
/* file ATTEMPT PATH - reaches for a file or device of the host. */
#define _GNU_SOURCE
#include "escape.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

/* What is masked is /dev/null under another name: nothing is reached by that. */
static long reach(const char *path, int flags)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3))
		return stopped(ENODEV);
	return try_open(path, flags);
}

static long open_to_read(char **args)
{
	return reach(args[0], O_RDONLY);
}

static long open_to_write(char **args)
{
	return reach(args[0], O_WRONLY);
}

/* And removes it. */
static long make(char **args)
{
	long result = try_open(args[0], O_WRONLY | O_CREAT | O_EXCL);

	unlink(args[0]);
	return result;
}

/* A device that does no harm: /dev/full.  PATH is where. */
static long make_device(char **args)
{
	int saved;
	long result = mknod(args[0], S_IFCHR | 0600, makedev(1, 7));

	if (result == 0)
		result = try_open(args[0], O_RDWR);
	saved = errno;
	unlink(args[0]);
	return result < 0 ? stopped(saved) : 0;
}

/* The text that is there already, so that nothing changes. */
static long write_the_same(char **args)
{
	char text[4096];
	int fd = open(args[0], O_RDWR | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text));

	return length < 0 ? -1 : pwrite(fd, text, (size_t) length, 0);
}

static const struct attempt attempts[] = {
	{ "read", open_to_read }, { "write", open_to_write },	 { "make", make },
	{ "mknod", make_device }, { "rewrite", write_the_same },
};

int main(int argc, char **argv)
{
	return escape(argc, argv, attempts, ARRAY_LEN(attempts));
}
