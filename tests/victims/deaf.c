/* SPDX-License-Identifier: Apache-2.0 */
/* deaf [SECONDS] - ignores every signal that can be ignored, and stays (for ever: 0). */
#define _GNU_SOURCE
#include "victim.h"

#include <signal.h>

int main(int argc, char **argv)
{
	unsigned seconds = (unsigned) number(argc, argv, 1, 0);

	for (int n = 1; n < NSIG; n++)
		signal(n, SIG_IGN);
	puts("ready");
	fflush(stdout);
	do
		sleep(seconds ? seconds : 1000);
	while (seconds == 0);
	return 0;
}
