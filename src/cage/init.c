/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/file.h"
#include "base/message.h"
#include "base/own.h"
#include "cage/cage.h"
#include "cage/descendants.h"
#include "cage/network.h"
#include "cage/user_namespace.h"

_Static_assert(DESCRIPTORS_MOST >= PASS_FDS_MOST + 1, "all that init needs");

static void tell(int socket, const struct cage_message *message, const int *fds, size_t count)
{
	message_send(socket, message, sizeof(*message), fds, count);
}

static _Noreturn void fail(int socket, int errnum, const char *about)
{
	struct cage_message message = { .kind = CAGE_FAILED, .number = errnum };

	snprintf(message.text, sizeof(message.text), "%s", about);
	tell(socket, &message, NULL, 0);
	_exit(1);
}

/*
 * The end of the pair that is memcage's has gone with it: then so do we, whatever became of the
 * death signal.
 */
static bool memcage_lives(int socket)
{
	struct pollfd pair = { .fd = socket };

	return poll(&pair, 1, 0) == 0;
}

static uint64_t count_files(int tmp)
{
	struct statfs fs;

	return tmp >= 0 && fstatfs(tmp, &fs) == 0 ? fs.f_files - fs.f_ffree : 0;
}

static void make_cage(struct cage_plan *plan, int *ret_tmp)
{
	const struct settings *settings = &plan->job->settings;
	char about[200];

	if (!plan->job->shared.mounts && mounts_make(plan, ret_tmp, about, sizeof(about)) < 0)
		fail(plan->socket, errno, about);
	if (settings->hostname && sethostname(settings->hostname, strlen(settings->hostname)) < 0)
		fail(plan->socket, errno, "--hostname: cannot be set");
	if (settings->network_none && plan->maker.rootless && network_bring_loopback_up() < 0)
		fail(plan->socket, errno, "--network none: cannot bring the loopback up");
}

static void enter_network(const struct cage_plan *plan, int network)
{
	if (setns(network, CLONE_NEWNET) < 0)
		fail(plan->socket, errno, "--network none: cannot enter the job's network");
	close(network);
}

static void take_stdio(const struct cage_place *place, const int *from)
{
	for (int fd = 0; fd < 3; fd++) {
		if (!place->stdio[fd])
			continue;
		dup2(*from, fd);
		close(*from++);
	}
}

/* Waits until the job's cgroup is ready; an end of file is memcage's. */
static void wait_for_place(const struct cage_plan *plan, struct cage_place *place)
{
	int fds[CAGE_PLACE_FDS];
	size_t directories, count;

	if (message_receive(plan->socket, place, sizeof(*place), fds, ARRAY_LEN(fds), 0) !=
	    sizeof(*place))
		_exit(1);
	directories = cage_place_directories(place);
	count = cage_place_fds(place);
	if (count > 0 && fds[count - 1] < 0)
		fail(plan->socket, EBADMSG, "what the job is born with has not arrived");
	if (place->network)
		enter_network(plan, fds[directories]);
	take_stdio(place, fds + directories + place->network);
	/* The last one stays open, and so locked, while we live. */
	memcpy(place->leaves, fds, place->count * sizeof(int));
}

/* While our own files in /proc are still ours; before there is a job to be protected from. */
static void settle_in(const struct cage_plan *plan, const struct cage_place *place)
{
	if (place->reset_oom_score && file_write_at(AT_FDCWD, "/proc/self/oom_score_adj", "0") < 0)
		fail(plan->socket, errno,
		     "cannot reset the negative oom_score_adj that was inherited");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		fail(plan->socket, errno, "cannot protect the cage's init");
}

static pid_t start(const struct cage_plan *plan, const struct cage_place *place, int tmp)
{
	struct cage_message message = { .kind = CAGE_STARTED, .tmp_files = count_files(tmp) };
	struct main_failure failure;
	struct main_started started;
	pid_t pid = main_start(plan, place, &started, &failure);
	int fds[CAGE_FDS_MOST] = { started.pidfd };
	size_t count = 1;

	snprintf(message.text, sizeof(message.text), "%s", failure.about);
	if (pid < 0 && !failure.exec)
		fail(plan->socket, failure.errnum, failure.about);
	if (pid < 0) {
		message.kind = CAGE_EXEC_FAILED;
		message.number = failure.errnum;
		tell(plan->socket, &message, NULL, 0);
		_exit(1);
	}
	message.tmp = tmp >= 0;
	message.listener = started.listener >= 0;
	message.number = started.no_listener_errnum;
	if (message.tmp)
		fds[count++] = tmp;
	if (message.listener)
		fds[count++] = started.listener;
	tell(plan->socket, &message, fds, count);
	own_close(&started.pidfd);
	own_close(&started.listener);
	own_close(&tmp);
	return pid;
}

/* -1: all of the PID namespace but us, and no fork in flight escapes. */
static void kill_all(bool is_reaper)
{
	if (is_reaper)
		descendants_kill(getpid());
	else
		kill(-1, SIGKILL);
}

static void obey(const struct cage_order *order, pid_t main, bool is_reaper)
{
	pid_t group = main > 0 ? getpgid(main) : -1;

	if (order->target == CAGE_ALL)
		kill_all(is_reaper);
	/* Without a PID namespace a job may have joined our group, which is memcage's. */
	else if (main > 0 && order->target == CAGE_GROUP && group > 0 && group != getpgrp())
		kill(-group, order->signo);
	else if (main > 0)
		kill(main, order->signo);
}

/* Reaps all that is to be reaped; true when main has just ended.  Stops are told. */
static bool reap(int socket, pid_t main, int *ret_status)
{
	bool ended = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | __WALL)) > 0) {
		struct cage_message stopped = { .kind = CAGE_STOPPED };

		if (pid != main)
			continue;
		if (WIFSTOPPED(status)) {
			stopped.number = WSTOPSIG(status);
			tell(socket, &stopped, NULL, 0);
			continue;
		}
		*ret_status = status;
		ended = true;
	}
	return ended;
}

static bool is_alone(void)
{
	return waitpid(-1, NULL, WNOHANG | __WALL) < 0;
}

static void tell_end(int socket, int status)
{
	struct cage_message message = { .kind = CAGE_ENDED,
					.number = status,
					.leftovers = !is_alone() };

	tell(socket, &message, NULL, 0);
	if (!message.leftovers)
		_exit(0);
}

/*
 * On v1 memcage has to know of the cgroups that the job makes (nested_watch.h).  dnotify tells, and
 * unlike inotify costs nothing to close; its signal is no matter in a process of our own.
 */
static void watch_leaf(const struct cage_place *place)
{
	int leaf;

	if (place->count == 0 || place->versions[0] == CGROUP_V2)
		return;
	leaf = openat(place->leaves[0], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (leaf < 0)
		return;
	if (fcntl(leaf, F_SETSIG, SIGRTMIN) == 0)
		fcntl(leaf, F_NOTIFY, DN_CREATE | DN_MULTISHOT);
}

/* Takes the signals that have come; true when main has ended. */
static bool take_signals(int socket, int signals, pid_t main, int *ret_status)
{
	const struct cage_message message = { .kind = CAGE_NESTED };
	struct signalfd_siginfo info;
	bool ended = false, nested = false;

	while (read(signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			ended |= reap(socket, main, ret_status);
		else
			nested = true;
	}
	/* Where there is no room memcage has not yet heard of others, and looks then. */
	if (nested)
		send(socket, &message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
	return ended;
}

/* Memcage is gone: so is its cage. */
static _Noreturn void leave(bool is_reaper)
{
	if (is_reaper)
		descendants_kill(getpid());
	_exit(1);
}

static _Noreturn void tend(int socket, int signals, pid_t main, bool is_reaper)
{
	struct pollfd fds[] = { { .fd = signals, .events = POLLIN },
				{ .fd = socket, .events = POLLIN } };
	struct cage_order order;
	int status = 0;

	for (;;) {
		if (poll(fds, ARRAY_LEN(fds), -1) < 0)
			continue;
		if (fds[0].revents && take_signals(socket, signals, main, &status)) {
			main = -1;
			tell_end(socket, status);
		}
		/* Those who outlived main have ended by themselves, or by memcage's hand. */
		if (main < 0 && is_alone())
			_exit(0);
		if (!fds[1].revents)
			continue;
		if (recv(socket, &order, sizeof(order), MSG_DONTWAIT) != sizeof(order))
			leave(is_reaper);
		obey(&order, main, is_reaper);
	}
}

/*
 * PID 1 dies with memcage, and takes all along.  A reaper has to see to that itself, and so is only
 * woken: the job may have stopped it.
 */
static int tie(const struct cage_plan *plan)
{
	bool is_reaper = plan->job->shared.pids;

	if (is_reaper && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		return -1;
	if (!plan->die_with_thread)
		return 0;
	return prctl(PR_SET_PDEATHSIG, is_reaper ? SIGCONT : SIGKILL, 0, 0, 0);
}

/* In a user namespace there is nobody yet; then there is one, memcage's own user outside. */
static void map_user(const struct cage_plan *plan)
{
	const struct settings *settings = &plan->job->settings;

	const struct maker *maker = &plan->maker;

	if (!maker->rootless)
		return;
	if (user_namespace_map(settings->has_user ? settings->uid : maker->uid, maker->uid,
			       settings->has_user ? settings->gid : maker->gid, maker->gid) < 0)
		fail(plan->socket, errno, "cannot map the user in the cage's user namespace");
}

/*
 * Init lives as long as the job and must hold nothing that it does not need: the other end of a
 * pipe, memcage's own end of the pair (it would never see memcage go), another cage's.
 */
static void take_descriptors(const struct cage_plan *plan)
{
	struct descriptors kept = { .count = 0 };

	descriptors_keep(&kept, plan->socket);
	for (size_t i = 0; i < plan->job->settings.pass_fd_count; i++)
		descriptors_keep(&kept, plan->job->settings.pass_fds[i]);
	descriptors_close_others(&kept);
}

void init_run(struct cage_plan *plan)
{
	sigset_t ours, all;
	struct cage_place place;
	int signals, tmp = -1;
	pid_t main;

	take_descriptors(plan);
	prctl(PR_SET_NAME, "memcage-init", 0, 0, 0);
	if (tie(plan) < 0)
		fail(plan->socket, errno, "cannot tie the cage's life to memcage's");
	if (!memcage_lives(plan->socket))
		_exit(1);
	map_user(plan);
	plan->namespace_limits = -1;
	plan->umask = umask(0);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	sigemptyset(&ours);
	sigaddset(&ours, SIGCHLD);
	sigaddset(&ours, SIGRTMIN);
	signal(SIGCHLD, SIG_DFL); /* ignored, it would take the main process's status with it */
	signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		fail(plan->socket, errno, "cannot make a signalfd");
	make_cage(plan, &tmp);
	wait_for_place(plan, &place);
	settle_in(plan, &place);
	watch_leaf(&place);
	main = start(plan, &place, tmp);
	tend(plan->socket, signals, main, plan->job->shared.pids);
}
