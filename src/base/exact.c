/* SPDX-License-Identifier: Apache-2.0 */
#include "base/exact.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own.h"

/* One step: what is there, unless it is a link. */
static int step(int dir, const char *name)
{
	auto_fd int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (S_ISLNK(st.st_mode)) {
		errno = ELOOP;
		return -1;
	}
	return take_fd(&fd);
}

/* Without openat2(2), which containers' filters may deny: the same by hand. */
static int walk(const char *path)
{
	auto_fd int at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char parts[PATH_MAX];

	if (snprintf(parts, sizeof(parts), "%s", path) >= (int) sizeof(parts)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (char *rest = parts, *name; at >= 0 && (name = strsep(&rest, "/"));) {
		int next;

		if (*name == '\0')
			continue;
		next = step(at, name);
		own_close(&at);
		at = next;
	}
	return take_fd(&at);
}

int exact_open(const char *path)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS };
	int fd = (int) syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	return fd < 0 && (errno == ENOSYS || errno == EPERM) ? walk(path) : fd;
}

int exact_make_directory(int dir, const char *name, mode_t mode)
{
	if (mkdirat(dir, name, mode) < 0 && errno != EEXIST)
		return -1;
	return step(dir, name);
}
