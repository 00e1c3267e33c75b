/* SPDX-License-Identifier: Apache-2.0 */
#include "job/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"
#include "cage/identity.h"
#include "job/command.h"
#include "job/environment.h"

const char *const private_places[PRIVATE__COUNT] = {
	[PRIVATE_TMP] = "/tmp",
	[PRIVATE_VAR_TMP] = "/var/tmp",
	[PRIVATE_DEV_SHM] = "/dev/shm",
};

/*
 * Is the path at or below the place of a bind, as it was said?  Enough to know what cannot be
 * private; where paths lead is covers_plan()'s matter.
 */
static bool is_bound(const struct job *job, const char *path)
{
	for (size_t i = 0; i < job->settings.bind_count; i++)
		if (path_is_below(path, job->settings.binds[i].target))
			return true;
	return false;
}

void job_follow(const struct job *job, const char *text, struct covers_path *ret)
{
	if (covers_follow(&job->covers, job->covers.count, text, ret) == 0)
		return;
	ret->cover = NULL;
	ret->there = false;
	ret->errnum = errno;
	snprintf(ret->host, sizeof(ret->host), "%s", text);
}

bool job_host_path(const struct job *job, const char *text, char *buffer)
{
	struct covers_path found;

	job_follow(job, text, &found);
	memcpy(buffer, found.host, sizeof(found.host));
	return !found.cover;
}

static int usage_option(struct memcage_error *err, const char *option, const char *text,
			const char *problem, int errnum)
{
	char quoted[200];

	return error_set(err, MEMCAGE_ERROR_USAGE, errnum, "--%s: %s %s", option,
			 parse_quote(text, quoted, sizeof(quoted)), problem);
}

static void choose_private_places(struct job *job)
{
	for (int i = 0; i < PRIVATE__COUNT; i++) {
		struct stat st;

		job->is_private[i] = !job->shared.mounts && !is_bound(job, private_places[i]) &&
				     lstat(private_places[i], &st) == 0 && S_ISDIR(st.st_mode);
	}
}

static int check_pass_fds(const struct settings *settings, struct memcage_error *err)
{
	for (size_t i = 0; i < settings->pass_fd_count; i++)
		if (fcntl(settings->pass_fds[i], F_GETFD) < 0)
			return error_usage(err, "--pass-fd: '%d' is not an open descriptor",
					   settings->pass_fds[i]);
	return 0;
}

/* A private place that is hidden shows no working directory either. */
static bool is_shown_in(const struct job *job, const char *private_place)
{
	for (size_t i = 0; i < job->settings.hide_count; i++)
		if (strcmp(job->settings.hides[i], private_place) == 0)
			return false;
	return path_is_below(job->workdir, private_place) &&
	       strcmp(job->workdir, private_place) != 0;
}

static int choose_workdir(struct job *job, struct memcage_error *err)
{
	const char *option = job->settings.workdir;

	job->workdir = option ? realpath(option, NULL) : getcwd(NULL, 0);
	if (!job->workdir && option && *option == '/' && is_bound(job, option))
		job->workdir = strdup(option); /* only in the cage */
	if (!job->workdir && option)
		return usage_option(err, "workdir", option, "is not there", errno);
	if (!job->workdir || job->workdir[0] != '/')
		return error_set(
			err, MEMCAGE_ERROR_USAGE, job->workdir ? 0 : errno,
			"the working directory cannot be found; go to one, or say --workdir /");
	for (int i = 0; i < PRIVATE__COUNT; i++)
		if (job->is_private[i] && is_shown_in(job, private_places[i]) &&
		    !is_bound(job, job->workdir))
			job->bind_workdir = true;
	return 0;
}

static int refuse_hidden_workdir(const struct job *job, const struct cover *cover,
				 struct memcage_error *err)
{
	char workdir[200], said[200];

	parse_quote(job->workdir, workdir, sizeof(workdir));
	return error_usage(err,
			   "the working directory %s is hidden by --hide %s; show it with --bind "
			   "%s, or say --workdir /",
			   workdir,
			   parse_quote(cover->said ? cover->said : cover->place, said,
				       sizeof(said)),
			   workdir);
}

static int check_workdir(const struct job *job, struct memcage_error *err)
{
	struct covers_path found;

	if (covers_follow(&job->covers, job->covers.count, job->workdir, &found) < 0)
		return usage_option(err, "workdir", job->workdir, "is not there", errno);
	if (found.cover &&
	    (found.cover->kind == COVER_HIDDEN || strcmp(found.cover->place, found.place) != 0))
		return refuse_hidden_workdir(job, found.cover, err);
	if (!found.there || !S_ISDIR(found.st.st_mode))
		return usage_option(err, "workdir", job->workdir, "is not a directory", 0);
	if (access(found.host, X_OK) < 0)
		return usage_option(err, "workdir", job->workdir, "cannot be entered", errno);
	return 0;
}

/* What only root can do is refused here, and what cannot go together. */
static int check_rights(const struct settings *settings, struct memcage_error *err)
{
	bool confine = settings_confine(settings);

	if (settings->allow_new_privs && confine)
		return error_usage(err, "no-new-privs: false does not go with capabilities: none");
	if (settings->allow_new_privs && geteuid() != 0)
		return error_usage(err, "no-new-privs: false is for root only; say true");
	if (confine && settings->has_user && settings->uid == 0 && geteuid() == 0)
		return error_usage(err,
				   "--user: '0' does not go with capabilities: none; say another "
				   "user, for example 65534:65534");
	return 0;
}

static int copy_arguments(struct job *job, char *const argv[], struct memcage_error *err)
{
	size_t count = 0;

	while (argv[count])
		count++;
	if (count == 0)
		return error_usage(
			err, "no command; say for example: memcage run -m 512M -- python3 job.py");
	job->argv = calloc(count + 1, sizeof(char *));
	for (size_t i = 0; job->argv && i < count; i++)
		if (!(job->argv[i] = strdup(argv[i])))
			return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
	return job->argv ? 0 : error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
}

/* Swap would make the memory limit a soft one: none, unless it is asked for. */
static void join_limits(struct job *job)
{
	if (job->limits[LIMIT_MEMORY].set && job->limits[LIMIT_MEMORY].number != LIMIT_NONE &&
	    !job->limits[LIMIT_SWAP].set)
		job->limits[LIMIT_SWAP] = (struct limit_value) { .set = true, .number = 0 };
}

static int copy_limits(struct job *job, const struct limit_value values[LIMIT__COUNT],
		       struct memcage_error *err)
{
	for (int id = 0; id < LIMIT__COUNT; id++)
		if (limit_copy(&values[id], &job->limits[id]) < 0)
			return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
	join_limits(job);
	return 0;
}

static int fill(struct job *job, char *const argv[], struct memcage_error *err)
{
	if (copy_arguments(job, argv, err) < 0)
		return -1;
	if (filter_choose(&job->filter, &job->settings, err) < 0)
		return -1;
	if (!job->settings.has_mask)
		pthread_sigmask(SIG_SETMASK, NULL, &job->settings.mask);
	if (settings_allow(&job->settings, ALLOW_NAMESPACE))
		job->shared = namespaces_probe();
	choose_private_places(job);
	if (check_rights(&job->settings, err) < 0 || check_pass_fds(&job->settings, err) < 0 ||
	    choose_workdir(job, err) < 0 || covers_plan(job, err) < 0 ||
	    check_workdir(job, err) < 0)
		return -1;
	job->environment = environment_make(job);
	if (!job->environment)
		return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
	command_find(job);
	return 0;
}

/* The list, and behind it the texts; with what comes next in its place. */
static size_t command_size(char *const argv[])
{
	size_t size = sizeof(char *);

	for (; *argv; argv++)
		size += sizeof(char *) + strlen(*argv) + 1;
	return (size + sizeof(char *) - 1) / sizeof(char *) * sizeof(char *);
}

static void copy_command(char **list, char *const argv[])
{
	size_t count = 0;
	char *text;

	while (argv[count])
		count++;
	text = (char *) (list + count + 1);
	for (size_t i = 0; i < count; i++) {
		list[i] = text;
		text = stpcpy(text, argv[i]) + 1;
	}
	list[count] = NULL;
}

/* Where command and environment are its own; what the model has is not looked at again. */
static int derive(struct job *job, const struct settings *settings,
		  const struct limit_value *memory, char *const argv[], struct memcage_error *err)
{
	const struct job *model = settings->model;
	size_t command = command_size(argv),
	       size = command + environment_extended_size(model->environment, settings->extra);
	char *room = size <= settings->room_bytes ? settings->room : malloc(size);

	*job = *model;
	job->model = model;
	job->settings = *settings;
	job->settings.mask = model->settings.mask;
	job->limits[LIMIT_MEMORY] = *memory;
	job->argv = (char **) room;
	if (!room)
		return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
	job->environment = (char **) (room + command);
	copy_command(job->argv, argv);
	environment_extend(job->environment, model->environment, settings->extra);
	return 0;
}

bool job_is_in_room(const struct job *job)
{
	return job->settings.room && job->argv == job->settings.room;
}

int job_make(struct job *job, const struct settings *settings,
	     const struct limit_value values[LIMIT__COUNT], char *const argv[],
	     struct memcage_error *err)
{
	if (settings->model)
		return derive(job, settings, &values[LIMIT_MEMORY], argv, err);
	*job = (struct job) { .settings = SETTINGS_DEFAULT };
	if (settings_copy(settings, &job->settings) < 0)
		return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
	if (copy_limits(job, values, err) < 0 || fill(job, argv, err) < 0) {
		job_release(job);
		return -1;
	}
	return 0;
}

static void free_list(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

/* Its two lists are one piece. */
static void release_derived(struct job *job)
{
	if (!job_is_in_room(job))
		free(job->argv);
	*job = (struct job) { 0 };
}

void job_release(struct job *job)
{
	if (job->model) {
		release_derived(job);
		return;
	}
	free_list(job->argv);
	free_list(job->environment);
	free(job->workdir);
	covers_release(&job->covers);
	free(job->path);
	for (int id = 0; id < LIMIT__COUNT; id++)
		limit_release(&job->limits[id]);
	filter_release(&job->filter);
	settings_release(&job->settings);
	*job = (struct job) { 0 };
}
