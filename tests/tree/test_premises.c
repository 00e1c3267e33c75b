/* SPDX-License-Identifier: Apache-2.0 */
/* premises, and what of oom_watch many jobs share: on fake trees, notified by writing. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "supervise/premises.h"
#include "tree/fake.h"

#define EVENTS(ooms) "low 0\nhigh 0\nmax 0\noom " #ooms "\noom_kill 0\n"

/* ---- memory ---- */

static void check_blocks(void **state)
{
	struct premises premises = PREMISES_NONE;
	char *blocks[40];
	const size_t size = 1000;

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		blocks[i] = premises_take_block(&premises, size);
		assert_non_null(blocks[i]);
		memset(blocks[i], (int) i + 1, size);
	}
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		for (size_t at = 0; at < size; at++)
			assert_int_equal(blocks[i][at], (int) i + 1);
	premises_give_block(&premises, blocks[7]);
	assert_ptr_equal(premises_take_block(&premises, size), blocks[7]);
	premises_close(&premises);
	assert_null(premises.blocks);
	assert_null(premises.chunks);
}

/* What a child of fork(2) writes there is seen: why init must not. */
static void check_shared_block(void **state)
{
	struct premises premises = PREMISES_NONE;
	char *block = premises_take_block(&premises, 64);
	pid_t pid = fork();

	(void) state;
	if (pid == 0) {
		block[3] = 'x';
		_exit(0);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(block[3], 'x');
	premises_close(&premises);
}

/* More jobs than it was started for are made without it. */
static void check_shared_with_forks(void **state)
{
	struct premises premises = PREMISES_NONE;
	const struct job model = { .path = NULL };
	char *blocks[3];

	(void) state;
	assert_false(premises_is_shared(&premises, state));
	assert_int_equal(premises_start_forks(&premises, 1000, 2, &model), 0);
	if (premises.forks.socket < 0) { /* valgrind 3.19 knows no pidfd_open(2) */
		assert_int_equal(syscall(SYS_pidfd_open, getpid(), 0U), -1);
		premises_close(&premises);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		blocks[i] = premises_take_block(&premises, 1000);
		assert_non_null(blocks[i]);
		blocks[i][0] = blocks[i][999] = 'x';
		assert_int_equal(premises_is_shared(&premises, blocks[i]), i < 2);
	}
	kill(premises.forks.pid, SIGKILL);
	waitpid(premises.forks.pid, NULL, 0);
	assert_int_equal(fork_server_ask(&premises.forks, &(struct cage_plan) { .socket = 0 }), -1);
	assert_false(premises_is_shared(&premises, blocks[0]));
	premises_close(&premises);
	assert_int_equal(premises.forks.pid, -1);
}

/* ---- the log ---- */

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void check_logs(void **state)
{
	struct premises premises = PREMISES_NONE;
	const uint64_t now = 100 * USEC_PER_SEC;
	int fds[PREMISES_LOGS_MOST + 1];
	struct premises_log log;

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		premises_give_log(&premises, (struct premises_log) { fds[i], now });
	}
	assert_int_equal(premises.log_count, PREMISES_LOGS_MOST);
	assert_false(is_open(fds[PREMISES_LOGS_MOST]));
	log = premises_take_log(&premises, now + USEC_PER_SEC - 1);
	assert_int_equal(log.fd, fds[PREMISES_LOGS_MOST - 1]);
	assert_int_equal(log.since_usec, now); /* fresh: as it stands */
	premises_give_log(&premises, log);
	log = premises_take_log(&premises, now + USEC_PER_SEC);
	assert_int_equal(log.since_usec, now + USEC_PER_SEC); /* from its end */
	premises_give_log(&premises, (struct premises_log) { -1, now });
	assert_int_equal(premises.log_count, PREMISES_LOGS_MOST - 1);
	premises_close(&premises);
	assert_false(is_open(fds[0]));
	close(log.fd);
}

/* ---- the levels above ---- */

static void start(struct fake *fake, enum cgroup_version version, struct premises *premises)
{
	fake_make(fake);
	fake_add(fake, version, "own", FAKE_BIT(MEMORY));
	tree_put(&fake->tree, "own/memory.max", "4096\n");
	tree_put(&fake->tree, "own/memory.events.local", EVENTS(2));
	tree_put(&fake->tree, "own/memory.limit_in_bytes", "4096\n");
	tree_put(&fake->tree, "own/memory.oom_control", "oom_kill 0\n");
	tree_put(&fake->tree, "own/cgroup.event_control", "");
	premises_open(premises, &fake->host);
	assert_int_equal(premises->above.ancestor_count, 1);
	assert_true(premises->above.ancestors[0].fd >= 0);
}

/* The level above runs out of memory so many times more. */
static void hit(const struct fake *fake, enum cgroup_version version,
		const struct premises *premises, uint64_t ooms)
{
	static const char *const texts[] = { EVENTS(2), EVENTS(3), EVENTS(4) };
	static size_t so_far;
	int event = premises->above.ancestors[0].fd;

	if (version == CGROUP_V1) {
		assert_int_equal(write(event, &ooms, sizeof(ooms)), sizeof(ooms));
		return;
	}
	so_far = (so_far + ooms) % ARRAY_LEN(texts);
	tree_put(&fake->tree, "own/memory.events.local", texts[so_far]);
}

static bool is_hit(struct oom_watch *watch, enum cgroup_version version)
{
	struct memory_seen seen = { 0 };
	struct memory_events events;

	watch->own = 0; /* of observe: the levels above are all that is looked at */
	if (version == CGROUP_V2)
		watch->events = dup(watch->ancestors[0].fd);
	watch->kills_before = watch->ooms_before = UNREADABLE;
	oom_watch_finish(watch, false, &seen, &events);
	own_close(&watch->events);
	assert_int_equal(seen.ancestor_count, 1);
	assert_true(seen.ancestors[0].readable);
	return seen.ancestors[0].limit_hit;
}

/* What was counted before a job began is not its own; what comes while it runs is everybody's. */
static void check_levels(enum cgroup_version version)
{
	struct oom_watch first = OOM_WATCH_NONE, second = OOM_WATCH_NONE, third = OOM_WATCH_NONE;
	struct premises premises;
	struct fake fake;

	start(&fake, version, &premises);
	oom_watch_share_ancestors(&first, &premises.above);
	assert_int_equal(oom_watch_limit_above(&first), 4096);
	assert_false(is_hit(&first, version));
	hit(&fake, version, &premises, 1);
	oom_watch_share_ancestors(&second, &premises.above);
	assert_false(is_hit(&second, version));
	assert_true(is_hit(&first, version));
	hit(&fake, version, &premises, 1);
	assert_true(is_hit(&second, version));
	assert_true(is_hit(&first, version)); /* though the other one has looked */
	oom_watch_release(&first);
	assert_true(is_open(premises.above.ancestors[0].fd));
	oom_watch_share_ancestors(&third, &premises.above);
	assert_false(is_hit(&third, version));
	oom_watch_release(&third);
	oom_watch_release(&second);
	premises_close(&premises);
	fake_remove(&fake);
}

static void check_levels_v1(void **state)
{
	(void) state;
	check_levels(CGROUP_V1);
}

static void check_levels_v2(void **state)
{
	(void) state;
	check_levels(CGROUP_V2);
}

int main(void)
{
	static struct test_suite suite;

	test_add(&suite, "memory of jobs is apart and used again", check_blocks, NULL);
	test_add(&suite, "memory of jobs is shared with a child", check_shared_block, NULL);
	test_add(&suite, "the fork server shares the first of it", check_shared_with_forks, NULL);
	test_add(&suite, "logs are kept, skipped when old, closed when too many", check_logs, NULL);
	test_add(&suite, "v1: OOMs above of before a job are not its own", check_levels_v1, NULL);
	test_add(&suite, "v2: OOMs above of before a job are not its own", check_levels_v2, NULL);
	return test_run("premises", &suite);
}
