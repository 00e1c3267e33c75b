/* SPDX-License-Identifier: Apache-2.0 */
#include "identity.h"

#include <sys/syscall.h>
#include <unistd.h>

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

int identity_become_user(const struct settings *settings)
{
	gid_t gid = settings->gid;
	uid_t uid = settings->uid;

	if (syscall(SET_GROUPS, 0, NULL) < 0 || syscall(SET_GIDS, gid, gid, gid) < 0)
		return -1;
	return (int) syscall(SET_UIDS, uid, uid, uid);
}
