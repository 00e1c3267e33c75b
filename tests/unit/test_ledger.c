/* SPDX-License-Identifier: Apache-2.0 */
#include "folder.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/file.h"
#include "ledger/ledger.h"

#define MIB (UINT64_C(1) << 20)
#define NO UINT64_MAX
#define NOBODY 65534

#define RESUME ((struct ledger_options) { .resume = true })
#define RERUN ((struct ledger_options) { .resume = true, .rerun_failed = true })
#define ANEW ((struct ledger_options) { 0 })

/* ---- what the tests do with a ledger ---- */

static int try_open(const char *path, struct ledger_options options, struct ledger **ret,
		    struct memcage_error *err)
{
	options.path = path;
	options.command_line = "[\"memcage\",\"map\"]";
	options.budget_bytes = 64 * MIB;
	return ledger_open(&options, ret, err);
}

static struct ledger *open_at(const char *path, struct ledger_options options)
{
	struct memcage_error err;
	struct ledger *ledger = NULL;

	if (try_open(path, options, &ledger, &err) < 0)
		fail_msg("%s", err.text);
	return ledger;
}

static struct ledger *open_ledger(struct ledger_options options)
{
	return open_at("l.db", options);
}

static struct ledger_key key_of(const char *item, uint64_t size_bytes)
{
	return (struct ledger_key) { "{\"command\":[\"wc\"],\"pids\":8}", "{\"command\":[\"wc\"]}",
				     "", item, size_bytes };
}

static struct ledger_task take_sized(struct ledger *ledger, const char *item, uint64_t size_bytes)
{
	struct ledger_key key = key_of(item, size_bytes);
	struct ledger_task task = { .id = -1 };
	struct memcage_error err;

	if (ledger_take(ledger, &key, &task, &err) < 0)
		fail_msg("%s", err.text);
	return task;
}

static struct ledger_task take(struct ledger *ledger, const char *item)
{
	return take_sized(ledger, item, NO);
}

static int64_t start(struct ledger *ledger, int64_t task, uint64_t memory_bytes)
{
	const struct ledger_attempt attempt = { task, 1, 7, memory_bytes, "given" };
	struct memcage_error err;
	int64_t id = -1;

	if (ledger_attempt_begin(ledger, &attempt, &id, &err) < 0)
		fail_msg("%s", err.text);
	return id;
}

static const struct memcage_result well = {
	.cause = MEMCAGE_CAUSE_EXITED,
	.ok = true,
	.memory_limit_bytes = 100 * MIB,
	.memory_peak_bytes = 40 * MIB,
	.wall_seconds = 1.5,
	.summary = "it exited 0",
};

static const struct memcage_result killed = {
	.cause = MEMCAGE_CAUSE_OOM,
	.scope = MEMCAGE_SCOPE_JOB,
	.status = 120,
	.exit_code = -1,
	.signal = SIGKILL,
	.memory_limit_bytes = 100 * MIB,
	.memory_peak_bytes = 100 * MIB,
	.wall_seconds = 0.25,
	.summary = "it was killed",
};

static void end(struct ledger *ledger, int64_t attempt, const struct memcage_result *result)
{
	struct memcage_error err;

	if (ledger_attempt_end(ledger, attempt, result, "{\"cause\": \"x\"}\n", &err) < 0)
		fail_msg("%s", err.text);
}

static void finish(struct ledger *ledger, int64_t task, bool ok)
{
	struct memcage_error err;

	if (ledger_task_end(ledger, task, ok, &err) < 0)
		fail_msg("%s", err.text);
}

static void give_back(struct ledger *ledger, int64_t task)
{
	struct memcage_error err;

	if (ledger_task_return(ledger, task, &err) < 0)
		fail_msg("%s", err.text);
}

static void commit(struct ledger *ledger)
{
	struct memcage_error err;

	if (ledger_commit(ledger, &err) < 0)
		fail_msg("%s", err.text);
}

/* A task from its start to its end. */
static void run_task(struct ledger *ledger, const struct ledger_task *task, bool ok)
{
	end(ledger, start(ledger, task->id, 100 * MIB), ok ? &well : &killed);
	finish(ledger, task->id, ok);
	commit(ledger);
}

static void run_item(struct ledger_options options, const char *item, bool ok)
{
	struct ledger *ledger = open_ledger(options);
	struct ledger_task task = take(ledger, item);

	assert_int_equal(task.answer, LEDGER_RUN);
	run_task(ledger, &task, ok);
	ledger_close(ledger);
}

/* By SQLite itself, as another program would. */
static void execute_at(const char *path, const char *text)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* All rows and columns of a query, with '|' between columns and ' ' after rows. */
static int add_row(void *to, int count, char **values, char **names)
{
	char *text = to;

	(void) names;
	for (int i = 0; i < count; i++) {
		size_t length = strlen(text);

		snprintf(text + length, 1024 - length, "%s%s", values[i] ? values[i] : "null",
			 i + 1 < count ? "|" : " ");
	}
	return 0;
}

static void assert_asked(const char *text, const char *want)
{
	char seen[1024] = "";
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open("l.db", &db), SQLITE_OK);
	if (sqlite3_exec(db, text, add_row, seen, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
	assert_string_equal(seen, want);
}

static void put(const char *name, const char *text)
{
	auto_fd int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
}

/* ---- what is no ledger ---- */

static void make_text(void)
{
	char text[2000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	put("l.db", text);
}

static void make_foreign(void)
{
	execute_at("l.db", "PRAGMA application_id = 7; CREATE TABLE a (b)");
}

static void make_unnamed(void)
{
	execute_at("l.db", "CREATE TABLE a (b)");
}

static void make_newer(void)
{
	execute_at("l.db", "PRAGMA application_id = 1835232359; PRAGMA user_version = 3");
}

static void make_folder(void)
{
	mkdir("l.db", 0777);
}

static void make_fifo(void)
{
	mkfifo("l.db", 0666);
}

static void make_loop(void)
{
	assert_int_equal(symlink("l.db", "l.db"), 0);
}

static void make_in_file(void)
{
	put("file", "x");
}

static void make_nothing(void)
{
}

static const struct refusal {
	const char *name;
	void (*make)(void);
	const char *path;
	enum memcage_error_code code;
	const char *words;
} refusals[] = {
	{ "a file that is no database is refused", make_text, "l.db", MEMCAGE_ERROR_USAGE,
	  "--ledger 'l.db': is no ledger, nor any other database" },
	{ "a database of another program is refused", make_foreign, "l.db", MEMCAGE_ERROR_USAGE,
	  "--ledger 'l.db': is no ledger: it is the database of another program" },
	{ "a database that does not say whose it is is refused", make_unnamed, "l.db",
	  MEMCAGE_ERROR_USAGE,
	  "--ledger 'l.db': is no ledger: it is the database of another program" },
	{ "a ledger of a newer version is refused", make_newer, "l.db", MEMCAGE_ERROR_USAGE,
	  "--ledger 'l.db': is a ledger of version 3, and this memcage knows 1" },
	{ "a folder is refused", make_folder, "l.db", MEMCAGE_ERROR_USAGE,
	  "--ledger 'l.db': cannot be a ledger: Is a directory" },
	{ "a FIFO is refused and not waited for", make_fifo, "l.db", MEMCAGE_ERROR_USAGE,
	  "--ledger 'l.db': cannot be a ledger: it is no file" },
	{ "a device is refused", make_nothing, "/dev/null", MEMCAGE_ERROR_USAGE,
	  "--ledger '/dev/null': cannot be a ledger: it is no file" },
	{ "a missing folder is refused", make_nothing, "no/l.db", MEMCAGE_ERROR_USAGE,
	  "--ledger 'no/l.db': cannot be opened: No such file or directory" },
	{ "a file for a folder is refused", make_in_file, "file/l.db", MEMCAGE_ERROR_USAGE,
	  "--ledger 'file/l.db': cannot be opened: Not a directory" },
	{ "a link to itself is refused", make_loop, "l.db", MEMCAGE_ERROR_USAGE,
	  "--ledger 'l.db': cannot be opened: Too many levels of symbolic links" },
	{ "no path at all is refused", make_nothing, "", MEMCAGE_ERROR_USAGE,
	  "--ledger '': cannot be a ledger: it is no file" },
};

#define FILE_SIZE 16384

static void read_file(const struct refusal *row, char buffer[FILE_SIZE])
{
	memset(buffer, 0, FILE_SIZE);
	if (row->make != make_fifo) /* for the other end of which reading would wait */
		file_read_at(AT_FDCWD, "l.db", buffer, FILE_SIZE);
}

/* Nothing of what is refused is changed, and nothing is left beside it. */
static void check_refusal(void **state)
{
	const struct refusal *row = *state;
	struct memcage_error err = { 0 };
	struct ledger *ledger = NULL;
	char before[FILE_SIZE], after[FILE_SIZE];

	row->make();
	read_file(row, before);
	assert_int_equal(try_open(row->path, ANEW, &ledger, &err), -1);
	assert_string_equal(err.text, row->words);
	assert_int_equal(err.code, row->code);
	assert_null(ledger);
	read_file(row, after);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(access("l.db-wal", F_OK), -1);
	assert_int_equal(access("l.db-maps", F_OK), -1);
}

static void check_long_path(void **state)
{
	struct memcage_error err = { 0 };
	struct ledger *ledger = NULL;
	char path[2000];

	(void) state;
	for (size_t i = 0; i < 3; i++) {
		memset(path + i * 201, 'a', 200);
		path[i * 201 + 200] = '\0';
		assert_int_equal(mkdir(path, 0777), 0);
		path[i * 201 + 200] = '/';
	}
	snprintf(path + 603, sizeof(path) - 603, "l.db");
	assert_int_equal(try_open(path, ANEW, &ledger, &err), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_int_equal(err.errnum, ENAMETOOLONG);
}

/* In a child that is nobody, for root may write anywhere; the number of the failed step. */
static int in_child(int (*steps)(void), uid_t user)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (geteuid() == 0 && user != 0 && (setgid(user) < 0 || setuid(user) < 0))
			_exit(100);
		_exit(steps());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The number of what is not as it should be. */
static int try_refused(int errnum)
{
	struct memcage_error err = { 0 };
	struct ledger *ledger = NULL;

	if (try_open("l.db", ANEW, &ledger, &err) == 0)
		return 1;
	if (err.code != MEMCAGE_ERROR_SETUP)
		return 2;
	if (err.errnum != errnum)
		return 3;
	return strncmp(err.text, "--ledger 'l.db': ", 17) == 0 ? 0 : 4;
}

static int try_read_only(void)
{
	return try_refused(EACCES);
}

static void check_read_only_file(void **state)
{
	(void) state;
	run_item(ANEW, "a", true);
	assert_int_equal(chmod(".", 0777), 0);
	assert_int_equal(chmod("l.db", 0444), 0);
	assert_int_equal(in_child(try_read_only, NOBODY), 0);
}

static void check_read_only_folder(void **state)
{
	(void) state;
	assert_int_equal(chmod(".", 0555), 0);
	assert_int_equal(in_child(try_read_only, NOBODY), 0);
	assert_int_equal(chmod(".", 0755), 0);
}

/* The files beside it cannot be made. */
static void check_read_only_beside(void **state)
{
	(void) state;
	run_item(ANEW, "a", true);
	assert_int_equal(chmod("l.db", 0666), 0);
	assert_int_equal(chmod(".", 0555), 0);
	assert_int_equal(in_child(try_read_only, NOBODY), 0);
	assert_int_equal(chmod(".", 0755), 0);
}

/* Both would be something else to SQLite. */
static void check_odd_names(void **state)
{
	static const char *const names[] = { ":memory:", "file:x?mode=memory", "a b'\n.db" };

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct ledger *ledger = open_at(names[i], ANEW);

		assert_string_equal(ledger_path(ledger), names[i]);
		assert_int_equal(access(names[i], F_OK), 0);
		ledger_close(ledger);
	}
}

static void check_default_place(const char *variable, const char *value, const char *want)
{
	struct stat folder;
	struct ledger *ledger;
	char *slash;
	char path[PATH_MAX];

	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	setenv(variable, value, 1);
	ledger = open_at(NULL, ANEW);
	assert_string_equal(ledger_path(ledger), want);
	ledger_close(ledger);
	snprintf(path, sizeof(path), "%s", want);
	assert_int_equal(access(path, F_OK), 0);
	slash = strrchr(path, '/');
	*slash = '\0';
	assert_int_equal(stat(path, &folder), 0);
	assert_int_equal(folder.st_mode & 07777, 0700);
}

static void check_default(void **state)
{
	char here[PATH_MAX / 2], value[PATH_MAX], want[PATH_MAX];

	(void) state;
	assert_non_null(getcwd(here, sizeof(here)));
	snprintf(value, sizeof(value), "%s/state", here);
	snprintf(want, sizeof(want), "%s/state/memcage/ledger.db", here);
	check_default_place("XDG_STATE_HOME", value, want);
	snprintf(want, sizeof(want), "%s/.local/state/memcage/ledger.db", here);
	check_default_place("HOME", here, want);
}

static void check_no_default(void **state)
{
	struct memcage_error err = { 0 };
	struct ledger *ledger = NULL;

	(void) state;
	unsetenv("HOME");
	setenv("XDG_STATE_HOME", "relative", 1);
	assert_int_equal(try_open(NULL, ANEW, &ledger, &err), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_USAGE);
	assert_int_equal(access("relative", F_OK), -1);
}

/* ---- what happens to one that is open ---- */

/* All calls, which must fail with the same words. */
static int count_other_words(struct ledger *ledger, const char *words)
{
	const struct ledger_attempt attempt = { 1, 1, 1, NO, "given" };
	const struct ledger_sum sum = { .items = 1 };
	struct ledger_key key = key_of("later", NO);
	struct memcage_error errors[7] = { 0 };
	struct ledger_task task;
	int64_t id;
	int others = 0;

	others += ledger_take(ledger, &key, &task, &errors[0]) == 0;
	others += ledger_attempt_begin(ledger, &attempt, &id, &errors[1]) == 0;
	others += ledger_attempt_end(ledger, 1, &well, "{}", &errors[2]) == 0;
	others += ledger_task_end(ledger, 1, true, &errors[3]) == 0;
	others += ledger_task_return(ledger, 1, &errors[4]) == 0;
	others += ledger_map_end(ledger, &sum, &errors[5]) == 0;
	others += ledger_commit(ledger, &errors[6]) == 0;
	for (size_t i = 0; i < ARRAY_LEN(errors); i++)
		others += strcmp(errors[i].text, words) != 0;
	return others + !ledger_failed(ledger);
}

static const struct move {
	const char *name;
	const char *removed, *put_in_place;
} moves[] = {
	{ "a ledger that is deleted meanwhile is noticed", "l.db", NULL },
	{ "a ledger that is replaced meanwhile is noticed", "l.db", "other" },
	{ "a log that is deleted meanwhile is noticed", "l.db-wal", NULL },
	{ "a log that is replaced meanwhile is noticed", "l.db-wal", "other" },
	{ "a log's index that is deleted meanwhile is noticed", "l.db-shm", NULL },
	{ "claims that are deleted meanwhile are noticed", "l.db-maps", NULL },
	{ "claims that are replaced meanwhile are noticed", "l.db-maps", "other" },
};

static void check_move(void **state)
{
	static const char words[] =
		"--ledger 'l.db': it, or a file beside it, was deleted or replaced meanwhile";
	const struct move *row = *state;
	struct ledger *ledger = open_ledger(ANEW);
	struct memcage_error err = { 0 };
	char there[16] = "";

	put("other", "other's");
	take(ledger, "a");
	commit(ledger);
	take(ledger, "b");
	assert_int_equal(unlink(row->removed), 0);
	if (row->put_in_place)
		assert_int_equal(rename(row->put_in_place, row->removed), 0);
	assert_false(ledger_failed(ledger));
	assert_int_equal(ledger_commit(ledger, &err), -1);
	assert_int_equal(err.code, MEMCAGE_ERROR_SETUP);
	assert_string_equal(err.text, words);
	assert_int_equal(count_other_words(ledger, words), 0);
	ledger_close(ledger);
	if (row->put_in_place && strcmp(row->removed, "l.db") == 0) {
		assert_true(file_read_at(AT_FDCWD, row->removed, there, sizeof(there)) > 0);
		assert_string_equal(there, "other's");
	}
}

/* Fills it until it is full; 0 where that was told as it should be. */
static int fill(const char *path, const char *reason)
{
	char item[4000], words[500];
	struct ledger_key key = key_of(item, NO);
	struct memcage_error err = { 0 };
	struct ledger_task task;
	struct ledger *ledger = NULL;
	int result = 0;

	if (try_open(path, ANEW, &ledger, &err) < 0)
		return 1;
	memset(item, 'x', sizeof(item) - 1);
	item[sizeof(item) - 1] = '\0';
	for (int i = 0; i < 1000 && result == 0; i++) {
		item[0] = (char) ('a' + i % 26);
		item[1] = (char) ('a' + i / 26);
		result = ledger_take(ledger, &key, &task, &err) < 0 ? -1
								    : ledger_commit(ledger, &err);
	}
	if (result == 0 || err.code != MEMCAGE_ERROR_SETUP)
		return 2;
	snprintf(words, sizeof(words), "--ledger '%s': cannot be written: %s", path, reason);
	if (strcmp(err.text, words) != 0 || count_other_words(ledger, words) != 0)
		return 3;
	ledger_close(ledger);
	return 0;
}

static int try_full_disk(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "small", "tmpfs", 0, "size=1M") < 0)
		return 0; /* not allowed to find out: a file that may not grow is always tried */
	return fill("small/l.db", "No space left on device");
}

static void check_full_disk(void **state)
{
	(void) state;
	assert_int_equal(mkdir("small", 0777), 0);
	assert_int_equal(in_child(try_full_disk, 0), 0);
}

static int try_file_size(void)
{
	const struct rlimit small = { MIB, MIB };

	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &small) < 0)
		return 9;
	return fill("l.db", "disk I/O error");
}

/* What was committed before is whole, and can be gone on with. */
static void check_file_size(void **state)
{
	struct ledger *ledger;

	(void) state;
	assert_int_equal(in_child(try_file_size, 0), 0);
	assert_asked("PRAGMA integrity_check", "ok ");
	ledger = open_ledger(RESUME);
	take(ledger, "a");
	commit(ledger);
	ledger_close(ledger);
}

/* ---- what a task is ---- */

enum past { NEVER, OK, FAILED, OPEN, RETURNED };

static const struct answer_row {
	const char *name;
	enum past past;
	bool resume, rerun_failed;
	enum ledger_answer want;
} answers[] = {
	{ "a new task is run", NEVER, false, false, LEDGER_RUN },
	{ "a new task is run on resume", NEVER, true, false, LEDGER_RUN },
	{ "what has ended well is run anew", OK, false, false, LEDGER_RUN },
	{ "what has ended badly is run anew", FAILED, false, false, LEDGER_RUN },
	{ "what was never ended is run anew", OPEN, false, false, LEDGER_RUN },
	{ "what has ended well is not run on resume", OK, true, false, LEDGER_DONE_OK },
	{ "what has ended badly is not run on resume", FAILED, true, false, LEDGER_DONE_FAILED },
	{ "what has ended badly is run again where that is wished", FAILED, true, true,
	  LEDGER_RUN },
	{ "what has ended well is not run for those that have not", OK, true, true,
	  LEDGER_DONE_OK },
	{ "what was never ended is run on resume", OPEN, true, false, LEDGER_RUN },
	{ "what was given back is run on resume", RETURNED, true, false, LEDGER_RUN },
};

static void make_past(enum past past)
{
	struct ledger *ledger = open_ledger(RESUME);
	struct ledger_task task;

	if (past != NEVER) {
		task = take(ledger, "a");
		if (past == OK || past == FAILED)
			run_task(ledger, &task, past == OK);
		if (past == OPEN)
			start(ledger, task.id, NO);
		if (past == RETURNED)
			give_back(ledger, task.id);
		commit(ledger);
	}
	ledger_close(ledger);
}

static void check_answer(void **state)
{
	const struct answer_row *row = *state;
	struct ledger *ledger;
	struct ledger_task task;

	make_past(row->past);
	ledger = open_ledger((struct ledger_options) { .resume = row->resume,
						       .rerun_failed = row->rerun_failed });
	task = take(ledger, "a");
	assert_int_equal(task.answer, row->want);
	assert_int_equal(task.attempts, row->past == NEVER || row->past == RETURNED ? 0 : 1);
	commit(ledger);
	assert_asked("SELECT count(*) FROM tasks", "1 ");
	ledger_close(ledger);
}

/* What differs in the key is another task. */
static void check_keys(void **state)
{
	static const struct ledger_key keys[] = {
		{ "c", "f", "s", "i", NO }, { "C", "f", "s", "i", NO },
		{ "c", "f", "S", "i", NO }, { "c", "f", "s", "I", NO },
		{ "c", "f", "s", "", NO },  { "c", "f", "s", "i\n", NO },
	};
	struct ledger *ledger = open_ledger(ANEW);
	struct memcage_error err;

	(void) state;
	for (int turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			struct ledger_task task;

			assert_int_equal(ledger_take(ledger, &keys[i], &task, &err), 0);
			assert_int_equal(task.answer, turn == 0 ? LEDGER_RUN : LEDGER_DONE_OK);
			if (turn == 0)
				run_task(ledger, &task, true);
		}
		ledger_close(ledger);
		ledger = open_ledger(RESUME);
	}
	ledger_close(ledger);
	assert_asked("SELECT count(*) FROM tasks", "6 ");
}

/* A changed input: one of three equal lines is new, and stands elsewhere. */
static void check_occurrences(void **state)
{
	static const char *const first[] = { "a", "b", "a" };
	static const char *const second[] = { "a", "c", "a", "b", "a", "a" };
	static const enum ledger_answer want[] = { LEDGER_DONE_OK, LEDGER_RUN, LEDGER_DONE_OK,
						   LEDGER_DONE_OK, LEDGER_RUN, LEDGER_RUN };
	struct ledger *ledger = open_ledger(ANEW);

	(void) state;
	for (size_t i = 0; i < ARRAY_LEN(first); i++) {
		struct ledger_task task = take(ledger, first[i]);

		run_task(ledger, &task, true);
	}
	ledger_close(ledger);
	ledger = open_ledger(RESUME);
	for (size_t i = 0; i < ARRAY_LEN(second); i++)
		assert_int_equal(take(ledger, second[i]).answer, want[i]);
	commit(ledger);
	ledger_close(ledger);
	assert_asked("SELECT CAST(item AS TEXT), occurrence, state FROM tasks ORDER BY 1, 2",
		     "a|1|ok a|2|ok a|3|started a|4|started b|1|ok c|1|started ");
}

/* Two maps of the same input at once: the second one's count is its own. */
static void check_occurrences_of_two(void **state)
{
	struct ledger *first = open_ledger(RESUME), *second = open_ledger(RESUME);

	(void) state;
	assert_int_equal(take(first, "a").answer, LEDGER_RUN);
	commit(first);
	assert_int_equal(take(second, "a").answer, LEDGER_CLAIMED);
	assert_int_equal(take(second, "a").answer, LEDGER_RUN);
	commit(second);
	assert_int_equal(take(first, "a").answer, LEDGER_CLAIMED);
	assert_int_equal(take(first, "a").answer, LEDGER_RUN);
	commit(first);
	assert_int_equal(take(second, "a").answer, LEDGER_CLAIMED);
	assert_int_equal(take(second, "a").answer, LEDGER_RUN);
	commit(second);
	ledger_close(first);
	ledger_close(second);
	assert_asked("SELECT occurrence, map FROM tasks ORDER BY 1", "1|1 2|2 3|1 4|2 ");
}

static void check_claims(void **state)
{
	struct ledger *first = open_ledger(RESUME), *second = open_ledger(RESUME), *third;

	(void) state;
	take(first, "a");
	commit(first);
	assert_int_equal(take(second, "a").answer, LEDGER_CLAIMED);
	commit(second);
	ledger_close(first);
	third = open_ledger(RESUME);
	assert_int_equal(take(third, "a").answer, LEDGER_RUN);
	commit(third);
	ledger_close(third);
	ledger_close(second);
}

/* A map without --resume shares nothing: it takes what others have, and others take what it has. */
static void check_unshared(void **state)
{
	struct ledger *shared = open_ledger(RESUME), *anew = open_ledger(ANEW), *third;
	struct ledger_task old = take(shared, "a"), new;

	(void) state;
	commit(shared);
	new = take(anew, "a");
	assert_int_equal(new.answer, LEDGER_RUN);
	assert_int_equal(new.id, old.id);
	commit(anew);
	finish(shared, old.id, true);
	commit(shared);
	assert_asked("SELECT state, map FROM tasks", "started|2 ");
	third = open_ledger(RESUME);
	assert_int_equal(take(third, "a").answer, LEDGER_RUN);
	commit(third);
	ledger_close(third);
	ledger_close(anew);
	ledger_close(shared);
}

static void check_return(void **state)
{
	struct ledger *shared, *anew;
	struct ledger_task task;

	(void) state;
	run_item(ANEW, "ok", true);
	run_item(ANEW, "failed", false);
	shared = open_ledger(RESUME);
	take(shared, "claimed");
	commit(shared);
	anew = open_ledger(ANEW);
	task = take(anew, "ok");
	give_back(anew, task.id);
	task = take(anew, "failed");
	give_back(anew, task.id);
	task = take(anew, "claimed");
	give_back(anew, task.id);
	task = take(anew, "new");
	give_back(anew, task.id);
	task = take(anew, "ended");
	finish(anew, task.id, false);
	give_back(anew, task.id);
	commit(anew);
	ledger_close(anew);
	ledger_close(shared);
	assert_asked("SELECT item, state, map FROM jobs ORDER BY 1",
		     "claimed|started|3 ended|failed|4 failed|failed|2 new|new|null ok|ok|1 ");
}

/* Two maps that run the failed ones again run each once. */
static void check_rerun_of_two(void **state)
{
	struct ledger *first, *second;
	struct ledger_task task;

	(void) state;
	run_item(ANEW, "a", false);
	run_item(ANEW, "b", false);
	first = open_ledger(RERUN);
	second = open_ledger(RERUN);
	task = take(first, "a");
	assert_int_equal(task.answer, LEDGER_RUN);
	run_task(first, &task, false);
	assert_int_equal(take(second, "a").answer, LEDGER_DONE_FAILED);
	task = take(second, "b");
	assert_int_equal(task.answer, LEDGER_RUN);
	run_task(second, &task, false);
	ledger_close(second);
	assert_int_equal(take(first, "b").answer, LEDGER_DONE_FAILED);
	ledger_close(first);
}

/* What was not committed has never been; what was is still there, and so it is after SIGKILL. */
static void check_uncommitted(void **state)
{
	struct ledger *ledger = open_ledger(ANEW);

	(void) state;
	take(ledger, "a");
	commit(ledger);
	take(ledger, "b");
	ledger_close(ledger);
	assert_asked("SELECT item FROM jobs", "a ");
}

static void check_any_bytes(void **state)
{
	static char longest[100 * 1024 + 1];
	static const char *const items[] = { "", " ", "a\nb", "'\"`;--", "\xff\xfe\x01", longest };
	struct ledger *ledger;

	(void) state;
	memset(longest, 'y', sizeof(longest) - 1);
	for (int turn = 0; turn < 2; turn++) {
		ledger = open_ledger(RESUME);
		for (size_t i = 0; i < ARRAY_LEN(items); i++) {
			struct ledger_task task = take(ledger, items[i]);

			assert_int_equal(task.answer, turn == 0 ? LEDGER_RUN : LEDGER_DONE_OK);
			if (turn == 0)
				run_task(ledger, &task, true);
		}
		ledger_close(ledger);
	}
	assert_asked("SELECT hex(item), typeof(item) FROM tasks WHERE id = 5", "FFFE01|blob ");
}

/* ---- what is recorded ---- */

static void check_columns(void **state)
{
	const struct ledger_sum sum = { 2, 1, 1, 0, 2, true, 1 };
	struct ledger *ledger = open_ledger(ANEW);
	struct memcage_error err;
	struct ledger_task task = take_sized(ledger, "good", 1000);

	(void) state;
	run_task(ledger, &task, true);
	task = take(ledger, "bad");
	end(ledger, start(ledger, task.id, 100 * MIB), &killed);
	end(ledger, start(ledger, task.id, NO), &killed);
	finish(ledger, task.id, false);
	assert_int_equal(ledger_map_end(ledger, &sum, &err), 0);
	commit(ledger);
	ledger_close(ledger);
	assert_asked("SELECT seq, attempt, memory_bytes, basis, outcome, cause, scope, status,"
		     " exit_code, signal, peak_bytes, wall_seconds, summary, report FROM attempts"
		     " WHERE task = 1",
		     "7|1|104857600|given|ok|exited|null|0|0|null|41943040|1.5|it exited 0|"
		     "{\"cause\": \"x\"}\n ");
	assert_asked("SELECT item, size_bytes, attempts, cause, scope, status, exit_code, signal,"
		     " memory_bytes, peak_bytes, summary, command FROM failed",
		     "bad|null|2|oom|job|120|null|SIGKILL|null|104857600|it was killed|"
		     "{\"command\":[\"wc\"],\"pids\":8} ");
	assert_asked("SELECT items, ok, failed, skipped, attempts, input_complete, status,"
		     " command_line, budget_bytes, resume, rerun_failed FROM maps",
		     "2|1|1|0|2|1|1|[\"memcage\",\"map\"]|67108864|0|0 ");
	assert_asked("SELECT count(*) FROM attempts WHERE started_at LIKE"
		     " '20__-__-__T__:__:__.______Z' AND ended_at >= started_at",
		     "3 ");
	assert_asked("PRAGMA application_id; PRAGMA user_version; PRAGMA journal_mode;"
		     "PRAGMA foreign_key_check; PRAGMA integrity_check",
		     "1835232359 1 wal ok ");
}

static const struct lesson {
	const char *name;
	uint64_t size_bytes, limit_bytes;
	struct memcage_result result;
	uint64_t later_bytes; /* of the item when it is looked up again */
	struct predict_past want;
	unsigned int class; /* whose need is `any` */
} lessons[] = {
	{ "a job that ends well teaches its peak and a quarter",
	  MIB,
	  100 * MIB,
	  { .ok = true, .memory_peak_bytes = 40 * MIB },
	  MIB,
	  { .same_item = 50 * MIB, .any = 50 * MIB },
	  20 },
	{ "a job that ends well teaches no more than its limit",
	  MIB,
	  45 * MIB,
	  { .ok = true, .memory_peak_bytes = 40 * MIB },
	  MIB,
	  { .same_item = 45 * MIB, .any = 45 * MIB },
	  20 },
	{ "a job whose input has no size teaches too",
	  NO,
	  100 * MIB,
	  { .ok = true, .memory_peak_bytes = 40 * MIB },
	  NO,
	  { .same_item = 50 * MIB, .any = 50 * MIB },
	  PREDICT_CLASSES },
	{ "what a job of another size needed is not this one's",
	  MIB,
	  100 * MIB,
	  { .ok = true, .memory_peak_bytes = 40 * MIB },
	  2 * MIB,
	  { .same_item = NO, .any = 50 * MIB },
	  20 },
	{ "what a job of nearly that size needed is this one's",
	  MIB,
	  100 * MIB,
	  { .ok = true, .memory_peak_bytes = 40 * MIB },
	  MIB + 1,
	  { .same_item = 50 * MIB, .any = 50 * MIB },
	  20 },
	{ "a job without peak and limit teaches nothing",
	  MIB,
	  NO,
	  { .ok = true, .memory_peak_bytes = NO },
	  MIB,
	  { .same_item = NO, .any = NO },
	  PREDICT_CLASSES },
	{ "a job that is killed at its limit teaches that this is too little",
	  MIB,
	  100 * MIB,
	  { .cause = MEMCAGE_CAUSE_OOM, .scope = MEMCAGE_SCOPE_JOB },
	  MIB,
	  { .same_item = NO, .same_killed = 100 * MIB, .any = NO },
	  PREDICT_CLASSES },
	{ "a kill for another size is forgotten",
	  MIB,
	  100 * MIB,
	  { .cause = MEMCAGE_CAUSE_OOM, .scope = MEMCAGE_SCOPE_JOB },
	  NO,
	  { .same_item = NO, .any = NO },
	  PREDICT_CLASSES },
	{ "a job that is killed at a limit above teaches nothing",
	  MIB,
	  100 * MIB,
	  { .cause = MEMCAGE_CAUSE_OOM, .scope = MEMCAGE_SCOPE_ANCESTOR },
	  MIB,
	  { .same_item = NO, .any = NO },
	  PREDICT_CLASSES },
	{ "a job that fails otherwise teaches nothing",
	  MIB,
	  100 * MIB,
	  { .cause = MEMCAGE_CAUSE_EXITED, .memory_peak_bytes = 40 * MIB, .status = 1 },
	  MIB,
	  { .same_item = NO, .any = NO },
	  PREDICT_CLASSES },
};

static void check_lesson(void **state)
{
	const struct lesson *row = *state;
	struct ledger *ledger = open_ledger(ANEW);
	struct ledger_task task = take_sized(ledger, "a", row->size_bytes);

	assert_int_equal(task.past.any, NO);
	end(ledger, start(ledger, task.id, row->limit_bytes), &row->result);
	commit(ledger);
	ledger_close(ledger);
	ledger = open_ledger(ANEW);
	task = take_sized(ledger, "a", row->later_bytes);
	assert_int_equal(task.past.same_item, row->want.same_item);
	assert_int_equal(task.past.same_killed, row->want.same_killed);
	assert_int_equal(task.past.any, row->want.any);
	for (unsigned int i = 0; i < PREDICT_CLASSES; i++)
		assert_int_equal(task.past.by_class[i], i == row->class ? row->want.any : NO);
	ledger_close(ledger);
}

/* Kills are those since it last ended well, needs the largest; other limits are the same family. */
static void check_learning(void **state)
{
	struct ledger *ledger = open_ledger(ANEW);
	struct memcage_result less = well;
	struct ledger_key other = key_of("b", MIB);
	struct memcage_error err;
	struct ledger_task task = take_sized(ledger, "a", MIB);

	(void) state;
	end(ledger, start(ledger, task.id, 20 * MIB), &killed);
	end(ledger, start(ledger, task.id, 10 * MIB), &killed);
	task = take_sized(ledger, "c", MIB);
	end(ledger, start(ledger, task.id, 100 * MIB), &well);
	less.memory_peak_bytes = MIB;
	end(ledger, start(ledger, task.id, 100 * MIB), &less);
	assert_asked("SELECT count(*) FROM needs", "0 ");
	commit(ledger);
	ledger_close(ledger);
	ledger = open_ledger(ANEW);
	task = take_sized(ledger, "a", MIB);
	assert_int_equal(task.past.same_killed, 20 * MIB);
	end(ledger, start(ledger, task.id, 100 * MIB), &well);
	other.command = "{\"command\":[\"wc\"],\"pids\":9}";
	assert_int_equal(ledger_take(ledger, &other, &task, &err), 0);
	assert_int_equal(task.past.by_class[20], 50 * MIB);
	other.family = "{\"command\":[\"cat\"]}";
	other.command = "{\"command\":[\"cat\"],\"pids\":9}";
	assert_int_equal(ledger_take(ledger, &other, &task, &err), 0);
	assert_int_equal(task.past.any, NO);
	commit(ledger);
	ledger_close(ledger);
	ledger = open_ledger(ANEW);
	task = take_sized(ledger, "a", MIB);
	assert_int_equal(task.past.same_killed, 0);
	assert_int_equal(task.past.same_item, 50 * MIB);
	task = take_sized(ledger, "c", MIB);
	assert_int_equal(task.past.same_item, MIB + MIB / 4);
	ledger_close(ledger);
	assert_asked("SELECT size_class, need_bytes, attempts FROM needs", "20|52428800|3 ");
}

/* ---- many processes ---- */

#define SHARED_ITEMS 1000

static void tell(int fd)
{
	assert_int_equal(write(fd, "x", 1), 1);
}

static void hear(int fd)
{
	char byte;

	assert_int_equal(read(fd, &byte, 1), 1);
}

/* Runs in a child: an assertion would only leave its copy of the tests. */
static int run_shared(struct ledger *ledger, int from, int to)
{
	struct memcage_error err;
	struct ledger_task task;
	int64_t attempt;
	char item[16];

	for (int i = from; i < to; i++) {
		struct ledger_key key = key_of(item, NO);
		struct ledger_attempt begun = { .attempt = 1,
						.memory_bytes = NO,
						.basis = "given" };

		snprintf(item, sizeof(item), "%d", i);
		if (ledger_take(ledger, &key, &task, &err) < 0)
			return 1;
		begun.task = task.id;
		if (task.answer == LEDGER_RUN &&
		    (ledger_attempt_begin(ledger, &begun, &attempt, &err) < 0 ||
		     ledger_commit(ledger, &err) < 0 ||
		     ledger_attempt_end(ledger, attempt, &well, "{}", &err) < 0 ||
		     ledger_task_end(ledger, task.id, true, &err) < 0))
			return 2;
		if (ledger_commit(ledger, &err) < 0)
			return 3;
	}
	return 0;
}

/* Each has had a task before the other goes on, so that both take part. */
static pid_t start_sharer(int first, int said[2], int heard[2])
{
	struct memcage_error err;
	struct ledger *ledger = NULL;
	pid_t child = fork();
	char byte;
	int result;

	if (child != 0)
		return child;
	if (try_open("l.db", RESUME, &ledger, &err) < 0)
		_exit(10);
	result = run_shared(ledger, first, first + 1);
	if (write(said[1], "x", 1) != 1 || read(heard[0], &byte, 1) != 1)
		_exit(11);
	if (result == 0)
		result = run_shared(ledger, 0, SHARED_ITEMS / 2 + first);
	if (result == 0)
		result = run_shared(ledger, SHARED_ITEMS / 2 + first, SHARED_ITEMS);
	ledger_close(ledger);
	_exit(result);
}

static void assert_child_ends(pid_t child, int want)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, want);
}

static void check_two_processes(void **state)
{
	int there[2], back[2];
	pid_t one, other;

	(void) state;
	assert_int_equal(pipe2(there, O_CLOEXEC), 0);
	assert_int_equal(pipe2(back, O_CLOEXEC), 0);
	one = start_sharer(1, there, back);
	other = start_sharer(2, back, there);
	assert_child_ends(one, 0);
	assert_child_ends(other, 0);
	close(there[0]);
	close(there[1]);
	close(back[0]);
	close(back[1]);
	/* The items that they began with came twice in their inputs. */
	assert_asked("SELECT count(*), min(attempts), max(attempts) FROM tasks", "1002|1|1 ");
	assert_asked("SELECT count(*), count(DISTINCT task), count(DISTINCT map) FROM attempts"
		     " WHERE outcome = 'ok'",
		     "1002|1002|2 ");
	assert_asked("PRAGMA integrity_check", "ok ");
}

/* Takes ten and commits, takes one more, and is then killed. */
static pid_t start_victim(int said)
{
	struct ledger *ledger;
	pid_t child = fork();
	char item[16];

	if (child != 0)
		return child;
	ledger = open_ledger(RESUME);
	for (int i = 0; i < 10; i++) {
		snprintf(item, sizeof(item), "%d", i);
		take(ledger, item);
	}
	commit(ledger);
	take(ledger, "uncommitted");
	tell(said);
	for (;;)
		pause();
}

static void check_death(void **state)
{
	struct ledger *ledger;
	char item[16];
	int said[2];
	pid_t victim;

	(void) state;
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	victim = start_victim(said[1]);
	hear(said[0]);
	kill(victim, SIGKILL);
	assert_child_ends(victim, SIGKILL);
	ledger = open_ledger(RESUME);
	for (int i = 0; i < 10; i++) {
		snprintf(item, sizeof(item), "%d", i);
		assert_int_equal(take(ledger, item).answer, LEDGER_RUN);
	}
	commit(ledger);
	ledger_close(ledger);
	close(said[0]);
	close(said[1]);
	assert_asked("SELECT count(*), min(map), max(map) FROM tasks", "10|2|2 ");
}

/* A child that a map has, and that has not closed what it was given, does not end its locks. */
static void check_living_claims(void **state)
{
	static struct ledger *ledger; /* static: the child's copy is no leak */
	int said[2], heard[2];
	pid_t holder;
	char byte;

	(void) state;
	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	assert_int_equal(pipe2(heard, O_CLOEXEC), 0);
	holder = fork();
	if (holder == 0) {
		ledger = open_ledger(RESUME);
		take(ledger, "a");
		commit(ledger);
		if (fork() == 0)
			_exit(0);
		wait(NULL);
		tell(said[1]);
		_exit(read(heard[0], &byte, 1) == 1 ? 0 : 1);
	}
	hear(said[0]);
	ledger = open_ledger(RESUME);
	assert_int_equal(take(ledger, "a").answer, LEDGER_CLAIMED);
	commit(ledger);
	tell(heard[1]);
	assert_child_ends(holder, 0);
	ledger_close(ledger);
	for (int i = 0; i < 2; i++) {
		close(said[i]);
		close(heard[i]);
	}
}

#define OPENERS 6

static int try_first_open(int gate)
{
	struct memcage_error err;
	struct ledger *ledger = NULL;
	char byte;

	if (read(gate, &byte, 1) != 0) /* until it is closed */
		return 1;
	if (try_open("l.db", RESUME, &ledger, &err) < 0)
		return 2;
	if (run_shared(ledger, 0, 5) != 0)
		return 3;
	ledger_close(ledger);
	return 0;
}

static void check_all_at_once(void **state)
{
	pid_t children[OPENERS];
	int gate[2];

	(void) state;
	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	for (size_t i = 0; i < OPENERS; i++) {
		children[i] = fork();
		if (children[i] == 0) {
			close(gate[1]);
			_exit(try_first_open(gate[0]));
		}
	}
	close(gate[1]);
	close(gate[0]);
	for (size_t i = 0; i < OPENERS; i++)
		assert_child_ends(children[i], 0);
	assert_asked("SELECT count(*), max(id) FROM maps", "6|6 ");
	assert_asked("SELECT count(*), max(attempts) FROM tasks", "5|1 ");
}

/* The number of a map that lives, though its ledger was taken away, is nobody else's. */
static void check_held_number(void **state)
{
	struct ledger *old = open_ledger(RESUME), *new;

	(void) state;
	assert_int_equal(unlink("l.db"), 0);
	assert_int_equal(unlink("l.db-wal"), 0);
	assert_int_equal(unlink("l.db-shm"), 0);
	new = open_ledger(RESUME);
	assert_asked("SELECT id FROM maps", "2 ");
	ledger_close(new);
	ledger_close(old);
}

static void check_links(void **state)
{
	struct ledger *first, *second;

	(void) state;
	assert_int_equal(mkdir("deep", 0777), 0);
	assert_int_equal(symlink("deep/l.db", "near.db"), 0);
	first = open_at("near.db", RESUME);
	second = open_at("deep/l.db", RESUME);
	take(first, "a");
	commit(first);
	assert_int_equal(take(second, "a").answer, LEDGER_CLAIMED);
	commit(second);
	ledger_close(second);
	ledger_close(first);
	assert_int_equal(access("near.db-maps", F_OK), -1);
	assert_int_equal(access("deep/l.db-maps", F_OK), 0);
}

/* Whoever may write the ledger may claim, also where root has opened it first. */
static void check_permissions(void **state)
{
	struct stat maps;

	(void) state;
	put("l.db", "");
	assert_int_equal(chmod("l.db", 0660), 0);
	if (geteuid() == 0)
		assert_int_equal(chown("l.db", NOBODY, NOBODY), 0);
	ledger_close(open_ledger(ANEW));
	assert_int_equal(stat("l.db-maps", &maps), 0);
	assert_int_equal(maps.st_mode & 07777, 0660);
	if (geteuid() == 0)
		assert_int_equal(maps.st_uid, NOBODY);
}

#define MANY 3000

/* 3,000 items of 1 KiB, each with a report as long: six times what the cache may hold. */
static void check_memory(void **state)
{
	struct ledger *ledger = open_ledger(ANEW);
	struct memcage_error err;
	char item[1024];

	(void) state;
	memset(item, 'z', sizeof(item) - 1);
	item[sizeof(item) - 1] = '\0';
	sqlite3_memory_highwater(1);
	for (int i = 0; i < MANY; i++) {
		struct ledger_task task;

		snprintf(item, sizeof(item), "%1000d", i);
		task = take(ledger, item);
		assert_int_equal(ledger_attempt_end(ledger, start(ledger, task.id, NO), &well, item,
						    &err),
				 0);
		finish(ledger, task.id, true);
		if (i % 8 == 0)
			commit(ledger);
	}
	commit(ledger);
	assert_true(sqlite3_memory_highwater(0) < (sqlite3_int64) (2 * MIB));
	ledger_close(ledger);
}

/* --ledger-sync changes when it is on the disk, and nothing else. */
static void check_sync(void **state)
{
	(void) state;
	run_item((struct ledger_options) { .sync = true }, "a", true);
	assert_asked("SELECT state FROM tasks", "ok ");
}

static void add(struct test_suite *suite, const char *name, CMUnitTestFunction check)
{
	test_add(suite, name, check, NULL);
}

static void add_states(struct test_suite *suite)
{
	TEST_ROWS(suite, check_answer, answers);
	add(suite, "each part of a key makes another task", check_keys);
	add(suite, "equal items are counted, wherever they stand", check_occurrences);
	add(suite, "two maps count equal items each for itself", check_occurrences_of_two);
	add(suite, "what a living map has is not run, what a dead one had is", check_claims);
	add(suite, "a map without resume shares nothing", check_unshared);
	add(suite, "what is given back is as it was", check_return);
	add(suite, "two maps run what has failed once more, and once", check_rerun_of_two);
	add(suite, "what is not committed has never been", check_uncommitted);
	add(suite, "items are any bytes", check_any_bytes);
	add(suite, "columns say what has happened", check_columns);
	TEST_ROWS(suite, check_lesson, lessons);
	add(suite, "needs are the largest, kills those since the last success", check_learning);
}

int main(void)
{
	static struct test_suite suite;

	TEST_ROWS(&suite, check_refusal, refusals);
	add(&suite, "a path that is too long is refused", check_long_path);
	add(&suite, "a ledger that may not be written is told", check_read_only_file);
	add(&suite, "a folder that may not be written is told", check_read_only_folder);
	add(&suite, "a ledger beside which nothing can be made is told", check_read_only_beside);
	add(&suite, "names that SQLite knows otherwise are files", check_odd_names);
	add(&suite, "the default place is made", check_default);
	add(&suite, "without a default place there is no ledger", check_no_default);
	TEST_ROWS(&suite, check_move, moves);
	add(&suite, "a full disk is told, and told again", check_full_disk);
	add(&suite, "a file that may not grow is told, and stays whole", check_file_size);
	add_states(&suite);
	add(&suite, "two processes share a thousand tasks, each is run once", check_two_processes);
	add(&suite, "the claims of a killed map are free", check_death);
	add(&suite, "a child that ends does not end its map's claims", check_living_claims);
	add(&suite, "a new ledger may be opened by six at once", check_all_at_once);
	add(&suite, "a number that a living map holds is left out", check_held_number);
	add(&suite, "a link leads to the same claims", check_links);
	add(&suite, "claims are open to whom the ledger is", check_permissions);
	add(&suite, "memory does not grow with the tasks", check_memory);
	add(&suite, "a ledger that is written through is the same", check_sync);
	folder_for_each(&suite);
	return test_run("ledger", &suite);
}
