/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "report/output.h"

#define OLD "{\"old\": true}\n"
#define UNFINISHED "{\"outcome\": \"unfinished\"}\n"
#define FINAL "{\"outcome\": \"ok\"}\n"

static void put(const char *name, const char *text)
{
	auto_fd int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
}

static void assert_holds(const char *name, const char *text)
{
	char there[4096] = "";

	assert_true(file_read_at(AT_FDCWD, name, there, sizeof(there)) >= 0);
	assert_string_equal(there, text);
}

static size_t count_names(void)
{
	auto_closedir DIR *dir = opendir(".");
	size_t count = 0;

	while (readdir(dir))
		count++;
	return count - 2;
}

static struct output open_output(const char *place)
{
	struct memcage_error err = { 0 };
	struct output output;

	if (output_open(&output, place, &err) < 0)
		fail_msg("%s", err.text);
	return output;
}

/* The whole life of a report at a place; the errno of the last write. */
static int write_report(const char *place)
{
	auto_output struct output output = open_output(place);

	if (output_unfinished(&output, UNFINISHED) < 0)
		return errno;
	return output_write(&output, FINAL) < 0 ? errno : 0;
}

static void assert_refused(const char *place, int errnum)
{
	struct memcage_error err = { 0 };
	struct output output;
	size_t before = count_names();

	assert_int_equal(output_open(&output, place, &err), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_int_equal(err.errnum, errnum);
	assert_true(output.fd < 0 && output.dir < 0 && !output.name);
	assert_int_equal(count_names(), before);
	output_release(&output);
}

static void check_new_file(void **state)
{
	auto_output struct output output = open_output("r.json");
	struct stat status;

	(void) state;
	assert_int_equal(count_names(), 0);
	assert_int_equal(output_unfinished(&output, UNFINISHED), 0);
	assert_holds("r.json", UNFINISHED);
	assert_int_equal(output_write(&output, FINAL), 0);
	assert_holds("r.json", FINAL);
	assert_int_equal(count_names(), 1);
	assert_int_equal(stat("r.json", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
}

static void check_old_file(void **state)
{
	auto_fd int held = -1;
	struct stat status;
	char there[64];

	(void) state;
	put("r.json", OLD);
	assert_int_equal(chmod("r.json", 0606), 0);
	held = open("r.json", O_RDONLY);
	assert_int_equal(write_report("r.json"), 0);
	assert_holds("r.json", FINAL);
	assert_int_equal(stat("r.json", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0606);
	/* Replaced and not overwritten: who has the old one open reads it to its end. */
	assert_true(file_read_fd(held, there, sizeof(there)) > 0);
	assert_string_equal(there, OLD);
}

static void check_symlink(void **state)
{
	struct stat status;

	(void) state;
	assert_int_equal(mkdir("deep", 0777), 0);
	put("deep/r.json", OLD);
	assert_int_equal(symlink("r.json", "deep/near"), 0);
	assert_int_equal(symlink("deep/near", "link"), 0);
	assert_int_equal(write_report("link"), 0);
	assert_holds("deep/r.json", FINAL);
	assert_int_equal(lstat("link", &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	assert_int_equal(lstat("deep/near", &status), 0);
	assert_true(S_ISLNK(status.st_mode));
}

static void check_dangling_symlink(void **state)
{
	(void) state;
	assert_int_equal(symlink("later.json", "link"), 0);
	assert_int_equal(write_report("link"), 0);
	assert_holds("later.json", FINAL);
}

static void check_absolute_symlink(void **state)
{
	char target[PATH_MAX], folder[PATH_MAX / 2];

	(void) state;
	assert_non_null(getcwd(folder, sizeof(folder)));
	snprintf(target, sizeof(target), "%s/later.json", folder);
	assert_int_equal(symlink(target, "link"), 0);
	assert_int_equal(write_report("link"), 0);
	assert_holds("later.json", FINAL);
}

/* /tmp is where others may put a link to a file of ours before we get there. */
static void check_planted_symlink(void **state)
{
	(void) state;
	if (geteuid() != 0)
		return;
	assert_int_equal(mkdir("tmp", 0777), 0);
	assert_int_equal(chmod("tmp", 01777), 0);
	assert_int_equal(symlink("../precious", "tmp/r.json"), 0);
	assert_int_equal(write_report("tmp/r.json"), 0);
	assert_int_equal(lchown("tmp/r.json", 65534, 65534), 0);
	put("precious", OLD);
	assert_refused("tmp/r.json", EACCES);
	assert_holds("precious", OLD);
}

static void check_symlink_loop(void **state)
{
	(void) state;
	assert_int_equal(symlink("b", "a"), 0);
	assert_int_equal(symlink("a", "b"), 0);
	assert_refused("a", ELOOP);
}

static void check_directory(void **state)
{
	(void) state;
	assert_int_equal(mkdir("d", 0777), 0);
	assert_int_equal(symlink("d", "link"), 0);
	assert_refused("d", EISDIR);
	assert_refused("d/", EISDIR);
	assert_refused(".", EISDIR);
	assert_refused("d/..", EISDIR);
	assert_refused("/", EISDIR);
	assert_refused("link", EISDIR);
}

static void check_wrong_paths(void **state)
{
	char longest[PATH_MAX + 8];

	(void) state;
	put("file", OLD);
	assert_refused("missing/r.json", ENOENT);
	assert_refused("file/r.json", ENOTDIR);
	memset(longest, 'x', sizeof(longest));
	longest[NAME_MAX + 1] = '\0';
	assert_refused(longest, ENAMETOOLONG);
	longest[NAME_MAX + 1] = '/';
	longest[sizeof(longest) - 1] = '\0';
	assert_refused(longest, ENAMETOOLONG);
	longest[NAME_MAX] = '\0';
	assert_int_equal(write_report(longest), 0);
}

/* In a child that is nobody, for root may write anywhere; the number of the failed step. */
static int without_rights(int (*steps)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(100);
		_exit(steps());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int try_read_only(void)
{
	struct memcage_error err;
	struct output output;

	if (output_open(&output, "closed/r.json", &err) == 0)
		return 1;
	if (err.errnum != EACCES || err.code != MEMCAGE_ERROR_USAGE)
		return 2;
	/* One may put files into a box that one may not look into. */
	if (output_open(&output, "box/r.json", &err) < 0)
		return 3;
	if (output_unfinished(&output, UNFINISHED) < 0 || output_write(&output, FINAL) < 0)
		return 4;
	output_release(&output);
	return 0;
}

static void check_permission(void **state)
{
	(void) state;
	assert_int_equal(chmod(".", 0755), 0);
	assert_int_equal(mkdir("closed", 0755), 0);
	assert_int_equal(mkdir("box", 0777), 0);
	assert_int_equal(chmod("closed", 0555), 0);
	assert_int_equal(chmod("box", geteuid() == 0 ? 0333 : 0733), 0);
	assert_int_equal(without_rights(try_read_only), 0);
	assert_holds("box/r.json", FINAL);
}

static int try_mount_point(void)
{
	struct memcage_error err = { 0 };
	struct output output;

	if (output_open(&output, "bound", &err) == 0)
		return 1;
	return err.code == MEMCAGE_ERROR_USAGE && strstr(err.text, "a mount point") ? 0 : 2;
}

/* As a container's runtime binds one. */
static void check_mount_point(void **state)
{
	int status;
	pid_t child;

	(void) state;
	put("bound", OLD);
	child = fork();
	if (child == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("bound", "bound", "none", MS_BIND, NULL) < 0)
			_exit(0); /* not allowed to find out */
		_exit(try_mount_point());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void check_failed_write(void **state)
{
	auto_output struct output output = open_output("r.json");
	const struct rlimit small = { 8, RLIM_INFINITY };
	struct rlimit old;
	int result, errnum;

	(void) state;
	assert_int_equal(output_unfinished(&output, UNFINISHED), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	setrlimit(RLIMIT_FSIZE, &small);
	result = output_write(&output, FINAL);
	errnum = errno;
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(result, -1);
	assert_int_equal(errnum, EFBIG);
	assert_holds("r.json", UNFINISHED);
	assert_int_equal(count_names(), 1);
}

static void check_folder_that_goes(void **state)
{
	auto_output struct output output = OUTPUT_NONE;

	(void) state;
	assert_int_equal(mkdir("d", 0777), 0);
	output = open_output("d/r.json");
	assert_int_equal(rmdir("d"), 0);
	assert_int_equal(output_write(&output, FINAL), -1);
	assert_int_equal(errno, ENOENT);
}

static void check_folder_that_moves(void **state)
{
	auto_output struct output output = OUTPUT_NONE;

	(void) state;
	assert_int_equal(mkdir("d", 0777), 0);
	output = open_output("d/r.json");
	assert_int_equal(rename("d", "e"), 0);
	assert_int_equal(mkdir("d", 0777), 0);
	assert_int_equal(output_write(&output, FINAL), 0);
	assert_holds("e/r.json", FINAL);
}

static void check_file_becomes_folder(void **state)
{
	auto_output struct output output = open_output("r.json");

	(void) state;
	assert_int_equal(mkdir("r.json", 0777), 0);
	assert_int_equal(output_write(&output, FINAL), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(count_names(), 1);
}

/* Valgrind runs one thread at a time, and takes 20 ms for the process that replaces a file. */
static int rounds(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload") ? 20 : 500;
}

static void *write_many(void *text)
{
	auto_output struct output output = open_output("r.json");

	for (int i = rounds(); i > 0; i--)
		if (output_write(&output, text) < 0)
			return NULL;
	return text;
}

/* A reader never sees a mix, nor no file. */
static void check_two_jobs(void **state)
{
	char first[4096], second[4096], there[8192];
	pthread_t threads[2];
	void *done[2];

	(void) state;
	memset(first, 'a', sizeof(first));
	memset(second, 'b', sizeof(second));
	first[sizeof(first) - 1] = second[sizeof(second) - 1] = '\0';
	put("r.json", first);
	pthread_create(&threads[0], NULL, write_many, first);
	pthread_create(&threads[1], NULL, write_many, second);
	for (int i = 4 * rounds(); i > 0; i--) {
		assert_int_equal(file_read_at(AT_FDCWD, "r.json", there, sizeof(there)), 4095);
		assert_int_equal(strspn(there, there[0] == 'a' ? "a" : "b"), 4095);
	}
	pthread_join(threads[0], &done[0]);
	pthread_join(threads[1], &done[1]);
	assert_true(done[0] && done[1]);
	assert_int_equal(count_names(), 1);
}

static void check_device(void **state)
{
	(void) state;
	assert_int_equal(write_report("/dev/null"), 0);
	assert_int_equal(write_report("/dev/full"), ENOSPC);
}

static void check_descriptor(void **state)
{
	auto_fd int file = open("r.json", O_RDWR | O_CREAT | O_APPEND, 0666);
	auto_output struct output output = OUTPUT_NONE;
	char place[32];

	(void) state;
	snprintf(place, sizeof(place), "fd:%d", file);
	output = open_output(place);
	assert_true(fcntl(output.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(output_unfinished(&output, UNFINISHED), 0);
	assert_holds("r.json", "");
	assert_int_equal(output_write(&output, FINAL), 0);
	assert_holds("r.json", FINAL);
	assert_true(fcntl(file, F_GETFD) >= 0);
}

/* Paths that are descriptors: opened anew they would begin at offset 0, over what the job wrote. */
static void check_descriptor_path(void **state)
{
	static const char *const folders[] = { "/dev/fd", "/proc/self/fd" };

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		auto_fd int file = open("out", O_RDWR | O_CREAT | O_TRUNC, 0666);
		char place[64];

		assert_int_equal(file_write_all(file, "job\n", 4), 0);
		snprintf(place, sizeof(place), "%s/%d", folders[i], file);
		assert_int_equal(write_report(place), 0);
		assert_holds("out", "job\n" FINAL);
	}
}

static int with_stdout(int fd, const char *place)
{
	int saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
	struct memcage_error err;
	struct output output;
	int result;

	if (fd >= 0)
		dup2(fd, STDOUT_FILENO);
	else
		close(STDOUT_FILENO);
	result = output_open(&output, place, &err);
	if (result == 0)
		result = output_write(&output, FINAL);
	else
		result = -err.errnum;
	output_release(&output);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	return result;
}

static void check_stdout(void **state)
{
	static const char *const places[] = { "-", "fd:1", "/dev/stdout" };

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		auto_fd int file = open("out", O_WRONLY | O_CREAT | O_TRUNC, 0666);
		auto_fd int reader = open("out", O_RDONLY);

		assert_int_equal(file_write_all(file, "job\n", 4), 0);
		assert_int_equal(with_stdout(file, places[i]), 0);
		assert_holds("out", "job\n" FINAL);
		assert_int_equal(with_stdout(reader, places[i]), -EBADF);
		assert_int_equal(with_stdout(-1, places[i]), -EBADF);
	}
}

static void check_closed_descriptor(void **state)
{
	(void) state;
	assert_refused("fd:987", EBADF);
	assert_refused("/dev/fd/987", EBADF);
	/* What stands there for the moment is ours and no place for a report. */
	for (int fd = 3; fd < 20; fd++) {
		char place[32];

		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		snprintf(place, sizeof(place), "/dev/fd/%d", fd);
		assert_refused(place, EBADF);
	}
}

static void check_fifo_with_reader(void **state)
{
	auto_fd int reader = -1;
	auto_output struct output output = OUTPUT_NONE;
	char there[64] = "";

	(void) state;
	assert_int_equal(mkfifo("fifo", 0666), 0);
	reader = open("fifo", O_RDONLY | O_NONBLOCK);
	output = open_output("fifo");
	assert_false(fcntl(output.fd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(output_unfinished(&output, UNFINISHED), 0);
	assert_int_equal(output_write(&output, FINAL), 0);
	assert_int_equal(read(reader, there, sizeof(there)), strlen(FINAL));
	assert_string_equal(there, FINAL);
	assert_int_equal(read(reader, there, sizeof(there)), 0);
}

static void check_fifo_with_late_reader(void **state)
{
	auto_fd int reader = -1;
	auto_output struct output output = OUTPUT_NONE;
	char there[64] = "";

	(void) state;
	assert_int_equal(mkfifo("fifo", 0666), 0);
	output = open_output("fifo");
	reader = open("fifo", O_RDONLY);
	assert_int_equal(output_write(&output, FINAL), 0);
	assert_int_equal(read(reader, there, sizeof(there)), strlen(FINAL));
}

static void check_fifo_without_reader(void **state)
{
	(void) state;
	assert_int_equal(mkfifo("fifo", 0666), 0);
	assert_int_equal(write_report("fifo"), EPIPE);
}

static void check_broken_pipe(void **state)
{
	int pipes[2];
	char place[32];

	(void) state;
	assert_int_equal(pipe(pipes), 0);
	close(pipes[0]);
	snprintf(place, sizeof(place), "fd:%d", pipes[1]);
	assert_int_equal(write_report(place), EPIPE);
	close(pipes[1]);
}

static void *drain(void *fd)
{
	char buffer[4096];
	size_t sum = 0;
	ssize_t n;

	usleep(20000);
	while ((n = read(*(int *) fd, buffer, sizeof(buffer))) > 0)
		sum += (size_t) n;
	return (void *) sum;
}

/* Some programs (ssh, node) leave their pipes non-blocking. */
static void check_non_blocking(void **state)
{
	static char big[300001];
	auto_output struct output output = OUTPUT_NONE;
	pthread_t thread;
	int pipes[2];
	char place[32];
	void *sum;

	(void) state;
	memset(big, 'x', sizeof(big) - 1);
	assert_int_equal(pipe2(pipes, O_NONBLOCK), 0);
	assert_int_equal(fcntl(pipes[0], F_SETFL, 0), 0);
	snprintf(place, sizeof(place), "fd:%d", pipes[1]);
	output = open_output(place);
	close(pipes[1]);
	pthread_create(&thread, NULL, drain, &pipes[0]);
	assert_int_equal(output_write(&output, big), 0);
	pthread_join(thread, &sum);
	assert_int_equal((size_t) sum, sizeof(big) - 1);
	close(pipes[0]);
}

static void check_socket(void **state)
{
	auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };

	(void) state;
	assert_int_equal(bind(fd, (const struct sockaddr *) &address, sizeof(address)), 0);
	assert_refused("socket", ENXIO);
}

static void check_forms(void **state)
{
	static const char *const right[] = { "-",      "fd:0", "fd:2147483647", "fd",
					     "./fd:x", "a b",  "/dev/fd/3" };
	static const char *const wrong[] = { "",      "fd:",   "fd:x", "fd:-1", "fd:2147483648",
					     "fd:1 ", "fd:max" };
	struct memcage_error err;

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(right); i++)
		assert_int_equal(output_check(right[i], &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		err = (struct memcage_error) { 0 };
		assert_int_equal(output_check(wrong[i], &err), -1);
		assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
		assert_refused(wrong[i], 0);
	}
}

static void check_empty(void **state)
{
	struct output output = OUTPUT_NONE;

	(void) state;
	assert_int_equal(output_unfinished(&output, UNFINISHED), 0);
	assert_int_equal(output_write(&output, FINAL), 0);
	output_release(&output);
	output_release(&output);
	assert_int_equal(count_names(), 0);
}

static void count(void *times)
{
	++*(unsigned int *) times;
}

static void assert_written_beside(const char *place)
{
	auto_output struct output output = open_output(place);
	unsigned int times = 0;

	assert_int_equal(output_write_beside(&output, FINAL, count, &times), 0);
	assert_int_equal(times, 1);
}

static void check_beside(void **state)
{
	auto_fd int stream = open("stream", O_WRONLY | O_CREAT, 0666);
	char place[32];
	struct stat status;

	(void) state;
	put("old", OLD);
	assert_int_equal(chmod("old", 0606), 0);
	assert_written_beside("old");
	assert_holds("old", FINAL);
	assert_int_equal(stat("old", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0606);
	assert_written_beside("new");
	assert_holds("new", FINAL);
	snprintf(place, sizeof(place), "fd:%d", stream);
	assert_written_beside(place);
	assert_holds("stream", FINAL);
	assert_int_equal(count_names(), 3);
}

/* The folder goes between the opening and the writing: then both do what they can. */
static void check_beside_in_vain(void **state)
{
	auto_output struct output output = OUTPUT_NONE;
	unsigned int times = 0;

	(void) state;
	assert_int_equal(mkdir("gone", 0755), 0);
	output = open_output("gone/r.json");
	assert_int_equal(rmdir("gone"), 0);
	assert_int_equal(output_write_beside(&output, FINAL, count, &times), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(times, 1);
}

/* The permissions that count are those at the end. */
static void check_ready(void **state)
{
	auto_output struct output output = OUTPUT_NONE;
	unsigned int times = 0;
	struct stat status;

	(void) state;
	put("old", OLD);
	output = open_output("old");
	output_make_ready(&output);
	output_make_ready(&output);
	assert_non_null(output.publisher);
	assert_holds("old", OLD);
	assert_int_equal(count_names(), 1);
	assert_int_equal(chmod("old", 0606), 0);
	assert_int_equal(output_write_beside(&output, FINAL, count, &times), 0);
	assert_int_equal(times, 1);
	assert_null(output.publisher);
	assert_holds("old", FINAL);
	assert_int_equal(stat("old", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0606);
	assert_int_equal(count_names(), 1);
}

static void check_ready_in_vain(void **state)
{
	auto_output struct output output = OUTPUT_NONE;
	unsigned int times = 0;

	(void) state;
	output_make_ready(&output);
	assert_null(output.publisher);
	put("old", OLD);
	output = open_output("old");
	output_make_ready(&output);
	output_release(&output);
	assert_holds("old", OLD);
	output = open_output("old");
	output_make_ready(&output);
	assert_int_equal(unlink("old"), 0);
	assert_int_equal(output_write_beside(&output, FINAL, count, &times), 0);
	assert_holds("old", FINAL);
	assert_int_equal(count_names(), 1);
	assert_int_equal(waitpid(-1, NULL, __WALL), -1);
}

static void check_ready_dies(void **state)
{
	int status;
	pid_t pid;

	(void) state;
	put("old", OLD);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	pid = fork();
	if (pid == 0) {
		struct output output = open_output("old");

		output_make_ready(&output);
		raise(output.publisher ? SIGKILL : SIGTERM);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_true(waitpid(-1, &status, __WALL) > 0); /* it is ours now */
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
	assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) != 0);
	assert_holds("old", OLD);
	assert_int_equal(count_names(), 1);
}

static const struct row {
	const char *name;
	CMUnitTestFunction check;
} rows[] = {
	{ "a new file is first unfinished, then whole, and alone in its folder", check_new_file },
	{ "an old file is replaced and keeps its permissions", check_old_file },
	{ "something else is done, once, while the file is replaced", check_beside },
	{ "something else is done even if there is nowhere to write to", check_beside_in_vain },
	{ "what was made ready early writes the text, and the permissions of then", check_ready },
	{ "what was made ready and is not wanted leaves nothing", check_ready_in_vain },
	{ "what was made ready dies with who made it", check_ready_dies },
	{ "a symlink stays, its target is replaced", check_symlink },
	{ "a dangling symlink creates its target", check_dangling_symlink },
	{ "an absolute symlink is followed", check_absolute_symlink },
	{ "a symlink that another user planted in a sticky folder is refused",
	  check_planted_symlink },
	{ "symlinks in a circle are refused", check_symlink_loop },
	{ "a folder is refused", check_directory },
	{ "a missing folder, a file as folder and too long names are refused", check_wrong_paths },
	{ "a folder without permission is refused, one that cannot be listed is not",
	  check_permission },
	{ "a file that is a mount point is refused", check_mount_point },
	{ "a failed write leaves the file as it was and nothing beside it", check_failed_write },
	{ "a folder that is removed meanwhile is an error at the end", check_folder_that_goes },
	{ "a folder that is moved meanwhile gets the report", check_folder_that_moves },
	{ "a file that becomes a folder is an error at the end", check_file_becomes_folder },
	{ "two jobs with one file never mix", check_two_jobs },
	{ "a device is written to, a full one is an error", check_device },
	{ "a descriptor is written once, at the end, and stays the caller's", check_descriptor },
	{ "the path of a descriptor is that descriptor", check_descriptor_path },
	{ "stdout goes on where the job left off, unless it is closed", check_stdout },
	{ "a closed descriptor is refused", check_closed_descriptor },
	{ "a FIFO with a reader is written and closed", check_fifo_with_reader },
	{ "a FIFO waits for no reader, who may come later", check_fifo_with_late_reader },
	{ "a FIFO without a reader is an error at the end", check_fifo_without_reader },
	{ "a broken pipe is an error", check_broken_pipe },
	{ "a descriptor that does not block gets all of it", check_non_blocking },
	{ "a socket is refused", check_socket },
	{ "places are told from what is none", check_forms },
	{ "no place is a place", check_empty },
};

static void check_row(void **state)
{
	const struct row *row = *state;

	row->check(state);
}

int main(void)
{
	static struct test_suite suite;

	signal(SIGPIPE, SIG_IGN);
	TEST_ROWS(&suite, check_row, rows);
	folder_for_each(&suite);
	return test_run("output", &suite);
}
