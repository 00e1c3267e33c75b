/* SPDX-License-Identifier: Apache-2.0 */
/* ask MIB - asks for MIB at once and does not touch it. Refused: says so and ends with status 1. */
#define _GNU_SOURCE
#include "victim.h"

int main(int argc, char **argv)
{
	void *memory = malloc((size_t) number(argc, argv, 1, 1) * MIB);

	say("malloc", memory ? 0 : -1);
	free(memory);
	return memory ? 0 : 1;
}
