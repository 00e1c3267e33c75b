/* SPDX-License-Identifier: Apache-2.0 */
/* daemon - forks twice, starts a session, goes to /, and keeps stdout open for ever. */
#define _GNU_SOURCE
#include "victim.h"

int main(void)
{
	if (fork() == 0) {
		setsid();
		if (fork() == 0) {
			if (chdir("/") < 0)
				return 1;
			for (;;)
				pause();
		}
		_exit(0);
	}
	usleep(100000);
	puts("main is done");
	return 0;
}
