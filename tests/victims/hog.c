/* SPDX-License-Identifier: Apache-2.0 */
/* hog MIB [SECONDS] - takes anonymous memory, MiB by MiB; keeps it for SECONDS; exits 0. */
#define _GNU_SOURCE
#include "victim.h"

int main(int argc, char **argv)
{
	for (long i = number(argc, argv, 1, 1); i > 0; i--)
		take(MIB);
	puts("took it all");
	fflush(stdout);
	sleep((unsigned) number(argc, argv, 2, 0));
	return 0;
}
