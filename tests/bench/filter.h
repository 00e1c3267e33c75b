/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter - a deny list of twenty calls as a classic BPF program, for those who are measured.
 *
 * A binary tree instead of a list: when a filter is loaded the kernel runs it once for every
 * call there is, so its depth is most of what loading costs. A node is followed by its left
 * branch, then by its right one; no branch shares its end with another, so that 8-bit offsets
 * suffice.
 */
#pragma once

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define FILTER_ARCH AUDIT_ARCH_RISCV64
#else
#error "name the AUDIT_ARCH_ of this machine here"
#endif

static const int filter_denied[] = {
	__NR_init_module, __NR_finit_module, __NR_delete_module,   __NR_kexec_load,    __NR_reboot,
	__NR_swapon,	  __NR_swapoff,	     __NR_settimeofday,	   __NR_clock_settime, __NR_acct,
	__NR_adjtimex,	  __NR_quotactl,     __NR_clock_adjtime,   __NR_request_key,   __NR_syslog,
	__NR_add_key,	  __NR_keyctl,	     __NR_perf_event_open, __NR_userfaultfd,   __NR_bpf,
};

#define FILTER_COUNT (sizeof(filter_denied) / sizeof(filter_denied[0]))
/* four to check the machine and fetch the number, three a leaf, one for each node above them */
#define FILTER_SIZE (4 + 3 * FILTER_COUNT + FILTER_COUNT - 1)

static int filter_compare(const void *left, const void *right)
{
	return *(const int *) left - *(const int *) right;
}

static struct sock_filter filter_if(unsigned short test, int number, size_t yes, size_t no)
{
	return (struct sock_filter) { (unsigned short) (BPF_JMP | BPF_K | test),
				      (unsigned char) yes, (unsigned char) no,
				      (unsigned int) number };
}

static struct sock_filter filter_load(size_t offset)
{
	return (struct sock_filter) { BPF_LD | BPF_W | BPF_ABS, 0, 0, (unsigned int) offset };
}

static struct sock_filter filter_return(unsigned int action)
{
	return (struct sock_filter) { BPF_RET | BPF_K, 0, 0, action };
}

static size_t filter_leaf(struct sock_filter *code, int number)
{
	code[0] = filter_if(BPF_JEQ, number, 0, 1);
	code[1] = filter_return(SECCOMP_RET_ERRNO | EPERM);
	code[2] = filter_return(SECCOMP_RET_ALLOW);
	return 3;
}

/* Writes the tree over denied[0..count) and returns its length. */
static size_t filter_tree(struct sock_filter *code, const int *denied, size_t count)
{
	size_t half = count / 2, left;

	if (count == 1)
		return filter_leaf(code, denied[0]);
	left = filter_tree(code + 1, denied, half);
	code[0] = filter_if(BPF_JGE, denied[half], left, 0);
	return 1 + left + filter_tree(code + 1 + left, denied + half, count - half);
}

/* Fills code, which has room for FILTER_SIZE, and returns the program's length. */
static size_t filter_build(struct sock_filter *code)
{
	int denied[FILTER_COUNT];

	memcpy(denied, filter_denied, sizeof(denied));
	/* call numbers differ from machine to machine, and so does their order */
	qsort(denied, FILTER_COUNT, sizeof(denied[0]), filter_compare);
	code[0] = filter_load(offsetof(struct seccomp_data, arch));
	code[1] = filter_if(BPF_JEQ, (int) FILTER_ARCH, 1, 0);
	code[2] = filter_return(SECCOMP_RET_KILL_PROCESS);
	code[3] = filter_load(offsetof(struct seccomp_data, nr));
	return 4 + filter_tree(code + 4, denied, FILTER_COUNT);
}
