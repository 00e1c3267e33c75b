/* SPDX-License-Identifier: Apache-2.0 */
/* nothing [STATUS] - ends at once. */
#define _GNU_SOURCE
#include "victim.h"

int main(int argc, char **argv)
{
	return (int) number(argc, argv, 1, 0);
}
