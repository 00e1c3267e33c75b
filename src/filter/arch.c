/* SPDX-License-Identifier: Apache-2.0 */
#include "filter/arch.h"

#include <linux/audit.h>
#include <string.h>

#ifndef AUDIT_ARCH_LOONGARCH64
#define AUDIT_ARCH_LOONGARCH64 0xc0000102
#endif

/* clang-format off */
#define ROW(arch, docker, seccomp, shown, audit, big, plain) \
	[ARCH_##arch] = { "SCMP_ARCH_" #arch, docker, seccomp, shown, \
			  AUDIT_ARCH_##audit, big, plain }

const struct arch_names arches[ARCH__COUNT] = {
	ROW(X86_64, "amd64", "x86_64", "x86_64", X86_64, false, true),
	ROW(X86, "x86", "x86", "i386", I386, false, true),
	ROW(X32, "x32", "x32", "x32", X86_64, false, true),
	ROW(AARCH64, "arm64", "aarch64", "aarch64", AARCH64, false, true),
	ROW(ARM, "arm", "arm", "arm", ARM, false, true),
	ROW(RISCV64, "riscv64", "riscv64", "riscv64", RISCV64, false, true),
	ROW(LOONGARCH64, "loong64", "loongarch64", "loongarch64", LOONGARCH64, false, true),
	ROW(PPC64LE, "ppc64le", "ppc64le", "ppc64le", PPC64LE, false, true),
	ROW(PPC64, "ppc64", "ppc64", "ppc64", PPC64, true, true),
	ROW(PPC, "ppc", "ppc", "ppc", PPC, true, true),
	ROW(S390X, "s390x", "s390x", "s390x", S390X, true, true),
	ROW(S390, "s390", "s390", "s390", S390, true, true),
	ROW(MIPS, "mips", "mips", "mips", MIPS, true, false),
	ROW(MIPS64, "mips64", "mips64", "mips64", MIPS64, true, false),
	ROW(MIPS64N32, "mips64n32", "mips64n32", "mips64n32", MIPS64N32, true, false),
	ROW(MIPSEL, "mipsel", "mipsel", "mipsel", MIPSEL, false, false),
	ROW(MIPSEL64, "mipsel64", "mipsel64", "mipsel64", MIPSEL64, false, false),
	ROW(MIPSEL64N32, "mipsel64n32", "mipsel64n32", "mipsel64n32", MIPSEL64N32, false, false),
	ROW(PARISC, "parisc", "parisc", "parisc", PARISC, true, true),
	ROW(PARISC64, "parisc64", "parisc64", "parisc64", PARISC64, true, true),
};
/* clang-format on */

enum arch arch_native(void)
{
#if defined(__x86_64__) && defined(__LP64__)
	return ARCH_X86_64;
#elif defined(__x86_64__)
	return ARCH_X32;
#elif defined(__i386__)
	return ARCH_X86;
#elif defined(__aarch64__)
	return ARCH_AARCH64;
#elif defined(__arm__)
	return ARCH_ARM;
#elif defined(__riscv) && __riscv_xlen == 64
	return ARCH_RISCV64;
#elif defined(__loongarch64)
	return ARCH_LOONGARCH64;
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return ARCH_PPC64LE;
#elif defined(__powerpc64__)
	return ARCH_PPC64;
#elif defined(__powerpc__)
	return ARCH_PPC;
#elif defined(__s390x__)
	return ARCH_S390X;
#else
	return ARCH__COUNT;
#endif
}

enum arch arch_find(const char *oci)
{
	int arch = 0;

	while (arch < ARCH__COUNT && strcmp(arches[arch].oci, oci) != 0)
		arch++;
	return (enum arch) arch;
}

enum arch arch_of_call(uint32_t audit, long number)
{
	int arch = 0;

	if (audit == AUDIT_ARCH_X86_64 && number >= ARCH_X32_BIT)
		return ARCH_X32;
	while (arch < ARCH__COUNT && arches[arch].audit != audit)
		arch++;
	return (enum arch) arch;
}
