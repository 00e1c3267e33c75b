/* SPDX-License-Identifier: Apache-2.0 */
/*
 * minimum - the floor: all that a cage needs to do, by hand, and nothing else.
 *
 *   minimum [-n RUNS] [-j AT_ONCE] [BYTES] -- COMMAND [ARG...]
 *
 * A cgroup with a memory limit (BYTES, else 64 MiB), mount, PID, IPC, UTS and cgroup
 * namespaces, a private tmpfs and /proc, a small init, a ready-made seccomp filter, a watch for
 * OOM kills, the counters read at the end, the cgroup removed. No options, no discovery beyond
 * /proc/self/cgroup, no report, no care: what memcage takes above this is the price of being a
 * program for people.
 *
 * Three processes: the supervisor, the init (PID 1 of the cage), the command. A pipe carries
 * the command's wait status from the init to the supervisor. With -n and -j one supervisor has that
 * many runs, so many of them at once, each in a cage of its own. On cgroup v2 the init is born in
 * the cgroup (CLONE_INTO_CGROUP). On v1 it writes "0" to `tasks`: a lone thread that moves
 * itself takes no global lock (since 5.5), where every write to cgroup.procs waits out an RCU
 * grace period, 5 to 15 ms on an idle machine.
 *
 * Exit status: the command's, 128 + N for signal N, 120 if the counter says that the kernel killed
 * for memory; of many runs the first that is not 0.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter.h"

#define ROOT "/sys/fs/cgroup"
#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)
#define GROUPS 3
#define PATH_SIZE 512

struct plan {
	const char *limit;
	char **argv;
	size_t runs, at_once;
};

struct cage {
	const char *limit;
	int pidfd;  /* of its init; -1: there is none */
	int groups; /* 1 on v2 */
	char path[GROUPS][PATH_SIZE];
	int dir[GROUPS];
	int tasks[GROUPS];
	int watch;  /* v1: an eventfd; v2: memory.events, polled for POLLPRI */
	int events; /* where the OOM kills are counted */
	int status_pipe[2];
};

static const char *const v1_controllers[GROUPS] = { "memory", "pids", "freezer" };

static void write_file(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		err(125, "%s", name);
	close(fd);
}

static int open_file(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags | O_CLOEXEC);

	if (fd < 0)
		err(125, "%s", name);
	return fd;
}

/* What stands after key (":memory:", "0::") in a line of /proc/self/cgroup. */
static const char *own_path(char *table, const char *key, char *room, size_t size)
{
	char *line = strstr(table, key);
	size_t length;

	if (!line)
		errx(125, "no %s in /proc/self/cgroup", key);
	line += strlen(key);
	length = strcspn(line, "\n");
	if (length >= size)
		errx(125, "a cgroup path too long for this program");
	memcpy(room, line, length);
	room[length] = '\0';
	return room;
}

static void read_table(char *table, size_t size)
{
	int fd = open_file(AT_FDCWD, "/proc/self/cgroup", O_RDONLY);
	ssize_t length = read(fd, table, size - 1);

	close(fd);
	table[length > 0 ? length : 0] = '\0';
}

static void make_groups(struct cage *cage, size_t number)
{
	char table[4096], own[256], key[32];

	read_table(table, sizeof(table));
	cage->groups = strstr(table, ":memory:") ? GROUPS : 1;
	for (int i = 0; i < cage->groups; i++) {
		char *path = cage->path[i];
		const char *tree = cage->groups == 1 ? "" : v1_controllers[i];

		snprintf(key, sizeof(key), "%s:%s:", *tree ? "" : "0", tree);
		own_path(table, key, own, sizeof(own));
		snprintf(path, PATH_SIZE, ROOT "/%s%s/minimum-%d-%zu", tree, own, getpid(), number);
		if (mkdir(path, 0755) < 0)
			err(125, "%s", path);
		cage->dir[i] = open_file(AT_FDCWD, path, O_PATH | O_DIRECTORY);
	}
}

static void limit_v2(struct cage *cage)
{
	char first[512];

	write_file(cage->dir[0], "memory.max", cage->limit);
	write_file(cage->dir[0], "memory.swap.max", "0");
	write_file(cage->dir[0], "memory.oom.group", "1");
	cage->watch = cage->events = open_file(cage->dir[0], "memory.events", O_RDONLY);
	if (read(cage->watch, first, sizeof(first)) < 0) /* arms the poll */
		err(125, "memory.events");
}

static void limit_v1(struct cage *cage)
{
	char line[64];

	write_file(cage->dir[0], "memory.limit_in_bytes", cage->limit);
	if (!faccessat(cage->dir[0], "memory.memsw.limit_in_bytes", W_OK, 0))
		write_file(cage->dir[0], "memory.memsw.limit_in_bytes", cage->limit);
	cage->events = open_file(cage->dir[0], "memory.oom_control", O_RDONLY);
	cage->watch = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	snprintf(line, sizeof(line), "%d %d", cage->watch, cage->events);
	write_file(cage->dir[0], "cgroup.event_control", line);
	for (int i = 0; i < GROUPS; i++)
		cage->tasks[i] = open_file(cage->dir[i], "tasks", O_WRONLY);
}

/* What follows runs in the init; it reports by exit status 125, which no one looks into. */

static void enter_groups(const struct cage *cage)
{
	if (cage->groups == 1)
		return;
	for (int i = 0; i < GROUPS; i++)
		if (write(cage->tasks[i], "0", 1) < 0)
			err(125, "tasks");
	/* not earlier: the namespace is rooted where its maker is */
	if (unshare(CLONE_NEWCGROUP) < 0)
		err(125, "cgroup namespace");
}

static void make_mounts(void)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		err(125, "private mounts");
	if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=8m") < 0)
		err(125, "/tmp");
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		err(125, "/proc");
}

static void exec_command(char **argv, struct sock_fprog *filter)
{
	syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter) == 0)
		execve(argv[0], argv, environ);
	_exit(127);
}

static void be_init(const struct cage *cage, char **argv)
{
	struct sock_filter code[FILTER_SIZE];
	struct sock_fprog filter = { .filter = code };
	int status;
	pid_t command, ended;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	filter.len = (unsigned short) filter_build(code);
	enter_groups(cage);
	make_mounts();
	command = vfork();
	if (command == 0)
		exec_command(argv, &filter);
	do
		ended = wait(&status);
	while (ended > 0 && ended != command);
	if (write(cage->status_pipe[1], &status, sizeof(status)) < 0)
		_exit(125);
	_exit(0);
}

static pid_t start_init(struct cage *cage)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD | NAMESPACES,
		.pidfd = (uint64_t) (uintptr_t) &cage->pidfd,
		.exit_signal = SIGCHLD,
	};

	if (cage->groups == 1) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t) (unsigned int) cage->dir[0];
	} else {
		args.flags &= ~(uint64_t) CLONE_NEWCGROUP;
	}
	return (pid_t) syscall(SYS_clone3, &args, sizeof(args));
}

static long count_kills(const struct cage *cage)
{
	char text[512];
	ssize_t length = pread(cage->events, text, sizeof(text) - 1, 0);
	const char *found;

	text[length > 0 ? length : 0] = '\0';
	found = strstr(text, "oom_kill ");
	return found ? strtol(found + strlen("oom_kill "), NULL, 10) : 0;
}

static void read_peak(const struct cage *cage)
{
	const char *name = cage->groups == 1 ? "memory.peak" : "memory.max_usage_in_bytes";
	char text[32];
	int fd = openat(cage->dir[0], name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text)) < 0)
		warn("peak");
}

static void remove_groups(const struct cage *cage)
{
	for (int i = 0; i < cage->groups; i++)
		if (rmdir(cage->path[i]) < 0)
			warn("%s", cage->path[i]);
}

static int exit_status(const struct cage *cage)
{
	int status = 0;

	if (count_kills(cage))
		return 120;
	if (read(cage->status_pipe[0], &status, sizeof(status)) != sizeof(status))
		return 125;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void release(struct cage *cage)
{
	for (int i = 0; i < cage->groups; i++) {
		close(cage->dir[i]);
		if (cage->groups > 1)
			close(cage->tasks[i]);
	}
	if (cage->watch != cage->events)
		close(cage->watch);
	close(cage->events);
	close(cage->status_pipe[0]);
	close(cage->pidfd);
	cage->pidfd = -1;
}

static void start(struct cage *cage, const struct plan *plan, size_t number)
{
	pid_t init;

	cage->limit = plan->limit;
	/* another cage's init may hold the other end */
	if (pipe2(cage->status_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		err(125, "pipe");
	make_groups(cage, number);
	if (cage->groups == 1)
		limit_v2(cage);
	else
		limit_v1(cage);
	init = start_init(cage);
	if (init < 0)
		err(125, "clone3");
	if (init == 0)
		be_init(cage, plan->argv);
	close(cage->status_pipe[1]);
}

static int end(struct cage *cage)
{
	int status;

	waitid(P_PIDFD, (id_t) cage->pidfd, &(siginfo_t) { 0 }, WEXITED);
	status = exit_status(cage);
	read_peak(cage);
	remove_groups(cage);
	release(cage);
	return status;
}

static void watch(const struct cage *cage, struct pollfd polls[2])
{
	polls[0] = (struct pollfd) { .fd = cage->pidfd, .events = POLLIN };
	polls[1] = (struct pollfd) { .fd = cage->watch,
				     .events = cage->groups == 1 ? POLLPRI : POLLIN };
}

static void heard_of_kill(const struct cage *cage, struct pollfd *poll)
{
	char drop[512];

	if (pread(cage->watch, drop, sizeof(drop), 0) < 0 && read(cage->watch, drop, 8) < 0)
		poll->fd = -1;
}

/* Returns the number of runs that have ended. */
static size_t supervise(struct cage *cages, struct pollfd *polls, size_t count, int *ret_status)
{
	size_t ended = 0;

	if (poll(polls, 2 * count, -1) < 0)
		err(125, "poll");
	for (size_t i = 0; i < count; i++) {
		if (polls[2 * i].revents) {
			int status = end(&cages[i]);

			*ret_status = *ret_status ? *ret_status : status;
			polls[2 * i].fd = polls[2 * i + 1].fd = -1;
			ended++;
		} else if (polls[2 * i + 1].revents) {
			heard_of_kill(&cages[i], &polls[2 * i + 1]);
		}
	}
	return ended;
}

static int run_all(const struct plan *plan)
{
	struct cage *cages = calloc(plan->at_once, sizeof(*cages));
	struct pollfd *polls = calloc(2 * plan->at_once, sizeof(*polls));
	size_t started = 0, ended = 0;
	int status = 0;

	if (!cages || !polls)
		err(125, "memory");
	for (size_t i = 0; i < plan->at_once; i++)
		cages[i].pidfd = polls[2 * i].fd = polls[2 * i + 1].fd = -1;
	while (ended < plan->runs) {
		for (size_t i = 0; i < plan->at_once && started < plan->runs; i++) {
			if (cages[i].pidfd >= 0)
				continue;
			start(&cages[i], plan, started++);
			watch(&cages[i], &polls[2 * i]);
		}
		ended += supervise(cages, polls, plan->at_once, &status);
	}
	free(cages);
	free(polls);
	return status;
}

int main(int argc, char **argv)
{
	struct plan plan = { .limit = "67108864", .runs = 1, .at_once = 1 };
	int option;

	while ((option = getopt(argc, argv, "+n:j:")) != -1) {
		if (option == 'n')
			plan.runs = strtoul(optarg, NULL, 10);
		else if (option == 'j')
			plan.at_once = strtoul(optarg, NULL, 10);
		else
			return 2;
	}
	/* getopt takes "--" only where it comes next */
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0)
		plan.limit = argv[optind++];
	if (optind < argc && strcmp(argv[optind], "--") == 0)
		optind++;
	plan.argv = argv + optind;
	if (optind >= argc || plan.runs == 0 || plan.at_once == 0)
		return 2;
	return run_all(&plan);
}
