/* SPDX-License-Identifier: Apache-2.0 */
/* zombies COUNT - children that end at once, never waited for; says a failure of fork. */
#define _GNU_SOURCE
#include "victim.h"

int main(int argc, char **argv)
{
	long made = 0;

	for (long i = number(argc, argv, 1, 1); i > 0; i--) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0) {
			say("fork", -1);
			break;
		}
		made++;
	}
	printf("%ld\n", made);
	return 0;
}
