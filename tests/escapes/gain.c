/* SPDX-License-Identifier: Apache-2.0 */
/* gain ATTEMPT [FILE] - wants more rights than it was given. */
#define _GNU_SOURCE
#include "escape.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NOBODY 65534

static long become_nobody(void)
{
	if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -1;
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* else its /proc stays root's */
}

/* FILE is a copy of this program with the set-user-ID bit, or with capabilities. */
static long execute_as_nobody(char **args)
{
	char *argv[] = { args[0], (char *) "inside", NULL };
	int fd = open(args[0], O_PATH);

	if (fd < 0)
		return -1;
	if (geteuid() == 0 && become_nobody() < 0)
		return -1;
	return execveat(fd, "", argv, environ, AT_EMPTY_PATH);
}

/* The number after key in /proc/self/status, in hex. */
static unsigned long long status_number(const char *key)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long number = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, strlen(key)) == 0)
			number = strtoull(line + strlen(key), NULL, 16);
	if (file)
		fclose(file);
	return number;
}

/* What execute_as_nobody() has started. */
static long inside(char **args)
{
	(void) args;
	return geteuid() == 0 || status_number("CapPrm:") != 0 ? 0 : stopped(EPERM);
}

static long have_capabilities(char **args)
{
	static const char *const sets[] = { "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:" };

	(void) args;
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		if (status_number(sets[i]) != 0)
			return 0;
	return stopped(EPERM);
}

static long new_user_namespace(char **args)
{
	(void) args;
	return unshare(CLONE_NEWUSER);
}

/* clone3 has its flags in memory, where no filter sees them. */
static long clone_user_namespace(char **args)
{
	struct clone_args clone = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &clone, sizeof(clone));

	(void) args;
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t) pid, NULL, 0);
	return pid;
}

static long map_to_root(unsigned int uid)
{
	char text[64];

	snprintf(text, sizeof(text), "0 %u 1", uid);
	return put("/proc/self/uid_map", text);
}

/* As nobody, with all capabilities in a namespace of its own. */
static long mount_as_nobody(char **args)
{
	(void) args;
	if (geteuid() == 0 && become_nobody() < 0)
		return -1;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 || map_to_root(NOBODY) < 0)
		return -1;
	return mount("none", "/mnt", "tmpfs", 0, NULL);
}

static long raise_limit(char **args)
{
	const struct rlimit low = { 64, 64 }, high = { 128, 128 };

	(void) args;
	return setrlimit(RLIMIT_NOFILE, &low) < 0 ? -1 : setrlimit(RLIMIT_NOFILE, &high);
}

static long become_real_time(char **args)
{
	const struct sched_param one = { .sched_priority = 1 };

	(void) args;
	return sched_setscheduler(0, SCHED_FIFO, &one);
}

static long become_urgent(char **args)
{
	(void) args;
	return setpriority(PRIO_PROCESS, 0, -20);
}

static long become_unkillable(char **args)
{
	(void) args;
	return put("/proc/self/oom_score_adj", "-1000");
}

static long become_another(char **args)
{
	(void) args;
	return setresuid(1234, 1234, 1234);
}

static const struct attempt attempts[] = {
	{ "execute", execute_as_nobody },
	{ "inside", inside },
	{ "capabilities", have_capabilities },
	{ "userns", new_user_namespace },
	{ "userns-clone3", clone_user_namespace },
	{ "userns-mount", mount_as_nobody },
	{ "rlimit", raise_limit },
	{ "real-time", become_real_time },
	{ "nice", become_urgent },
	{ "unkillable", become_unkillable },
	{ "uid", become_another },
};

int main(int argc, char **argv)
{
	return escape(argc, argv, attempts, ARRAY_LEN(attempts));
}
