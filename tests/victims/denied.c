/* SPDX-License-Identifier: Apache-2.0 */
/*
 * denied - tries what the default filter denies, each call with arguments that do nothing even
 * where it is allowed; says what came of each, and exits 0.
 */
#define _GNU_SOURCE
#include "victim.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>

#define BAD ((void *) 1) /* no such address */

int main(void)
{
	say("init_module", syscall(SYS_init_module, BAD, 0, BAD));
	say("finit_module", syscall(SYS_finit_module, -1, BAD, 0));
	say("delete_module", syscall(SYS_delete_module, BAD, 0));
	say("kexec_load", syscall(SYS_kexec_load, 0, 1 << 20, BAD, 0));
	say("kexec_file_load", syscall(SYS_kexec_file_load, -1, -1, 0, BAD, 0));
	say("reboot", syscall(SYS_reboot, 0, 0, 0, 0));
	say("swapon", syscall(SYS_swapon, BAD, 0));
	say("swapoff", syscall(SYS_swapoff, BAD));
	say("settimeofday", syscall(SYS_settimeofday, BAD, 0));
	say("clock_settime", syscall(SYS_clock_settime, 0, BAD));
	say("adjtimex", syscall(SYS_adjtimex, BAD));
	say("clock_adjtime", syscall(SYS_clock_adjtime, 0, BAD));
	/* TIOCSTI, plain and with a bit that only a 64-bit compare sees; on no terminal. */
	say("TIOCSTI", syscall(SYS_ioctl, 0, (unsigned long) TIOCSTI, BAD));
	say("TIOCSTI+", syscall(SYS_ioctl, 0, (unsigned long) TIOCSTI | 1UL << 32, BAD));
	say("TIOCLINUX", syscall(SYS_ioctl, 0, (unsigned long) TIOCLINUX, BAD));
	return 0;
}
