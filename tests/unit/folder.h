/* SPDX-License-Identifier: Apache-2.0 */
/* folder - each test has an empty folder of its own as working directory and as $TMPDIR. */
#pragma once

#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

static inline int folder_enter(void **state)
{
	char folder[] = "/tmp/memcage-test-XXXXXX";

	(void) state;
	umask(022);
	return mkdtemp(folder) && setenv("TMPDIR", folder, 1) == 0 ? chdir(folder) : -1;
}

static inline int folder_remove_one(const char *path, const struct stat *status, int type,
				    struct FTW *walk)
{
	(void) status;
	(void) type;
	(void) walk;
	return remove(path);
}

static inline int folder_leave(void **state)
{
	char folder[PATH_MAX];

	(void) state;
	if (!getcwd(folder, sizeof(folder)) || chdir("/") < 0)
		return -1;
	return nftw(folder, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* To be called when all tests have been added. */
static inline void folder_for_each(struct test_suite *suite)
{
	for (size_t i = 0; i < suite->count; i++) {
		suite->tests[i].setup_func = folder_enter;
		suite->tests[i].teardown_func = folder_leave;
	}
}
