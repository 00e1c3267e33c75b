/* SPDX-License-Identifier: Apache-2.0 */
/* leak MIB - a slow leak: one MiB every 10 ms, up to MIB. */
#define _GNU_SOURCE
#include "victim.h"

int main(int argc, char **argv)
{
	for (long i = number(argc, argv, 1, 1); i > 0; i--) {
		take(MIB);
		usleep(10000);
	}
	return 0;
}
