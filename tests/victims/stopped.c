/* SPDX-License-Identifier: Apache-2.0 */
/* stopped - stops itself, and again whenever it is continued. */
#define _GNU_SOURCE
#include "victim.h"

#include <signal.h>

int main(void)
{
	for (;;)
		raise(SIGSTOP);
}
