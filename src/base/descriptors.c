/* SPDX-License-Identifier: Apache-2.0 */
#include "base/descriptors.h"

#include <sys/syscall.h>
#include <unistd.h>

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

void descriptors_close_others(const struct descriptors *kept)
{
	unsigned int from = 3;

	for (size_t i = 0; i < kept->count; i++) {
		unsigned int fd = (unsigned int) kept->list[i];

		if (fd > from)
			syscall(SYS_close_range, from, fd - 1, 0U);
		from = fd + 1;
	}
	syscall(SYS_close_range, from, ~0U, 0U);
}
