/* SPDX-License-Identifier: Apache-2.0 */
/*
 * victim - a job that waits, then dies for memory.
 *
 *   victim [FD...]
 *
 * It writes a byte to stdout when it runs and waits for one on stdin. With stdin and stdout on one
 * Unix socket, the reader learns its pid from the kernel (SO_PASSCRED), whatever PID namespace it
 * is in. End of file lets it go with 0; a byte makes it grow until it is killed.
 *
 * With FD that is where it writes and reads, and before it takes any memory more it writes the
 * date, eight bytes of CLOCK_MONOTONIC in nanoseconds: the last of them is that of its death, or
 * earlier.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define STEP (1UL << 20)
#define RIGHTS (PROT_READ | PROT_WRITE)
#define STEPS 256UL /* give up before a machine without a limit suffers */

static int tell_date(int fd)
{
	struct timespec now;
	uint64_t date;

	clock_gettime(CLOCK_MONOTONIC, &now);
	date = (uint64_t) now.tv_sec * 1000000000 + (uint64_t) now.tv_nsec;
	return write(fd, &date, sizeof(date)) == sizeof(date) ? 0 : -1;
}

/* Dates are written to dates, unless it is -1. */
static int grow(int dates)
{
	for (unsigned long i = 0; i < STEPS; i++) {
		void *page = mmap(NULL, STEP, RIGHTS, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (dates >= 0 && tell_date(dates) < 0)
			return 5;
		if (page == MAP_FAILED)
			return 4;
		memset(page, 1, STEP);
	}
	return 3;
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? (int) strtol(argv[1], NULL, 10) : -1;
	char byte = '!';

	if (write(fd < 0 ? STDOUT_FILENO : fd, &byte, 1) != 1)
		return 2;
	if (read(fd < 0 ? STDIN_FILENO : fd, &byte, 1) != 1)
		return 0;
	return grow(fd);
}
