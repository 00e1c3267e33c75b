/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_attempt - what was tried, and what is learned from it. */
#include "ledger/ledger_inside.h"
#include "ledger/ledger_tables.h"
#include "report/text.h"

int ledger_attempt_begin(struct ledger *ledger, const struct ledger_attempt *attempt,
			 int64_t *ret_id, struct memcage_error *err)
{
	char date[LEDGER_DATE_SIZE];
	int64_t id;

	if (database_begin(&ledger->database, err) < 0)
		return -1;
	database_put(&ledger->database, ADD_ATTEMPT, 1, attempt->task);
	database_put(&ledger->database, ADD_ATTEMPT, 2, ledger->map);
	database_put(&ledger->database, ADD_ATTEMPT, 3, attempt->seq);
	database_put(&ledger->database, ADD_ATTEMPT, 4, attempt->attempt);
	database_put(&ledger->database, ADD_ATTEMPT, 5, attempt->memory_bytes);
	database_put_text(&ledger->database, ADD_ATTEMPT, 6, attempt->basis);
	database_put_text(&ledger->database, ADD_ATTEMPT, 7, ledger_date(date));
	if (database_run(&ledger->database, ADD_ATTEMPT, err) < 0)
		return -1;
	id = database_last_id(&ledger->database);
	database_put(&ledger->database, COUNT_ATTEMPT, 1, attempt->task);
	database_put(&ledger->database, COUNT_ATTEMPT, 2, id);
	if (database_run(&ledger->database, COUNT_ATTEMPT, err) < 0)
		return -1;
	*ret_id = id;
	return 0;
}

static int end_attempt(struct ledger *ledger, int64_t id, const struct memcage_result *result,
		       const char *report, struct memcage_error *err)
{
	char date[LEDGER_DATE_SIZE], signal[32];

	text_signal(result->signal, signal, sizeof(signal));
	database_put(&ledger->database, END_ATTEMPT, 1, id);
	database_put_text(&ledger->database, END_ATTEMPT, 2, ledger_date(date));
	database_put_real(&ledger->database, END_ATTEMPT, 3, result->wall_seconds);
	database_put_text(&ledger->database, END_ATTEMPT, 4, result->ok ? "ok" : "failed");
	database_put_text(&ledger->database, END_ATTEMPT, 5, memcage_cause_name(result->cause));
	database_put_text(&ledger->database, END_ATTEMPT, 6, memcage_scope_name(result->scope));
	database_put(&ledger->database, END_ATTEMPT, 7, result->status);
	database_put(&ledger->database, END_ATTEMPT, 8,
		     result->exit_code < 0 ? UINT64_MAX : (uint64_t) result->exit_code);
	database_put_text(&ledger->database, END_ATTEMPT, 9, result->signal > 0 ? signal : NULL);
	database_put(&ledger->database, END_ATTEMPT, 10, result->memory_peak_bytes);
	database_put_text(&ledger->database, END_ATTEMPT, 11, result->summary);
	database_put_text(&ledger->database, END_ATTEMPT, 12, report);
	return database_run(&ledger->database, END_ATTEMPT, err);
}

/* What there is to learn from an attempt, and for whom. */
struct lesson {
	int64_t task, family;
	uint64_t size_bytes, limit_bytes;
};

static int find_lesson(struct ledger *ledger, int64_t id, struct lesson *ret,
		       struct memcage_error *err)
{
	database_put(&ledger->database, FIND_ATTEMPT, 1, id);
	if (database_next(&ledger->database, FIND_ATTEMPT, err) < 0)
		return -1;
	ret->task = database_get_id(&ledger->database, FIND_ATTEMPT, 0);
	ret->family = database_get_id(&ledger->database, FIND_ATTEMPT, 1);
	ret->size_bytes = database_get(&ledger->database, FIND_ATTEMPT, 2);
	ret->limit_bytes = database_get(&ledger->database, FIND_ATTEMPT, 3);
	database_leave(&ledger->database, FIND_ATTEMPT);
	return 0;
}

static int learn_need(struct ledger *ledger, const struct lesson *lesson, uint64_t need_bytes,
		      struct memcage_error *err)
{
	database_put(&ledger->database, LEARN_TASK, 1, lesson->task);
	database_put(&ledger->database, LEARN_TASK, 2, need_bytes);
	if (database_run(&ledger->database, LEARN_TASK, err) < 0)
		return -1;
	database_put(&ledger->database, LEARN_FAMILY, 1, lesson->family);
	database_put(&ledger->database, LEARN_FAMILY, 2,
		     lesson->size_bytes == UINT64_MAX ? LEDGER_SIZE_UNKNOWN
						      : predict_class(lesson->size_bytes));
	database_put(&ledger->database, LEARN_FAMILY, 3, need_bytes);
	return database_run(&ledger->database, LEARN_FAMILY, err);
}

static int learn_kill(struct ledger *ledger, const struct lesson *lesson, struct memcage_error *err)
{
	database_put(&ledger->database, LEARN_KILL, 1, lesson->task);
	database_put(&ledger->database, LEARN_KILL, 2, lesson->limit_bytes);
	return database_run(&ledger->database, LEARN_KILL, err);
}

static int learn(struct ledger *ledger, int64_t id, const struct memcage_result *result,
		 struct memcage_error *err)
{
	bool killed = result->cause == MEMCAGE_CAUSE_OOM && result->scope == MEMCAGE_SCOPE_JOB;
	struct lesson lesson;
	uint64_t need;

	if (!result->ok && !killed)
		return 0;
	if (find_lesson(ledger, id, &lesson, err) < 0)
		return -1;
	if (killed)
		return lesson.limit_bytes == UINT64_MAX ? 0 : learn_kill(ledger, &lesson, err);
	need = predict_need(result->memory_peak_bytes, lesson.limit_bytes);
	return need == PREDICT_UNKNOWN ? 0 : learn_need(ledger, &lesson, need, err);
}

int ledger_attempt_end(struct ledger *ledger, int64_t id, const struct memcage_result *result,
		       const char *report, struct memcage_error *err)
{
	if (database_begin(&ledger->database, err) < 0 ||
	    end_attempt(ledger, id, result, report, err) < 0)
		return -1;
	return learn(ledger, id, result, err);
}
