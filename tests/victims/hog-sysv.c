/* SPDX-License-Identifier: Apache-2.0 */
/* hog-sysv MIB - the memory is a System V segment, which is never removed. */
#define _GNU_SOURCE
#include "victim.h"

#include <sys/ipc.h>
#include <sys/shm.h>

int main(int argc, char **argv)
{
	size_t bytes = (size_t) number(argc, argv, 1, 1) * MIB;
	int id = shmget(IPC_PRIVATE, bytes, IPC_CREAT | 0600);
	char *memory = id < 0 ? (char *) -1 : shmat(id, NULL, 0);

	if (memory == (char *) -1) {
		say("shm", -1);
		return errno;
	}
	touch(memory, bytes);
	puts("took it all");
	return 0;
}
