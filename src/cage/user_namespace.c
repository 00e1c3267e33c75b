/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/user_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/own.h"

static int write_map(const char *path, unsigned int inside, unsigned int outside)
{
	char line[40];

	snprintf(line, sizeof(line), "%u %u 1", inside, outside);
	return file_write_at(AT_FDCWD, path, line);
}

int user_namespace_map(uid_t uid, uid_t outside_uid, gid_t gid, gid_t outside_gid)
{
	/* Who may not change groups outside may map his own only if nobody can drop any inside. */
	if (file_write_at(AT_FDCWD, "/proc/self/setgroups", "deny") < 0 && errno != ENOENT)
		return -1;
	if (write_map("/proc/self/uid_map", uid, outside_uid) < 0)
		return -1;
	return write_map("/proc/self/gid_map", gid, outside_gid);
}

/* What forbids user namespaces: a file, and what it says then. */
static const struct {
	const char *file, *forbids, *words;
} knobs[] = {
	{ "/proc/sys/user/max_user_namespaces", "0\n",
	  "sysctl user.max_user_namespaces is 0; raise it, to 10000 for example" },
	{ "/proc/sys/kernel/unprivileged_userns_clone", "0\n",
	  "sysctl kernel.unprivileged_userns_clone is 0; set it to 1" },
	{ "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1\n",
	  "sysctl kernel.apparmor_restrict_unprivileged_userns is 1; set it to 0, or give "
	  "memcage a profile that allows userns" },
};

void user_namespace_explain(int errnum, char *buffer, size_t size)
{
	char text[32];

	for (size_t i = 0; i < ARRAY_LEN(knobs); i++) {
		if (file_read_at(AT_FDCWD, knobs[i].file, text, sizeof(text)) < 0 ||
		    strcmp(text, knobs[i].forbids) != 0)
			continue;
		snprintf(buffer, size, "%s; see memcage doctor, line user-namespace",
			 knobs[i].words);
		return;
	}
	if (errnum == ENOSPC || errnum == EUSERS)
		snprintf(buffer, size,
			 "they are nested too deep, or sysctl user.max_user_namespaces is reached; "
			 "see memcage doctor, line user-namespace");
	else
		snprintf(buffer, size,
			 "a container's seccomp filter forbids it, or memcage runs in a chroot; "
			 "see memcage doctor, line user-namespace");
}
