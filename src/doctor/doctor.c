/* SPDX-License-Identifier: Apache-2.0 */
/* doctor - facts, the words for them, and both as one JSON document. */
#include "doctor/doctor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"
#include "cgroup/cgroup_tree.h"
#include "host/delegate.h"

struct doctor *doctor_examine(char *const trial[])
{
	struct doctor *doctor = calloc(1, sizeof(*doctor));

	if (!doctor)
		return NULL;
	doctor_try_system(&doctor->facts);
	doctor_try_cgroups(&doctor->facts, trial);
	for (int line = 0; line < DOCTOR__COUNT; line++)
		doctor_say(&doctor->facts, (enum doctor_line) line, &doctor->findings[line]);
	return doctor;
}

struct doctor *doctor_free(struct doctor *doctor)
{
	free(doctor);
	return NULL;
}

/* ---- the document ---- */

static void put_words(struct json_writer *object, const char *key, const char *text)
{
	json_put_text(object, key, *text ? text : NULL);
}

static struct json_t *items_json(const struct doctor_finding *finding)
{
	struct json_writer array = json_open_array();

	for (size_t i = 0; i < finding->item_count; i++) {
		const struct doctor_item *item = &finding->items[i];
		struct json_writer object = json_open_object();

		json_put_text(&object, "name", item->name);
		json_put_text(&object, "state", doctor_states[item->state]);
		json_put_text(&object, "value", item->value);
		json_append(&array, json_close(&object));
	}
	return json_close(&array);
}

static struct json_t *finding_json(const struct doctor_finding *finding)
{
	struct json_writer object = json_open_object();

	json_put_text(&object, "name", finding->name);
	json_put_text(&object, "state", doctor_states[finding->state]);
	json_put_text(&object, "value", finding->value);
	put_words(&object, "cost", finding->cost);
	put_words(&object, "mend", finding->mend);
	json_put(&object, "items", items_json(finding));
	return json_close(&object);
}

char *doctor_json(const struct doctor *doctor)
{
	struct json_writer object = json_open_object();
	struct json_writer findings = json_open_array();
	const struct doctor_facts *facts = &doctor->facts;

	for (int line = 0; line < DOCTOR__COUNT; line++)
		json_append(&findings, finding_json(&doctor->findings[line]));
	json_put_text(&object, "schema", "memcage.doctor/1");
	json_put_text(&object, "version", MEMCAGE_VERSION);
	json_put_text(&object, "kernel", facts->kernel.release);
	json_put_number(&object, "uid", facts->here.uid);
	json_put_bool(&object, "works", facts->trial.works);
	put_words(&object, "backend", facts->trial.backend);
	json_put_number(&object, "memory_effective_bytes", facts->limits.memory_bytes);
	json_put(&object, "findings", json_close(&findings));
	return json_print(json_close(&object));
}

/* ---- --clean ---- */

struct clean {
	doctor_removed_fn *said;
	void *data;
	int count;
};

static void count_removed(const struct hierarchy *hierarchy, const char *name, void *data)
{
	char path[HIERARCHY_MOUNT + HIERARCHY_OWN + 64];
	struct clean *clean = data;

	snprintf(path, sizeof(path), "%s%s/%s", hierarchy->mount, hierarchy->own, name);
	clean->said(path, clean->data);
	clean->count++;
}

static void clean_one(const char *name, int lock, void *data)
{
	(void) lock;
	cgroup_remove_abandoned(name, count_removed, data);
}

static void count_left(const char *name, int lock, void *data)
{
	(void) name;
	(void) lock;
	++*(size_t *) data;
}

int doctor_clean(doctor_removed_fn *said, void *data, size_t *ret_left, struct memcage_error *err)
{
	struct clean clean = { said, data, 0 };
	struct host host = HOST_NONE;
	int result = host_probe(&host, BACKEND_AUTO, ~0U, err);

	if (result == 0) {
		delegate_find_place(&host);
		result = cgroup_find_abandoned(&host, clean_one, &clean);
		if (result < 0)
			error_set(err, MEMCAGE_ERROR_SETUP, 0,
				  "another memcage is making a cage just now; say it again");
		*ret_left = 0;
		cgroup_find_abandoned(&host, count_left, ret_left);
	}
	host_release(&host);
	return result < 0 ? -1 : clean.count;
}
