/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/namespaces.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clone.h"
#include "base/own.h"
#include "cage/user_namespace.h"

/* The child's exit status. */
enum answer { ANSWER_ALL, ANSWER_NO_MOUNTS, ANSWER_NO_PROC };

unsigned long namespaces_flags(const struct shared_namespaces *shared)
{
	if (shared->mounts)
		return 0;
	return NAMESPACES_OF_MOUNTS | (shared->pids ? 0 : CLONE_NEWPID);
}

/* Who is root there has a reason not to have the capability: a container's. */
pid_t namespaces_clone(const struct clone_wish *wish, struct maker *ret_maker, int *ret_pidfd)
{
	unsigned long flags = namespaces_flags(wish->shared);
	pid_t pid;

	*ret_maker = (struct maker) { .rootless = false };
	pid = clone_process(flags | wish->flags, ret_pidfd);
	if (pid >= 0 || errno != EPERM || flags == 0 || geteuid() == 0)
		return pid;
	*ret_maker = (struct maker) { true, geteuid(), getegid() };
	return clone_process(flags | wish->flags | wish->rootless_flags | CLONE_NEWUSER, ret_pidfd);
}

/* In namespaces of its own: what a cage mounts, at a place that is always there. */
static _Noreturn void answer(const struct maker *maker)
{
	if ((maker->rootless &&
	     user_namespace_map(maker->uid, maker->uid, maker->gid, maker->gid) < 0) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("memcage", "/", "tmpfs", 0, NULL) < 0)
		_exit(ANSWER_NO_MOUNTS);
	_exit(mount("proc", "/", "proc", 0, NULL) < 0 ? ANSWER_NO_PROC : ANSWER_ALL);
}

/* Is it for good that none can be made?  Else the attempt to make the cage will say what it is. */
static bool is_forbidden(int errnum)
{
	return errnum == EPERM || errnum == ENOSPC || errnum == EUSERS || errnum == EINVAL;
}

struct shared_namespaces namespaces_probe(void)
{
	struct shared_namespaces shared = { false, false };
	auto_fd int pidfd = -1;
	int status = 0;
	struct maker maker;
	pid_t pid = namespaces_clone(&(struct clone_wish) { .shared = &shared }, &maker, &pidfd);

	if (pid == 0)
		answer(&maker);
	if (pid < 0 && is_forbidden(errno))
		return (struct shared_namespaces) { true, true };
	while (pid > 0 && waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	if (pid > 0 && WIFEXITED(status))
		shared = (struct shared_namespaces) {
			.mounts = WEXITSTATUS(status) == ANSWER_NO_MOUNTS,
			.pids = WEXITSTATUS(status) != ANSWER_ALL,
		};
	return shared;
}
