/* SPDX-License-Identifier: Apache-2.0 */
/* listen COMMAND [ARG...] - runs it below a seccomp filter that has a notification listener. */
#define _GNU_SOURCE
#include "victim.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

int main(int argc, char **argv)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { .len = 1, .filter = &allow };
	int status = 0;
	pid_t child;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (argc < 2 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) < 0)
		return 99;
	child = fork(); /* the listener lasts as long as its descriptor, which exec closes */
	if (child == 0) {
		execvp(argv[1], argv + 1);
		_exit(98);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 97;
}
