/* SPDX-License-Identifier: Apache-2.0 */
/* stdin_of - a test's stdin is another for a while. */
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include "test.h"

/* stdin is `fd`, which is closed; what it was is to be given back by stdin_give_back(). */
static inline int stdin_take(int fd)
{
	int was = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);

	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	close(fd);
	return was;
}

static inline void stdin_give_back(int was)
{
	if (was < 0) {
		close(STDIN_FILENO);
		return;
	}
	dup2(was, STDIN_FILENO);
	close(was);
}
