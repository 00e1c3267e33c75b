/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache of filters in a folder of its own, by a user who is not root: what was kept is found,
 * by the same profile on the same host only, and nothing is believed that others could have put
 * there.
 */
#include "filter/filter_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define NOBODY 65534

static const char profile[] = "{\"a profile\": \"of some length\"}";
static const struct profile_host host = { ARCH_X86_64, 5, { 6, 1 } };
static struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
				     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
static const struct filter kept = { .program = { ARRAY_LEN(code), code }, .flags = 2 };

/* The one file in the cache. */
static char file[200];

/* A script about one path, its $1. */
static int sh(const char *script, const char *path)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		execl("/bin/sh", "sh", "-c", script, "sh", path, NULL);
		_exit(127);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0 ? 0 : -1;
}

static bool found_for(const char *text, const struct profile_host *on)
{
	struct filter filter = { 0 };
	bool found = filter_cache_find(&filter, text, strlen(text), on);
	bool same = found && filter.program.len == ARRAY_LEN(code) && filter.flags == 2 &&
		    memcmp(filter.program.filter, code, sizeof(code)) == 0;

	filter_release(&filter);
	return found && same;
}

static bool found(void)
{
	return found_for(profile, &host);
}

static void keep(void)
{
	filter_cache_keep(&kept, profile, strlen(profile), &host);
}

static int finds_what_was_kept(void)
{
	return found() ? 0 : 1;
}

static int finds_nothing_for_others(void)
{
	struct profile_host other = host;

	if (found_for("{\"a profile\": \"of same length\"}", &host))
		return 1;
	other.capabilities = 4;
	if (found_for(profile, &other))
		return 2;
	other = host;
	other.kernel[1] = 2;
	if (found_for(profile, &other))
		return 3;
	other = host;
	other.arch = ARCH_AARCH64;
	return found_for(profile, &other) ? 4 : 0;
}

static int leaves_nothing_else_behind(void)
{
	keep();
	keep();
	return sh("test $(ls -A \"$1\" | wc -l) = 1", getenv("MEMCAGE_FOLDER"));
}

static int refuses_a_file_that_others_may_write(void)
{
	return chmod(file, 0620) < 0 || found() || chmod(file, 0602) < 0 || found() ? 1 : 0;
}

static int refuses_a_folder_that_others_may_write(void)
{
	return chmod(getenv("MEMCAGE_FOLDER"), 0777) < 0 || found() ? 1 : 0;
}

static int refuses_a_link(void)
{
	return sh("mv \"$1\" \"$1.x\" && ln -s \"$1.x\" \"$1\"", file) < 0 || found() ? 1 : 0;
}

static int refuses_a_folder_that_is_a_link(void)
{
	return sh("mv \"$1\" \"$1.x\" && ln -s \"$1.x\" \"$1\"", getenv("MEMCAGE_FOLDER")) < 0 ||
			       found()
		       ? 1
		       : 0;
}

static int refuses_a_cut_file(void)
{
	struct stat st;

	if (stat(file, &st) < 0)
		return 1;
	for (off_t length = st.st_size - 1; length >= 0; length -= 3)
		if (truncate(file, length) < 0 || found())
			return 2;
	return 0;
}

static int refuses_a_longer_file(void)
{
	return sh("echo >>\"$1\"", file) < 0 || found() ? 1 : 0;
}

/* Its last instruction is no verdict any more. */
static int refuses_a_program_that_is_none(void)
{
	struct sock_filter wrong = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
	auto_fd int fd = open(file, O_WRONLY | O_CLOEXEC);
	struct stat st;

	if (fstat(fd, &st) < 0 ||
	    pwrite(fd, &wrong, sizeof(wrong), st.st_size - (off_t) sizeof(wrong)) < 0)
		return 1;
	return found() ? 2 : 0;
}

static int does_without_a_home(void)
{
	unsetenv("XDG_CACHE_HOME");
	unsetenv("HOME");
	keep();
	return found() ? 1 : 0;
}

static int takes_the_home_where_nothing_else_is_said(void)
{
	setenv("HOME", getenv("XDG_CACHE_HOME"), 1);
	unsetenv("XDG_CACHE_HOME");
	if (found())
		return 1;
	keep();
	return found() ? 0 : 2;
}

static int believes_no_relative_path(void)
{
	setenv("XDG_CACHE_HOME", "cache", 1);
	setenv("HOME", "home", 1);
	return found() ? 1 : 0;
}

static const struct row {
	const char *name;
	int (*act)(void);
} rows[] = {
	{ "what was kept is found", finds_what_was_kept },
	{ "but not for another profile, or on another host", finds_nothing_for_others },
	{ "the same again is one file", leaves_nothing_else_behind },
	{ "a file that others may write", refuses_a_file_that_others_may_write },
	{ "a folder that others may write", refuses_a_folder_that_others_may_write },
	{ "a link in place of the file", refuses_a_link },
	{ "a link in place of the folder", refuses_a_folder_that_is_a_link },
	{ "a file that is cut", refuses_a_cut_file },
	{ "a file that is too long", refuses_a_longer_file },
	{ "a program that is none", refuses_a_program_that_is_none },
	{ "no home", does_without_a_home },
	{ "a home", takes_the_home_where_nothing_else_is_said },
	{ "a relative path", believes_no_relative_path },
};

/* As nobody: root has one place, whatever the environment says. */
static int in_cache(const struct row *row, const char *folder)
{
	char own[100];

	snprintf(own, sizeof(own), "%s/memcage", folder);
	if (getuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return 100;
	setenv("XDG_CACHE_HOME", folder, 1);
	setenv("MEMCAGE_FOLDER", own, 1);
	keep();
	for (int i = 0; i < 256 && access(file, F_OK) < 0; i++)
		snprintf(file, sizeof(file), "%s/filter-%02x", own, (unsigned int) i);
	return row->act();
}

static void check_row(void **state)
{
	char folder[] = "/tmp/memcage-cache-XXXXXX";
	int status;
	pid_t child;

	assert_non_null(mkdtemp(folder));
	assert_return_code(chmod(folder, 0777), errno);
	child = fork();
	assert_return_code(child, errno);
	if (child == 0)
		_exit(in_cache(*state, folder));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_return_code(sh("rm -r \"$1\"", folder), errno);
	assert_int_equal(status, 0);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_row, rows);
	return test_run("filter-cache", &suite);
}
