/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"

/* What fails here, opening the ledger tells better. */
static void make_folders(char *path, size_t from)
{
	for (char *slash = strchr(path + from, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
}

/* A path that is not absolute is to be ignored: XDG Base Directory Specification. */
static const char *absolute_variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value == '/' ? value : NULL;
}

char *place_default(struct memcage_error *err)
{
	const char *state = absolute_variable("XDG_STATE_HOME");
	const char *home = absolute_variable("HOME");
	auto_free char *path = NULL;
	int length;

	if (!state && !home) {
		error_usage(err, "there is no place for a ledger: neither XDG_STATE_HOME nor HOME "
				 "is an absolute path; say --ledger FILE");
		return NULL;
	}
	length = asprintf(&path, "%s%s/memcage/ledger.db", state ? state : home,
			  state ? "" : "/.local/state");
	if (length < 0) {
		path = NULL;
		errno = ENOMEM;
		error_setup(err, "the ledger");
		return NULL;
	}
	make_folders(path, state ? 1 : strlen(home) + 1);
	return take_pointer(path);
}
