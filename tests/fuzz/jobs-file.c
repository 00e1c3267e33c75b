/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A jobs file.  One that is refused is refused with FILE:LINE:COLUMN, when it is opened; one that
 * is taken gives whole items to its end.
 */
#include "fuzz.h"

#include <sys/mman.h>

#include "base/file.h"
#include "item/item.h"
#include "item/template.h"
#include "spec/limit.h"

static void check_limit(const struct item_override *limit)
{
	enum limit_id id = limit_find(limit->key);
	struct limit_value value = { 0 };
	struct memcage_error err;

	assert(id != LIMIT__COUNT && strcmp(limits[id].key, limit->key) == 0);
	assert(limit_parse(id, limit->text, &value, &err) == 0);
	limit_release(&value);
}

static void check_command(const struct item *item)
{
	auto_free char **argv = template_fill(item->command, item, false);
	size_t i = 0;

	assert(*item->command && **item->command && argv);
	for (; item->command[i]; i++)
		if (!strstr(item->command[i], "{}") && !strstr(item->command[i], "{#}"))
			assert(strcmp(argv[i], item->command[i]) == 0);
	assert(!argv[i]);
}

static void check_item(const struct item *item, uint64_t seq)
{
	assert(item->seq == seq && item->text && !item->is_range);
	assert(strlen(item->text) < ITEM_BYTES_MOST);
	check_command(item);
	for (size_t i = 0; i < item->limit_count; i++)
		check_limit(&item->limits[i]);
	for (size_t i = 0; i < item->env_count; i++) {
		assert(*item->env[i].key && !strchr(item->env[i].key, '='));
		assert(item->env[i].text);
	}
}

static void check_items(struct item_source *source)
{
	struct memcage_error err;
	enum item_next next;
	struct item item;
	uint64_t seq = 0;

	while ((next = item_source_next(source, &item, &err)) != ITEM_END) {
		assert(next == ITEM_NEXT || next == ITEM_LATER);
		if (next == ITEM_LATER)
			continue;
		check_item(&item, ++seq);
		item_release(&item);
	}
}

static void check_refusal(const struct memcage_error *err, const char *path)
{
	unsigned int line = 0, column = 0;

	fuzz_check_refusal(err);
	assert(strncmp(err->text, path, strlen(path)) == 0);
	assert(sscanf(err->text + strlen(path), ":%u:%u: ", &line, &column) == 2);
	assert(line > 0 && column > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_fd int fd = memfd_create("jobs", MFD_CLOEXEC);
	char path[64];
	struct item_options options = { .origin = ITEM_JOBS, .file = path };
	struct memcage_error err = { 0 };
	struct item_source *source;

	assert(fd >= 0 && file_write_all(fd, data, size) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (item_source_open(&options, &source, &err) < 0) {
		check_refusal(&err, path);
		return 0;
	}
	check_items(source);
	item_source_close(source);
	return 0;
}
