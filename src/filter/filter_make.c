/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_make - prints the C source of a shipped filter as a program for the kernel, so that a run
 * only loads it: making it there takes 0.2 ms for the smallest, loading it 0.03 ms.  Runs while
 * memcage is built, for the machine that it is built for:
 *
 *	filter_make CPU_FAMILY ENDIAN NAME [PROFILE] >filter_NAME.c
 *
 * in meson's words (x86_64 little).  Without a PROFILE, in the OCI format, it is the default
 * filter: a deny list, for commands that know nothing of cages.  Everything is allowed but what
 * reaches through the cage to the state of the whole host, with EPERM as for any user without
 * rights.  It is a second lock where a job is root, and the only one where a terminal is shared.
 * Hence `terminal`, its part for that, which is loaded beside a profile of the user's: those are
 * written for containers, that have a terminal of their own.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "filter/filter_compile.h"

#define ARCHES_MOST 3

/*
 * What a 64-bit kernel of this machine runs besides: under the default filter a program of another
 * architecture is killed.  The other way round too, as a 32-bit memcage on such a kernel runs
 * 64-bit commands.
 */
struct machine {
	const char *cpu_family, *endian;
	size_t count;
	enum arch arches[ARCHES_MOST];
	uint32_t tiocsti, tioclinux; /* their numbers; 0: 0x5412 and 0x541c */
};

#define MIPS_TIOC 0x5472, 0x5483

/* clang-format off */
static const struct machine machines[] = {
	{ "x86_64", "little", 3, { ARCH_X86_64, ARCH_X86, ARCH_X32 } },
	{ "x86", "little", 3, { ARCH_X86, ARCH_X86_64, ARCH_X32 } },
	{ "aarch64", "little", 2, { ARCH_AARCH64, ARCH_ARM } },
	{ "arm", "little", 2, { ARCH_ARM, ARCH_AARCH64 } },
	{ "riscv64", "little", 1, { ARCH_RISCV64 } },
	{ "ppc64", "little", 1, { ARCH_PPC64LE } },
	{ "ppc64", "big", 2, { ARCH_PPC64, ARCH_PPC } },
	{ "ppc", "big", 2, { ARCH_PPC, ARCH_PPC64 } },
	{ "s390x", "big", 2, { ARCH_S390X, ARCH_S390 } },
	{ "parisc", "big", 2, { ARCH_PARISC, ARCH_PARISC64 } },
	{ "mips", "big", 3, { ARCH_MIPS, ARCH_MIPS64, ARCH_MIPS64N32 }, MIPS_TIOC },
	{ "mips", "little", 3, { ARCH_MIPSEL, ARCH_MIPSEL64, ARCH_MIPSEL64N32 }, MIPS_TIOC },
	{ "mips64", "big", 3, { ARCH_MIPS64, ARCH_MIPS, ARCH_MIPS64N32 }, MIPS_TIOC },
	{ "mips64", "little", 3, { ARCH_MIPSEL64, ARCH_MIPSEL, ARCH_MIPSEL64N32 }, MIPS_TIOC },
	{ "loongarch64", "little", 1, { ARCH_LOONGARCH64 } },
};
/* clang-format on */

/*
 * Left out on purpose: what a namespace or the kernel's own rights make harmless (sethostname,
 * mount, mknod, vm86, lookup_dcookie), what debuggers, profilers, sandboxes and container tools
 * live on (ptrace, perf_event_open, bpf, setns, unshare, keyctl, userfaultfd, io_uring), what
 * users read their own state with (quotactl, syslog), and what no kernel has any more
 * (nfsservctl, uselib, _sysctl).
 */
static const struct denied {
	const char *name, *why;
} denied[] = {
	{ "init_module", "loads code into the host's kernel" },
	{ "finit_module", "loads code into the host's kernel" },
	{ "create_module", "begins to load code into the host's kernel" },
	{ "delete_module", "takes code out of the host's kernel" },
	{ "kexec_load", "replaces the host's kernel" },
	{ "kexec_file_load", "replaces the host's kernel" },
	{ "reboot", "ends the host, or memcage's init where it is that of the PID namespace" },
	{ "swapon", "changes the host's memory" },
	{ "swapoff", "changes the host's memory" },
	{ "settimeofday", "sets the host's clock; no namespace has one of its own" },
	{ "clock_settime", "sets the host's clock" },
	{ "clock_settime64", "sets the host's clock" },
	{ "stime", "sets the host's clock" },
	{ "adjtimex", "bends the host's clock" },
	{ "clock_adjtime", "bends the host's clock" },
	{ "clock_adjtime64", "bends the host's clock" },
	{ "acct", "makes the kernel write a log of processes, even after the job" },
	{ "open_by_handle_at", "opens any file of a file system, mounted into the cage or not" },
	{ "ioperm", "reaches the hardware by its ports" },
	{ "iopl", "reaches the hardware by its ports" },
	{ "pciconfig_write", "reaches the hardware by its bus" },
	{ "rtas", "calls the machine's firmware" },
};

#define DENY (SECCOMP_RET_ERRNO | EPERM)

static int complain(const char *what, const char *problem)
{
	fprintf(stderr, "filter_make: %s: %s\n", what, problem);
	return -1;
}

static const struct machine *find_machine(const char *cpu_family, const char *endian)
{
	for (size_t i = 0; i < ARRAY_LEN(machines); i++)
		if (strcmp(machines[i].cpu_family, cpu_family) == 0 &&
		    strcmp(machines[i].endian, endian) == 0)
			return &machines[i];
	return NULL;
}

/*
 * TIOCSTI and TIOCLINUX type into the terminal that the job shares with its caller.  The kernel
 * takes 32 bits of a request, so the filter must not look at the others (CVE-2019-10063).
 */
static struct profile_rule deny_ioctl(uint32_t request)
{
	return (struct profile_rule) {
		.name = "ioctl",
		.verdict = DENY,
		.args = { { 1, PROFILE_MASKED_EQ, UINT32_MAX, request } },
		.arg_count = 1,
	};
}

/* A misspelt name in a shipped filter would be a hole, or a call that fails. */
static int make(const struct profile *profile, struct sock_fprog *ret, struct memcage_error *err)
{
	for (size_t i = 0; i < profile->rule_count; i++)
		if (!filter_knows(profile->rules[i].name))
			return error_usage(err, "no call is called %s", profile->rules[i].name);
	return filter_compile(profile, ret, err);
}

static int make_own(const struct machine *machine, bool terminal_only, struct sock_fprog *ret,
		    struct memcage_error *err)
{
	struct profile_rule rules[ARRAY_LEN(denied) + 2] = {
		deny_ioctl(machine->tiocsti ? machine->tiocsti : 0x5412),
		deny_ioctl(machine->tioclinux ? machine->tioclinux : 0x541c),
	};
	struct profile profile = { .verdict = SECCOMP_RET_ALLOW,
				   .rules = rules,
				   .rule_count = terminal_only ? 2 : ARRAY_LEN(rules),
				   .arch_count = machine->count };

	memcpy(profile.arches, machine->arches, sizeof(machine->arches));
	for (size_t i = 0; i < ARRAY_LEN(denied); i++)
		rules[i + 2] = (struct profile_rule) { .name = denied[i].name, .verdict = DENY };
	return make(&profile, ret, err);
}

/* A shipped profile is the same for all capabilities and kernels. */
static int make_from(const char *path, const struct machine *machine, struct sock_fprog *ret,
		     struct memcage_error *err)
{
	const struct profile_host host = { .arch = machine->arches[0] };
	auto_fclose FILE *file = fopen(path, "re");
	static char text[PROFILE_BYTES_MOST];
	struct profile profile;
	size_t length;
	int result;

	if (!file)
		return error_setup(err, "cannot be opened");
	length = fread(text, 1, sizeof(text), file);
	if (profile_read(&profile, text, length, &host, err) < 0)
		return -1;
	result = make(&profile, ret, err);
	profile_release(&profile);
	return result;
}

static void print_reasons(bool terminal_only)
{
	printf("/* What is denied:\n *\n");
	for (size_t i = 0; i < ARRAY_LEN(denied) && !terminal_only; i++)
		printf(" *\t%s: %s\n", denied[i].name, denied[i].why);
	printf(" *\tioctl TIOCSTI, TIOCLINUX: type into the caller's terminal\n */\n");
}

static int print_program(const struct sock_fprog *program, const char *name)
{
	printf("#include \"filter/filter.h\"\n\nstatic const struct sock_filter instructions[] = "
	       "{\n");
	for (size_t i = 0; i < program->len; i++)
		printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", program->filter[i].code,
		       program->filter[i].jt, program->filter[i].jf, program->filter[i].k);
	printf("};\n\nconst struct sock_fprog filter_%s = {\n"
	       "\t.len = sizeof(instructions) / sizeof(instructions[0]),\n"
	       "\t.filter = (struct sock_filter *) instructions, /* only ever read */\n};\n",
	       name);
	return fflush(stdout) == 0 ? 0 : complain("stdout", strerror(errno));
}

int main(int argc, char *argv[])
{
	const struct machine *machine =
		argc == 4 || argc == 5 ? find_machine(argv[1], argv[2]) : NULL;
	bool terminal_only = argc == 4 && strcmp(argv[3], "terminal") == 0;
	struct sock_fprog program = { 0 };
	struct memcage_error err;
	int result;

	if (!machine) {
		complain("no such machine", "wanted: CPU_FAMILY little|big NAME [PROFILE]");
		return EXIT_FAILURE;
	}
	result = argc == 5 ? make_from(argv[4], machine, &program, &err)
			   : make_own(machine, terminal_only, &program, &err);
	if (result < 0) {
		complain(argc == 5 ? argv[4] : argv[3], err.text);
		return EXIT_FAILURE;
	}
	if (argc == 4)
		print_reasons(terminal_only);
	result = print_program(&program, argv[3]);
	free(program.filter);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
