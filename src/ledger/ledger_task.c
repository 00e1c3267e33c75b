/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_task - which task an item is, whose it is, and what is known of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/claims.h"
#include "ledger/ledger_inside.h"

/* The id of a row that is looked up by a statement with one value, which is bound; 0: none. */
static int find_id(struct ledger *ledger, enum ledger_statement find, int64_t *ret_id,
		   struct memcage_error *err)
{
	int there = database_next(&ledger->database, find, err);

	*ret_id = 0;
	if (there > 0) {
		*ret_id = database_get_id(&ledger->database, find, 0);
		database_leave(&ledger->database, find);
	}
	return there < 0 ? -1 : 0;
}

static int add_row(struct ledger *ledger, enum ledger_statement add, int64_t *ret_id,
		   struct memcage_error *err)
{
	if (database_run(&ledger->database, add, err) < 0)
		return -1;
	*ret_id = database_last_id(&ledger->database);
	return 0;
}

static bool is_known(const struct ledger_known *known, const char *text)
{
	return known->text && strcmp(known->text, text) == 0;
}

static int keep(struct ledger *ledger, struct ledger_known *known, const char *text,
		struct memcage_error *err)
{
	free(known->text);
	known->text = strdup(text);
	if (known->text)
		return 0;
	return database_fail(&ledger->database, ENOMEM, "cannot be written", err);
}

static int know_family(struct ledger *ledger, const char *family, struct memcage_error *err)
{
	int64_t *id = &ledger->command.family;

	database_put_text(&ledger->database, FIND_FAMILY, 1, family);
	if (find_id(ledger, FIND_FAMILY, id, err) < 0 || *id != 0)
		return *id != 0 ? 0 : -1;
	database_put_text(&ledger->database, ADD_FAMILY, 1, family);
	return add_row(ledger, ADD_FAMILY, id, err);
}

static int know_command(struct ledger *ledger, const struct ledger_key *key,
			struct memcage_error *err)
{
	struct ledger_known *command = &ledger->command;

	if (is_known(command, key->command))
		return 0;
	database_put_text(&ledger->database, FIND_COMMAND, 1, key->command);
	if (know_family(ledger, key->family, err) < 0 ||
	    find_id(ledger, FIND_COMMAND, &command->id, err) < 0)
		return -1;
	if (command->id == 0) {
		database_put_text(&ledger->database, ADD_COMMAND, 1, key->command);
		database_put(&ledger->database, ADD_COMMAND, 2, (uint64_t) command->family);
		if (add_row(ledger, ADD_COMMAND, &command->id, err) < 0)
			return -1;
	}
	return keep(ledger, command, key->command, err);
}

static int know_source(struct ledger *ledger, const char *text, struct memcage_error *err)
{
	struct ledger_known *source = &ledger->source;

	if (is_known(source, text))
		return 0;
	database_put_bytes(&ledger->database, FIND_SOURCE, 1, text);
	database_put_bytes(&ledger->database, ADD_SOURCE, 1, text);
	if (find_id(ledger, FIND_SOURCE, &source->id, err) < 0 ||
	    (source->id == 0 && add_row(ledger, ADD_SOURCE, &source->id, err) < 0))
		return -1;
	return keep(ledger, source, text, err);
}

/* A row of tasks; id 0: there is none. */
struct found {
	int64_t id, map, last_attempt;
	char state; /* its first letter */
	unsigned int attempts;
	uint64_t size_bytes, need_bytes, killed_bytes;
};

static int find_task(struct ledger *ledger, const char *item, uint64_t occurrence,
		     struct found *ret, struct memcage_error *err)
{
	int there;

	*ret = (struct found) { 0 };
	database_put(&ledger->database, FIND_TASK, 1, ledger->command.id);
	database_put(&ledger->database, FIND_TASK, 2, ledger->source.id);
	database_put_bytes(&ledger->database, FIND_TASK, 3, item);
	database_put(&ledger->database, FIND_TASK, 4, occurrence);
	there = database_next(&ledger->database, FIND_TASK, err);
	if (there <= 0)
		return there;
	ret->id = database_get_id(&ledger->database, FIND_TASK, 0);
	ret->state = database_get_letter(&ledger->database, FIND_TASK, 1);
	ret->map = database_get_id(&ledger->database, FIND_TASK, 2);
	ret->attempts = (unsigned int) database_get_id(&ledger->database, FIND_TASK, 3);
	ret->last_attempt = database_get_id(&ledger->database, FIND_TASK, 4);
	ret->size_bytes = database_get(&ledger->database, FIND_TASK, 5);
	ret->need_bytes = database_get(&ledger->database, FIND_TASK, 6);
	ret->killed_bytes = database_get(&ledger->database, FIND_TASK, 7);
	database_leave(&ledger->database, FIND_TASK);
	return 0;
}

static int add_task(struct ledger *ledger, const struct ledger_key *key, uint64_t occurrence,
		    int64_t *ret_id, struct memcage_error *err)
{
	database_put(&ledger->database, ADD_TASK, 1, ledger->command.id);
	database_put(&ledger->database, ADD_TASK, 2, ledger->source.id);
	database_put_bytes(&ledger->database, ADD_TASK, 3, key->item);
	database_put(&ledger->database, ADD_TASK, 4, occurrence);
	database_put(&ledger->database, ADD_TASK, 5, key->size_bytes);
	database_put(&ledger->database, ADD_TASK, 6, ledger->map);
	return add_row(ledger, ADD_TASK, ret_id, err);
}

/* How many of the items that equal the one of the task `first` this map has had. */
static int find_taken(struct ledger *ledger, int64_t first, uint64_t *ret_times,
		      struct memcage_error *err)
{
	int there;

	database_put(&ledger->database, FIND_TAKEN, 1, first);
	there = database_next(&ledger->database, FIND_TAKEN, err);
	*ret_times = 0;
	if (there <= 0)
		return there;
	*ret_times = database_get(&ledger->database, FIND_TAKEN, 0);
	database_leave(&ledger->database, FIND_TAKEN);
	return 0;
}

static int put_taken(struct ledger *ledger, int64_t first, uint64_t times,
		     struct memcage_error *err)
{
	database_put(&ledger->database, PUT_TAKEN, 1, first);
	database_put(&ledger->database, PUT_TAKEN, 2, times);
	return database_run(&ledger->database, PUT_TAKEN, err);
}

/*
 * The task of the next occurrence; ret->id is 0 where there is none yet, and *ret_first where
 * there is none of this item at all.
 */
static int find_next(struct ledger *ledger, const char *item, struct found *ret,
		     uint64_t *ret_occurrence, int64_t *ret_first, struct memcage_error *err)
{
	uint64_t times = 0;

	if (find_task(ledger, item, 1, ret, err) < 0)
		return -1;
	*ret_first = ret->id;
	if (ret->id != 0 && find_taken(ledger, ret->id, &times, err) < 0)
		return -1;
	*ret_occurrence = times + 1;
	return times == 0 ? 0 : find_task(ledger, item, times + 1, ret, err);
}

/* Does another map that shares the work have it?  -1: the ledger has failed. */
static int is_claimed(struct ledger *ledger, const struct found *task, struct memcage_error *err)
{
	int there, shares = 0;

	if (task->map == 0 || task->map == ledger->map || !claims_held(ledger->claims, task->map))
		return 0;
	database_put(&ledger->database, FIND_MAP, 1, task->map);
	there = database_next(&ledger->database, FIND_MAP, err);
	if (there > 0) {
		shares = database_get_id(&ledger->database, FIND_MAP, 0) != 0;
		database_leave(&ledger->database, FIND_MAP);
	}
	return there < 0 ? -1 : shares;
}

/* What failed since this map began, another one has just run: it is not run twice. */
static enum ledger_answer answer_failed(const struct ledger *ledger, const struct found *task)
{
	return ledger->rerun_failed && task->last_attempt <= ledger->last_attempt
		       ? LEDGER_RUN
		       : LEDGER_DONE_FAILED;
}

static int answer(struct ledger *ledger, const struct found *task, enum ledger_answer *ret,
		  struct memcage_error *err)
{
	int claimed;

	*ret = LEDGER_RUN;
	if (task->id == 0 || !ledger->resume || task->state == 'n')
		return 0;
	if (task->state == 'o') {
		*ret = LEDGER_DONE_OK;
	} else if (task->state == 'f') {
		*ret = answer_failed(ledger, task);
	} else {
		claimed = is_claimed(ledger, task, err);
		*ret = claimed ? LEDGER_CLAIMED : LEDGER_RUN;
		return claimed < 0 ? -1 : 0;
	}
	return 0;
}

/* An input that is of another size by now may need another amount. */
static void forget_other_size(struct found *task, uint64_t size_bytes)
{
	if (task->size_bytes != size_bytes &&
	    (task->size_bytes == UINT64_MAX || size_bytes == UINT64_MAX ||
	     predict_class(task->size_bytes) != predict_class(size_bytes)))
		task->need_bytes = task->killed_bytes = UINT64_MAX;
}

static int claim(struct ledger *ledger, const struct found *task, uint64_t size_bytes,
		 struct memcage_error *err)
{
	database_put(&ledger->database, CLAIM_TASK, 1, task->id);
	database_put(&ledger->database, CLAIM_TASK, 2, ledger->map);
	database_put(&ledger->database, CLAIM_TASK, 3, size_bytes);
	database_put(&ledger->database, CLAIM_TASK, 4, task->need_bytes);
	database_put(&ledger->database, CLAIM_TASK, 5, task->killed_bytes);
	return database_run(&ledger->database, CLAIM_TASK, err);
}

static int read_past(struct ledger *ledger, const struct found *task, struct predict_past *ret,
		     struct memcage_error *err)
{
	int there;

	*ret = (struct predict_past) { .any = PREDICT_UNKNOWN, .same_item = PREDICT_UNKNOWN };
	memset(ret->by_class, 0xff, sizeof(ret->by_class)); /* PREDICT_UNKNOWN */
	if (task->id != 0) {
		ret->same_item = task->need_bytes;
		ret->same_killed = task->killed_bytes == UINT64_MAX ? 0 : task->killed_bytes;
	}
	database_put(&ledger->database, FIND_NEEDS, 1, ledger->command.family);
	while ((there = database_next(&ledger->database, FIND_NEEDS, err)) > 0) {
		int64_t class = database_get_id(&ledger->database, FIND_NEEDS, 0);
		uint64_t need = database_get(&ledger->database, FIND_NEEDS, 1);

		if (class >= 0 && class < PREDICT_CLASSES)
			ret->by_class[class] = need;
		if (ret->any == PREDICT_UNKNOWN || need > ret->any)
			ret->any = need;
	}
	return there;
}

static int take_found(struct ledger *ledger, const struct ledger_key *key, struct found *task,
		      struct ledger_task *ret, struct memcage_error *err)
{
	forget_other_size(task, key->size_bytes);
	ret->id = task->id;
	ret->attempts = task->attempts;
	if (answer(ledger, task, &ret->answer, err) < 0)
		return -1;
	return ret->answer == LEDGER_RUN ? claim(ledger, task, key->size_bytes, err) : 0;
}

int ledger_take(struct ledger *ledger, const struct ledger_key *key, struct ledger_task *ret,
		struct memcage_error *err)
{
	struct ledger_task taken = { .answer = LEDGER_RUN };
	struct found task;
	uint64_t occurrence;
	int64_t first;

	if (database_begin(&ledger->database, err) < 0 || know_command(ledger, key, err) < 0 ||
	    know_source(ledger, key->source, err) < 0 ||
	    find_next(ledger, key->item, &task, &occurrence, &first, err) < 0)
		return -1;
	if ((task.id != 0 ? take_found(ledger, key, &task, &taken, err)
			  : add_task(ledger, key, occurrence, &taken.id, err)) < 0)
		return -1;
	if (put_taken(ledger, first != 0 ? first : taken.id, occurrence, err) < 0 ||
	    (taken.answer == LEDGER_RUN && read_past(ledger, &task, &taken.past, err) < 0))
		return -1;
	*ret = taken;
	return 0;
}

/* Where a newer map without resume has taken it meanwhile, its state is that one's business. */
int ledger_task_end(struct ledger *ledger, int64_t task, bool ok, struct memcage_error *err)
{
	char date[LEDGER_DATE_SIZE];

	if (database_begin(&ledger->database, err) < 0)
		return -1;
	database_put(&ledger->database, END_TASK, 1, task);
	database_put(&ledger->database, END_TASK, 2, ledger->map);
	database_put_text(&ledger->database, END_TASK, 3, ok ? "ok" : "failed");
	database_put_text(&ledger->database, END_TASK, 4, ledger_date(date));
	return database_run(&ledger->database, END_TASK, err);
}

int ledger_task_return(struct ledger *ledger, int64_t task, struct memcage_error *err)
{
	if (database_begin(&ledger->database, err) < 0)
		return -1;
	database_put(&ledger->database, RETURN_TASK, 1, task);
	database_put(&ledger->database, RETURN_TASK, 2, ledger->map);
	return database_run(&ledger->database, RETURN_TASK, err);
}
