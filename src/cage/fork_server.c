/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/fork_server.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/message.h"
#include "base/own.h"
#include "cage/mounts.h"

/* ---- in the server ---- */

static void clone_one(struct cage_plan *plan, struct forked *ret)
{
	const struct clone_wish wish = plan_wish(plan, CLONE_PARENT);
	pid_t pid = namespaces_clone(&wish, &plan->maker, NULL);

	if (pid == 0)
		init_run(plan);
	*ret = (struct forked) { .pid = pid, .errnum = errno, .maker = plan->maker };
}

/* Until the other end of the pair is memcage's no more. */
static _Noreturn void serve(int socket, bool cgroups_cleared)
{
	struct cage_plan plan;
	struct forked forked;
	int fd;

	while (message_receive(socket, &plan, sizeof(plan), &fd, 1, 0) == sizeof(plan)) {
		plan.socket = fd;
		plan.cgroups_cleared = cgroups_cleared;
		clone_one(&plan, &forked);
		own_close(&fd);
		if (message_send(socket, &forked, sizeof(forked), NULL, 0) < 0)
			break;
	}
	_exit(0);
}

/* No signal is ours: not the terminal's, nor what the jobs are to find as memcage did. */
static _Noreturn void begin(int socket, const struct host *host, const struct job *model)
{
	const struct settings *settings = &model->settings;
	struct descriptors all = { .count = 0 };
	sigset_t every;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_NAME, "memcage-forks", 0, 0, 0);
	sigfillset(&every);
	sigprocmask(SIG_SETMASK, &every, NULL);
	descriptors_keep(&all, socket);
	for (size_t i = 0; i < settings->pass_fd_count; i++)
		descriptors_keep(&all, settings->pass_fds[i]);
	descriptors_close_others(&all);
	serve(socket, cgroup_view_clear_for_all(host, model));
}

/* ---- in memcage ---- */

/* An answer takes less than a millisecond; who has stopped the process must not stop us. */
#define PATIENCE 30 /* seconds */

/* A container's old filter may know no pidfd_open(2), which the child of another needs. */
static bool is_possible(void)
{
	auto_fd int pidfd = (int) syscall(SYS_pidfd_open, getpid(), 0U);

	return pidfd >= 0;
}

static void give_up(struct fork_server *server)
{
	own_close(&server->socket);
	/* As PID 1 memcage reaps whoever comes, perhaps this one too. */
	if (server->pid > 0 && waitpid(server->pid, NULL, WNOHANG) == 0) {
		kill(server->pid, SIGKILL);
		waitpid(server->pid, NULL, 0);
	}
	server->pid = -1;
}

int fork_server_start(struct fork_server *server, const struct host *host, const struct job *model)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	int pair[2];

	if (!is_possible())
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	server->pid = fork();
	if (server->pid == 0)
		begin(pair[1], host, model);
	close(pair[1]);
	server->socket = pair[0];
	if (server->pid < 0)
		own_close(&server->socket);
	else
		setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return server->pid < 0 ? -1 : 0;
}

int fork_server_ask(struct fork_server *server, const struct cage_plan *plan)
{
	if (server->socket < 0)
		return -1;
	if (message_send(server->socket, plan, sizeof(*plan), &plan->socket, 1) == 0)
		return 0;
	own_close(&server->socket);
	return -1;
}

int fork_server_answer(struct fork_server *server, struct forked *ret)
{
	if (message_receive(server->socket, ret, sizeof(*ret), NULL, 0, 0) == sizeof(*ret))
		return 0;
	give_up(server);
	return -1;
}

void fork_server_release(struct fork_server *server)
{
	give_up(server);
}
