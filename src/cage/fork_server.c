/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/fork_server.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
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

int fork_server_start(struct fork_server *server, const struct host *host, const struct job *model)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	server->pid = fork();
	if (server->pid == 0)
		begin(pair[1], host, model);
	close(pair[1]);
	server->socket = pair[0];
	if (server->pid < 0)
		own_close(&server->socket);
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
	own_close(&server->socket);
	return -1;
}

void fork_server_release(struct fork_server *server)
{
	own_close(&server->socket);
	while (server->pid > 0 && waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
		;
	server->pid = -1;
}
