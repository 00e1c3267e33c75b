/* SPDX-License-Identifier: Apache-2.0 */
/* hog-pipes COUNT - fills COUNT pipes, 64 KiB each: memory of the kernel, none of the process. */
#define _GNU_SOURCE
#include "victim.h"

#include <fcntl.h>
#include <sys/resource.h>

static char block[1 << 16];

int main(int argc, char **argv)
{
	struct rlimit files;
	int ends[2];

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	for (long i = number(argc, argv, 1, 1); i > 0; i--) {
		if (pipe2(ends, O_NONBLOCK) < 0 || write(ends[1], block, sizeof(block)) < 0) {
			say("pipe", -1);
			return errno;
		}
	}
	puts("took it all");
	return 0;
}
