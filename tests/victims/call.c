/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call [fork] [own] [native|i386|x32] NAME [ARG...] - makes a system call, with zeros where no
 * number is given; says what came of it and exits 0.  `fork`: in a child, whose end is said, and
 * exits 3.  `own`: with a filter of its own that kills getppid.  `i386` and `x32`: by that number
 * on x86-64; exits 77 where there are no such calls.
 */
#define _GNU_SOURCE
#include "victim.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define X32 0x40000000L

static const struct {
	const char *name;
	long number, i386;
} calls[] = {
	{ "getppid", SYS_getppid, 64 },	 { "mount", SYS_mount, 21 },
	{ "ptrace", SYS_ptrace, 26 },	 { "unshare", SYS_unshare, 310 },
	{ "keyctl", SYS_keyctl, 288 },	 { "reboot", SYS_reboot, 88 },
	{ "swapoff", SYS_swapoff, 115 },
};

static void no_such_calls(int signo)
{
	(void) signo;
	_exit(77);
}

static long by_int80(long number, const long *args)
{
#ifdef __x86_64__
	long result;

	signal(SIGSEGV, no_such_calls);
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(args[0]), "c"(args[1]), "d"(args[2]), "S"(args[3])
			 : "memory", "r8", "r9", "r10", "r11");
	errno = result < 0 ? -(int) result : 0;
	return result < 0 ? -1 : result;
#else
	(void) number;
	(void) args;
	no_such_calls(0);
	return -1;
#endif
}

static void load_own(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		exit(errno);
}

static bool take_word(char ***at, const char *word)
{
	if (!**at || strcmp(**at, word) != 0)
		return false;
	++*at;
	return true;
}

static void make_call(char **at)
{
	bool i386 = take_word(&at, "i386"), x32 = !i386 && take_word(&at, "x32");
	long args[6] = { 0 };
	size_t i = 0;

	take_word(&at, "native");
	while (i < sizeof(calls) / sizeof(calls[0]) && strcmp(calls[i].name, *at) != 0)
		i++;
	if (i == sizeof(calls) / sizeof(calls[0]))
		exit(2);
	for (size_t arg = 0; arg < 6 && at[arg + 1]; arg++)
		args[arg] = strtol(at[arg + 1], NULL, 0);
	if (i386)
		say(calls[i].name, by_int80(calls[i].i386, args));
	else
		say(calls[i].name, syscall(calls[i].number | (x32 ? X32 : 0), args[0], args[1],
					   args[2], args[3], args[4], args[5]));
}

int main(int argc, char **argv)
{
	char **at = argv + 1;
	bool forks = take_word(&at, "fork");
	int status = 0;

	if (argc < 2)
		return 2;
	if (take_word(&at, "own"))
		load_own();
	if (!forks || fork() == 0) {
		make_call(at);
		return 0;
	}
	wait(&status);
	printf("child: %s\n", WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "exited");
	return 3;
}
