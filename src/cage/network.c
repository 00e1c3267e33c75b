/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/network.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"

#define STACK_BYTES (16 * 1024)

/* In memory that both share; the descriptor is in a table that both share, too. */
struct birth {
	int fd;
	int errnum;
};

int network_bring_loopback_up(void)
{
	auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo" };

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return -1;
	request.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &request);
}

static int make(void *argument)
{
	struct birth *birth = argument;

	if (unshare(CLONE_NEWNET) == 0 && network_bring_loopback_up() == 0)
		birth->fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	birth->errnum = errno;
	return 0;
}

/*
 * A child, since not everybody who may leave a network may come back.  It has no exit signal, for
 * whoever waits for children of his own.
 */
int network_make(void)
{
	char stack[STACK_BYTES] __attribute__((aligned(16)));
	struct birth birth = { -1, EINTR };
	sigset_t all, mask;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	pid = clone(make, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | CLONE_FILES, &birth);
	if (pid < 0)
		birth.errnum = errno;
	sigprocmask(SIG_SETMASK, &mask, NULL);
	while (pid > 0 && waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	errno = birth.errnum;
	return birth.fd;
}
