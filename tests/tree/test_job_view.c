/* SPDX-License-Identifier: Apache-2.0 */
/* job on files: binds, the working directory, paths; for @T, @O and @t in texts see view.h. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "job/environment.h"
#include "tree/view.h"

static const char *const shell[VIEW_ARGS] = { "/bin/sh" };

/* ---- binds that cannot be ---- */

static const struct bind_row {
	const char *name;
	const char *words[3]; /* in the message; none: it can be */
	const char *binds[VIEW_BINDS];
	const char *cwd;
} bind_rows[] = {
	{ "a file over a file", {}, { "@O/file:@O/script" } },
	{ "a directory over a directory", {}, { "@O/bin:@O/more:ro" } },
	{ "a directory below /tmp that is not there", {}, { "@O/bin:/tmp/memcage-no-such/a/b" } },
	{ "a file below /tmp that is not there", {}, { "@O/file:/tmp/memcage-no-such" } },
	{ "all of /tmp", {}, { "/tmp" } },
	{ "a directory over /tmp", {}, { "@O:/tmp" } },
	{ "below /dev/shm", {}, { "@O:/dev/shm/x/y" } },
	{ "below an earlier bind, where it is there",
	  {},
	  { "@O:/tmp/memcage-no-such", "@O/more:/tmp/memcage-no-such/bin" } },
	{ "below the working directory, where it is there",
	  {},
	  { "@O/more:@T/site/deep" },
	  "@T/site" },
	{ "a source that is not there",
	  { "--bind '@O/none': '@O/none' cannot be shown", "No such file or directory" },
	  { "@O/none" } },
	{ "a source that is a link to nowhere",
	  { "cannot be shown", "No such file" },
	  { "@O/bin/dangling:@O/file" } },
	{ "a source below a file",
	  { "cannot be shown", "Not a directory" },
	  { "@O/file/x:@O/file" } },
	{ "a place that is not there",
	  { "--bind '@O/bin:@O/none': '@O/none' must be there", "No such file" },
	  { "@O/bin:@O/none" } },
	{ "a directory over a file",
	  { "'@O/file' is no directory, but the source is one" },
	  { "@O/bin:@O/file" } },
	{ "a file over a directory",
	  { "'@O/bin' is a directory, the source is none" },
	  { "@O/file:@O/bin" } },
	{ "over everything", { "--bind '@O:/': '/' cannot be the place" }, { "@O:/" } },
	{ "everything over itself", { "--bind '/': '/' cannot be the place" }, { "/" } },
	{ "a place in a /tmp that is shared",
	  { "'/tmp/memcage-no-such' must be there" },
	  { "/tmp", "@O:/tmp/memcage-no-such" } },
	{ "a bind below an earlier one that lacks the place",
	  { "'/tmp/memcage-no-such/none' must be there" },
	  { "@O:/tmp/memcage-no-such", "@O/bin:/tmp/memcage-no-such/none" } },
	{ "a bind below an earlier one outside that lacks the place",
	  { "'@O/bin/deep' must be there" },
	  { "@O/more:@O/bin", "@O/bin:@O/bin/deep" } },
	{ "a bind below a working directory that lacks the place",
	  { "'@T/site/none' must be there" },
	  { "@O/bin:@T/site/none" },
	  "@T/site" },
	{ "a bind over a file below an earlier one",
	  { "is no directory, but the source is one" },
	  { "@O:/tmp/memcage-no-such", "@O/bin:/tmp/memcage-no-such/file" } },
	{ "below what is hidden, where it is not there",
	  {},
	  { "-@O/bin", "@O/more:@O/bin/new/place" } },
	{ "at what is hidden", {}, { "-@O/bin", "@O/more:@O/bin" } },
	{ "a file at a file that is hidden", {}, { "-@O/file", "@O/script:@O/file" } },
	{ "a directory at a file that is hidden",
	  { "'@O/file' is no directory, but the source is one" },
	  { "-@O/file", "@O/more:@O/file" } },
	{ "below a file that is hidden",
	  { "'@O/file/x' lies below a file that is hidden" },
	  { "-@O/file", "@O/more:@O/file/x" } },
	{ "a place by a link", {}, { "@O/bin:@O/to-site" } },
	{ "a place by a link to a file", {}, { "@O/file:@O/bin/link" } },
	{ "a place by a link to nowhere",
	  { "'@O/bin/dangling' must be there" },
	  { "@O/file:@O/bin/dangling" } },
	{ "a place by a link to itself",
	  { "'@O/bin/loop' must be there", "Too many levels" },
	  { "@O/file:@O/bin/loop" } },
	{ "a source by a link to itself",
	  { "'@O/bin/loop' cannot be shown", "Too many levels" },
	  { "@O/bin/loop:@O/file" } },
	{ "hiding what is not there", {}, { "-@O/none", "-@O/file/x", "-@O/bin/dangling" } },
	{ "hiding a link to itself",
	  { "--hide: '@O/bin/loop': Too many levels" },
	  { "-@O/bin/loop" } },
	{ "hiding the root", { "--hide: '/etc/..' leads to /" }, { "-/etc/.." } },
	{ "hiding the working directory",
	  { "the working directory '@O' is hidden by --hide '@O'", "--bind '@O'" },
	  { "-@O" } },
	{ "hiding what the working directory is in",
	  { "'@O/site/deep' is hidden by --hide '@O/site'" },
	  { "-@O/site" },
	  "@O/site/deep" },
	{ "hiding where the working directory is shown",
	  { "'@T/site' is hidden by --hide '@T'" },
	  { "-@T" },
	  "@T/site" },
	{ "hiding around the working directory, which is shown",
	  {},
	  { "-@O/site", "@O/site/deep" },
	  "@O/site/deep" },
	{ "a text with a newline",
	  { "--bind '@O/a\\nb': '@O/a\\nb' cannot be shown" },
	  { "@O/a\nb" } },
};

static void check_bind(void **state)
{
	const struct bind_row *row = *state;
	struct memcage_error err = { 0 };
	struct job job;
	int failed = view_make(&job, shell, row->binds, row->cwd, NULL, &err);

	if (failed)
		assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	if (failed && !row->words[0])
		fail_msg("%s", err.text);
	assert_int_equal(failed, row->words[0] ? -1 : 0);
	view_assert_words(err.text, row->words, ARRAY_LEN(row->words));
	if (!failed)
		job_release(&job);
}

/* ---- private places ---- */

static const struct private_row {
	const char *name;
	const char *binds[VIEW_BINDS];
	bool want[PRIVATE__COUNT];
} private_rows[] = {
	{ "all are private", {}, { true, true, true } },
	{ "/tmp is shared", { "/tmp" }, { false, true, true } },
	{ "something else is shown as /tmp", { "@O:/tmp" }, { false, true, true } },
	{ "a part of /tmp is shared", { "@T" }, { true, true, true } },
	{ "/var and with it /var/tmp is shared", { "/var" }, { true, false, true } },
	{ "/dev/shm is shared to read", { "/dev/shm:ro" }, { true, true, false } },
};

/* A place that this host lacks cannot be private. */
static void check_private(void **state)
{
	const struct private_row *row = *state;
	struct memcage_error err;
	struct job job;

	if (view_make(&job, shell, row->binds, NULL, NULL, &err) < 0)
		fail_msg("%s", err.text);
	for (int i = 0; i < PRIVATE__COUNT; i++) {
		struct stat st;
		bool there = lstat(private_places[i], &st) == 0 && S_ISDIR(st.st_mode);

		assert_int_equal(job.is_private[i], row->want[i] && there);
	}
	job_release(&job);
}

/* ---- the working directory ---- */

static const struct workdir_row {
	const char *name;
	const char *cwd, *option; /* NULL: @O; none */
	const char *workdir;	  /* NULL: refused, with */
	const char *words[2];
	bool bound; /* it lies below a private place and is shown there */
	const char *binds[VIEW_BINDS];
} workdir_rows[] = {
	{ "the caller's", "@O/site", NULL, "@O/site" },
	{ "the caller's, by its real name", "@O/to-site", NULL, "@T/site", {}, true },
	{ "the root", "/", NULL, "/" },
	{ "an absolute one", NULL, "@O/site", "@O/site" },
	{ "a relative one", "@O", "site/./deep/..", "@O/site" },
	{ "by a link", NULL, "@O/to-site", "@T/site", {}, true },
	{ "below /tmp", "@T/site", NULL, "@T/site", {}, true },
	{ "below /tmp, as an option", NULL, "@T/site", "@T/site", {}, true },
	{ "/tmp itself: the private one", "/tmp", NULL, "/tmp" },
	{ "/dev/shm itself: the private one", NULL, "/dev/shm", "/dev/shm" },
	{ "below a /tmp that is shared", "@T/site", NULL, "@T/site", {}, false, { "/tmp" } },
	{ "below a part of /tmp that is shared", "@T/site", NULL, "@T/site", {}, false, { "@T" } },
	{ "only in the cage",
	  NULL,
	  "/tmp/memcage-no-such/site",
	  "/tmp/memcage-no-such/site",
	  {},
	  false,
	  { "@O:/tmp/memcage-no-such" } },
	{ "where a bind shows another", NULL, "@O/bin", "@O/bin", {}, false, { "@O/site:@O/bin" } },
	{ "not there",
	  NULL,
	  "@O/none",
	  NULL,
	  { "--workdir: '@O/none' is not there", "No such file" } },
	{ "below a file",
	  NULL,
	  "@O/file/x",
	  NULL,
	  { "--workdir: '@O/file/x' is not there", "Not a directory" } },
	{ "a file", NULL, "@O/file", NULL, { "--workdir: '@O/file' is not a directory" } },
	{ "a link to itself", NULL, "@O/bin/loop", NULL, { "is not there", "Too many levels" } },
	{ "not there in the cage",
	  NULL,
	  "@O/bin/dir",
	  NULL,
	  { "--workdir: '@O/bin/dir' is not a directory" },
	  false,
	  { "@O/site:@O/bin" } },
	{ "a name of two lines", NULL, "@O/a\nb", NULL, { "'@O/a\\nb' is not there" } },
};

static void check_workdir(void **state)
{
	const struct workdir_row *row = *state;
	struct memcage_error err = { 0 };
	struct job job;
	int failed = view_make(&job, shell, row->binds, row->cwd, row->option, &err);

	assert_int_equal(failed, row->workdir ? 0 : -1);
	view_assert_words(err.text, row->words, ARRAY_LEN(row->words));
	if (failed)
		return;
	assert_string_equal(job.workdir, view_expand(row->workdir));
	assert_int_equal(job.bind_workdir, row->bound);
	job_release(&job);
}

static void check_workdir_gone(void **state)
{
	struct memcage_error err;
	char *argv[] = { (char *) "/bin/sh", NULL };
	struct job job;

	(void) state;
	tree_put(&view_outside, "gone", NULL);
	assert_return_code(chdir(view_expand("@O/gone")), errno);
	assert_return_code(unlinkat(view_outside.dir, "gone", AT_REMOVEDIR), errno);
	assert_int_equal(job_make(&job, &SETTINGS_DEFAULT, view_no_limits, argv, &err), -1);
	assert_return_code(chdir("/"), errno);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_non_null(strstr(err.text, "the working directory cannot be found"));
	assert_non_null(strstr(err.text, "--workdir /"));
}

/* ---- paths ---- */

static const struct path_row {
	const char *name;
	const char *path, *host;
	bool shown;
	const char *binds[VIEW_BINDS];
	const char *cwd;
} path_rows[] = {
	{ "a path outside", "/etc/passwd", "/etc/passwd", true },
	{ "the root", "/", "/", true },
	{ "a private place", "/tmp", "/tmp", false },
	{ "below a private place", "@T/file", "@T/file", false },
	{ "by a link into a private place", "@O/to-site", "@T/site", false },
	{ "below a link into a private place", "@O/to-site/deep", "@T/site/deep", false },
	{ "in a bind", "/tmp/a/x/y", "@O/x/y", true, { "@O:/tmp/a" } },
	{ "a bind itself", "/tmp/a", "@O", true, { "@O:/tmp/a" } },
	{ "a bind of a file", "/tmp/a", "@O/file", true, { "@O/file:/tmp/a" } },
	{ "a name that begins like a bind", "/tmp/ab", "/tmp/ab", false, { "@O:/tmp/a" } },
	{ "above a bind", "/tmp", "/tmp", false, { "@O:/tmp/a" } },
	{ "a bind in a bind",
	  "/tmp/a/bin/x",
	  "@O/more/x",
	  true,
	  { "@O:/tmp/a", "@O/more:/tmp/a/bin" } },
	{ "beside a bind in a bind",
	  "/tmp/a/more/x",
	  "@O/more/x",
	  true,
	  { "@O:/tmp/a", "@O/more:/tmp/a/bin" } },
	{ "a bind over a bind",
	  "/tmp/a/x",
	  "@O/more/x",
	  true,
	  { "@O:/tmp/a/bin", "@O/more:/tmp/a" } },
	{ "the root of the host elsewhere", "/tmp/a/etc", "/etc", true, { "/:/tmp/a" } },
	{ "the working directory", "@T/site/deep", "@T/site/deep", true, {}, "@T/site" },
	{ "beside the working directory", "@T/file", "@T/file", false, {}, "@T/site" },
	{ "a name like the working directory's", "@T/site2", "@T/site2", false, {}, "@T/site" },
	{ "what is hidden", "@O/bin", "@O/bin", false, { "-@O/bin" } },
	{ "below what is hidden", "@O/bin/tool", "@O/bin/tool", false, { "-@O/bin" } },
	{ "beside what is hidden", "@O/more/tool", "@O/more/tool", true, { "-@O/bin" } },
	{ "a name that begins like what is hidden", "@O/site2", "@O/site2", true, { "-@O/site" } },
	{ "by a link to what is hidden", "@O/to-site", "@T/site", false, { "/tmp", "-@T/site" } },
	{ "by another name of what is hidden",
	  "@O/more/tool",
	  "@O/more/tool",
	  false,
	  { "-@O/to-more" } },
	{ "a bind below what is hidden",
	  "@O/bin/x/tool",
	  "@O/more/tool",
	  true,
	  { "-@O/bin", "@O/more:@O/bin/x" } },
	{ "beside a bind below what is hidden",
	  "@O/bin/tool",
	  "@O/bin/tool",
	  false,
	  { "-@O/bin", "@O/more:@O/bin/x" } },
	{ "a bind below what is hidden, said first",
	  "@O/bin/x/tool",
	  "@O/more/tool",
	  true,
	  { "@O/more:@O/bin/x", "-@O/bin" } },
	{ "hidden in a bind",
	  "/tmp/a/bin/x",
	  "/tmp/a/bin/x",
	  false,
	  { "-/tmp/a/bin", "@O:/tmp/a" } },
	{ "beside what is hidden in a bind",
	  "/tmp/a/more/x",
	  "@O/more/x",
	  true,
	  { "-/tmp/a/bin", "@O:/tmp/a" } },
	{ "a bind in what is hidden in a bind",
	  "/tmp/a/bin/x/tool",
	  "@O/more/tool",
	  true,
	  { "-/tmp/a/bin", "@O:/tmp/a", "@O/more:/tmp/a/bin/x" } },
	{ "by a link in a bind", "/tmp/a/to-more/tool", "@O/more/tool", true, { "@O:/tmp/a" } },
	{ "by a link that is resolved in the cage",
	  "/tmp/a/to-site",
	  "@T/site",
	  false,
	  { "@O:/tmp/a" } },
	{ "a bind by a link", "@O/more/x", "@O/site/x", true, { "@O/site:@O/to-more" } },
	{ "up from where a link leads", "@O/to-more/../x", "@O/x", true },
	{ "a way that goes up", "/etc/../tmp/x", "/tmp/x", false },
	{ "a way that goes up and out", "/tmp/x/../../etc", "/etc", true },
	{ "a way that goes up beyond the root", "/../../etc/..", "/", true },
	{ "a way up in a bind", "/tmp/a/b/../c", "@O/c", true, { "@O:/tmp/a" } },
	{ "names of dots", "/etc/..x/...", "/etc/..x/...", true },
	{ "names of dots and a way up", "/etc/..x/../..y/./z/..", "/etc/..y", true },
};

static void check_path(void **state)
{
	const struct path_row *row = *state;
	struct memcage_error err;
	char host[PATH_MAX];
	struct job job;

	if (view_make(&job, shell, row->binds, row->cwd, NULL, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(job_host_path(&job, view_expand(row->path), host), row->shown);
	assert_string_equal(host, view_expand(row->host));
	job_release(&job);
}

/* ---- descriptors ---- */

static void check_pass_fd(void **state)
{
	struct settings settings = SETTINGS_DEFAULT;
	char *argv[] = { (char *) "/bin/sh", NULL };
	struct memcage_error err;
	struct job job;

	(void) state;
	assert_int_equal(dup2(view_outside.dir, 700), 700);
	assert_int_equal(setting_find("pass-fd")->parse("700", &settings, &err), 0);
	assert_int_equal(job_make(&job, &settings, view_no_limits, argv, &err), 0);
	assert_int_equal(job.settings.pass_fds[0], 700);
	job_release(&job);
	close(700);
	assert_int_equal(job_make(&job, &settings, view_no_limits, argv, &err), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_string_equal(err.text, "--pass-fd: '700' is not an open descriptor");
	settings_release(&settings);
}

/* ---- one of many ---- */

static void check_derived(void **state)
{
	static char *const argv[] = { (char *) "/bin/sh", (char *) "-c", (char *) "{}", NULL };
	static char *const other[] = { (char *) "/bin/sh", (char *) "a b", NULL };
	static const char *const extra[] = { "MEMCAGE_SEQ=7", "PATH=/x", NULL };
	struct settings settings = SETTINGS_DEFAULT, own;
	struct limit_value values[LIMIT__COUNT] = { 0 };
	struct job model, job, third;
	struct memcage_error err;

	(void) state;
	assert_return_code(chdir("/"), errno);
	values[LIMIT_MEMORY] = (struct limit_value) { .set = true, .number = 4096 };
	assert_int_equal(job_make(&model, &settings, values, argv, &err), 0);
	own = settings;
	own.model = &model;
	own.extra = extra;
	own.seq = 7;
	values[LIMIT_MEMORY].number = 8192;
	assert_int_equal(job_make(&job, &own, values, other, &err), 0);
	assert_ptr_equal(job.model, &model);
	assert_string_equal(job.argv[1], "a b");
	assert_null(job.argv[2]);
	assert_ptr_not_equal(job.argv[1], other[1]);
	assert_int_equal(job.limits[LIMIT_MEMORY].number, 8192);
	assert_int_equal(job.limits[LIMIT_SWAP].number, 0);
	assert_int_equal(job.settings.seq, 7);
	assert_string_equal(environment_get(job.environment, "MEMCAGE_SEQ"), "7");
	assert_string_equal(environment_get(job.environment, "PATH"), "/x");
	assert_null(environment_get(model.environment, "MEMCAGE_SEQ"));
	assert_string_equal(job.path, model.path);
	assert_string_equal(job.workdir, "/");
	assert_memory_equal(&job.settings.mask, &model.settings.mask, sizeof(model.settings.mask));
	job_release(&job);
	job_release(&job);
	assert_int_equal(job_make(&third, &own, values, argv, &err), 0); /* the model is whole */
	assert_string_equal(third.argv[2], "{}");
	job_release(&third);
	job_release(&model);
	settings_release(&settings);
}

int main(void)
{
	static struct test_suite suite;
	int failed;

	view_start();
	TEST_ROWS(&suite, check_bind, bind_rows);
	TEST_ROWS(&suite, check_private, private_rows);
	TEST_ROWS(&suite, check_workdir, workdir_rows);
	test_add(&suite, "the caller's directory is gone", check_workdir_gone, NULL);
	TEST_ROWS(&suite, check_path, path_rows);
	test_add(&suite, "a descriptor must be open", check_pass_fd, NULL);
	test_add(&suite, "one of many has what the model has, and its own", check_derived, NULL);
	failed = test_run("job-view", &suite);
	view_end();
	return failed;
}
