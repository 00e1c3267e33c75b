/* SPDX-License-Identifier: Apache-2.0 */
#include "job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"
#include "command.h"
#include "environment.h"

const char *const private_places[PRIVATE__COUNT] = {
	[PRIVATE_TMP] = "/tmp",
	[PRIVATE_VAR_TMP] = "/var/tmp",
	[PRIVATE_DEV_SHM] = "/dev/shm",
};

bool path_is_below(const char *path, const char *directory)
{
	size_t length = strlen(directory);

	if (strcmp(directory, "/") == 0)
		return true;
	return strncmp(path, directory, length) == 0 &&
	       (path[length] == '/' || path[length] == '\0');
}

/* Of the first `count` binds the last whose target holds the path: it covers those before it. */
static const struct bind *bind_among(const struct job *job, size_t count, const char *path)
{
	while (count-- > 0)
		if (path_is_below(path, job->settings.binds[count].target))
			return &job->settings.binds[count];
	return NULL;
}

/* Binds cover the private places too. */
static const struct bind *covering_bind(const struct job *job, const char *path)
{
	return bind_among(job, job->settings.bind_count, path);
}

static bool is_hidden(const struct job *job, const char *path)
{
	if (job->bind_workdir && path_is_below(path, job->workdir))
		return false;
	for (int i = 0; i < PRIVATE__COUNT; i++)
		if (job->is_private[i] && path_is_below(path, private_places[i]))
			return true;
	return false;
}

/*
 * Without "x/.." in it.  Where x is a symlink the kernel goes elsewhere; realpath(3) below finds
 * out.
 */
static void fold(char *path)
{
	char *up = path;

	while ((up = strstr(up, "/.."))) {
		char *parent = up;

		if (up[3] != '/' && up[3] != '\0') {
			up++;
			continue;
		}
		while (parent > path && *--parent != '/')
			;
		memmove(parent, up + 3, strlen(up + 3) + 1);
		up = parent;
	}
	if (*path == '\0')
		stpcpy(path, "/");
}

/* What a bind shows is elsewhere on the host: true. */
static bool map_path(const struct job *job, const char *path, char *buffer)
{
	const struct bind *bind = covering_bind(job, path);

	snprintf(buffer, PATH_MAX, "%s%s", bind ? bind->source : "",
		 path + (bind ? strlen(bind->target) : 0));
	return bind != NULL;
}

bool job_host_path(const struct job *job, const char *text, char *buffer)
{
	char path[PATH_MAX];
	auto_free char *real = NULL;

	snprintf(path, sizeof(path), "%s", text);
	fold(path);
	if (map_path(job, path, buffer))
		return true;
	real = realpath(path, NULL); /* a symlink into a private place is hidden too */
	return !is_hidden(job, path) &&
	       !(real && !covering_bind(job, real) && is_hidden(job, real));
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
		const struct bind *bind = covering_bind(job, private_places[i]);
		struct stat st;

		job->is_private[i] = !job->shared.mounts && !bind &&
				     lstat(private_places[i], &st) == 0 && S_ISDIR(st.st_mode);
	}
}

static int refuse_bind(const struct bind *bind, const char *path, const char *problem, int errnum,
		       struct memcage_error *err)
{
	char text[200], quoted[200];

	parse_quote(bind->text, text, sizeof(text));
	return error_set(err, MEMCAGE_ERROR_USAGE, errnum, "--bind %s: %s %s", text,
			 parse_quote(path, quoted, sizeof(quoted)), problem);
}

static int check_bind(const struct bind *bind, struct memcage_error *err)
{
	struct stat source;

	if (strcmp(bind->target, "/") == 0)
		return refuse_bind(bind, "/", "cannot be the place to show something at", 0, err);
	if (stat(bind->source, &source) < 0)
		return refuse_bind(bind, bind->source, "cannot be shown", errno, err);
	return 0;
}

/* Made in the private tmpfs, but not where the working directory or another bind is shown. */
static int check_bind_target(const struct job *job, size_t index, struct memcage_error *err)
{
	const struct bind *bind = &job->settings.binds[index];
	const struct bind *earlier = bind_among(job, index, bind->target);
	struct stat source, target;
	char path[PATH_MAX];

	if (!earlier && is_hidden(job, bind->target))
		return 0;
	snprintf(path, sizeof(path), "%s%s", earlier ? earlier->source : "",
		 bind->target + (earlier ? strlen(earlier->target) : 0));
	if (stat(bind->source, &source) < 0)
		return refuse_bind(bind, bind->source, "cannot be shown", errno, err);
	if (stat(path, &target) < 0)
		return refuse_bind(bind, bind->target, "must be there, as a place to show it at",
				   errno, err);
	if (S_ISDIR(source.st_mode) && !S_ISDIR(target.st_mode))
		return refuse_bind(bind, bind->target, "is no directory, but the source is one", 0,
				   err);
	if (!S_ISDIR(source.st_mode) && S_ISDIR(target.st_mode))
		return refuse_bind(bind, bind->target, "is a directory, the source is none", 0,
				   err);
	return 0;
}

static int check_pass_fds(const struct settings *settings, struct memcage_error *err)
{
	for (size_t i = 0; i < settings->pass_fd_count; i++)
		if (fcntl(settings->pass_fds[i], F_GETFD) < 0)
			return error_usage(err, "--pass-fd: '%d' is not an open descriptor",
					   settings->pass_fds[i]);
	return 0;
}

static int choose_workdir(struct job *job, struct memcage_error *err)
{
	const char *option = job->settings.workdir;
	char host[PATH_MAX];
	bool real;
	struct stat st;

	job->workdir = option ? realpath(option, NULL) : getcwd(NULL, 0);
	real = job->workdir != NULL;
	if (!job->workdir && option && *option == '/' && covering_bind(job, option))
		job->workdir = strdup(option); /* only in the cage */
	if (!job->workdir && option)
		return usage_option(err, "workdir", option, "is not there", errno);
	if (!job->workdir || job->workdir[0] != '/')
		return error_set(
			err, MEMCAGE_ERROR_USAGE, job->workdir ? 0 : errno,
			"the working directory cannot be found; go to one, or say --workdir /");
	for (int i = 0; i < PRIVATE__COUNT; i++)
		if (job->is_private[i] && path_is_below(job->workdir, private_places[i]) &&
		    strcmp(job->workdir, private_places[i]) != 0 &&
		    !covering_bind(job, job->workdir))
			job->bind_workdir = true;
	if (real)
		map_path(job, job->workdir, host);
	else
		job_host_path(job, job->workdir, host);
	if (stat(host, &st) < 0 || !S_ISDIR(st.st_mode))
		return usage_option(err, "workdir", job->workdir, "is not a directory", 0);
	if (access(host, X_OK) < 0)
		return usage_option(err, "workdir", job->workdir, "cannot be entered", errno);
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
	if (!job->settings.has_mask)
		pthread_sigmask(SIG_SETMASK, NULL, &job->settings.mask);
	if (settings_allow(&job->settings, ALLOW_NAMESPACE))
		job->shared = namespaces_probe();
	choose_private_places(job);
	for (size_t i = 0; i < job->settings.bind_count; i++)
		if (check_bind(&job->settings.binds[i], err) < 0)
			return -1;
	if (check_pass_fds(&job->settings, err) < 0 || choose_workdir(job, err) < 0)
		return -1;
	for (size_t i = 0; i < job->settings.bind_count; i++)
		if (check_bind_target(job, i, err) < 0)
			return -1;
	job->environment = environment_make(job);
	if (!job->environment)
		return error_set(err, MEMCAGE_ERROR_SETUP, ENOMEM, "out of memory");
	command_find(job);
	return 0;
}

int job_make(struct job *job, const struct settings *settings,
	     const struct limit_value values[LIMIT__COUNT], char *const argv[],
	     struct memcage_error *err)
{
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

void job_release(struct job *job)
{
	free_list(job->argv);
	free_list(job->environment);
	free(job->workdir);
	free(job->path);
	for (int id = 0; id < LIMIT__COUNT; id++)
		limit_release(&job->limits[id]);
	settings_release(&job->settings);
	*job = (struct job) { 0 };
}
