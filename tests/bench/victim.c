/* SPDX-License-Identifier: Apache-2.0 */
/*
 * victim - a job that waits, then dies for memory.
 *
 * It writes a byte to stdout when it runs and waits for one on stdin. With stdin and stdout on
 * one Unix socket, the reader learns its pid from the kernel (SO_PASSCRED), whatever PID
 * namespace it is in. End of file lets it go with 0; a byte makes it grow until it is killed.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define STEP (1UL << 20)
#define RIGHTS (PROT_READ | PROT_WRITE)
#define STEPS 256UL /* give up before a machine without a limit suffers */

static int grow(void)
{
	for (unsigned long i = 0; i < STEPS; i++) {
		void *page = mmap(NULL, STEP, RIGHTS, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED)
			return 4;
		memset(page, 1, STEP);
	}
	return 3;
}

int main(void)
{
	char byte = '!';

	if (write(STDOUT_FILENO, &byte, 1) != 1)
		return 2;
	if (read(STDIN_FILENO, &byte, 1) != 1)
		return 0;
	return grow();
}
