/* SPDX-License-Identifier: Apache-2.0 */
#include "base/descriptors.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/kernel_dirent.h"
#include "base/own.h"

void descriptors_keep(struct descriptors *kept, int fd)
{
	size_t at = kept->count;

	if (fd < 3 || kept->count == DESCRIPTORS_MOST)
		return;
	for (; at > 0 && kept->list[at - 1] > fd; at--)
		kept->list[at] = kept->list[at - 1];
	kept->list[at] = fd;
	kept->count++;
}

static void close_one(long fd, bool on_exec)
{
	if (on_exec)
		fcntl((int) fd, F_SETFD, FD_CLOEXEC);
	else
		close((int) fd);
}

/* The listing goes by number, so that what is closed on the way does not disturb it. */
static int close_listed(unsigned int first, unsigned int last, bool on_exec)
{
	auto_fd int list = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_Alignas(struct kernel_dirent) char block[2048];
	long length;

	while (list >= 0 && (length = syscall(SYS_getdents64, list, block, sizeof(block))) > 0)
		for (long at = 0; at < length;) {
			const struct kernel_dirent *dirent = (const void *) (block + at);
			long fd = strtol(dirent->name, NULL, 10);

			at += dirent->length;
			if (fd >= (long) first && fd <= (long) last && fd != list)
				close_one(fd, on_exec);
		}
	return list < 0 ? -1 : 0;
}

int descriptors_close_range(unsigned int first, unsigned int last, bool on_exec)
{
	unsigned int flags = on_exec ? CLOSE_RANGE_CLOEXEC : 0;

	if (syscall(SYS_close_range, first, last, flags) == 0)
		return 0;
	return errno == ENOSYS || errno == EPERM ? close_listed(first, last, on_exec) : -1;
}

void descriptors_close_others(const struct descriptors *kept)
{
	unsigned int from = 3;

	for (size_t i = 0; i < kept->count; i++) {
		unsigned int fd = (unsigned int) kept->list[i];

		if (fd > from)
			descriptors_close_range(from, fd - 1, false);
		from = fd + 1;
	}
	descriptors_close_range(from, ~0U, false);
}
