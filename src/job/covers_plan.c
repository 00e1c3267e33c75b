/* SPDX-License-Identifier: Apache-2.0 */
/*
 * covers_plan - the covers of a job, from its settings.  First the private places, then the working
 * directory where it lies in one, then the binds in their order.  What is hidden comes after the
 * last bind that holds it, so that a bind of what lies below shows it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"
#include "cage/identity.h"
#include "job/job.h"

#define QUOTED 200

static int out_of_memory(struct memcage_error *err)
{
	return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
}

/* Texts are copied; source and said may be NULL. */
static int add(struct covers *covers, struct cover cover, struct memcage_error *err)
{
	struct cover *larger = reallocarray(covers->list, covers->count + 1, sizeof(struct cover));

	if (!larger)
		return out_of_memory(err);
	covers->list = larger;
	cover.place = strdup(cover.place);
	cover.source = cover.source ? strdup(cover.source) : NULL;
	cover.said = cover.said ? strdup(cover.said) : NULL;
	covers->list[covers->count++] = cover;
	return cover.place && (cover.kind != COVER_SHOWN || cover.source) ? 0 : out_of_memory(err);
}

static int add_private(struct job *job, struct memcage_error *err)
{
	const struct cover dev = { .kind = COVER_PRIVATE,
				   .place = (char *) "/dev",
				   .directory = true };

	if (settings_confine(&job->settings) && add(&job->covers, dev, err) < 0)
		return -1;
	for (int i = 0; i < PRIVATE__COUNT; i++) {
		struct cover cover = { .kind = COVER_PRIVATE,
				       .place = (char *) private_places[i],
				       .directory = true };

		if (job->is_private[i] && add(&job->covers, cover, err) < 0)
			return -1;
	}
	return 0;
}

static struct cover shown(char *place, struct covers_path *source, bool read_only)
{
	return (struct cover) {
		.kind = COVER_SHOWN,
		.place = place,
		.source = source->host,
		.device = source->st.st_dev,
		.inode = source->st.st_ino,
		.directory = S_ISDIR(source->st.st_mode),
		.read_only = read_only,
	};
}

static int add_workdir(struct job *job, struct memcage_error *err)
{
	struct covers_path source;
	char quoted[QUOTED];

	if (!job->bind_workdir)
		return 0;
	if (covers_follow(&job->covers, 0, job->workdir, &source) < 0 || !source.there)
		return error_usage(err, "the working directory %s is not there any more",
				   parse_quote(job->workdir, quoted, sizeof(quoted)));
	return add(&job->covers, shown(job->workdir, &source, job->settings.root_read_only), err);
}

/* ---- binds ---- */

static int refuse_bind(const struct bind *bind, const char *path, const char *problem, int errnum,
		       struct memcage_error *err)
{
	char text[QUOTED], quoted[QUOTED];

	parse_quote(bind->text, text, sizeof(text));
	return error_set(err, MEMCAGE_ERROR_USAGE, errnum, "--bind %s: %s %s", text,
			 parse_quote(path, quoted, sizeof(quoted)), problem);
}

/* Who owns a link can turn it to another place at any moment: only root and we may. */
static int check_links(const struct bind *bind, const char *path, const struct covers_path *found,
		       struct memcage_error *err)
{
	char problem[160];

	if (!found->foreign)
		return 0;
	snprintf(problem, sizeof(problem),
		 "goes by a symbolic link of user %u, who can turn it elsewhere; say the path that "
		 "it leads to",
		 found->owner);
	return refuse_bind(bind, path, problem, 0, err);
}

static int find_source(const struct bind *bind, struct covers_path *ret, struct memcage_error *err)
{
	const struct covers nothing = { 0 };

	if (covers_follow(&nothing, 0, bind->source, ret) < 0)
		return refuse_bind(bind, bind->source, "cannot be shown", errno, err);
	if (!ret->there)
		return refuse_bind(bind, bind->source, "cannot be shown", ret->errnum, err);
	return check_links(bind, bind->source, ret, err);
}

/* What is there to be covered: a directory?  -1: it is made, in the private tmpfs or in a hidden
 * directory. */
static int target_directory(const struct covers_path *target)
{
	if (!target->cover)
		return S_ISDIR(target->st.st_mode);
	return strcmp(target->cover->place, target->place) == 0 ? target->cover->directory : -1;
}

static int check_target(const struct bind *bind, const struct covers_path *source,
			const struct covers_path *target, struct memcage_error *err)
{
	bool directory = S_ISDIR(source->st.st_mode);
	int there;

	if (strcmp(target->place, "/") == 0)
		return refuse_bind(bind, "/", "cannot be the place to show something at", 0, err);
	if (!target->cover && !target->there)
		return refuse_bind(bind, bind->target, "must be there, as a place to show it at",
				   target->errnum, err);
	there = target_directory(target);
	if (there < 0 && !target->cover->directory)
		return refuse_bind(bind, bind->target, "lies below a file that is hidden", 0, err);
	if (there == 0 && directory)
		return refuse_bind(bind, bind->target, "is no directory, but the source is one", 0,
				   err);
	if (there == 1 && !directory)
		return refuse_bind(bind, bind->target, "is a directory, the source is none", 0,
				   err);
	return check_links(bind, bind->target, target, err);
}

static int add_bind(struct job *job, const struct bind *bind, bool check, struct memcage_error *err)
{
	struct covers_path source, target;

	if (find_source(bind, &source, err) < 0)
		return -1;
	if (covers_follow(&job->covers, job->covers.count, bind->target, &target) < 0)
		return refuse_bind(bind, bind->target, "must be there, as a place to show it at",
				   errno, err);
	if (check && check_target(bind, &source, &target, err) < 0)
		return -1;
	return add(&job->covers, shown(target.place, &source, bind->read_only), err);
}

static int add_binds(struct job *job, bool check, struct memcage_error *err)
{
	for (size_t i = 0; i < job->settings.bind_count; i++)
		if (add_bind(job, &job->settings.binds[i], check, err) < 0)
			return -1;
	return 0;
}

/* ---- what is hidden ---- */

/* Where the paths to be hidden lead, with all binds in sight. */
static int find_hidden(const struct job *job, struct covers *hidden, struct memcage_error *err)
{
	for (size_t i = 0; i < job->settings.hide_count; i++) {
		char *said = job->settings.hides[i];
		struct covers_path found;
		struct cover cover = { .kind = COVER_HIDDEN, .said = said, .place = found.place };
		char quoted[QUOTED];

		if (covers_follow(&job->covers, job->covers.count, said, &found) < 0)
			return error_set(err, MEMCAGE_ERROR_USAGE, errno, "--hide: %s",
					 parse_quote(said, quoted, sizeof(quoted)));
		if (strcmp(found.place, "/") == 0)
			return error_usage(err, "--hide: %s leads to /, which cannot be hidden",
					   parse_quote(said, quoted, sizeof(quoted)));
		if (add(hidden, cover, err) < 0)
			return -1;
	}
	return 0;
}

static bool holds(const struct cover *cover, const char *place)
{
	return path_is_below(place, cover->place) && strcmp(place, cover->place) != 0;
}

/* Binds from `from` on whose places hold this one: it is laid after the last of them. */
static bool is_held_later(const struct cover *binds, size_t from, size_t count, const char *place)
{
	for (size_t i = from; i < count; i++)
		if (holds(&binds[i], place))
			return true;
	return false;
}

/* In a place of the cage's own there is only what was made for binds. */
static bool is_made(const struct covers *covers, const char *place)
{
	for (size_t i = 0; i < covers->count; i++)
		if (path_is_below(covers->list[i].place, place))
			return true;
	return false;
}

/* Is there anything at its place, and what?  What is not there need not be hidden. */
static bool find_kind(const struct covers *covers, struct cover *hidden)
{
	struct covers_path found;

	if (covers_follow(covers, covers->count, hidden->place, &found) < 0)
		return false;
	if (found.cover && found.cover->kind == COVER_PRIVATE &&
	    strcmp(found.cover->place, hidden->place) == 0)
		return false; /* shows nothing of the host as it is */
	hidden->directory = found.cover || S_ISDIR(found.st.st_mode);
	return found.cover ? is_made(covers, hidden->place) : found.there;
}

/* Those that no bind from `next` on will hold. */
static int add_hidden(struct job *job, struct covers *hidden, const struct cover *binds,
		      size_t next, struct memcage_error *err)
{
	for (size_t i = 0; i < hidden->count; i++) {
		struct cover *cover = &hidden->list[i];

		if (!cover->place ||
		    is_held_later(binds, next, job->settings.bind_count, cover->place))
			continue;
		if (find_kind(&job->covers, cover) && add(&job->covers, *cover, err) < 0)
			return -1;
		free(cover->place);
		cover->place = NULL;
	}
	return 0;
}

/* All again, in their order; `binds` is how they are without anything hidden. */
static int add_in_order(struct job *job, struct covers *hidden, const struct cover *binds,
			struct memcage_error *err)
{
	for (size_t i = 0; i < job->settings.bind_count; i++)
		if (add_hidden(job, hidden, binds, i, err) < 0 ||
		    add_bind(job, &job->settings.binds[i], true, err) < 0)
			return -1;
	return add_hidden(job, hidden, binds, job->settings.bind_count, err);
}

static int hide(struct job *job, struct memcage_error *err)
{
	struct covers before = job->covers, hidden = { 0 };
	int result;

	result = find_hidden(job, &hidden, err);
	job->covers = (struct covers) { 0 };
	if (result == 0)
		result = add_private(job, err) < 0 || add_workdir(job, err) < 0 ||
					 add_in_order(job, &hidden,
						      before.list + before.count -
							      job->settings.bind_count,
						      err) < 0
				 ? -1
				 : 0;
	covers_release(&before);
	covers_release(&hidden);
	return result;
}

int covers_plan(struct job *job, struct memcage_error *err)
{
	bool hides = job->settings.hide_count > 0; /* places may be made where it is hidden */

	if (add_private(job, err) < 0 || add_workdir(job, err) < 0 ||
	    add_binds(job, !hides, err) < 0)
		return -1;
	return hides ? hide(job, err) : 0;
}
