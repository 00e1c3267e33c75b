/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file is never opened a second time, to look at it say: closing that descriptor would drop the
 * POSIX locks that SQLite holds on it (fcntl(2)).  What is to be known of it is asked by path.
 */
#include "ledger/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/own.h"
#include "base/parse.h"

#define BUSY_SECONDS 30 /* a commit of another map takes milliseconds, fsync included */
#define BUSY_PAUSE_USEC 1000
#define PATH_QUOTED 300
#define ANSWER_SIZE 32

static const char *const suffixes[DATABASE_FILE__COUNT] = {
	[DATABASE_ITSELF] = "",
	[DATABASE_WAL] = "-wal",
	[DATABASE_SHM] = "-shm",
	[DATABASE_MAPS] = "-maps",
};

/*
 * Of the connection, so before any transaction.  Memory is bounded by the caches: what does not fit
 * goes to the WAL, and what is temporary to a nameless file; of that nothing is ever taken back.
 */
static const char settings[] = "PRAGMA trusted_schema = OFF;"
			       "PRAGMA foreign_keys = ON;"
			       "PRAGMA main.cache_size = -1024;"
			       "PRAGMA main.journal_size_limit = 8388608;"
			       "PRAGMA temp_store = FILE;"
			       "PRAGMA temp.cache_size = -256;"
			       "PRAGMA temp.journal_mode = OFF;";

/* ---- memory ---- */

#define CACHE_PAGES 320	     /* of both caches above */
#define CACHE_HEADER 512     /* of each, at most: SQLITE_CONFIG_PCACHE_HDRSZ */
#define LOOKASIDE_BYTES 4096 /* as large as nearly all that a statement needs */
#define LOOKASIDE_COUNT 128

/*
 * SQLite's own pages and small pieces lie where a fork does not copy them (MADV_WIPEONFORK): the
 * init of each job is forked, and each page that we write between two forks would be copied once
 * more. Without that memory SQLite takes the heap's.
 */
static void *take_apart(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, size, MADV_WIPEONFORK);
	return memory;
}

/* Before the first connection of the process. */
static void set_cache_apart(void)
{
	static bool done;
	const int page = 4096 + CACHE_HEADER;
	void *memory = done ? NULL : take_apart((size_t) page * CACHE_PAGES);

	if (memory)
		sqlite3_config(SQLITE_CONFIG_PAGECACHE, memory, page, CACHE_PAGES);
	done = true;
}

static void set_lookaside_apart(struct database *database)
{
	database->lookaside = take_apart((size_t) LOOKASIDE_BYTES * LOOKASIDE_COUNT);
	if (database->lookaside)
		sqlite3_db_config(database->sqlite, SQLITE_DBCONFIG_LOOKASIDE, database->lookaside,
				  LOOKASIDE_BYTES, LOOKASIDE_COUNT);
}

static void release_lookaside(struct database *database)
{
	if (database->lookaside)
		munmap(database->lookaside, (size_t) LOOKASIDE_BYTES * LOOKASIDE_COUNT);
	database->lookaside = NULL;
}

/* ---- errors ---- */

static int say(const struct database *database, enum memcage_error_code code, int errnum,
	       const char *words, struct memcage_error *err)
{
	char quoted[PATH_QUOTED];

	return error_set(err, code, errnum, "--ledger %s: %s",
			 parse_quote(database->path, quoted, sizeof(quoted)), words);
}

static int give_up(struct database *database, const struct memcage_error *err)
{
	database->failed = true;
	database->failure = *err;
	if (database->begun)
		sqlite3_exec(database->sqlite, "ROLLBACK", NULL, NULL, NULL);
	database->begun = false;
	return -1;
}

static int refuse(struct database *database, const char *words, struct memcage_error *err)
{
	say(database, MEMCAGE_ERROR_USAGE, 0, words, err);
	return give_up(database, err);
}

int database_fail(struct database *database, int errnum, const char *words,
		  struct memcage_error *err)
{
	say(database, MEMCAGE_ERROR_SETUP, errnum, words, err);
	return give_up(database, err);
}

static const struct complaint {
	int code;
	int errnum;
	const char *words;
} complaints[] = {
	{ SQLITE_CORRUPT, 0, "is damaged (PRAGMA integrity_check tells how)" },
	{ SQLITE_FULL, ENOSPC, "cannot be written" },
	{ SQLITE_NOMEM, ENOMEM, "cannot be written" },
	{ SQLITE_BUSY, 0, "another process has kept it locked for too long" },
};

/* What SQLite has just failed with. */
static int fail(struct database *database, struct memcage_error *err)
{
	int code = sqlite3_errcode(database->sqlite);
	int errnum = sqlite3_system_errno(database->sqlite);
	char words[200];

	if (code == SQLITE_NOTADB)
		return refuse(database, "is no ledger, nor any other database", err);
	for (size_t i = 0; i < ARRAY_LEN(complaints); i++)
		if (complaints[i].code == code)
			return database_fail(database, complaints[i].errnum, complaints[i].words,
					     err);
	if (code == SQLITE_READONLY)
		errnum = access(database->path, W_OK) < 0 ? errno : EROFS;
	if ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN || code == SQLITE_READONLY) &&
	    errnum != 0)
		return database_fail(database, errnum, "cannot be written", err);
	snprintf(words, sizeof(words), "cannot be written: %s", sqlite3_errmsg(database->sqlite));
	return database_fail(database, 0, words, err);
}

/* ---- statements ---- */

void database_put(struct database *database, size_t statement, int at, uint64_t number)
{
	sqlite3_stmt *to = database->statements[statement];

	if (number == UINT64_MAX)
		sqlite3_bind_null(to, at);
	else
		sqlite3_bind_int64(to, at, number > INT64_MAX ? INT64_MAX : (int64_t) number);
}

void database_put_real(struct database *database, size_t statement, int at, double number)
{
	sqlite3_bind_double(database->statements[statement], at, number);
}

void database_put_text(struct database *database, size_t statement, int at, const char *text)
{
	sqlite3_bind_text(database->statements[statement], at, text, -1, SQLITE_STATIC);
}

void database_put_bytes(struct database *database, size_t statement, int at, const char *text)
{
	sqlite3_bind_blob64(database->statements[statement], at, text, strlen(text), SQLITE_STATIC);
}

static int step(struct database *database, sqlite3_stmt *statement, struct memcage_error *err)
{
	int code = sqlite3_step(statement);

	if (code == SQLITE_ROW)
		return 1;
	if (code != SQLITE_DONE)
		fail(database, err);
	sqlite3_reset(statement);
	return code == SQLITE_DONE ? 0 : -1;
}

int database_next(struct database *database, size_t statement, struct memcage_error *err)
{
	return step(database, database->statements[statement], err);
}

int database_run(struct database *database, size_t statement, struct memcage_error *err)
{
	return step(database, database->statements[statement], err);
}

void database_leave(struct database *database, size_t statement)
{
	sqlite3_reset(database->statements[statement]);
}

uint64_t database_get(struct database *database, size_t statement, int column)
{
	sqlite3_stmt *from = database->statements[statement];

	if (sqlite3_column_type(from, column) == SQLITE_NULL)
		return UINT64_MAX;
	return (uint64_t) sqlite3_column_int64(from, column);
}

int64_t database_get_id(struct database *database, size_t statement, int column)
{
	return sqlite3_column_int64(database->statements[statement], column);
}

char database_get_letter(struct database *database, size_t statement, int column)
{
	const unsigned char *text = sqlite3_column_text(database->statements[statement], column);

	return text ? (char) *text : '\0';
}

int64_t database_last_id(struct database *database)
{
	return sqlite3_last_insert_rowid(database->sqlite);
}

/* ---- transactions ---- */

static int say_moved(struct database *database, struct memcage_error *err)
{
	return database_fail(database, 0,
			     "it, or a file beside it, was deleted or replaced meanwhile", err);
}

/* Which files they are; of its own SQLite tells whether it is the one at the path. */
static int know_files(struct database *database, struct memcage_error *err)
{
	struct stat found;
	int moved = 1;

	for (size_t i = 0; i < DATABASE_FILE__COUNT; i++) {
		if (stat(database->files[i].path, &found) < 0)
			return say_moved(database, err);
		database->files[i].device = found.st_dev;
		database->files[i].inode = found.st_ino;
	}
	sqlite3_file_control(database->sqlite, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
	if (moved)
		return say_moved(database, err);
	database->files_known = true;
	return 0;
}

static int check_files(struct database *database, struct memcage_error *err)
{
	struct stat found;

	for (size_t i = 0; i < DATABASE_FILE__COUNT; i++)
		if (stat(database->files[i].path, &found) < 0 ||
		    found.st_dev != database->files[i].device ||
		    found.st_ino != database->files[i].inode)
			return say_moved(database, err);
	return 0;
}

static int say_again(const struct database *database, struct memcage_error *err)
{
	*err = database->failure;
	return -1;
}

int database_begin(struct database *database, struct memcage_error *err)
{
	if (database->failed)
		return say_again(database, err);
	if (!database->begun && step(database, database->begin, err) < 0)
		return -1;
	database->begun = true;
	return 0;
}

int database_commit(struct database *database, struct memcage_error *err)
{
	if (database->failed)
		return say_again(database, err);
	if (database->files_known && !database->begun)
		return 0;
	if (database->files_known && check_files(database, err) < 0)
		return -1;
	if (database->begun && step(database, database->commit, err) < 0)
		return -1;
	database->begun = false;
	return database->files_known ? 0 : know_files(database, err);
}

/* ---- opening ---- */

/* Constant pauses: SQLite's own grow to 0.1 s, in which the other map commits ten times. */
static int wait_for_others(void *unused, int times)
{
	(void) unused;
	usleep(BUSY_PAUSE_USEC);
	return times < BUSY_SECONDS * (1000000 / BUSY_PAUSE_USEC);
}

static int execute(struct database *database, const char *text, struct memcage_error *err)
{
	if (sqlite3_exec(database->sqlite, text, NULL, NULL, NULL) != SQLITE_OK)
		return fail(database, err);
	return 0;
}

static int take_answer(void *to, int count, char **values, char **names)
{
	(void) names;
	snprintf(to, ANSWER_SIZE, "%s", count > 0 && values[0] ? values[0] : "");
	return 0;
}

static int ask(struct database *database, const char *text, long long *ret,
	       struct memcage_error *err)
{
	char answer[ANSWER_SIZE] = "";

	if (sqlite3_exec(database->sqlite, text, take_answer, answer, NULL) != SQLITE_OK)
		return fail(database, err);
	*ret = strtoll(answer, NULL, 10);
	return 0;
}

static int check_kind(struct database *database, const struct database_kind *kind, bool *ret_empty,
		      struct memcage_error *err)
{
	long long application = 0, version = 0, tables = 0;
	char words[100];

	if (ask(database, "PRAGMA application_id", &application, err) < 0 ||
	    ask(database, "PRAGMA user_version", &version, err) < 0 ||
	    ask(database, "SELECT count(*) FROM sqlite_master", &tables, err) < 0)
		return -1;
	*ret_empty = application == 0 && version == 0 && tables == 0;
	if (*ret_empty || (application == kind->application && version == kind->version))
		return 0;
	if (application != kind->application)
		return refuse(database, "is no ledger: it is the database of another program", err);
	snprintf(words, sizeof(words), "is a ledger of version %lld, and this memcage knows %d",
		 version, kind->version);
	return refuse(database, words, err);
}

/* The file itself keeps the mode.  SQLite does not wait where two make it so at once. */
static int use_wal(struct database *database, bool sync, struct memcage_error *err)
{
	char mode[ANSWER_SIZE] = "";
	int code, times = 0;

	do
		code = sqlite3_exec(database->sqlite, "PRAGMA main.journal_mode = WAL", take_answer,
				    mode, NULL);
	while (code == SQLITE_BUSY && wait_for_others(NULL, times++));
	if (code != SQLITE_OK)
		return fail(database, err);
	if (strcmp(mode, "wal") != 0)
		return database_fail(database, 0,
				     "its file system cannot hold a ledger: no write-ahead log",
				     err);
	return execute(database,
		       sync ? "PRAGMA main.synchronous = FULL" : "PRAGMA main.synchronous = NORMAL",
		       err);
}

static int make_tables(struct database *database, const struct database_kind *kind,
		       struct memcage_error *err)
{
	char text[100];

	snprintf(text, sizeof(text), "PRAGMA application_id = %d; PRAGMA user_version = %d",
		 kind->application, kind->version);
	if (execute(database, kind->tables, err) < 0)
		return -1;
	return execute(database, text, err);
}

static int prepare(struct database *database, const char *text, sqlite3_stmt **ret,
		   struct memcage_error *err)
{
	if (sqlite3_prepare_v2(database->sqlite, text, -1, ret, NULL) != SQLITE_OK)
		return fail(database, err);
	return 0;
}

static int prepare_all(struct database *database, const struct database_kind *kind,
		       struct memcage_error *err)
{
	database->statements = calloc(kind->text_count, sizeof(sqlite3_stmt *));
	if (!database->statements)
		return database_fail(database, ENOMEM, "cannot be opened", err);
	database->statement_count = kind->text_count;
	for (size_t i = 0; i < kind->text_count; i++)
		if (prepare(database, kind->texts[i], &database->statements[i], err) < 0)
			return -1;
	return 0;
}

/* Looked at before a byte of it is changed, and again when nobody else can be making it. */
static int open_kind(struct database *database, const struct database_kind *kind, bool sync,
		     struct memcage_error *err)
{
	bool empty;

	if (execute(database, settings, err) < 0 || check_kind(database, kind, &empty, err) < 0 ||
	    use_wal(database, sync, err) < 0 || execute(database, kind->temporary, err) < 0 ||
	    prepare(database, "BEGIN IMMEDIATE", &database->begin, err) < 0 ||
	    prepare(database, "COMMIT", &database->commit, err) < 0 ||
	    database_begin(database, err) < 0 || check_kind(database, kind, &empty, err) < 0)
		return -1;
	if (empty && make_tables(database, kind, err) < 0)
		return -1;
	return prepare_all(database, kind, err);
}

/* A path that leads nowhere is a wrong value; what may not be written is the host's doing. */
static int say_unopened(const struct database *database, int errnum, struct memcage_error *err)
{
	bool wrong = errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP || errnum == EISDIR ||
		     errnum == ENAMETOOLONG;

	return say(database, wrong ? MEMCAGE_ERROR_USAGE : MEMCAGE_ERROR_SETUP, errnum,
		   "cannot be opened", err);
}

/* The files beside it are made there.  SQLite's own errno is that of a second try, to read only. */
static int check_folder(const struct database *database, const char *path,
			struct memcage_error *err)
{
	const char *slash = strrchr(path, '/');
	auto_free char *folder = slash ? strndup(path, (size_t) (slash + 1 - path)) : strdup(".");

	if (!folder)
		return say_unopened(database, ENOMEM, err);
	if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) < 0)
		return say_unopened(database, errno, err);
	return 0;
}

/* SQLite would wait for the other end of a FIFO, and say little of a directory. */
static int check_path(const struct database *database, struct memcage_error *err)
{
	struct stat what;

	if (*database->path == '\0')
		return say(database, MEMCAGE_ERROR_USAGE, 0, "cannot be a ledger: it is no file",
			   err);
	if (stat(database->path, &what) < 0)
		return errno == ENOENT ? check_folder(database, database->path, err)
				       : say_unopened(database, errno, err);
	if (S_ISDIR(what.st_mode))
		return say(database, MEMCAGE_ERROR_USAGE, EISDIR, "cannot be a ledger", err);
	if (!S_ISREG(what.st_mode))
		return say(database, MEMCAGE_ERROR_USAGE, 0, "cannot be a ledger: it is no file",
			   err);
	return 0;
}

/* With "./" where it is relative: to SQLite ":memory:" and "file:x?mode=ro" are no paths. */
static int open_file(struct database *database, struct memcage_error *err)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	auto_free char *name = NULL;

	if (asprintf(&name, "%s%s", *database->path == '/' ? "" : "./", database->path) < 0) {
		name = NULL;
		return say(database, MEMCAGE_ERROR_SETUP, ENOMEM, "cannot be opened", err);
	}
	set_cache_apart();
	errno = 0; /* SQLite takes it for the reason also where no system call has failed */
	if (sqlite3_open_v2(name, &database->sqlite, flags, NULL) != SQLITE_OK) {
		int errnum = database->sqlite ? sqlite3_system_errno(database->sqlite) : ENOMEM;

		return say_unopened(database, errnum ? errnum : ENAMETOOLONG, err);
	}
	set_lookaside_apart(database);
	sqlite3_busy_handler(database->sqlite, wait_for_others, NULL);
	if (sqlite3_db_readonly(database->sqlite, "main") == 1)
		return say(database, MEMCAGE_ERROR_SETUP,
			   access(database->path, W_OK) < 0 ? errno : EROFS, "cannot be written",
			   err);
	return 0;
}

static int name_files(struct database *database, struct memcage_error *err)
{
	const char *path = sqlite3_db_filename(database->sqlite, "main");

	for (size_t i = 0; i < DATABASE_FILE__COUNT; i++)
		if (asprintf(&database->files[i].path, "%s%s", path, suffixes[i]) < 0) {
			database->files[i].path = NULL;
			return say(database, MEMCAGE_ERROR_SETUP, ENOMEM, "cannot be opened", err);
		}
	return check_folder(database, path, err);
}

int database_open(struct database *database, const char *path, const struct database_kind *kind,
		  bool sync, struct memcage_error *err)
{
	*database = (struct database) { .path = path };
	if (check_path(database, err) < 0 || open_file(database, err) < 0 ||
	    name_files(database, err) < 0)
		return -1;
	return open_kind(database, kind, sync, err);
}

void database_close(struct database *database)
{
	sqlite3_finalize(database->begin);
	sqlite3_finalize(database->commit);
	for (size_t i = 0; i < database->statement_count; i++)
		sqlite3_finalize(database->statements[i]);
	free(database->statements);
	sqlite3_close(database->sqlite);
	release_lookaside(database);
	for (size_t i = 0; i < DATABASE_FILE__COUNT; i++)
		free(database->files[i].path);
	*database = (struct database) { 0 };
}
