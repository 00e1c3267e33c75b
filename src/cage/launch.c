/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clone.h"
#include "base/file.h"
#include "base/message.h"
#include "base/own.h"
#include "cage/descendants.h"
#include "cage/user_namespace.h"

_Static_assert(MESSAGE_FDS_MOST >= CAGE_PLACE_FDS, "all that init is sent");

static int refuse_clone(int errnum, const struct maker *maker, const struct cage_plan *plan,
			struct memcage_error *err)
{
	const char *advice = "";
	char why[200];

	if (maker->rootless && (errnum == EPERM || errnum == ENOSPC || errnum == EUSERS)) {
		user_namespace_explain(errnum, why, sizeof(why));
		return error_set(err, MEMCAGE_ERROR_SETUP, 0,
				 "no user namespace can be made for the cage, which without root "
				 "it needs: %s",
				 why);
	}
	if (errnum == EPERM)
		advice = " (CAP_SYS_ADMIN is needed); a cage that may do without: "
			 "--allow-unsupported=namespace-unavailable,tmp-not-private; see memcage "
			 "doctor, line namespaces";
	else if (errnum == ENOSPC)
		advice = " (namespaces are nested too deep, or user.max_*_namespaces is reached)";
	else if (errnum == EAGAIN)
		advice = " (a limit on processes is reached: RLIMIT_NPROC, pids.max of a level "
			 "above, threads-max)";
	return error_set(err, MEMCAGE_ERROR_SETUP, errnum,
			 "cannot make the cage's namespaces: mount, PID, IPC, UTS%s%s",
			 maker->rootless && plan->job->settings.network_none ? ", network" : "",
			 advice);
}

static int clone_init(struct child *child, struct cage_plan *plan, struct memcage_error *err)
{
	const struct clone_wish wish = plan_wish(plan, 0);
	int pidfd = -1;
	/* Not into *child, whose memory init may share: what it writes there would be ours. */
	pid_t pid = namespaces_clone(&wish, &plan->maker, &pidfd);

	if (pid == 0)
		init_run(plan);
	if (pid < 0)
		return refuse_clone(errno, &plan->maker, plan, err);
	child->pid = pid;
	child->pidfd = pidfd;
	child->rootless = plan->maker.rootless;
	return 0;
}

int launch(struct child *child, struct cage_plan *plan, struct fork_server *server,
	   struct memcage_error *err)
{
	int pair[2], result = 0;

	*child = CHILD_NONE;
	child->is_reaper = plan->job->shared.pids;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_setup(err, "cannot make a socket pair");
	child->socket = pair[0];
	plan->socket = pair[1];
	if (server && fork_server_ask(server, plan) == 0)
		child->asked = server;
	else
		result = clone_init(child, plan, err);
	close(pair[1]);
	return result;
}

/* Its pid is its own for as long as we have not waited for it, and nobody does so in between. */
static int take_forked(struct child *child, struct forked *ret)
{
	struct fork_server *server = child->asked;

	child->asked = NULL;
	if (!server)
		return 0;
	if (fork_server_answer(server, ret) < 0)
		return -1;
	child->pid = ret->pid;
	child->rootless = ret->maker.rootless;
	if (child->pid > 0)
		child->pidfd = (int) syscall(SYS_pidfd_open, child->pid, 0U);
	return 0;
}

int launch_await(struct child *child, const struct cage_plan *plan, struct memcage_error *err)
{
	struct forked forked = { .pid = child->pid };

	if (take_forked(child, &forked) < 0)
		return error_set(err, MEMCAGE_ERROR_SETUP, ECHILD,
				 "the process that makes cages (memcage-forks) has been killed");
	if (forked.pid < 0)
		return refuse_clone(forked.errnum, &forked.maker, plan, err);
	return child->pidfd < 0 ? error_setup(err, "cannot open a pidfd of the cage's init") : 0;
}

/* An init that has failed says so itself. */
static int is_gone(int errnum)
{
	return errnum == EPIPE || errnum == ECONNRESET;
}

bool launch_is_favoured(void)
{
	char text[16];

	return file_read_at(AT_FDCWD, "/proc/self/oom_score_adj", text, sizeof(text)) > 0 &&
	       text[0] == '-';
}

int launch_place(const struct child *child, const struct birthplace *at, struct memcage_error *err)
{
	const struct cgroup *cgroup = at->cgroup;
	struct cage_place place = { .count = cgroup->count,
				    .reset_oom_score = at->favoured,
				    .go = at->go };
	int fds[CAGE_PLACE_FDS];
	size_t count = 0;

	for (size_t i = 0; i < cgroup->count; i++) {
		place.versions[i] = cgroup->parts[i].hierarchy->version;
		fds[count++] = cgroup->parts[i].leaf;
	}
	if (cgroup->count > 0)
		fds[count++] = cgroup->parts[0].job;
	place.network = at->network >= 0;
	if (place.network)
		fds[count++] = at->network;
	for (int i = 0; i < 3; i++) {
		place.stdio[i] = at->stdio[i] >= 0;
		if (place.stdio[i])
			fds[count++] = at->stdio[i];
	}
	if (message_send(child->socket, &place, sizeof(place), fds, count) < 0 && !is_gone(errno))
		return error_setup(err, "cannot pass the job's cgroup to the cage's init");
	return 0;
}

int launch_go(const struct child *child, uint64_t tmp_bytes, struct memcage_error *err)
{
	const struct cage_go go = { .tmp_bytes = tmp_bytes };

	if (message_send(child->socket, &go, sizeof(go), NULL, 0) < 0 && !is_gone(errno))
		return error_setup(err, "cannot let the job go");
	return 0;
}

bool launch_receive(struct child *child, struct cage_message *message, int fds[CAGE_FDS_MOST])
{
	return message_receive(child->socket, message, sizeof(*message), fds, CAGE_FDS_MOST,
			       MSG_DONTWAIT) == sizeof(*message);
}

void launch_send(const struct child *child, int signo, enum cage_target target)
{
	const struct cage_order order = { signo, target };

	/* A stopped init has a full queue at worst: it is killed in the end, not asked. */
	send(child->socket, &order, sizeof(order), MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool launch_kill(const struct child *child)
{
	bool killed = true;

	/* As no namespace ends with it: while it lives, all that is left of the job is below it. */
	if (child->is_reaper && child->pid > 0)
		killed = descendants_kill(child->pid);
	if (child->pid > 0 && syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0U) < 0 &&
	    errno != ESRCH)
		kill(child->pid, SIGKILL); /* a filter forbids the call, or there is no pidfd */
	return killed;
}

bool launch_ended(struct child *child, int *ret_status)
{
	pid_t pid;

	if (child->pid < 0)
		return true;
	pid = waitpid(child->pid, ret_status, WNOHANG | __WALL);
	if (pid == 0)
		return false;
	if (pid < 0)
		*ret_status = SIGKILL; /* somebody else has reaped it */
	child->pid = -1;
	return true;
}

void launch_release(struct child *child)
{
	struct forked forked;

	take_forked(child, &forked);
	if (child->pid > 0) {
		launch_kill(child);
		while (waitpid(child->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
		child->pid = -1;
	}
	own_close(&child->pidfd);
	own_close(&child->socket);
}
