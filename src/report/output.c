/* SPDX-License-Identifier: Apache-2.0 */
#include "report/output.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/own.h"
#include "base/parse.h"

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

#define NAME_TRIES 8
#define NAME_SIZE (sizeof(".memcage-") + 16)
#define PUBLISH_STACK 16384

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

static int choose_name(char name[NAME_SIZE])
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t) sizeof(random))
		return -1;
	snprintf(name, NAME_SIZE, ".memcage-%016" PRIx64, random);
	return 0;
}

struct publication {
	const struct output *output;
	int fd; /* of the nameless file */
	char path[sizeof("/proc/self/fd/") + 16], name[NAME_SIZE];
};

static struct publication publication_of(const struct output *output, int fd)
{
	struct publication file = { .output = output, .fd = fd };

	snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", fd);
	return file;
}

/* The way through /proc is the longer one, but anybody's. */
static int give_name(const struct publication *file, const char *name)
{
	int dir = file->output->dir;

	if (linkat(file->fd, "", dir, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT) /* until 6.10 that is for CAP_DAC_READ_SEARCH */
		return -1;
	return linkat(AT_FDCWD, file->path, dir, name, AT_SYMLINK_FOLLOW);
}

/* Only an existing name can be renamed: for two system calls there is a second one. */
static int link_and_rename(void *data)
{
	const struct publication *file = data;
	int dir = file->output->dir, saved;

	if (give_name(file, file->name) < 0)
		return errno;
	if (renameat(dir, file->name, dir, file->output->name) == 0)
		return 0;
	saved = errno;
	unlinkat(dir, file->name, 0);
	return saved;
}

/* What that process has come to: 0 or an errno. */
static int await_publisher(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

/* In a process of its own, which goes on if we are killed between the two.  -1 with errno. */
static int replace_by_rename(struct publication *file)
{
	char stack[PUBLISH_STACK] __attribute__((aligned(16)));
	pid_t pid = clone(link_and_rename, stack + sizeof(stack), CLONE_VM | CLONE_VFORK, file);

	/* No process to be had: then without that protection. */
	errno = pid < 0 ? link_and_rename(file) : await_publisher(pid);
	return errno == 0 ? 0 : -1;
}

static int publish(const struct output *output, int fd, bool replaces)
{
	struct publication file = publication_of(output, fd);

	if (!replaces && give_name(&file, output->name) == 0)
		return 0;
	if (replaces)
		errno = EEXIST;
	for (int tries = 0; tries < NAME_TRIES && errno == EEXIST; tries++)
		if (choose_name(file.name) == 0 && replace_by_rename(&file) == 0)
			return 0;
	return -1;
}

/* For file systems that know no nameless files (nfs, vfat). */
static int replace_by_name(const struct output *output, const char *text)
{
	char name[NAME_SIZE];
	bool replaces;
	mode_t mode = mode_of_old(output, &replaces);
	int fd, saved;

	if (choose_name(name) < 0)
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

/*
 * A process that replaces the file at our word, and goes on if we are killed then; before it ends
 * with us.  It shares our memory, and our errno: it makes no call that fails while somebody may
 * look at that.
 */
struct publisher {
	struct publication file;
	pid_t pid, parent;
	int word; /* an eventfd; -1: it was given from the start */
	bool called_off;
	char stack[PUBLISH_STACK] __attribute__((aligned(16)));
};

/* False: there is nothing to be done any more. */
static bool await_word(const struct publisher *publisher)
{
	uint64_t word;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != publisher->parent)
		return false;
	if (read(publisher->word, &word, sizeof(word)) != (ssize_t) sizeof(word))
		return false;
	return !publisher->called_off && prctl(PR_SET_PDEATHSIG, 0) == 0;
}

static int publish_at_word(void *data)
{
	struct publisher *publisher = data;

	if (publisher->word >= 0 && !await_word(publisher))
		return ECANCELED;
	return link_and_rename(&publisher->file);
}

/* We go on meanwhile: so signals must not find our handlers in it. */
static void start_publisher(struct publisher *publisher)
{
	char *end = publisher->stack + sizeof(publisher->stack);
	sigset_t all, mask;

	publisher->parent = getpid();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	publisher->pid = clone(publish_at_word, end,
			       CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND, publisher);
	sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* What it has come to, if it was started: 0 or an errno. */
static int end_publisher(struct publisher *publisher)
{
	int result = publisher->pid >= 0 ? await_publisher(publisher->pid) : ECANCELED;

	own_close(&publisher->file.fd);
	own_close(&publisher->word);
	free(publisher);
	return result;
}

/* With a file and a name for it; NULL where there cannot be one. */
static struct publisher *make_publisher(const struct output *output)
{
	struct publisher *publisher = output_is_file(output) ? calloc(1, sizeof(*publisher)) : NULL;
	bool replaces;

	if (!publisher)
		return NULL;
	publisher->word = publisher->pid = -1;
	publisher->file = publication_of(output, create_nameless(output, &replaces));
	if (publisher->file.fd >= 0 && choose_name(publisher->file.name) == 0)
		return publisher;
	end_publisher(publisher);
	return NULL;
}

static void give_word(const struct publisher *publisher)
{
	const uint64_t word = 1;

	if (publisher->pid >= 0)
		(void) !write(publisher->word, &word, sizeof(word));
}

static void call_off(struct publisher *publisher)
{
	publisher->called_off = true;
	give_word(publisher);
	end_publisher(publisher);
}

void output_stand_by(struct output *output)
{
	struct publisher *publisher = output->made_ready ? NULL : make_publisher(output);

	output->made_ready = true;
	if (!publisher)
		return;
	publisher->word = eventfd(0, EFD_CLOEXEC);
	if (publisher->word >= 0)
		start_publisher(publisher);
	if (publisher->pid >= 0)
		output->publisher = publisher;
	else
		end_publisher(publisher);
}

/* The old file's permissions may have been changed since. */
static bool write_nameless(struct publisher *publisher, const char *text)
{
	bool replaces;
	mode_t mode = mode_of_old(publisher->file.output, &replaces);

	if (!replaces)
		return false;
	set_mode(publisher->file.fd, mode);
	return write_all(publisher->file.fd, text) == 0;
}

int output_write_beside(struct output *output, const char *text, output_beside_fn *beside,
			void *data)
{
	struct publisher *publisher =
		output->publisher ? take_pointer(output->publisher) : make_publisher(output);

	if (publisher && !write_nameless(publisher, text)) {
		call_off(publisher);
		publisher = NULL;
	}
	if (publisher && publisher->pid >= 0)
		give_word(publisher);
	else if (publisher)
		start_publisher(publisher);
	beside(data);
	if (publisher && end_publisher(publisher) == 0)
		return 0;
	return output_write(output, text); /* alone, where errno tells why not */
}

void output_release(struct output *output)
{
	if (output->publisher)
		call_off(take_pointer(output->publisher));
	own_close(&output->fd);
	own_close(&output->dir);
	free(output->name);
	*output = OUTPUT_NONE;
}
