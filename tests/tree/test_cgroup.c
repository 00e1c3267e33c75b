/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup in plain directories: they can be made and removed, but have no files, so that a limit
 * cannot be written.
 */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tree/fake.h"

static const struct limit_value no_limits[LIMIT__COUNT];

static const char *const hybrid[] = { "cpu", "memory", "pids" };

/* Only the host: three hierarchies of v1, of which memory is not the first. */
static void make_host(struct fake *fake)
{
	fake_make(fake);
	fake_add(fake, CGROUP_V1, "cpu", FAKE_CPUS);
	fake_add(fake, CGROUP_V1, "memory", FAKE_BIT(MEMORY));
	fake_add(fake, CGROUP_V1, "pids", FAKE_BIT(PIDS));
}

static bool has(const struct fake *fake, const char *hierarchy, const char *name, const char *leaf)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s/%s", hierarchy, name, leaf);
	return tree_has(&fake->tree, path);
}

/* Nothing but what fake_add() has made. */
static void check_clean(const struct fake *fake)
{
	for (size_t i = 0; i < ARRAY_LEN(hybrid); i++)
		assert_int_equal(tree_count(&fake->tree, hybrid[i]), 1);
}

static void check_create(void **state)
{
	struct cgroup cgroup, other;
	struct memcage_error err;
	struct fake fake;
	char prefix[64];

	(void) state;
	make_host(&fake);
	assert_int_equal(cgroup_create(&cgroup, &fake.host, no_limits, &err), 0);
	assert_int_equal(cgroup_create(&other, &fake.host, no_limits, &err), 0);
	snprintf(prefix, sizeof(prefix), "memcage-%d-", (int) getpid());
	assert_memory_equal(cgroup.name, prefix, strlen(prefix));
	assert_string_not_equal(cgroup.name, other.name);
	assert_int_equal(cgroup.count, 3);
	assert_ptr_equal(cgroup.parts[0].hierarchy, &fake.host.hierarchies[1]);
	for (size_t i = 0; i < ARRAY_LEN(hybrid); i++) {
		assert_true(has(&fake, hybrid[i], cgroup.name, "."));
		assert_true(has(&fake, hybrid[i], other.name, "."));
	}
	assert_int_equal(cgroup_remove(&other), 0);
	for (size_t i = 0; i < ARRAY_LEN(hybrid); i++)
		assert_true(has(&fake, hybrid[i], cgroup.name, "."));
	assert_int_equal(cgroup_remove(&cgroup), 0);
	assert_int_equal(cgroup.count, 0);
	check_clean(&fake);
	assert_int_equal(cgroup_remove(&cgroup), 0);
	fake_remove(&fake);
}

static void check_parts(void **state)
{
	static const int want[CONTROLLER__COUNT] = {
		[CONTROLLER_MEMORY] = 1, [CONTROLLER_CPU] = 0, [CONTROLLER_CPUACCT] = 0,
		[CONTROLLER_PIDS] = 2,	 [CONTROLLER_IO] = -1, [CONTROLLER_CPUSET] = -1,
	};
	struct fake fake;

	(void) state;
	make_host(&fake);
	for (int c = 0; c < CONTROLLER__COUNT; c++) {
		const struct cgroup_part *part = cgroup_part(&fake.cgroup, (enum controller) c);

		assert_ptr_equal(part, want[c] < 0 ? NULL : &fake.cgroup.parts[want[c]]);
		assert_ptr_equal(host_hierarchy(&fake.host, (enum controller) c),
				 want[c] < 0 ? NULL : &fake.host.hierarchies[want[c]]);
	}
	assert_null(cgroup_part(&fake.cgroup, CONTROLLER_NONE));
	assert_null(cgroup_part(&CGROUP_NONE, CONTROLLER_MEMORY));
	assert_null(host_hierarchy(&fake.host, CONTROLLER_NONE));
	assert_int_equal(host_backend(&fake.host), CGROUP_V1);
	assert_string_equal(host_backend_name(&fake.host), "v1");
	fake.host.observes = true;
	assert_string_equal(host_backend_name(&fake.host), "observe");
	fake_remove(&fake);
}

/* Whose lock is held is not abandoned; the lock goes with whoever holds it. */
static void check_locked(void **state)
{
	struct memcage_error err;
	struct cgroup cgroup;
	struct fake fake;
	char path[128];

	(void) state;
	make_host(&fake);
	assert_int_equal(cgroup_create(&cgroup, &fake.host, no_limits, &err), 0);
	snprintf(path, sizeof(path), "memory/%s", cgroup.name);

	auto_fd int dir = tree_open(&fake.tree, path);

	assert_int_equal(flock(dir, LOCK_SH | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	assert_int_equal(cgroup_remove(&cgroup), 0);
	assert_int_equal(flock(dir, LOCK_EX | LOCK_NB), 0);
	fake_remove(&fake);
}

/* What a job has made below its leaf goes too. */
static void check_remove_nested(void **state)
{
	struct memcage_error err;
	struct cgroup cgroup;
	struct fake fake;

	(void) state;
	make_host(&fake);
	assert_int_equal(cgroup_create(&cgroup, &fake.host, no_limits, &err), 0);
	for (size_t i = 0; i < cgroup.count; i++) {
		assert_return_code(mkdirat(cgroup.parts[i].leaf, "a", 0755), errno);
		assert_return_code(mkdirat(cgroup.parts[i].leaf, "a/.b", 0755), errno);
		assert_return_code(mkdirat(cgroup.parts[i].job, "beside", 0755), errno);
	}
	assert_int_equal(cgroup_remove(&cgroup), 0);
	check_clean(&fake);
	fake_remove(&fake);
}

/* ---- what cannot be made leaves nothing ---- */

static void no_directory(struct fake *fake)
{
	assert_return_code(unlinkat(fake->tree.dir, "pids/job/leaf", AT_REMOVEDIR), errno);
	assert_return_code(unlinkat(fake->tree.dir, "pids/job", AT_REMOVEDIR), errno);
	assert_return_code(unlinkat(fake->tree.dir, "pids", AT_REMOVEDIR), errno);
}

static void not_ours(struct fake *fake)
{
	own_close(&fake->host.hierarchies[2].dir);
	fake->host.hierarchies[2].dir = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void on_v2(struct fake *fake)
{
	fake->host.hierarchies[1].version = CGROUP_V2; /* whose cgroup.controllers is not there */
}

static void nothing(struct fake *fake)
{
	(void) fake;
}

static const struct failure {
	const char *name;
	void (*spoil)(struct fake *fake);
	struct limit_value limits[LIMIT__COUNT];
	const char *words[3];
} failures[] = {
	{ "a hierarchy whose directory is gone",
	  no_directory,
	  {},
	  { "cannot make the cgroup ", "/pids/memcage-", ": No such file or directory" } },
	{ "a hierarchy that is not delegated",
	  not_ours,
	  {},
	  { "cannot make the cgroup ", "/pids/memcage-",
	    " (it is not delegated to this user): " } },
	{ "no controllers to pass on",
	  on_v2,
	  {},
	  { "cannot enable controllers in memcage-", "/cgroup.subtree_control", "No such file" } },
	{ "a memory limit that cannot be written",
	  nothing,
	  { [LIMIT_MEMORY] = { .set = true, .number = 1 << 20 } },
	  { "--memory: cannot write '1048576' to memory.limit_in_bytes: No such file" } },
	{ "a limit on tasks that cannot be written",
	  nothing,
	  { [LIMIT_PIDS] = { .set = true, .number = 5 } },
	  { "--pids: cannot write '5' to pids.max: No such file" } },
};

static void check_failure(void **state)
{
	const struct failure *row = *state;
	struct memcage_error err;
	struct cgroup cgroup;
	struct fake fake;

	make_host(&fake);
	row->spoil(&fake);
	assert_int_equal(cgroup_create(&cgroup, &fake.host, row->limits, &err), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_SETUP);
	for (size_t i = 0; i < ARRAY_LEN(row->words) && row->words[i]; i++)
		if (!strstr(err.text, row->words[i]))
			fail_msg("'%s' is not in '%s'", row->words[i], err.text);
	assert_int_equal(cgroup.count, 0);
	assert_int_equal(tree_count(&fake.tree, "memory"), 1);
	assert_int_equal(tree_count(&fake.tree, "cpu"), 1);
	fake_remove(&fake);
}

/* ---- killing ---- */

static pid_t start_child(void)
{
	pid_t pid = fork();

	while (pid == 0)
		pause();
	return pid;
}

static bool is_dead(pid_t pid)
{
	int status = 0;

	for (int i = 0; i < 20000 && waitpid(pid, &status, WNOHANG) == 0; i++)
		usleep(1000);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void put_members(const struct fake *fake, const char *path, pid_t pid)
{
	char text[64];

	/* Others' namespaces, a line that is none, an end without a newline. */
	snprintf(text, sizeof(text), "0\n\nx\n-1\n%d", (int) pid);
	tree_put(&fake->tree, path, text);
}

static void assert_text(const struct fake *fake, const char *path, const char *want)
{
	char *text = tree_get(&fake->tree, path);

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
}

/* v2: throttled processes first get time to die, on all levels, and the kernel kills. */
static void check_kill_v2(void **state)
{
	pid_t child = start_child();
	struct fake fake;

	(void) state;
	fake_make(&fake);
	fake_add_all(&fake, CGROUP_V2);
	tree_put(&fake.tree, "job/cgroup.kill", "0");
	tree_put(&fake.tree, "job/cpu.max", "1000 100000\n");
	tree_put(&fake.tree, "job/leaf/a/cpu.max", "100");
	put_members(&fake, "job/leaf/cgroup.procs", child);
	cgroup_kill(&fake.cgroup);
	assert_text(&fake, "job/cgroup.kill", "1");
	assert_text(&fake, "job/cpu.max", "max0 100000\n");
	assert_text(&fake, "job/leaf/a/cpu.max", "max");
	assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
	kill(child, SIGKILL);
	assert_true(is_dead(child));
	fake_remove(&fake);
}

/* Without cgroup.kill: each member on all levels, and nobody else: not us, whose group is 0. */
static void check_kill_each(void **state)
{
	pid_t children[] = { start_child(), start_child(), start_child(), start_child() };
	struct fake fake;

	(void) state;
	fake_make(&fake);
	fake_add_all(&fake, CGROUP_V1);
	tree_put(&fake.tree, "cpu/job/cpu.cfs_quota_us", "10");
	tree_put(&fake.tree, "cpu/job/leaf/cpu.cfs_quota_us", "10");
	put_members(&fake, "memory/job/cgroup.procs", children[0]);
	put_members(&fake, "memory/job/leaf/cgroup.procs", children[1]);
	put_members(&fake, "memory/job/leaf/.a/b/cgroup.procs", children[2]);
	put_members(&fake, "memory/cgroup.procs", children[3]);
	cgroup_kill(&fake.cgroup);
	assert_text(&fake, "cpu/job/cpu.cfs_quota_us", "-1");
	assert_text(&fake, "cpu/job/leaf/cpu.cfs_quota_us", "-1");
	for (int i = 0; i < 3; i++)
		assert_true(is_dead(children[i]));
	assert_int_equal(waitpid(children[3], NULL, WNOHANG), 0);
	kill(children[3], SIGKILL);
	assert_true(is_dead(children[3]));
	fake_remove(&fake);
}

static void check_kill_nothing(void **state)
{
	struct cgroup none = CGROUP_NONE;

	(void) state;
	cgroup_kill(&none);
	assert_int_equal(cgroup_remove(&none), 0);
}

/* ---- a pool ---- */

static void check_pool(void **state)
{
	struct cgroup pool, job;
	struct memcage_error err;
	struct host below;
	struct fake fake;
	char own[256];

	(void) state;
	make_host(&fake);
	assert_int_equal(cgroup_create_pool(&pool, &fake.host, no_limits, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(hybrid); i++)
		assert_false(has(&fake, hybrid[i], pool.name, "leaf"));
	below = cgroup_pool_host(&pool, &fake.host);
	assert_true(below.borrowed);
	for (size_t i = 0; i < pool.count; i++) {
		size_t index = (size_t) (pool.parts[i].hierarchy - fake.host.hierarchies);

		snprintf(own, sizeof(own), "%s/%s", fake.host.hierarchies[index].own, pool.name);
		assert_string_equal(below.hierarchies[index].own, own);
		assert_int_equal(below.hierarchies[index].dir, pool.parts[i].job);
	}
	assert_int_equal(cgroup_create(&job, &below, no_limits, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(hybrid); i++) {
		assert_true(has(&fake, hybrid[i], pool.name, job.name));
		assert_false(has(&fake, hybrid[i], job.name, "."));
	}
	assert_int_equal(cgroup_remove(&job), 0);
	host_release(&below); /* its directories are the pool's */
	assert_true(fcntl(pool.parts[0].job, F_GETFD) >= 0);
	assert_int_equal(cgroup_remove(&pool), 0);
	check_clean(&fake);
	fake_remove(&fake);
}

/* A pool that cannot be whole is not there. */
static void check_pool_fails(void **state)
{
	struct memcage_error err;
	struct cgroup pool;
	struct fake fake;

	(void) state;
	fake_make(&fake);
	fake_add(&fake, CGROUP_V2, "own", FAKE_V2_ALL);
	assert_int_equal(cgroup_create_pool(&pool, &fake.host, no_limits, &err), -1);
	assert_non_null(strstr(err.text, "cgroup.subtree_control"));
	assert_int_equal(tree_count(&fake.tree, "own"), 1);
	fake_remove(&fake);
}

int main(void)
{
	static struct test_suite suite;

	test_add(&suite, "made in all hierarchies, and removed from them", check_create, NULL);
	test_add(&suite, "each controller has its part", check_parts, NULL);
	test_add(&suite, "locked as long as it is there", check_locked, NULL);
	test_add(&suite, "removed with all that the job has made", check_remove_nested, NULL);
	TEST_ROWS(&suite, check_failure, failures);
	test_add(&suite, "v2 kills at once", check_kill_v2, NULL);
	test_add(&suite, "each member is killed, and nobody else", check_kill_each, NULL);
	test_add(&suite, "nothing to kill", check_kill_nothing, NULL);
	test_add(&suite, "jobs of a pool are made in it", check_pool, NULL);
	test_add(&suite, "a pool that cannot be made leaves nothing", check_pool_fails, NULL);
	return test_run("cgroup", &suite);
}
