/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/own.h"
#include "ledger/claims.h"
#include "ledger/ledger_inside.h"
#include "ledger/ledger_tables.h"
#include "ledger/place.h"

static const char *const texts[LEDGER_STATEMENT__COUNT] = {
	[LAST_MAP] = "SELECT (SELECT max(id) FROM maps), (SELECT max(id) FROM attempts)",
	[ADD_MAP] =
		"INSERT INTO maps (id, memcage, command_line, budget_bytes, resume, rerun_failed,"
		" started_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[END_MAP] = "UPDATE maps SET ended_at = ?2, items = ?3, ok = ?4, failed = ?5, skipped = ?6,"
		    " attempts = ?7, input_complete = ?8, status = ?9 WHERE id = ?1",
	[FIND_MAP] = "SELECT resume FROM maps WHERE id = ?1",
	[FIND_FAMILY] = "SELECT id FROM families WHERE family = ?1",
	[ADD_FAMILY] = "INSERT INTO families (family) VALUES (?1)",
	[FIND_COMMAND] = "SELECT id FROM commands WHERE command = ?1",
	[ADD_COMMAND] = "INSERT INTO commands (command, family) VALUES (?1, ?2)",
	[FIND_SOURCE] = "SELECT id FROM sources WHERE source = ?1",
	[ADD_SOURCE] = "INSERT INTO sources (source) VALUES (?1)",
	[FIND_TASK] = "SELECT id, state, map, attempts, last_attempt, size_bytes, need_bytes,"
		      " killed_bytes FROM tasks"
		      " WHERE command = ?1 AND source = ?2 AND item = ?3 AND occurrence = ?4",
	[ADD_TASK] = "INSERT INTO tasks (command, source, item, occurrence, size_bytes, map, state,"
		     " before_state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'started', 'new')",
	[CLAIM_TASK] =
		"UPDATE tasks SET before_state = state, before_map = map, state = 'started',"
		" map = ?2, size_bytes = ?3, need_bytes = ?4, killed_bytes = ?5 WHERE id = ?1",
	[RETURN_TASK] = "UPDATE tasks SET state = before_state, map = before_map"
			" WHERE id = ?1 AND map = ?2 AND state = 'started'",
	[END_TASK] = "UPDATE tasks SET state = ?3, ended_at = ?4 WHERE id = ?1 AND map = ?2",
	[FIND_TAKEN] = "SELECT times FROM temp.taken WHERE first = ?1",
	[PUT_TAKEN] = "INSERT OR REPLACE INTO temp.taken (first, times) VALUES (?1, ?2)",
	[FIND_NEEDS] = "SELECT size_class, need_bytes FROM needs WHERE family = ?1",
	[ADD_ATTEMPT] = "INSERT INTO attempts (task, map, seq, attempt, memory_bytes, basis,"
			" started_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[COUNT_ATTEMPT] =
		"UPDATE tasks SET attempts = attempts + 1, last_attempt = ?2 WHERE id = ?1",
	[END_ATTEMPT] = "UPDATE attempts SET ended_at = ?2, wall_seconds = ?3, outcome = ?4,"
			" cause = ?5, scope = ?6, status = ?7, exit_code = ?8, signal = ?9,"
			" peak_bytes = ?10, summary = ?11, report = ?12 WHERE id = ?1",
	[FIND_ATTEMPT] = "SELECT tasks.id, commands.family, tasks.size_bytes, attempts.memory_bytes"
			 " FROM attempts JOIN tasks ON tasks.id = attempts.task"
			 " JOIN commands ON commands.id = tasks.command WHERE attempts.id = ?1",
	[LEARN_TASK] = "UPDATE tasks SET need_bytes = ?2, killed_bytes = NULL WHERE id = ?1",
	[LEARN_FAMILY] =
		"INSERT INTO needs (family, size_class, need_bytes, attempts)"
		" VALUES (?1, ?2, ?3, 1) ON CONFLICT DO UPDATE SET"
		" need_bytes = max(need_bytes, excluded.need_bytes), attempts = attempts + 1",
	[LEARN_KILL] = "UPDATE tasks SET killed_bytes = max(ifnull(killed_bytes, 0), ?2)"
		       " WHERE id = ?1",
};

/* How many equal items this map has had, by the task of the first: as many as there are items. */
static const char temporary[] =
	"CREATE TABLE temp.taken (first INTEGER PRIMARY KEY, times INTEGER)";

static const struct database_kind kind = {
	.application = LEDGER_APPLICATION,
	.version = LEDGER_VERSION,
	.tables = ledger_tables,
	.temporary = temporary,
	.texts = texts,
	.text_count = ARRAY_LEN(texts),
};

const char *ledger_date(char buffer[LEDGER_DATE_SIZE])
{
	struct timespec now;
	struct tm utc;
	size_t length;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	length = strftime(buffer, LEDGER_DATE_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(buffer + length, LEDGER_DATE_SIZE - length, ".%06ldZ", now.tv_nsec / 1000);
	return buffer;
}

static int open_claims(struct ledger *ledger, struct memcage_error *err)
{
	const struct database_identity *files = ledger->database.files;

	ledger->claims = claims_open(files[DATABASE_MAPS].path, files[DATABASE_ITSELF].path);
	if (ledger->claims < 0)
		return database_fail(&ledger->database, errno,
				     "the file with -maps at its end cannot be opened", err);
	return 0;
}

/*
 * Its number, of which it holds the lock before anybody can see it.  One that somebody holds is
 * left out: a map of a ledger that was at this path before may still live.
 */
static int choose_map(struct ledger *ledger, struct memcage_error *err)
{
	int held;

	if (database_next(&ledger->database, LAST_MAP, err) < 0)
		return -1;
	ledger->map = database_get_id(&ledger->database, LAST_MAP, 0);
	ledger->last_attempt = database_get_id(&ledger->database, LAST_MAP, 1);
	database_leave(&ledger->database, LAST_MAP);
	do
		held = claims_hold(ledger->claims, ++ledger->map);
	while (held == 0);
	if (held > 0)
		return 0;
	return database_fail(&ledger->database, errno,
			     "the file with -maps at its end cannot be locked", err);
}

static int add_map(struct ledger *ledger, const struct ledger_options *options,
		   struct memcage_error *err)
{
	char date[LEDGER_DATE_SIZE];

	if (choose_map(ledger, err) < 0)
		return -1;
	database_put(&ledger->database, ADD_MAP, 1, ledger->map);
	database_put_text(&ledger->database, ADD_MAP, 2, MEMCAGE_VERSION);
	database_put_text(&ledger->database, ADD_MAP, 3, options->command_line);
	database_put(&ledger->database, ADD_MAP, 4, options->budget_bytes);
	database_put(&ledger->database, ADD_MAP, 5, options->resume);
	database_put(&ledger->database, ADD_MAP, 6, options->rerun_failed);
	database_put_text(&ledger->database, ADD_MAP, 7, ledger_date(date));
	return database_run(&ledger->database, ADD_MAP, err);
}

static int open_all(struct ledger *ledger, const struct ledger_options *options,
		    struct memcage_error *err)
{
	ledger->path = options->path ? strdup(options->path) : place_default(err);
	if (!ledger->path)
		return options->path ? error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "--ledger") : -1;
	if (database_open(&ledger->database, ledger->path, &kind, options->sync, err) < 0 ||
	    open_claims(ledger, err) < 0 || add_map(ledger, options, err) < 0)
		return -1;
	return database_commit(&ledger->database, err);
}

int ledger_open(const struct ledger_options *options, struct ledger **ret,
		struct memcage_error *err)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return error_setup(err, "--ledger");
	ledger->claims = -1;
	ledger->resume = options->resume;
	ledger->rerun_failed = options->rerun_failed;
	if (open_all(ledger, options, err) < 0) {
		ledger_close(ledger);
		return -1;
	}
	*ret = ledger;
	return 0;
}

const char *ledger_path(const struct ledger *ledger)
{
	return ledger->path;
}

bool ledger_failed(const struct ledger *ledger)
{
	return ledger->database.failed;
}

struct ledger *ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return NULL;
	database_close(&ledger->database);
	own_close(&ledger->claims); /* last: until then its tasks are its own */
	free(ledger->command.text);
	free(ledger->source.text);
	free(ledger->path);
	free(ledger);
	return NULL;
}

int ledger_commit(struct ledger *ledger, struct memcage_error *err)
{
	return database_commit(&ledger->database, err);
}

int ledger_map_end(struct ledger *ledger, const struct ledger_sum *sum, struct memcage_error *err)
{
	char date[LEDGER_DATE_SIZE];

	if (database_begin(&ledger->database, err) < 0)
		return -1;
	database_put(&ledger->database, END_MAP, 1, ledger->map);
	database_put_text(&ledger->database, END_MAP, 2, ledger_date(date));
	database_put(&ledger->database, END_MAP, 3, sum->items);
	database_put(&ledger->database, END_MAP, 4, sum->ok);
	database_put(&ledger->database, END_MAP, 5, sum->failed);
	database_put(&ledger->database, END_MAP, 6, sum->skipped);
	database_put(&ledger->database, END_MAP, 7, sum->attempts);
	database_put(&ledger->database, END_MAP, 8, sum->input_complete);
	database_put(&ledger->database, END_MAP, 9, sum->status);
	return database_run(&ledger->database, END_MAP, err);
}
