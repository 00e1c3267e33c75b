/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clone.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t clone_process(unsigned long flags, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = flags | (ret_pidfd ? CLONE_PIDFD : 0),
		.pidfd = (uint64_t) (uintptr_t) ret_pidfd,
		/* A sibling has ours, and clone3(2) wants to hear of no other. */
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	};
	pid_t pid = (pid_t) syscall(SYS_clone3, &args, sizeof(args));

	if (pid >= 0 || errno != ENOSYS)
		return pid;
	/* A container's filter, which cannot look at flags behind a pointer. */
	flags = args.flags | SIGCHLD;
#ifdef __s390__
	return (pid_t) syscall(SYS_clone, NULL, flags, ret_pidfd, NULL, 0);
#else
	return (pid_t) syscall(SYS_clone, flags, NULL, ret_pidfd, NULL, 0);
#endif
}
