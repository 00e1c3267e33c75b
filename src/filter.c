/* SPDX-License-Identifier: Apache-2.0 */
#include "filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int load(const struct sock_fprog *program, unsigned int flags)
{
	return (int) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
}

/*
 * SPEC_ALLOW (since 4.17): up to 5.15 a filter also slows the job down by turning off speculative
 * stores, which guards secrets inside one process only.
 */
int filter_load(const struct sock_fprog *program)
{
	int result = load(program, SECCOMP_FILTER_FLAG_SPEC_ALLOW);

	if (result < 0 && errno == EINVAL)
		result = load(program, 0);
	/* An outer filter may not know seccomp(2). */
	if (result < 0 && errno == ENOSYS)
		result = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0);
	return result;
}
