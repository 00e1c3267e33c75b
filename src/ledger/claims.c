/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/claims.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

#define OPENED (O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)

int claims_open(const char *path, const char *ledger)
{
	auto_fd int fd = open(path, OPENED | O_CREAT | O_EXCL, 0600);
	struct stat like;

	if (fd < 0 && errno == EEXIST)
		return open(path, OPENED);
	if (fd < 0 || stat(ledger, &like) < 0 || fchmod(fd, like.st_mode & 0666) < 0)
		return -1;
	if (geteuid() == 0 && fchown(fd, like.st_uid, like.st_gid) < 0)
		return -1;
	return take_fd(&fd);
}

static struct flock byte_of(int64_t map)
{
	return (struct flock) {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t) map, .l_len = 1
	};
}

int claims_hold(int fd, int64_t map)
{
	struct flock byte = byte_of(map);

	if (fcntl(fd, F_OFD_SETLK, &byte) == 0)
		return 1;
	return errno == EAGAIN || errno == EACCES ? 0 : -1;
}

bool claims_held(int fd, int64_t map)
{
	struct flock byte = byte_of(map);

	return fcntl(fd, F_OFD_GETLK, &byte) < 0 || byte.l_type != F_UNLCK;
}
