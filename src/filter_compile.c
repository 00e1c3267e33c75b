/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_compile - prints the C source of filter_default: the filter that every cage has, as a
 * program for the kernel.  Runs while memcage is built, for the machine that it is built for:
 *
 *	filter_compile CPU_FAMILY ENDIAN >filter_default.c
 *
 * in meson's words (x86_64 little).  The only file that knows libseccomp; building and loading
 * this filter with it takes 0.2 ms in each run, loading the program 0.03 ms.
 *
 * The filter is a deny list, for commands that know nothing of cages: everything is allowed but
 * what reaches through the cage to the state of the whole host, with EPERM as for any user
 * without rights.  It is a second lock where a job is root, and the only one where a terminal is
 * shared.
 */
#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"

#define ARCHES_MOST 3

/*
 * What a 64-bit kernel of this machine runs besides: a program of another architecture is
 * killed.  The other way round too, as a 32-bit memcage on such a kernel runs 64-bit commands.
 */
struct machine {
	const char *cpu_family, *endian;
	uint32_t arches[ARCHES_MOST];
	uint32_t tiocsti, tioclinux; /* their numbers; 0: 0x5412 and 0x541c */
};

#define MIPS_TIOCSTI 0x5472
#define MIPS_TIOCLINUX 0x5483

static const struct machine machines[] = {
	{ "x86_64", "little", { SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32 } },
	{ "x86", "little", { SCMP_ARCH_X86, SCMP_ARCH_X86_64, SCMP_ARCH_X32 } },
	{ "aarch64", "little", { SCMP_ARCH_AARCH64, SCMP_ARCH_ARM } },
	{ "arm", "little", { SCMP_ARCH_ARM, SCMP_ARCH_AARCH64 } },
	{ "riscv64", "little", { SCMP_ARCH_RISCV64 } },
	{ "ppc64", "little", { SCMP_ARCH_PPC64LE } },
	{ "ppc64", "big", { SCMP_ARCH_PPC64, SCMP_ARCH_PPC } },
	{ "ppc", "big", { SCMP_ARCH_PPC, SCMP_ARCH_PPC64 } },
	{ "s390x", "big", { SCMP_ARCH_S390X, SCMP_ARCH_S390 } },
	{ "parisc", "big", { SCMP_ARCH_PARISC, SCMP_ARCH_PARISC64 } },
	{ "mips",
	  "big",
	  { SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS64N32 },
	  MIPS_TIOCSTI,
	  MIPS_TIOCLINUX },
	{ "mips",
	  "little",
	  { SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64N32 },
	  MIPS_TIOCSTI,
	  MIPS_TIOCLINUX },
	{ "mips64",
	  "big",
	  { SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64N32 },
	  MIPS_TIOCSTI,
	  MIPS_TIOCLINUX },
	{ "mips64",
	  "little",
	  { SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64N32 },
	  MIPS_TIOCSTI,
	  MIPS_TIOCLINUX },
#ifdef SCMP_ARCH_LOONGARCH64
	{ "loongarch64", "little", { SCMP_ARCH_LOONGARCH64 } },
#endif
};

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

static int fail(const char *what, int errnum)
{
	fprintf(stderr, "filter_compile: %s: %s\n", what, strerror(errnum));
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

/* The architecture that this runs on is there by itself, and has to go for another. */
static int set_arches(scmp_filter_ctx filter, const struct machine *machine)
{
	int err = seccomp_arch_remove(filter, SCMP_ARCH_NATIVE);

	for (size_t i = 0; err == 0 && i < ARCHES_MOST && machine->arches[i] != 0; i++)
		err = seccomp_arch_add(filter, machine->arches[i]);
	return err < 0 ? fail(machine->cpu_family, -err) : 0;
}

/* Names that an architecture lacks have numbers that stand for that, and make no rule there. */
static int deny(scmp_filter_ctx filter, const char *name)
{
	int number = seccomp_syscall_resolve_name(name), err;

	if (number == __NR_SCMP_ERROR)
		return fail(name, ENOENT);
	err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
	return err < 0 ? fail(name, -err) : 0;
}

/*
 * TIOCSTI and TIOCLINUX type into the terminal that the job shares with its caller.  The kernel
 * takes 32 bits of a request, so the filter must not look at the others (CVE-2019-10063).
 */
static int deny_ioctl(scmp_filter_ctx filter, uint32_t request)
{
	struct scmp_arg_cmp same = SCMP_A1_64(SCMP_CMP_MASKED_EQ, UINT32_MAX, request);
	int err = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1, &same);

	return err < 0 ? fail("ioctl", -err) : 0;
}

/* Optimize 2: a binary tree, whose depth is most of what loading and running cost. */
static int set_attributes(scmp_filter_ctx filter)
{
	int err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);

	if (err == 0)
		err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	return err < 0 ? fail("attributes", -err) : 0;
}

static int fill(scmp_filter_ctx filter, const struct machine *machine)
{
	if (set_attributes(filter) < 0 || set_arches(filter, machine) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(denied); i++)
		if (deny(filter, denied[i].name) < 0)
			return -1;
	if (deny_ioctl(filter, machine->tiocsti ? machine->tiocsti : 0x5412) < 0)
		return -1;
	return deny_ioctl(filter, machine->tioclinux ? machine->tioclinux : 0x541c);
}

static uint32_t number_at(const unsigned char *bytes, size_t count, bool big)
{
	uint32_t number = 0;

	for (size_t i = 0; i < count; i++)
		number = number << 8 | bytes[big ? i : count - 1 - i];
	return number;
}

/* Instructions are exported in the order of bytes of the machine they are for. */
static void print_instruction(const unsigned char bytes[static 8], bool big)
{
	printf("\t{ 0x%02x, %u, %u, 0x%08x },\n", number_at(bytes, 2, big), bytes[2], bytes[3],
	       number_at(bytes + 4, 4, big));
}

static void print_head(const struct machine *machine)
{
	printf("/* Made by filter_compile for %s, %s endian.  What is denied:\n *\n",
	       machine->cpu_family, machine->endian);
	for (size_t i = 0; i < ARRAY_LEN(denied); i++)
		printf(" *\t%s: %s\n", denied[i].name, denied[i].why);
	printf(" *\tioctl TIOCSTI, TIOCLINUX: type into the caller's terminal\n */\n");
	printf("#include \"filter.h\"\n\nstatic const struct sock_filter instructions[] = {\n");
}

static int print_program(int fd, const struct machine *machine)
{
	unsigned char bytes[BPF_MAXINSNS * sizeof(struct sock_filter)];
	ssize_t length = pread(fd, bytes, sizeof(bytes), 0);

	if (length <= 0)
		return fail("program", length < 0 ? errno : ENODATA);
	print_head(machine);
	for (ssize_t at = 0; at + 8 <= length; at += 8)
		print_instruction(bytes + at, strcmp(machine->endian, "big") == 0);
	printf("};\n\nconst struct sock_fprog filter_default = {\n"
	       "\t.len = sizeof(instructions) / sizeof(instructions[0]),\n"
	       "\t.filter = (struct sock_filter *) instructions, /* only ever read */\n};\n");
	return fflush(stdout) == 0 ? 0 : fail("stdout", errno);
}

static int compile(scmp_filter_ctx filter, const struct machine *machine)
{
	auto_fclose FILE *program = tmpfile();
	int err;

	if (!program)
		return fail("temporary file", errno);
	if (fill(filter, machine) < 0)
		return -1;
	err = seccomp_export_bpf(filter, fileno(program));
	if (err < 0)
		return fail("export", -err);
	return print_program(fileno(program), machine);
}

int main(int argc, char *argv[])
{
	const struct machine *machine = argc == 3 ? find_machine(argv[1], argv[2]) : NULL;
	scmp_filter_ctx filter;
	int result;

	if (!machine) {
		fprintf(stderr, "filter_compile: no such machine; wanted: CPU_FAMILY little|big\n");
		return EXIT_FAILURE;
	}
	filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter)
		return EXIT_FAILURE;
	result = compile(filter, machine);
	seccomp_release(filter);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
