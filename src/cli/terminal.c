/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/own.h"

void terminal_open(struct terminal *terminal)
{
	*terminal = (struct terminal) { .fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC) };
}

static bool is_foreground(const struct terminal *terminal)
{
	return terminal->fd >= 0 && tcgetpgrp(terminal->fd) == getpgrp();
}

/* SIGTTOU is blocked, as all signals are: a background process may set the foreground then. */
static bool lend(struct terminal *terminal, const struct memcage_job *job)
{
	pid_t pid = memcage_pid(job);
	pid_t group = pid > 0 ? getpgid(pid) : -1;

	terminal->lent = group > 0 && tcsetpgrp(terminal->fd, group) == 0;
	return terminal->lent;
}

static void take_back(struct terminal *terminal)
{
	if (terminal->lent && tcgetpgrp(terminal->fd) != getpgrp())
		tcsetpgrp(terminal->fd, getpgrp());
}

/*
 * With the default action and unblocked, SIGTSTP stops us unless nobody is there who could
 * continue us (an orphaned process group), and then the kernel ignores it.  Where the job had the
 * foreground, the terminal's Ctrl-Z reached only it: the others of our group stop with us.
 */
static void stop_ourselves(const struct terminal *terminal)
{
	sigset_t stop, old;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	if (terminal->lent)
		kill(0, SIGTSTP);
	else
		raise(SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &stop, &old);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

void terminal_continue(struct terminal *terminal, struct memcage_job *job)
{
	if (terminal->lent && is_foreground(terminal))
		lend(terminal, job);
	memcage_signal(job, SIGCONT);
}

void terminal_job_stopped(struct terminal *terminal, struct memcage_job *job,
			  enum memcage_state state)
{
	if (terminal->fd < 0)
		return; /* nobody here can continue it but whoever stopped it */
	if (state == MEMCAGE_WANTS_TERMINAL && is_foreground(terminal) && lend(terminal, job)) {
		memcage_signal(job, SIGCONT);
		return;
	}
	take_back(terminal);
	stop_ourselves(terminal);
	terminal_continue(terminal, job);
}

void terminal_close(struct terminal *terminal)
{
	if (terminal->fd >= 0)
		take_back(terminal);
	own_close(&terminal->fd);
}
