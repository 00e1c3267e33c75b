/* SPDX-License-Identifier: Apache-2.0 */
/* Lines "KEY=TEXT", or "KEY" of a switch, set what is no limit. */
#include "fuzz.h"

#include <limits.h>

#include "spec/settings.h"

static void check_bind(const struct bind *bind)
{
	assert(*bind->source == '/' && *bind->target == '/');
	assert(!strstr(bind->source, "//") && !strstr(bind->target, "//"));
	assert(!strstr(bind->source, "/./") && !strstr(bind->target, "/./"));
}

static void check_settings(const struct settings *settings)
{
	assert(settings->bind_count <= BINDS_MOST && settings->pass_fd_count <= PASS_FDS_MOST);
	for (size_t i = 0; i < settings->bind_count; i++)
		check_bind(&settings->binds[i]);
	for (size_t i = 0; i < settings->pass_fd_count; i++)
		assert(settings->pass_fds[i] >= 0);
	for (size_t i = 0; i < settings->env_count; i++)
		assert(*settings->env[i] && *settings->env[i] != '=');
	assert(!settings->hostname || strlen(settings->hostname) <= HOST_NAME_MAX);
	assert(!settings->hostname || fuzz_is_shown(settings->hostname));
	assert(settings->oom_exit_code >= 0 && settings->oom_exit_code <= 255);
	assert(settings->sample_usec == 0 || settings->sample_usec >= 1000);
}

static void set_line(struct settings *settings, char *line)
{
	const struct setting *row;
	struct memcage_error err = { 0 };
	char *text = strchr(line, '=');

	if (text)
		*text++ = '\0';
	row = setting_find(line);
	if (!row || !row->arg != !text)
		return;
	if (row->parse(text, settings, &err) < 0)
		fuzz_check_refusal(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings settings = SETTINGS_DEFAULT, copy = SETTINGS_DEFAULT;
	auto_free char *text = fuzz_text(data, size);

	for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
		set_line(&settings, line);
	check_settings(&settings);
	assert(settings_copy(&settings, &copy) == 0);
	check_settings(&copy);
	assert(copy.bind_count == settings.bind_count && copy.env_count == settings.env_count);
	settings_release(&settings);
	settings_release(&copy);
	return 0;
}
