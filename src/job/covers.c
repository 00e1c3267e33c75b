/* SPDX-License-Identifier: Apache-2.0 */
#include "job/covers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINKS_MOST 40 /* as the kernel's */

bool path_is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	if (strcmp(directory, "/") == 0)
		return true;
	return strncmp(path, directory, length) == 0 &&
	       (path[length] == '/' || path[length] == '\0');
}

const struct cover *covers_find(const struct covers *covers, size_t count, const char *place)
{
	while (count-- > 0)
		if (path_is_below(place, covers->list[count].place))
			return &covers->list[count];
	return NULL;
}

/* Where we are on the way, and what is still to be followed. */
struct walk {
	const struct covers *covers;
	size_t count;
	struct covers_path *at;
	size_t length; /* of at->place, "" being the root */
	char rest[2 * PATH_MAX];
	int links;
	bool looked; /* at what at->host says now */
};

static int fail(int errnum)
{
	errno = errnum;
	return -1;
}

/* at->host and at->cover, from at->place. */
static int locate(struct walk *walk)
{
	struct covers_path *at = walk->at;
	const struct cover *cover = covers_find(walk->covers, walk->count, at->place);
	const char *below, *source;

	walk->looked = false;
	at->cover = cover && cover->kind != COVER_SHOWN ? cover : NULL;
	if (!cover || at->cover) {
		memcpy(at->host, at->place, sizeof(at->host));
		return 0;
	}
	below = strcmp(cover->place, "/") == 0 ? at->place : at->place + strlen(cover->place);
	source = strcmp(cover->source, "/") == 0 && *below ? "" : cover->source;
	if (snprintf(at->host, sizeof(at->host), "%s%s", source, below) >= (int) sizeof(at->host))
		return fail(ENAMETOOLONG);
	return 0;
}

static void look(struct walk *walk)
{
	struct covers_path *at = walk->at;

	at->errnum = lstat(at->host, &at->st) < 0 ? errno : 0;
	at->there = at->errnum == 0;
	walk->looked = true;
}

static void step_up(struct walk *walk)
{
	while (walk->length > 0 && walk->at->place[--walk->length] != '/')
		;
	walk->at->place[walk->length] = '\0';
}

/* What the link says comes before the rest of the way. */
static int follow_link(struct walk *walk, const char *rest)
{
	char target[PATH_MAX], joined[2 * PATH_MAX];
	ssize_t length = readlink(walk->at->host, target, sizeof(target) - 1);

	if (length < 0 || ++walk->links > LINKS_MOST)
		return length < 0 ? -1 : fail(ELOOP);
	target[length] = '\0';
	if (snprintf(joined, sizeof(joined), "%s/%s", target, rest) >= (int) sizeof(joined))
		return fail(ENAMETOOLONG);
	if (walk->at->st.st_uid != 0 && walk->at->st.st_uid != geteuid()) {
		walk->at->foreign = true;
		walk->at->owner = walk->at->st.st_uid;
	}
	if (*target == '/')
		walk->length = 0;
	else
		step_up(walk);
	walk->at->place[walk->length] = '\0';
	memcpy(walk->rest, joined, sizeof(joined));
	return 1;
}

/* One name further; 1 where the rest has become another. */
static int step_down(struct walk *walk, const char *name, const char *rest)
{
	struct covers_path *at = walk->at;
	bool was_there = at->there || at->cover;
	size_t length = strlen(name);

	if (walk->length + 1 + length >= sizeof(at->place))
		return fail(ENAMETOOLONG);
	snprintf(at->place + walk->length, sizeof(at->place) - walk->length, "/%s", name);
	walk->length += 1 + length;
	if (locate(walk) < 0)
		return -1;
	if (at->cover) /* nothing of ours is a link */
		return 0;
	if (was_there)
		look(walk);
	return at->there && S_ISLNK(at->st.st_mode) ? follow_link(walk, rest) : 0;
}

static int walk_on(struct walk *walk)
{
	char *rest = walk->rest, *name;

	while (rest && (name = strsep(&rest, "/"))) {
		int result = 0;

		if (strcmp(name, "..") == 0) {
			step_up(walk);
			if (locate(walk) < 0)
				return -1;
			walk->at->there = true;
		} else if (*name && strcmp(name, ".") != 0) {
			result = step_down(walk, name, rest ? rest : "");
		}
		if (result < 0)
			return -1;
		if (result > 0)
			rest = walk->rest;
	}
	return 0;
}

int covers_follow(const struct covers *covers, size_t count, const char *path,
		  struct covers_path *ret)
{
	struct walk walk = { .covers = covers, .count = count, .at = ret };

	ret->place[0] = '\0';
	ret->foreign = false;
	ret->there = true;
	ret->cover = NULL;
	if (snprintf(walk.rest, sizeof(walk.rest), "%s", path) >= PATH_MAX)
		return fail(ENAMETOOLONG);
	if (walk_on(&walk) < 0)
		return -1;
	if (walk.length == 0)
		memcpy(ret->place, "/", 2);
	if (!walk.looked) {
		if (locate(&walk) < 0)
			return -1;
		look(&walk);
	}
	return 0;
}

void covers_release(struct covers *covers)
{
	for (size_t i = 0; i < covers->count; i++) {
		free(covers->list[i].place);
		free(covers->list[i].source);
		free(covers->list[i].said);
	}
	free(covers->list);
	*covers = (struct covers) { 0 };
}
