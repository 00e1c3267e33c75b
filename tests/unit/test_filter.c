/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The default filter in two ways: loaded into a child that then tries the calls, with arguments
 * that do nothing where they are allowed; and run here, for every number there is, as the kernel
 * would.  The first shows that the kernel takes it, the second does not depend on rights or on
 * what the kernel has.
 */
#include "filter/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "filter/filter_eval.h"
#include "test.h"

#if defined(__x86_64__) && defined(__LP64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define NATIVE_ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define NATIVE_ARCH AUDIT_ARCH_ARM
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#elif defined(__s390x__)
#define NATIVE_ARCH AUDIT_ARCH_S390X
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_ARCH AUDIT_ARCH_PPC64LE
#endif

#define BAD 1UL /* no such address */
#define NOWHERE ((unsigned long) -1)
#define HIGH (1UL << (sizeof(long) * 8 - 1)) /* where long has 64 bits, out of the kernel's sight */

struct call {
	const char *name;
	long number;
	unsigned long args[4];
	int want; /* errno; 0: any other than EPERM, or none */
};

/* Numbers that this architecture has; without the filter each fails or changes nothing. */
static const struct call denied[] = {
	{ "init_module is denied", SYS_init_module, { BAD, 0, BAD }, EPERM },
	{ "finit_module is denied", SYS_finit_module, { NOWHERE, BAD, 0 }, EPERM },
	{ "delete_module is denied", SYS_delete_module, { BAD }, EPERM },
	{ "kexec_load is denied", SYS_kexec_load, { 0, 1 << 20, BAD, 0 }, EPERM },
	{ "reboot is denied", SYS_reboot, { 0, 0, 0, 0 }, EPERM },
	{ "swapon is denied", SYS_swapon, { BAD }, EPERM },
	{ "swapoff is denied", SYS_swapoff, { BAD }, EPERM },
	{ "acct is denied", SYS_acct, { BAD }, EPERM },
	{ "adjtimex is denied", SYS_adjtimex, { BAD }, EPERM },
	{ "clock_adjtime is denied", SYS_clock_adjtime, { 0, BAD }, EPERM },
	{ "open_by_handle_at is denied", SYS_open_by_handle_at, { NOWHERE, BAD, 0 }, EPERM },
	{ "ioctl TIOCSTI is denied", SYS_ioctl, { NOWHERE, TIOCSTI, BAD }, EPERM },
	{ "ioctl TIOCLINUX is denied", SYS_ioctl, { NOWHERE, TIOCLINUX, BAD }, EPERM },
#ifdef SYS_kexec_file_load
	{ "kexec_file_load is denied", SYS_kexec_file_load, { NOWHERE, NOWHERE, 0, BAD }, EPERM },
#endif
#ifdef SYS_settimeofday
	{ "settimeofday is denied", SYS_settimeofday, { BAD, 0 }, EPERM },
#endif
#ifdef SYS_clock_settime
	{ "clock_settime is denied", SYS_clock_settime, { 0, BAD }, EPERM },
#endif
#ifdef SYS_clock_settime64
	{ "clock_settime64 is denied", SYS_clock_settime64, { 0, BAD }, EPERM },
	{ "clock_adjtime64 is denied", SYS_clock_adjtime64, { 0, BAD }, EPERM },
#endif
#ifdef SYS_stime
	{ "stime is denied", SYS_stime, { BAD }, EPERM },
#endif
#ifdef SYS_create_module
	{ "create_module is denied", SYS_create_module, { BAD, 0 }, EPERM },
#endif
#ifdef SYS_iopl
	{ "iopl is denied", SYS_iopl, { 9 }, EPERM },
	{ "ioperm is denied", SYS_ioperm, { NOWHERE, 1, 0 }, EPERM },
#endif
#ifdef SYS_pciconfig_write
	{ "pciconfig_write is denied", SYS_pciconfig_write, { BAD }, EPERM },
#endif
#ifdef SYS_rtas
	{ "rtas is denied", SYS_rtas, { BAD }, EPERM },
#endif
#ifdef __LP64__
	{ "TIOCSTI with a high bit is denied", SYS_ioctl, { NOWHERE, TIOCSTI | HIGH, BAD }, EPERM },
	{ "TIOCSTI with bit 32 is denied",
	  SYS_ioctl,
	  { NOWHERE, TIOCSTI | 1UL << 32, BAD },
	  EPERM },
	{ "TIOCLINUX with all high bits is denied",
	  SYS_ioctl,
	  { NOWHERE, TIOCLINUX | UINT64_C(0xffffffff) << 32, BAD },
	  EPERM },
#endif
};

static const struct call allowed[] = {
	{ "getpid goes on", SYS_getpid, { 0 }, 0 },
	{ "ioctl TCGETS goes on", SYS_ioctl, { NOWHERE, TCGETS, BAD }, EBADF },
	{ "ioctl TIOCGWINSZ goes on", SYS_ioctl, { NOWHERE, TIOCGWINSZ, BAD }, EBADF },
	{ "ioctl TIOCSCTTY goes on", SYS_ioctl, { NOWHERE, TIOCSCTTY, 0 }, EBADF },
	{ "ioctl on request 0 goes on", SYS_ioctl, { NOWHERE, 0, TIOCSTI }, EBADF },
	{ "unshare goes on", SYS_unshare, { 0 }, 0 },
	{ "execve goes on", SYS_execve, { BAD, 0, 0 }, EFAULT },
	{ "openat goes on", SYS_openat, { NOWHERE, BAD, O_RDONLY }, EFAULT },
	{ "mmap and its like go on", SYS_munmap, { BAD, 0 }, EINVAL },
	{ "ptrace goes on", SYS_ptrace, { PTRACE_TRACEME }, 0 },
	{ "clock_gettime goes on", SYS_clock_gettime, { NOWHERE, BAD }, 0 },
	{ "name_to_handle_at goes on", SYS_name_to_handle_at, { NOWHERE, BAD, BAD, BAD }, 0 },
	{ "personality goes on", SYS_personality, { 0xffffffff }, 0 },
	{ "prctl goes on", SYS_prctl, { PR_GET_NO_NEW_PRIVS, 0, 0, 0 }, 0 },
	{ "seccomp goes on", SYS_seccomp, { SECCOMP_GET_ACTION_AVAIL, 0, BAD }, EFAULT },
#ifdef SYS_clone3
	{ "clone3 goes on", SYS_clone3, { 0, 0 }, EINVAL },
#endif
};

static void load_default(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (filter_load(&filter_default, 0) < 0)
		_exit(200);
}

/* Runs act in a child and gives its exit status, or 1000 + the signal that ended it. */
static int in_child(int (*act)(const void *data), const void *data)
{
	int status;
	pid_t child = fork();

	assert_return_code(child, errno);
	if (child == 0)
		_exit(act(data));
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

/* Gives errno, or 0. */
static int try_call(const void *data)
{
	const struct call *call = data;
	const unsigned long *args = call->args;

	load_default();
	if (syscall(call->number, args[0], args[1], args[2], args[3]) >= 0)
		return 0;
	return errno;
}

static void check_call(void **state)
{
	const struct call *call = *state;
	int got = in_child(try_call, call);

	if (call->want != 0)
		assert_int_equal(got, call->want);
	else
		assert_true(got < 200 && got != EPERM);
}

static int seccomp_is_unknown(const void *data)
{
	static struct sock_filter only_this[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_LEN(only_this), only_this };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		return 201;
	return try_call(data);
}

static void check_without_seccomp(void **state)
{
	(void) state;
	assert_int_equal(in_child(seccomp_is_unknown, &denied[0]), EPERM);
}

/* An ordinary user, still allowed to gain rights by setuid programs. */
static int load_without_rights(const void *data)
{
	(void) data;
	if (getuid() == 0 && setresuid(65534, 65534, 65534) < 0)
		return 201;
	return filter_load(&filter_default, 0) < 0 ? errno : 0;
}

static void check_without_rights(void **state)
{
	(void) state;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return;
	assert_int_equal(in_child(load_without_rights, NULL), EACCES);
}

static int load_twice(const void *data)
{
	load_default();
	return try_call(data);
}

static void check_twice(void **state)
{
	(void) state;
	assert_int_equal(in_child(load_twice, &denied[0]), EPERM);
}

static int load_nonsense(const void *data)
{
	struct sock_filter nonsense[] = { BPF_STMT(BPF_RET | BPF_A, 0), { 0xffff, 0, 0, 0 } };
	struct sock_fprog program = { ARRAY_LEN(nonsense), nonsense };

	(void) data;
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return filter_load(&program, 0) < 0 ? errno : 0;
}

static void check_nonsense(void **state)
{
	(void) state;
	assert_int_equal(in_child(load_nonsense, NULL), EINVAL);
}

static uint32_t run_call(uint32_t arch, long number, unsigned long request)
{
	const struct seccomp_data data = { .nr = (int) number,
					   .arch = arch,
					   .args = { 0, request } };

	return filter_eval(&filter_default, &data);
}

#define DENIED (SECCOMP_RET_ERRNO | EPERM)

static const uint32_t foreign_arches[] = { 0, AUDIT_ARCH_ALPHA, AUDIT_ARCH_SPARC64, UINT32_MAX };

static void check_foreign_arches(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(foreign_arches); i++)
		for (long number = 0; number < 1024; number++)
			assert_int_equal(run_call(foreign_arches[i], number, 0),
					 SECCOMP_RET_KILL_PROCESS);
}

#ifdef NATIVE_ARCH

static bool is_denied(long number)
{
	for (size_t i = 0; i < ARRAY_LEN(denied); i++)
		if (denied[i].number == number && number != SYS_ioctl)
			return true;
	return false;
}

/* Neither more nor less than the table above. */
static void check_every_number(void **state)
{
	(void) state;
	for (long number = -1; number < 2048; number++) {
		uint32_t want = is_denied(number) ? DENIED : SECCOMP_RET_ALLOW;

		if (run_call(NATIVE_ARCH, number, 0) != want)
			fail_msg("call %ld: %#x", number, run_call(NATIVE_ARCH, number, 0));
	}
}

static void check_every_ioctl(void **state)
{
	(void) state;
	for (unsigned long request = 0; request < 0x10000; request++) {
		bool wanted = request == TIOCSTI || request == TIOCLINUX;

		assert_int_equal(run_call(NATIVE_ARCH, SYS_ioctl, request),
				 wanted ? DENIED : SECCOMP_RET_ALLOW);
	}
}

#endif

#if defined(__x86_64__) && defined(__LP64__)

#define X32 0x40000000

/* By their numbers on i386 (arch/x86/entry/syscalls/syscall_32.tbl), which do not change. */
static const struct call compat[] = {
	{ "i386: getpid goes on", 20, { 0 }, 0 },
	{ "i386: ioctl TCGETS goes on", 54, { 0xffffffff, TCGETS, BAD }, EBADF },
	{ "i386: stime is denied", 25, { BAD }, EPERM },
	{ "i386: acct is denied", 51, { BAD }, EPERM },
	{ "i386: ioctl TIOCSTI is denied", 54, { 0xffffffff, TIOCSTI, BAD }, EPERM },
	{ "i386: ioctl TIOCLINUX is denied", 54, { 0xffffffff, TIOCLINUX, BAD }, EPERM },
	{ "i386: settimeofday is denied", 79, { BAD, 0 }, EPERM },
	{ "i386: swapon is denied", 87, { BAD }, EPERM },
	{ "i386: reboot is denied", 88, { 0 }, EPERM },
	{ "i386: ioperm is denied", 101, { 0xffffffff, 1 }, EPERM },
	{ "i386: iopl is denied", 110, { 9 }, EPERM },
	{ "i386: swapoff is denied", 115, { BAD }, EPERM },
	{ "i386: adjtimex is denied", 124, { BAD }, EPERM },
	{ "i386: create_module is denied", 127, { BAD }, EPERM },
	{ "i386: init_module is denied", 128, { BAD, 0, BAD }, EPERM },
	{ "i386: delete_module is denied", 129, { BAD }, EPERM },
	{ "i386: clock_settime is denied", 264, { 0, BAD }, EPERM },
	{ "i386: kexec_load is denied", 283, { 0, 1 << 20, BAD }, EPERM },
	{ "i386: open_by_handle_at is denied", 342, { 0xffffffff, BAD }, EPERM },
	{ "i386: clock_adjtime is denied", 343, { 0, BAD }, EPERM },
	{ "i386: finit_module is denied", 350, { 0xffffffff, BAD }, EPERM },
	{ "i386: clock_settime64 is denied", 404, { 0, BAD }, EPERM },
	{ "i386: clock_adjtime64 is denied", 405, { 0, BAD }, EPERM },
};

static long int80(const struct call *call)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(call->number), "b"(call->args[0]), "c"(call->args[1]),
			   "d"(call->args[2]), "S"(call->args[3])
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

/* Without IA32 emulation it is SIGSEGV; User Mode Linux takes the number as its own. */
static int has_int80(const void *data)
{
	static const struct call i386_getpid = { .number = 20 };

	(void) data;
	return int80(&i386_getpid) == getpid();
}

static int try_int80(const void *data)
{
	long result;

	load_default();
	result = int80(data);
	return result < 0 ? (int) -result : 0;
}

static void check_int80(void **state)
{
	const struct call *call = *state;

	assert_int_equal(run_call(AUDIT_ARCH_I386, call->number, call->args[1]),
			 call->want == EPERM ? DENIED : SECCOMP_RET_ALLOW);
	if (in_child(has_int80, NULL) == 1)
		assert_int_equal(in_child(try_int80, call), call->want);
}

static void check_i386_count(void **state)
{
	size_t count = 0;

	(void) state;
	for (long number = -1; number < 1024; number++)
		count += run_call(AUDIT_ARCH_I386, number, 0) == DENIED;
	assert_int_equal(count, ARRAY_LEN(compat) - 4); /* two allowed, two by ioctl's request */
}

/* Denied before the kernel looks whether it has x32 at all; its own ioctl is number 514. */
static void check_x32(void **state)
{
	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(denied); i++) {
		struct call call = denied[i];

		call.number = call.number == SYS_ioctl ? 514 : call.number;
		call.number = call.number == SYS_kexec_load ? 528 : call.number;
		call.number |= X32;
		if (denied[i].number != SYS_create_module) /* x32 never had it */
			assert_int_equal(in_child(try_call, &call), EPERM);
	}
	assert_int_equal(run_call(NATIVE_ARCH, X32 | SYS_getpid, 0), SECCOMP_RET_ALLOW);
}

#endif

static void add_native(struct test_suite *suite)
{
#ifdef NATIVE_ARCH
	test_add(suite, "every number is denied or allowed as the table says", check_every_number,
		 NULL);
	test_add(suite, "every request of ioctl", check_every_ioctl, NULL);
#endif
#if defined(__x86_64__) && defined(__LP64__)
	TEST_ROWS(suite, check_int80, compat);
	test_add(suite, "i386: nothing else is denied", check_i386_count, NULL);
	test_add(suite, "x32: the same is denied", check_x32, NULL);
#endif
	(void) suite;
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_call, denied);
	TEST_ROWS(&suite, check_call, allowed);
	add_native(&suite);
	test_add(&suite, "other architectures are killed", check_foreign_arches, NULL);
	test_add(&suite, "where seccomp(2) is unknown, prctl(2) does it", check_without_seccomp,
		 NULL);
	test_add(&suite, "without no_new_privs and rights it is refused", check_without_rights,
		 NULL);
	test_add(&suite, "it can be loaded on top of itself", check_twice, NULL);
	test_add(&suite, "a program that is none is refused", check_nonsense, NULL);
	return test_run("filter", &suite);
}
