/* SPDX-License-Identifier: Apache-2.0 */
#include "tree/view.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "test.h"

struct tree view_inside, view_outside;
const struct limit_value view_no_limits[LIMIT__COUNT];

/* Programs, and a byte that each may begin with. */
static const struct {
	const char *path;
	const char *text; /* NULL: a directory */
	mode_t mode;
} files[] = {
	{ "bin/tool", "#!/bin/sh\n", 0755 },
	{ "bin/python3.11", "#!/bin/sh\n", 0755 },
	{ "bin/a\nb", "#!/bin/sh\n", 0755 },
	{ "bin/lost", "#! /no/such/sh -e\necho\n", 0755 },
	{ "bin/crlf", "#!/bin/sh\r\necho\r\n", 0755 },
	{ "bin/elf",
	  "\x7f"
	  "ELF",
	  0755 },
	{ "bin/plain", "#!/bin/sh\n", 0644 },
	{ "bin/dir", NULL, 0755 },
	{ "more/tool", "#!/bin/sh\n", 0755 },
	{ "more/other", "#!/bin/sh\n", 0755 },
	{ "more/plain", "#!/bin/sh\n", 0755 },
	{ "more/dir", "#!/bin/sh\n", 0755 },
	{ "script", "echo\n", 0644 },
	{ "site/deep", NULL, 0755 },
	{ "..x", NULL, 0755 },
	{ "file", "", 0644 },
};

static void fill(const struct tree *tree)
{
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		tree_put(tree, files[i].path, files[i].text);
		assert_return_code(fchmodat(tree->dir, files[i].path, files[i].mode, 0), errno);
	}
	assert_return_code(symlinkat("tool", tree->dir, "bin/link"), errno);
	assert_return_code(symlinkat("nowhere", tree->dir, "bin/dangling"), errno);
	assert_return_code(symlinkat("loop", tree->dir, "bin/loop"), errno);
	assert_return_code(symlinkat(view_expand("@T/bin/tool"), tree->dir, "bin/to-tmp"), errno);
	assert_return_code(symlinkat(view_expand("@T/site"), tree->dir, "to-site"), errno);
	assert_return_code(symlinkat("more", tree->dir, "to-more"), errno);
	assert_return_code(mkfifoat(tree->dir, "bin/pipe", 0755), errno);
}

/* A directory that we may write and that is not private to a job. */
static const char *place_outside(void)
{
	const char *places[] = { getenv("XDG_RUNTIME_DIR"), "/run", getenv("HOME"), "." };

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		auto_free char *real = places[i] ? realpath(places[i], NULL) : NULL;
		bool private = false;

		for (int p = 0; real && p < PRIVATE__COUNT; p++)
		private = private || path_is_below(real, private_places[p]);
		if (real && !private && access(real, W_OK | X_OK) == 0)
			return places[i];
	}
	abort();
}

void view_start(void)
{
	view_inside = tree_make("/tmp");
	view_outside = tree_make(place_outside());
	fill(&view_inside);
	fill(&view_outside);
}

void view_end(void)
{
	tree_remove(&view_inside);
	tree_remove(&view_outside);
}

char *view_expand(const char *text)
{
	static char buffers[16][PATH_MAX];
	static size_t turn;
	char *buffer = buffers[turn++ % ARRAY_LEN(buffers)], *to = buffer;

	for (; *text; text++) {
		if (*text != '@')
			*to++ = *text;
		else if (*++text == 'O')
			to = stpcpy(to, view_outside.path);
		else
			to = stpcpy(to, view_inside.path + (*text == 'T' ? 0 : strlen("/tmp/")));
	}
	*to = '\0';
	return buffer;
}

void view_set_path(const char *path)
{
	setenv("PATH", view_expand(path ? path : "@O/bin:/usr/bin:/bin"), 1);
}

int view_make(struct job *job, const char *const argv[VIEW_ARGS],
	      const char *const binds[VIEW_BINDS], const char *cwd, const char *workdir,
	      struct memcage_error *err)
{
	struct settings settings = SETTINGS_DEFAULT;
	char *arguments[VIEW_ARGS + 1] = { NULL };
	int failed = 0;

	for (size_t i = 0; i < VIEW_ARGS && argv[i]; i++)
		arguments[i] = view_expand(argv[i]);
	assert_return_code(chdir(view_expand(cwd ? cwd : "@O")), errno);
	for (size_t i = 0; i < VIEW_BINDS && binds[i] && !failed; i++)
		failed = *binds[i] == '-' ? setting_find("hide")->parse(view_expand(binds[i] + 1),
									&settings, err)
					  : setting_find("bind")->parse(view_expand(binds[i]),
									&settings, err);
	if (workdir)
		settings.workdir = strdup(view_expand(workdir));
	if (!failed)
		failed = job_make(job, &settings, view_no_limits, arguments, err);
	settings_release(&settings);
	assert_return_code(chdir("/"), errno);
	return failed;
}

void view_assert_words(const char *text, const char *const *words, size_t most)
{
	for (size_t i = 0; i < most && words[i]; i++)
		if (!strstr(text, view_expand(words[i])))
			fail_msg("'%s' is not in '%s'", view_expand(words[i]), text);
	for (const char *at = text; *at; at++)
		assert_true((unsigned char) *at >= ' ' && *at != 0x7f);
}
