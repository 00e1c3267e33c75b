/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreign - tries on x86-64 what the default filter denies by the numbers of i386 (int 0x80) and of
 * x32; says what came of each. Exits 77 where there are no such calls.
 */
#define _GNU_SOURCE
#include "victim.h"

#include <signal.h>
#include <sys/syscall.h>

#ifdef __x86_64__

static const struct {
	const char *name;
	long i386, x32;
} calls[] = {
	{ "init_module", 128, SYS_init_module },
	{ "delete_module", 129, SYS_delete_module },
	{ "finit_module", 350, SYS_finit_module },
	{ "kexec_load", 283, 528 },
	{ "reboot", 88, SYS_reboot },
	{ "swapon", 87, SYS_swapon },
	{ "swapoff", 115, SYS_swapoff },
	{ "settimeofday", 79, SYS_settimeofday },
	{ "clock_settime", 264, SYS_clock_settime },
	{ "adjtimex", 124, SYS_adjtimex },
	{ "clock_adjtime", 343, SYS_clock_adjtime },
};

/* Arguments that do nothing anywhere: no such address, no such descriptor, no such magic. */
static long by_int80(long number)
{
	long result;

	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(1L), "c"(1L), "d"(1L), "S"(1L), "D"(1L)
			 : "memory", "r8", "r9", "r10", "r11");
	return (int) result;
}

static void no_such_calls(int number)
{
	(void) number;
	_exit(77);
}

int main(void)
{
	signal(SIGSEGV, no_such_calls);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		long result = by_int80(calls[i].i386);

		errno = result < 0 ? (int) -result : 0;
		printf("i386 ");
		say(calls[i].name, result < 0 ? -1 : 0);
		printf("x32 ");
		say(calls[i].name, syscall(calls[i].x32 | 0x40000000L, 1L, 1L, 1L, 1L, 1L));
	}
	return 0;
}

#else

int main(void)
{
	return 77;
}

#endif
