/* SPDX-License-Identifier: Apache-2.0 */
/* die SIGNAL - sends SIGNAL to itself; exits 1 if that did not kill it. */
#define _GNU_SOURCE
#include "victim.h"

#include <signal.h>

int main(int argc, char **argv)
{
	raise((int) number(argc, argv, 1, SIGKILL));
	return 1;
}
