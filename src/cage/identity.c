/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "cage/user_namespace.h"

/* 32-bit machines have calls of this name for 16-bit ids too. */
#ifdef SYS_setresuid32
#define SET_GROUPS SYS_setgroups32
#define SET_GIDS SYS_setresgid32
#define SET_UIDS SYS_setresuid32
#else
#define SET_GROUPS SYS_setgroups
#define SET_GIDS SYS_setresgid
#define SET_UIDS SYS_setresuid
#endif

#define BITS(set, word) ((uint32_t) ((set) >> (32 * (word))))

bool settings_confine(const struct settings *settings)
{
	return settings->has_capabilities && settings->capabilities == 0;
}

/* ---- capabilities ---- */

static bool has(uint64_t set, unsigned int capability)
{
	return set >> capability & 1;
}

/* Up to the last one that this kernel knows. */
static int drop_bounding(uint64_t kept)
{
	for (unsigned int i = 0; i < 64; i++) {
		int there;

		if (has(kept, i) || prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0)
			continue;
		there = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
		if (there < 0)
			break;
		if (there == 1)
			return -1;
	}
	return 0;
}

static int set_capabilities(uint64_t kept)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -1;
	for (int word = 0; word < 2; word++) {
		data[word].permitted &= BITS(kept, word);
		data[word].effective = data[word].permitted;
		data[word].inheritable = data[word].permitted;
	}
	return (int) syscall(SYS_capset, &header, data);
}

/* Those of another user than root outlive execve only as ambient ones. */
static int set_ambient(uint64_t kept)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -1;
	if (kept == 0 || geteuid() == 0)
		return 0;
	for (unsigned int i = 0; i < 64; i++)
		if (has(kept, i) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0 &&
		    errno != EPERM) /* we never had it */
			return -1;
	return 0;
}

static int keep_capabilities(uint64_t kept)
{
	return set_capabilities(kept) < 0 ? -1 : set_ambient(kept);
}

/* ---- users ---- */

static int become(uid_t uid, gid_t gid)
{
	if (syscall(SET_GROUPS, 0, NULL) < 0 || syscall(SET_GIDS, gid, gid, gid) < 0)
		return -1;
	return (int) syscall(SET_UIDS, uid, uid, uid);
}

/* In a cage's own user namespace init's map has seen to it. */
static int become_user(const struct identity *identity)
{
	const struct settings *settings = identity->settings;
	bool keep = settings->has_capabilities && settings->capabilities != 0;

	if (identity->rootless)
		return 0;
	if (keep && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -1;
	if (settings->has_user)
		return become(settings->uid, settings->gid);
	if (settings_confine(settings) && geteuid() == 0)
		return become(IDENTITY_NOBODY, IDENTITY_NOBODY);
	return 0;
}

/* ---- a namespace of the job's own ---- */

/*
 * No other can be made inside: in one the job would have all capabilities again, over what is the
 * namespace's.  The file is that of the namespace we are in.
 */
static void forbid_namespaces(const struct identity *identity)
{
	if (identity->namespace_limits >= 0)
		file_write_at(identity->namespace_limits, "max_user_namespaces", "0");
}

/*
 * The maps are files of who is dumpable, which nobody is who has changed his user, and init's copy
 * is not.  Nothing of the job runs yet that could make use of it.
 */
static int enter_namespace(struct identity *identity)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int result;

	if (unshare(CLONE_NEWUSER) < 0) {
		int errnum = errno;

		user_namespace_explain(errnum, identity->without, sizeof(identity->without));
		errno = errnum;
		return identity->may_lack_namespace ? 0 : -1;
	}
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return -1;
	result = user_namespace_map(uid, uid, gid, gid);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || result < 0)
		return -1;
	forbid_namespaces(identity);
	return drop_bounding(0);
}

/* Keys are in no namespace; a kernel or a filter without keyrings has none to leave. */
static int leave_keyring(void)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0) < 0 &&
	    errno != ENOSYS && errno != EPERM)
		return -1;
	return 0;
}

static int confine(struct identity *identity, char *about, size_t size)
{
	if (enter_namespace(identity) == 0)
		return 0;
	if (*identity->without)
		snprintf(about, size, "no user namespace for the job (capabilities: none): %s",
			 identity->without);
	else
		snprintf(about, size, "capabilities: none: cannot set up the user namespace");
	return -1;
}

bool identity_is_kept(const struct identity *identity)
{
	return !identity->rootless && !identity->settings->has_user &&
	       !identity->settings->has_capabilities;
}

/* A new user namespace fills the bounding set again: enter_namespace() empties that one. */
static bool bounding_comes_later(const struct identity *identity)
{
	return settings_confine(identity->settings) && !identity->may_lack_namespace;
}

/* The bounding set first: that takes a capability, which another user may not have any more. */
int identity_take_on(struct identity *identity, char *about, size_t size)
{
	const struct settings *settings = identity->settings;
	bool limited = settings->has_capabilities || identity->rootless;
	uint64_t kept = identity->rootless ? 0 : settings->capabilities;

	snprintf(about, size, "capabilities: cannot leave the session's keyring");
	if (settings_confine(settings) && leave_keyring() < 0)
		return -1;
	snprintf(about, size, "capabilities: cannot be dropped");
	if (limited && !bounding_comes_later(identity) && drop_bounding(kept) < 0)
		return -1;
	snprintf(about, size, "--user: cannot become another user");
	if (become_user(identity) < 0)
		return -1;
	if (settings_confine(settings) && confine(identity, about, size) < 0)
		return -1;
	snprintf(about, size, "capabilities: cannot be dropped");
	return limited ? keep_capabilities(kept) : 0;
}
