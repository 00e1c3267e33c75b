/* SPDX-License-Identifier: Apache-2.0 */
/* kills TARGET SIGNAL - kill(2): 0 is the process group, -1 everybody; stays for a moment. */
#define _GNU_SOURCE
#include "victim.h"

#include <signal.h>

int main(int argc, char **argv)
{
	say("kill", kill((pid_t) number(argc, argv, 1, 0), (int) number(argc, argv, 2, SIGKILL)));
	usleep(300000);
	return 0;
}
