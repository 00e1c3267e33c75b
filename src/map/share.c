/* SPDX-License-Identifier: Apache-2.0 */
#include "map/share.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "base/parse.h"
#include "report/text.h"

#define STAGE "share"		  /* the cgroup below the pool that the copies are charged to */
#define PIECE (UINT64_C(4) << 20) /* copied at a time */
#define DEPTH_MOST 64		  /* of folders in a path */

/* ---- copying, in the stager ---- */

static int copy_attributes(int fd, const struct stat *st)
{
	const struct timespec times[] = { st->st_atim, st->st_mtim };

	if (fchown(fd, st->st_uid, st->st_gid) < 0 && errno != EPERM)
		return -1;
	return fchmod(fd, st->st_mode & 07777) < 0 ? -1 : futimens(fd, times);
}

/*
 * What is read is the page cache's, and would be charged beside the copy: it is dropped piece by
 * piece, as the copy is what will be read.
 */
static int copy_bytes(int from, int to)
{
	off_t done = 0;
	ssize_t sent;

	while ((sent = sendfile(to, from, NULL, PIECE)) > 0) {
		posix_fadvise(from, done, sent, POSIX_FADV_DONTNEED);
		done += sent;
	}
	return sent < 0 ? -1 : 0;
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct stat *st)
{
	auto_fd int from = openat(from_dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	auto_fd int to =
		from < 0 ? -1 : openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return to < 0 || copy_bytes(from, to) < 0 ? -1 : copy_attributes(to, st);
}

static int copy_link(int from_dir, int to_dir, const char *name)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(from_dir, name, target, sizeof(target) - 1);

	if (length < 0)
		return -1;
	target[length] = '\0';
	return symlinkat(target, to_dir, name);
}

static int copy_entries(int from, int to, int depth);

static int copy_folder(int from_dir, int to_dir, const char *name, const struct stat *st, int depth)
{
	auto_fd int from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	auto_fd int to = -1;

	if (from < 0 || mkdirat(to_dir, name, 0700) < 0)
		return -1;
	to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (to < 0 || copy_entries(from, to, depth + 1) < 0)
		return -1;
	return copy_attributes(to, st);
}

static int copy_entry(int from, int to, const char *name, int depth)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name, &st);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, to, name);
	if (S_ISDIR(st.st_mode) && depth < DEPTH_MOST)
		return copy_folder(from, to, name, &st, depth);
	errno = S_ISDIR(st.st_mode) ? ELOOP : ENOTSUP; /* a device, a socket, a FIFO */
	return -1;
}

static int copy_entries(int from, int to, int depth)
{
	int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *entries = again < 0 ? NULL : fdopendir(again);
	const struct dirent *entry;

	while (entries && (errno = 0, entry = readdir(entries)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    copy_entry(from, to, entry->d_name, depth) < 0)
			return -1;
	return entries && errno == 0 ? 0 : -1;
}

/* ---- a path ---- */

struct staged {
	const char *path; /* absolute, resolved */
	struct stat st;
	int from;    /* the folder, or that which holds the file; open since before anything was
		     mounted over it */
	char *name;  /* of the file in it; NULL: a folder is shared */
	char *place; /* where the tmpfs is mounted: the folder, or that which holds the file */
};

static void staged_release(struct staged *staged)
{
	own_close(&staged->from);
	free(staged->name);
	free(staged->place);
}

static int open_source(struct staged *staged, const char *path)
{
	const char *slash = strrchr(path, '/');

	*staged = (struct staged) { .path = path, .from = -1 };
	if (stat(path, &staged->st) < 0)
		return -1;
	if (S_ISDIR(staged->st.st_mode)) {
		staged->place = strdup(path);
	} else {
		staged->place =
			slash == path ? strdup("/") : strndup(path, (size_t) (slash - path));
		staged->name = strdup(slash + 1);
	}
	if (!S_ISDIR(staged->st.st_mode) && !S_ISREG(staged->st.st_mode)) {
		errno = ENOTSUP;
		return -1;
	}
	if (!staged->place)
		return -1;
	staged->from = open(staged->place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return staged->from < 0 ? -1 : 0;
}

static int mount_empty(const struct staged *staged, uint64_t most)
{
	char options[64];

	snprintf(options, sizeof(options), "mode=0755,size=%" PRIu64, most);
	return mount("memcage-share", staged->place, "tmpfs", MS_NOSUID | MS_NODEV, options);
}

static int fill(const struct staged *staged)
{
	auto_fd int to = open(staged->place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (to < 0)
		return -1;
	if (staged->name)
		return copy_file(staged->from, to, staged->name, &staged->st);
	return copy_entries(staged->from, to, 0) < 0 ? -1 : copy_attributes(to, &staged->st);
}

/* The stager: its memory is the pool's, and what it copies stays there. */
static _Noreturn void stage(const struct staged *staged, uint64_t most)
{
	if (mount_empty(staged, most) < 0 || fill(staged) < 0)
		_exit(errno > 0 && errno < 255 ? errno : EIO);
	_exit(0);
}

/* A process of v1 moves itself; it is alone in its cgroup. */
static int enter(const struct hierarchy *hierarchy, int dir)
{
	return file_write_at(dir, hierarchy->version == CGROUP_V1 ? "tasks" : "cgroup.procs", "0");
}

/* errno of what went wrong; ENOMEM where it was killed for memory. */
static int run_stager(const struct hierarchy *hierarchy, int dir, const struct staged *staged,
		      uint64_t most)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		if (enter(hierarchy, dir) < 0)
			_exit(errno);
		stage(staged, most);
	}
	if (pid < 0)
		return errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : ENOMEM;
}

/* A folder is there already; of a file's folder only the file is to be seen. */
static int put_in_place(const struct staged *staged)
{
	struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY };
	auto_fd int copy = -1;

	if (!staged->name)
		return mount(NULL, staged->place, NULL,
			     MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL);
	copy = (int) syscall(SYS_open_tree, AT_FDCWD, staged->path,
			     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (copy < 0 || umount2(staged->place, MNT_DETACH) < 0)
		return -1;
	if (syscall(SYS_mount_setattr, copy, "", AT_EMPTY_PATH, &read_only, sizeof(read_only)) < 0)
		return -1;
	return (int) syscall(SYS_move_mount, copy, "", AT_FDCWD, staged->path,
			     MOVE_MOUNT_F_EMPTY_PATH);
}

/* ---- all paths ---- */

static int refuse(const char *path, int errnum, const struct pool *pool, struct memcage_error *err)
{
	char quoted[200], budget[32];

	parse_quote(path, quoted, sizeof(quoted));
	text_bytes(pool->budget_bytes, budget, sizeof(budget));
	if (errnum == ENOSPC || errnum == ENOMEM)
		return error_usage(err,
				   "--share: %s does not fit into the budget of %s; say a "
				   "larger --budget",
				   quoted, budget);
	if (errnum == ENOTSUP)
		return error_usage(err,
				   "--share: %s is, or holds, what is no file, folder or "
				   "link",
				   quoted);
	return error_set(err, MEMCAGE_ERROR_USAGE, errnum, "--share: %s cannot be shared", quoted);
}

/* Below a private place the job sees it by a bind only. */
static int show_in_jobs(const char *path, struct memcage_spec *spec, struct memcage_error *err)
{
	static const char *const hidden[] = { "/tmp/", "/var/tmp/", "/dev/shm/" };
	auto_free char *bind = NULL;

	for (size_t i = 0; i < ARRAY_LEN(hidden); i++)
		if (strncmp(path, hidden[i], strlen(hidden[i])) == 0) {
			if (asprintf(&bind, "%s:%s:ro", path, path) < 0)
				return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
			return memcage_spec_set(spec, "bind", bind, err);
		}
	return 0;
}

static int why_not(void)
{
	int errnum = errno;

	return errnum > 0 ? errnum : EIO;
}

static int share_one(const struct hierarchy *hierarchy, int dir, const struct pool *pool,
		     const char *path, struct memcage_spec *spec, struct memcage_error *err)
{
	auto_free char *resolved = realpath(path, NULL);
	struct staged staged = { .from = -1 };
	int errnum = 0;

	if (!resolved || open_source(&staged, resolved) < 0)
		errnum = why_not();
	else
		errnum = run_stager(hierarchy, dir, &staged, pool->budget_bytes);
	if (errnum == 0 && put_in_place(&staged) < 0)
		errnum = why_not();
	staged_release(&staged);
	return errnum != 0 ? refuse(path, errnum, pool, err) : show_in_jobs(resolved, spec, err);
}

/* Mounts from outside still arrive; ours stay inside. */
static int leave_mounts(struct memcage_error *err)
{
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0)
		return 0;
	return error_set(err, MEMCAGE_ERROR_SETUP, errno,
			 "--share: cannot make a mount namespace (CAP_SYS_ADMIN is needed)");
}

static uint64_t measure(const struct hierarchy *hierarchy, int dir)
{
	uint64_t bytes = 0;

	file_number_at(dir,
		       hierarchy->version == CGROUP_V2 ? "memory.current" : "memory.usage_in_bytes",
		       &bytes);
	return bytes;
}

int share_open(struct share *share, const struct pool *pool, char *const paths[],
	       struct memcage_spec *spec, struct memcage_error *err)
{
	const struct cgroup_part *memory = cgroup_part(&pool->cgroup, CONTROLLER_MEMORY);
	auto_fd int dir = -1;

	share->bytes = 0;
	if (!paths || !paths[0])
		return 0;
	if (leave_mounts(err) < 0)
		return -1;
	if (mkdirat(memory->job, STAGE, 0755) == 0)
		dir = openat(memory->job, STAGE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_setup(err, "--share: cannot make the cgroup %s/" STAGE,
				   pool->cgroup.name);
	for (; *paths; paths++)
		if (share_one(memory->hierarchy, dir, pool, *paths, spec, err) < 0)
			return -1;
	share->bytes = measure(memory->hierarchy, dir);
	if (share->bytes < pool->budget_bytes)
		return 0;
	return error_usage(err, "--share: nothing of the budget is left for jobs; say a larger "
				"--budget");
}
