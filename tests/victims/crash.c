/* SPDX-License-Identifier: Apache-2.0 */
/* crash segv|bus|fpe|ill|abort - dies by a real fault, not by a signal that somebody sent. */
#define _GNU_SOURCE
#include "victim.h"

static int divide(int by)
{
	volatile int seven = 7, zero = by;

	return seven / zero;
}

static int bus(void)
{
	int fd = memfd_create("short", MFD_CLOEXEC);
	volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

	return *page;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "segv";
	volatile int *volatile nowhere = NULL;

	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "ill") == 0)
		__builtin_trap();
	if (strcmp(how, "fpe") == 0)
		return divide(0);
	if (strcmp(how, "bus") == 0)
		return bus();
	return *nowhere;
}
