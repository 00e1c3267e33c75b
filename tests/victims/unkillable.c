/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unkillable MIB - asks the kernel never to kill it for memory, then takes MIB. Where the kernel
 * lets it (CAP_SYS_RESOURCE), a full cgroup has no victim and the page fault is tried for ever.
 */
#define _GNU_SOURCE
#include "victim.h"

#include <fcntl.h>

int main(int argc, char **argv)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	say("oom_score_adj", write(fd, "-1000", 5));
	close(fd);
	for (long i = number(argc, argv, 1, 1); i > 0; i--)
		take(MIB);
	return 0;
}
