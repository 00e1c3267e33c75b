/* SPDX-License-Identifier: Apache-2.0 */
#include "spec/spec.h"

int spec_set(struct memcage_spec *spec, const char *key, const char *text,
	     struct memcage_error *err)
{
	const struct setting *setting = setting_find(key);
	enum limit_id id = limit_find(key);

	if (id != LIMIT__COUNT && text)
		return limit_parse(id, text, &spec->limits[id], err);
	if (id != LIMIT__COUNT)
		return error_usage(err, "needs a value, such as %s", limits[id].example);
	if (!setting->arg != !text && !setting->optional)
		return error_usage(err, "%s", text ? "takes no value" : "needs a value");
	return setting->parse(text, &spec->settings, err);
}

int spec_copy(const struct memcage_spec *from, struct memcage_spec *to)
{
	if (settings_copy(&from->settings, &to->settings) < 0)
		return -1;
	for (int id = 0; id < LIMIT__COUNT; id++) {
		if (limit_copy(&from->limits[id], &to->limits[id]) == 0)
			continue;
		spec_release(to);
		return -1;
	}
	return 0;
}

void spec_release(struct memcage_spec *spec)
{
	settings_release(&spec->settings);
	for (int id = 0; id < LIMIT__COUNT; id++)
		limit_release(&spec->limits[id]);
	*spec = SPEC_EMPTY;
}
