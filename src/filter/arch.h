/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch - the ways in which system calls are numbered, and what each is called: by OCI profiles, by
 * Docker's lists, by libseccomp, by the kernel and by people.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum arch {
	ARCH_X86_64,
	ARCH_X86,
	ARCH_X32,
	ARCH_AARCH64,
	ARCH_ARM,
	ARCH_RISCV64,
	ARCH_LOONGARCH64,
	ARCH_PPC64LE,
	ARCH_PPC64,
	ARCH_PPC,
	ARCH_S390X,
	ARCH_S390,
	ARCH_MIPS,
	ARCH_MIPS64,
	ARCH_MIPS64N32,
	ARCH_MIPSEL,
	ARCH_MIPSEL64,
	ARCH_MIPSEL64N32,
	ARCH_PARISC,
	ARCH_PARISC64,
	ARCH__COUNT,
};

struct arch_names {
	const char *oci;     /* SCMP_ARCH_X86 */
	const char *docker;  /* in includes and excludes */
	const char *seccomp; /* libseccomp's */
	const char *shown;   /* in reports */
	uint32_t audit;	     /* AUDIT_ARCH_..., as seccomp(2) gives it; x32 shares that of x86-64 */
	bool big;	     /* endian */
	bool plain;	     /* calls from 424 on have the numbers that they have everywhere */
};

extern const struct arch_names arches[ARCH__COUNT];

/* Set in the number of a call of x32. */
#define ARCH_X32_BIT 0x40000000

/* What memcage itself is built for; ARCH__COUNT where it is not in the table. */
enum arch arch_native(void);
/* By the name of an OCI profile; ARCH__COUNT. */
enum arch arch_find(const char *oci);
/* Of a call, by what seccomp(2) says of it; ARCH__COUNT. */
enum arch arch_of_call(uint32_t audit, long number);
