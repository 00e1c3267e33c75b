/* SPDX-License-Identifier: Apache-2.0 */
/* terminal ATTEMPT - types into the terminal that it shares with its caller. */
#define _GNU_SOURCE
#include "escape.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>

static long type_into(int fd, unsigned long request)
{
	return syscall(SYS_ioctl, fd, request, "#");
}

static long type_plain(char **args)
{
	(void) args;
	return type_into(STDIN_FILENO, TIOCSTI);
}

/* A filter that compares 64 bits takes it for another request; the kernel looks at 32. */
static long type_high(char **args)
{
	(void) args;
	return type_into(STDIN_FILENO, (unsigned long) TIOCSTI | 1UL << 32);
}

static long type_by_name(char **args)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

	(void) args;
	return fd < 0 ? -1 : type_into(fd, TIOCSTI);
}

/* What is on a virtual console, as if it were typed. */
static long paste(char **args)
{
	char subcode = 3;

	(void) args;
	return syscall(SYS_ioctl, STDIN_FILENO, (unsigned long) TIOCLINUX, &subcode);
}

static const struct attempt attempts[] = {
	{ "sti", type_plain },
	{ "sti-high", type_high },
	{ "sti-tty", type_by_name },
	{ "linux", paste },
};

int main(int argc, char **argv)
{
	return escape(argc, argv, attempts, ARRAY_LEN(attempts));
}
