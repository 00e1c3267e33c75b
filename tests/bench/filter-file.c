/* SPDX-License-Identifier: Apache-2.0 */
/* filter-file - writes the filter as the raw program that bubblewrap's --seccomp reads. */
#include <stdio.h>

#include "filter.h"

int main(void)
{
	struct sock_filter code[FILTER_SIZE];
	size_t length = filter_build(code);

	return fwrite(code, sizeof(code[0]), length, stdout) == length && !fflush(stdout) ? 0 : 1;
}
