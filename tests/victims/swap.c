/* SPDX-License-Identifier: Apache-2.0 */
/* swap PATH PATH - exchanges two names without end, each time as one step. */
#define _GNU_SOURCE
#include "victim.h"

#include <fcntl.h>

int main(int argc, char **argv)
{
	while (argc == 3)
		if (renameat2(AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0)
			return errno;
	return 1;
}
