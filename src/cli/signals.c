/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "base/error.h"

int signals_open(struct memcage_spec *spec, struct memcage_error *err)
{
	sigset_t all, old;
	int fd;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	memcage_spec_set_mask(spec, &old);
	signal(SIGCHLD,
	       SIG_DFL); /* the caller may have ignored it, and wait(2) then finds nobody */
	fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		error_setup(err, "cannot make a signalfd");
	return fd;
}
