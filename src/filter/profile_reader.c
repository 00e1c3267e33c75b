/* SPDX-License-Identifier: Apache-2.0 */
#include "filter/profile_reader.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/line.h"

int reader_refuse(const struct reader *reader, const char *path, const char *format, ...)
{
	struct json_problem place;
	char words[300];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	json_place(reader->text, reader->length, path, &place);
	return error_usage(reader->err, "%u:%u: %s%s%s", place.line, place.column, path,
			   *path ? " " : "", words);
}

struct path path_of(const char *parent, const char *key)
{
	struct path path;
	struct line line = line_start(path.text, sizeof(path.text));

	line_add(&line, "%s%s%s", parent, *parent ? "." : "", key);
	return path;
}

struct path path_item(const char *parent, size_t index)
{
	struct path path;
	struct line line = line_start(path.text, sizeof(path.text));

	line_add(&line, "%s[%zu]", parent, index);
	return path;
}

static const char *const kinds[] = {
	[JSON_KIND_OBJECT] = "an object", [JSON_KIND_ARRAY] = "a list",
	[JSON_KIND_TEXT] = "a text",	  [JSON_KIND_NUMBER] = "a whole number",
	[JSON_KIND_REAL] = "a number",	  [JSON_KIND_OTHER] = "a value",
};

int reader_get(const struct reader *reader, const struct json_t *object, const char *parent,
	       const char *key, enum json_kind kind, const struct json_t **ret)
{
	*ret = json_member(object, key);
	if (!*ret || json_kind_of(*ret) == kind)
		return 0;
	return reader_refuse(reader, path_of(parent, key).text, "has to be %s", kinds[kind]);
}

int reader_text(const struct reader *reader, const struct json_t *object, const char *parent,
		const char *key, const char **ret)
{
	const struct json_t *value;

	if (reader_get(reader, object, parent, key, JSON_KIND_TEXT, &value) < 0)
		return -1;
	*ret = value ? json_text(value) : NULL;
	return 0;
}

int reader_number(const struct reader *reader, const struct json_t *object, const char *parent,
		  const char *key, int64_t most, uint64_t *ret)
{
	const struct json_t *value;

	if (reader_get(reader, object, parent, key, JSON_KIND_NUMBER, &value) < 0)
		return -1;
	if (!value)
		return 0;
	if (json_number(value) < 0 || json_number(value) > most)
		return reader_refuse(reader, path_of(parent, key).text,
				     "has to be a number from 0 to %lld", (long long) most);
	*ret = (uint64_t) json_number(value);
	return 0;
}

int reader_list(const struct reader *reader, const struct json_t *object, const char *parent,
		const char *key, const struct json_t **ret)
{
	struct path path = path_of(parent, key);

	if (reader_get(reader, object, parent, key, JSON_KIND_ARRAY, ret) < 0)
		return -1;
	for (size_t i = 0; *ret && i < json_count(*ret); i++)
		if (json_kind_of(json_item(*ret, i)) != JSON_KIND_TEXT)
			return reader_refuse(reader, path_item(path.text, i).text,
					     "has to be a text");
	return 0;
}
