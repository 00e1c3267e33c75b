/* SPDX-License-Identifier: Apache-2.0 */
/*
 * victim - what the victims share: numbers from the command line, and memory that is really there.
 *
 * Each victim is a small static program that dies in one known way, or does one known thing and
 * says on stdout what came of it.
 */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB ((size_t) 1 << 20)

/* The number in argument `index`, or `otherwise` where there is none. */
static inline long number(int argc, char **argv, int index, long otherwise)
{
	return index < argc ? strtol(argv[index], NULL, 10) : otherwise;
}

/* Writes to every page, whatever its size. */
static inline void touch(char *memory, size_t bytes)
{
	volatile char *page = memory;

	for (size_t i = 0; i < bytes; i += 1024)
		page[i] = 1;
}

/* Gives memory of its own that is all there, or ends with errno as the status. */
static inline char *take(size_t bytes)
{
	char *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		printf("mmap: %s\n", strerrorname_np(errno));
		exit(errno);
	}
	touch(memory, bytes);
	return memory;
}

/* Says what came of an attempt: "NAME: ok" or "NAME: EPERM". */
static inline void say(const char *name, long result)
{
	printf("%s: %s\n", name, result < 0 ? strerrorname_np(errno) : "ok");
	fflush(stdout);
}
