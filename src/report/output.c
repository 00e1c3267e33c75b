/* SPDX-License-Identifier: Apache-2.0 */
#include "report/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/parse.h"
#include "report/publish.h"

#define DESCRIPTOR "fd:"
#define SYMLINKS_MOST 40 /* as the kernel's own MAXSYMLINKS */
#define FIRST_OWN_FD 3
#define PLACE_QUOTED 300 /* paths are long */

/* A name in a directory that we hold: where the walk along symlinks stands. */
struct spot {
	int dir;
	char name[NAME_MAX + 1];
};

static bool names_descriptor(const char *place)
{
	return strncmp(place, DESCRIPTOR, strlen(DESCRIPTOR)) == 0;
}

/* "fd:3", and "3" as in /proc/self/fd. */
static int parse_descriptor(const char *text, int *ret_fd, struct memcage_error *err)
{
	uint64_t number;

	if (names_descriptor(text))
		text += strlen(DESCRIPTOR);
	if (parse_number(text, INT_MAX, &number, err) < 0)
		return -1;
	*ret_fd = (int) number;
	return 0;
}

int output_check(const char *place, struct memcage_error *err)
{
	char quoted[PARSE_QUOTED];
	int fd;

	if (*place == '\0')
		return error_usage(err, "'' is no place for a report: say a file, fd:3 or -");
	if (!names_descriptor(place) || parse_descriptor(place, &fd, err) == 0)
		return 0;
	return error_usage(err, "%s is no descriptor: say fd:3, or ./fd:x for a file",
			   parse_quote(place, quoted, sizeof(quoted)));
}

static int refuse(struct memcage_error *err, int errnum, const char *place)
{
	char quoted[PLACE_QUOTED];

	return error_set(err, MEMCAGE_ERROR_USAGE, errnum, "cannot write to %s",
			 parse_quote(place, quoted, sizeof(quoted)));
}

static int use_descriptor(struct output *output, const char *place, int fd,
			  struct memcage_error *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_RDONLY)
		return refuse(err, EBADF, place);
	output->fd = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OWN_FD);
	return output->fd < 0 ? refuse(err, errno, place) : 0;
}

static int use_numbered(struct output *output, const char *place, struct memcage_error *err)
{
	int fd;

	if (parse_descriptor(place, &fd, err) < 0)
		return -1;
	return use_descriptor(output, place, fd, err);
}

/* A writer of a FIFO must find a reader or wait for one.  We are that reader for a moment. */
static int open_fifo(const struct spot *spot)
{
	auto_fd int reader = openat(spot->dir, spot->name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (reader < 0)
		return -1;
	return openat(spot->dir, spot->name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

static int use_stream(struct output *output, const char *place, const struct spot *spot, bool fifo,
		      struct memcage_error *err)
{
	auto_fd int fd =
		openat(spot->dir, spot->name, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int flags;

	if (fd < 0 && errno == ENXIO && fifo)
		fd = open_fifo(spot);
	if (fd < 0)
		return refuse(err, errno, place);
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return refuse(err, errno, place);
	output->fd = take_fd(&fd);
	return 0;
}

/* A single file that was bound into a container, say. */
static bool is_mount_point(const struct spot *spot)
{
	struct statx what;

	if (statx(spot->dir, spot->name, AT_SYMLINK_NOFOLLOW, 0, &what) < 0)
		return false;
	return (what.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

static int use_file(struct output *output, const char *place, struct spot *spot,
		    struct memcage_error *err)
{
	char quoted[PLACE_QUOTED];

	if (faccessat(spot->dir, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return refuse(err, errno, place);
	if (is_mount_point(spot))
		return error_usage(err,
				   "cannot write to %s: a mount point cannot be replaced, "
				   "mount its folder instead, or say fd:3",
				   parse_quote(place, quoted, sizeof(quoted)));
	output->name = strdup(spot->name);
	if (!output->name)
		return error_setup(err, "the report");
	output->dir = take_fd(&spot->dir);
	return 0;
}

/* From the directory we stand in to the one that holds the last component of path. */
static int step(struct spot *spot, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char parent[PATH_MAX] = ".";
	int dir;

	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		errno = EISDIR;
	else if (strlen(name) >= sizeof(spot->name) || strlen(path) >= sizeof(parent))
		errno = ENAMETOOLONG;
	else
		errno = 0;
	if (errno != 0)
		return -1;
	if (slash)
		snprintf(parent, sizeof(parent), "%.*s", slash == path ? 1 : (int) (slash - path),
			 path);
	dir = openat(spot->dir < 0 ? AT_FDCWD : spot->dir, parent,
		     O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	own_close(&spot->dir);
	spot->dir = dir;
	memcpy(spot->name, name, strlen(name) + 1);
	return 0;
}

/*
 * As fs.protected_symlinks has it, which we must ask for ourselves as we read links and do not
 * follow them: in a sticky folder that everybody can write (/tmp), only our own links and the
 * folder's owner's count.
 */
static bool may_follow(const struct spot *spot, const struct stat *link)
{
	struct stat dir;

	if (fstat(spot->dir, &dir) < 0)
		return false;
	if ((dir.st_mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH))
		return true;
	return link->st_uid == geteuid() || link->st_uid == dir.st_uid;
}

/* Is it a link in /proc/self/fd, which is no path but a descriptor?  Which one, or -1. */
static int own_descriptor(const struct spot *spot)
{
	auto_fd int fds = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct memcage_error ignored;
	struct stat ours, here;
	int fd;

	if (fds < 0 || fstat(fds, &ours) < 0 || fstat(spot->dir, &here) < 0)
		return -1;
	if (ours.st_dev != here.st_dev || ours.st_ino != here.st_ino)
		return -1;
	return parse_descriptor(spot->name, &fd, &ignored) < 0 ? -1 : fd;
}

/* Where a symlink leads; -1 with errno. */
static int follow(struct spot *spot, const struct stat *link)
{
	char target[PATH_MAX];
	ssize_t length;

	if (!may_follow(spot, link)) {
		errno = EACCES;
		return -1;
	}
	length = readlinkat(spot->dir, spot->name, target, sizeof(target));
	if (length < 0 || (size_t) length == sizeof(target)) {
		errno = length < 0 ? errno : ENAMETOOLONG;
		return -1;
	}
	target[length] = '\0';
	return step(spot, target);
}

/* What lies at the end of the symlinks; st_mode 0: nothing yet.  Our own descriptors end it too. */
static int walk(struct spot *spot, const char *place, struct stat *ret_what)
{
	if (step(spot, place) < 0)
		return -1;
	for (int links = 0; links < SYMLINKS_MOST; links++) {
		*ret_what = (struct stat) { 0 };
		if (fstatat(spot->dir, spot->name, ret_what, AT_SYMLINK_NOFOLLOW) < 0)
			return errno == ENOENT ? 0 : -1;
		if (!S_ISLNK(ret_what->st_mode) || own_descriptor(spot) >= 0)
			return 0;
		if (follow(spot, ret_what) < 0)
			return -1;
	}
	errno = ELOOP;
	return -1;
}

static int open_path(struct output *output, const char *place, struct spot *spot,
		     struct memcage_error *err)
{
	struct stat what;
	int fd;

	if (walk(spot, place, &what) < 0)
		return refuse(err, errno, place);
	fd = own_descriptor(spot);
	if (fd >= 0)
		return use_descriptor(output, place, fd, err);
	if (S_ISDIR(what.st_mode))
		return refuse(err, EISDIR, place);
	if (S_ISREG(what.st_mode) || what.st_mode == 0)
		return use_file(output, place, spot, err);
	return use_stream(output, place, spot, S_ISFIFO(what.st_mode), err);
}

int output_open(struct output *output, const char *place, struct memcage_error *err)
{
	struct spot spot = { .dir = -1 };
	int result;

	*output = OUTPUT_NONE;
	if (output_check(place, err) < 0)
		return -1;
	if (strcmp(place, "-") == 0)
		return use_descriptor(output, place, STDOUT_FILENO, err);
	if (names_descriptor(place))
		return use_numbered(output, place, err);
	result = open_path(output, place, &spot, err);
	own_close(&spot.dir);
	return result;
}

/* To any descriptor: one that another program made non-blocking is waited for. */
static int write_all(int fd, const char *text)
{
	for (size_t left = strlen(text); left > 0;) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EAGAIN)
			poll(&(struct pollfd) { .fd = fd, .events = POLLOUT }, 1, -1);
		else if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			text += n;
			left -= (size_t) n;
		}
	}
	return 0;
}

/* Some file systems tell of a full disk only on closing. */
static int write_and_close(int *fd, const char *text)
{
	int result = write_all(*fd, text);
	int saved = errno;

	if (close(take_fd(fd)) < 0 && result == 0)
		return -1;
	errno = saved;
	return result;
}

/* The permissions of the file that is replaced; a new one's are left to the umask. */
static mode_t mode_of_old(const struct output *output, bool *ret_replaces)
{
	struct stat old;

	*ret_replaces = fstatat(output->dir, output->name, &old, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(old.st_mode);
	return *ret_replaces ? old.st_mode & 0777 : 0666;
}

/* Where the umask took something.  A file system without permissions (vfat) need not obey. */
static void set_mode(int fd, mode_t mode)
{
	struct stat now;

	if (fstat(fd, &now) < 0 || (now.st_mode & 0777) != mode)
		(void) !fchmod(fd, mode);
}

/* A new file without a name yet, so that a memcage that is killed leaves none. */
static int create_nameless(const struct output *output, bool *ret_replaces)
{
	mode_t mode = mode_of_old(output, ret_replaces);
	int fd = openat(output->dir, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, mode);

	if (fd >= 0 && *ret_replaces)
		set_mode(fd, mode);
	return fd;
}

static int publish(const struct output *output, int fd, bool replaces)
{
	if (!replaces && publish_new(fd, output->dir, output->name) == 0)
		return 0;
	return replaces || errno == EEXIST ? publish_over(fd, output->dir, output->name) : -1;
}

/* For file systems that know no nameless files (nfs, vfat). */
static int replace_by_name(const struct output *output, const char *text)
{
	char name[PUBLISH_SECOND_NAME];
	bool replaces;
	mode_t mode = mode_of_old(output, &replaces);
	int fd, saved;

	if (publish_choose_name(name) < 0)
		return -1;
	fd = openat(output->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -1;
	if (replaces)
		set_mode(fd, mode);
	if (write_and_close(&fd, text) == 0 &&
	    renameat(output->dir, name, output->dir, output->name) == 0)
		return 0;
	saved = errno;
	unlinkat(output->dir, name, 0);
	errno = saved;
	return -1;
}

static int replace(const struct output *output, const char *text)
{
	bool replaces;
	auto_fd int fd = create_nameless(output, &replaces);

	if (fd < 0)
		return replace_by_name(output, text);
	return write_all(fd, text) < 0 ? -1 : publish(output, fd, replaces);
}

bool output_is_file(const struct output *output)
{
	return output->dir >= 0;
}

int output_unfinished(struct output *output, const char *text)
{
	return output_is_file(output) ? replace(output, text) : 0;
}

int output_write(struct output *output, const char *text)
{
	if (output_is_file(output))
		return replace(output, text);
	return output->fd >= 0 ? write_and_close(&output->fd, text) : 0;
}

static struct publisher *make_publisher(const struct output *output)
{
	bool replaces;

	if (!output_is_file(output))
		return NULL;
	return publisher_new(create_nameless(output, &replaces), output->dir, output->name);
}

void output_make_ready(struct output *output)
{
	struct publisher *publisher = output->made_ready ? NULL : make_publisher(output);

	output->made_ready = true;
	if (!publisher)
		return;
	if (publisher_stand_by(publisher))
		output->publisher = publisher;
	else
		publisher_end(publisher);
}

/* The old file's permissions may have been changed since. */
static bool write_nameless(const struct output *output, int fd, const char *text)
{
	bool replaces;
	mode_t mode = mode_of_old(output, &replaces);

	if (!replaces)
		return false;
	set_mode(fd, mode);
	return write_all(fd, text) == 0;
}

int output_write_beside(struct output *output, const char *text, output_beside_fn *beside,
			void *data)
{
	struct publisher *publisher =
		output->publisher ? take_pointer(output->publisher) : make_publisher(output);

	if (publisher && !write_nameless(output, publisher_fd(publisher), text)) {
		publisher_call_off(publisher);
		publisher = NULL;
	}
	if (publisher)
		publisher_publish(publisher);
	beside(data);
	if (publisher && publisher_end(publisher) == 0)
		return 0;
	return output_write(output, text); /* alone, where errno tells why not */
}

void output_release(struct output *output)
{
	if (output->publisher)
		publisher_call_off(take_pointer(output->publisher));
	own_close(&output->fd);
	own_close(&output->dir);
	free(output->name);
	*output = OUTPUT_NONE;
}
