/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process ATTEMPT PID - reaches for another process: its memory, descriptors, namespaces, signals.
 * find NAME - looks for one in /proc.
 */
#define _GNU_SOURCE
#include "escape.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static pid_t target(char **args)
{
	return (pid_t) strtol(args[0] ? args[0] : "0", NULL, 10);
}

static const char *path_of(char **args, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "/proc/%d/%s", target(args), name);
	return path;
}

/* Not stopped: a tracer that exits lets go. */
static long seize(char **args)
{
	return ptrace(PTRACE_SEIZE, target(args), NULL, NULL);
}

/* At no address: who may not gets EPERM, who may EFAULT. */
static long touch_memory(char **args, bool writing)
{
	char byte = 0;
	struct iovec mine = { &byte, 1 }, other = { (void *) 1, 1 };
	long result = writing ? process_vm_writev(target(args), &mine, 1, &other, 1, 0)
			      : process_vm_readv(target(args), &mine, 1, &other, 1, 0);

	return result < 0 && errno == EFAULT ? 0 : result;
}

static long vm_write(char **args)
{
	return touch_memory(args, true);
}

static long vm_read(char **args)
{
	return touch_memory(args, false);
}

static long open_memory(char **args)
{
	return try_open(path_of(args, "mem"), O_RDWR);
}

static long read_environment(char **args)
{
	char text[16];
	int fd = open(path_of(args, "environ"), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	return read(fd, text, sizeof(text)) > 0 ? 0 : stopped(ENODATA);
}

static long list_descriptors(char **args)
{
	DIR *dir = opendir(path_of(args, "fd"));
	char text[8];
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			return readlinkat(dirfd(dir), entry->d_name, text, sizeof(text));
	return dir ? stopped(ENOENT) : -1;
}

static long take_descriptor(char **args)
{
	int pidfd = (int) syscall(SYS_pidfd_open, target(args), 0);

	for (int fd = 0; pidfd >= 0 && fd < 16; fd++)
		if (syscall(SYS_pidfd_getfd, pidfd, fd, 0) >= 0)
			return 0;
	return -1;
}

static long open_program(char **args)
{
	return try_open(path_of(args, "exe"), O_RDONLY);
}

static long enter_root(char **args)
{
	return chdir(path_of(args, "root"));
}

static long enter_folder(char **args)
{
	return chdir(path_of(args, "cwd"));
}

static long enter_namespace(char **args, const char *name)
{
	int fd = open(path_of(args, name), O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -1 : setns(fd, 0);
}

static long enter_cgroup_namespace(char **args)
{
	return enter_namespace(args, "ns/cgroup");
}

static long enter_network(char **args)
{
	return enter_namespace(args, "ns/net");
}

/* One that is ignored. */
static long send_signal(char **args)
{
	return kill(target(args), SIGWINCH);
}

static long queue_signal(char **args)
{
	union sigval value = { .sival_int = 1 };

	return sigqueue(target(args), SIGWINCH, value);
}

static long open_handle(char **args)
{
	return syscall(SYS_pidfd_open, target(args), 0);
}

/* The kernel sends it where data comes. */
static long be_sent_for(char **args)
{
	int ends[2];

	if (pipe(ends) < 0)
		return -1;
	return fcntl(ends[0], F_SETOWN, target(args));
}

static long read_limits(char **args)
{
	struct rlimit limit;

	return prlimit(target(args), RLIMIT_CORE, NULL, &limit);
}

static long slow_down(char **args)
{
	errno = 0;
	return setpriority(PRIO_PROCESS, (id_t) target(args), 0);
}

static bool is_named(const char *pid, const char *name)
{
	char path[300], text[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fgets(text, sizeof(text), file))
		text[strcspn(text, "\n")] = '\0';
	fclose(file);
	return strcmp(text, name) == 0;
}

static long find(char **args)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (is_named(entry->d_name, args[0]))
			return 0;
	return stopped(ESRCH);
}

static const struct attempt attempts[] = {
	{ "trace", seize },
	{ "vm-write", vm_write },
	{ "vm-read", vm_read },
	{ "mem", open_memory },
	{ "environ", read_environment },
	{ "fd", list_descriptors },
	{ "getfd", take_descriptor },
	{ "exe", open_program },
	{ "root", enter_root },
	{ "cwd", enter_folder },
	{ "ns-cgroup", enter_cgroup_namespace },
	{ "ns-net", enter_network },
	{ "signal", send_signal },
	{ "queue", queue_signal },
	{ "pidfd", open_handle },
	{ "owner", be_sent_for },
	{ "prlimit", read_limits },
	{ "priority", slow_down },
	{ "find", find },
};

int main(int argc, char **argv)
{
	return escape(argc, argv, attempts, ARRAY_LEN(attempts));
}
