/* SPDX-License-Identifier: Apache-2.0 */
#include "job/command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/parse.h"
#include "job/environment.h"

#define NOT_EXECUTABLE 126
#define NOT_FOUND 127
#define DEFAULT_PATH                                                                               \
	"/usr/local/bin:/usr/bin:/bin" /* as confstr(_CS_PATH), and where admins put things */

static void fail(struct job *job, int status, const char *path, const char *why)
{
	char quoted[200];

	job->exec_status = status;
	snprintf(job->failure, sizeof(job->failure), "cannot execute %s: %s",
		 parse_quote(path, quoted, sizeof(quoted)), why);
}

/* The option that hides a path, or NULL: a private place does. */
static const char *hidden_by(const struct job *job, const char *path)
{
	struct covers_path found;

	job_follow(job, path, &found);
	return found.cover ? found.cover->said : NULL;
}

static void fail_hidden(struct job *job, const char *path)
{
	const char *said = hidden_by(job, path);
	char quoted[160], by[120];

	job->exec_status = NOT_FOUND;
	parse_quote(path, quoted, sizeof(quoted));
	if (said)
		snprintf(job->failure, sizeof(job->failure),
			 "%s is hidden by --hide %s; show it with --bind %s", quoted,
			 parse_quote(said, by, sizeof(by)), quoted);
	else
		snprintf(job->failure, sizeof(job->failure),
			 "%s is hidden by the cage's private /tmp, /var/tmp and /dev/shm; show it "
			 "with --bind %s",
			 quoted, quoted);
}

/* 0, or the errno with which execve would fail. */
static int check_file(const struct covers_path *file)
{
	if (!file->there)
		return file->errnum;
	if (S_ISDIR(file->st.st_mode))
		return EISDIR;
	if (!S_ISREG(file->st.st_mode))
		return EACCES;
	return access(file->host, X_OK) < 0 ? errno : 0;
}

#define HIDDEN (-1)

/*
 * Tries one place, whose path is written as `as` for execve: a script's $0 is what was typed.  0:
 * it is the command; HIDDEN: the host has it there, the cage does not; else the errno of execve.
 */
static int try_path(struct job *job, const char *path, const char *as)
{
	struct covers_path file;
	int errnum;

	job_follow(job, path, &file);
	errnum = check_file(&file);
	if (file.cover)
		return errnum == 0 ? HIDDEN : ENOENT;
	if (errnum != 0)
		return errnum;
	job->path = strdup(as);
	return job->path ? 0 : ENOMEM;
}

static void absolute(const struct job *job, const char *name, char *buffer)
{
	if (*name == '/')
		snprintf(buffer, PATH_MAX, "%s", name);
	else
		snprintf(buffer, PATH_MAX, "%s/%s", job->workdir, name);
}

static void find_by_path(struct job *job, const char *name)
{
	char path[PATH_MAX];
	int errnum;

	absolute(job, name, path);
	errnum = try_path(job, path, name);
	if (errnum == HIDDEN)
		fail_hidden(job, path);
	else if (errnum != 0)
		fail(job, errnum == ENOENT || errnum == ENOTDIR ? NOT_FOUND : NOT_EXECUTABLE, path,
		     strerror(errnum));
}

/* One entry of PATH: an empty one is the working directory, a relative one is below it. */
static void entry_path(const struct job *job, const char *entry, int length, const char *name,
		       char *buffer)
{
	if (length > 0 && *entry == '/')
		snprintf(buffer, PATH_MAX, "%.*s/%s", length, entry, name);
	else
		snprintf(buffer, PATH_MAX, "%s/%.*s/%s", job->workdir, length, entry, name);
}

static void find_in_path(struct job *job, const char *name)
{
	const char *list = environment_get(job->environment, "PATH");
	char path[PATH_MAX], useless[PATH_MAX] = "";

	for (const char *at = list ? list : DEFAULT_PATH; at;
	     at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
		int errnum;

		entry_path(job, at, (int) strcspn(at, ":"), name, path);
		errnum = try_path(job, path, path);
		if (errnum ==
		    HIDDEN) /* it is the one that was meant; another must not run in its place */
			fail_hidden(job, path);
		if (errnum == 0 || errnum == HIDDEN)
			return;
		if (errnum == EACCES || errnum == EISDIR)
			memcpy(useless, path, sizeof(useless));
	}
	if (*useless)
		fail(job, NOT_EXECUTABLE, useless, strerror(EACCES));
	else
		fail(job, NOT_FOUND, name, "not found in PATH");
}

/* Programs whose first argument that is no option is a script. */
static bool is_interpreter(const char *path)
{
	static const char *const names[] = { "sh",	"bash", "dash",	   "zsh",  "ksh", "python",
					     "python2", "perl", "ruby",	   "node", "php", "lua",
					     "tclsh",	"awk",	"Rscript", "java" };
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strncmp(name, "python3", 7) == 0;
}

/*
 * -c, -m, -e, -r and letters with one of them: a program follows that is in no file of that name.
 */
static bool takes_program(const char *option)
{
	return option[1] != '-' && strpbrk(option + 1, "cmerE") != NULL;
}

/* "python3 /tmp/job.py" would only say that the file is not there. */
static void check_script(struct job *job)
{
	char path[PATH_MAX], host[PATH_MAX];
	char *const *script = job->argv + 1;

	if (!is_interpreter(job->path))
		return;
	while (*script && **script == '-' && !takes_program(*script))
		script++;
	if (!*script || **script == '-' || strlen(*script) >= PATH_MAX / 2)
		return;
	absolute(job, *script, path);
	if (job_host_path(job, path, host) || access(host, F_OK) < 0)
		return;
	free(job->path);
	job->path = NULL;
	fail_hidden(job, path);
}

void command_find(struct job *job)
{
	const char *name = job->argv[0];

	if (*name == '\0')
		fail(job, NOT_FOUND, name, "the command is empty");
	else if (strchr(name, '/'))
		find_by_path(job, name);
	else
		find_in_path(job, name);
	if (job->path)
		check_script(job);
}

/* The interpreter that the first line of a script names. */
static bool script_interpreter(const char *host, char *buffer, size_t size)
{
	char line[256] = "";
	auto_fd int fd = open(host, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, line, sizeof(line) - 1) < 3 || strncmp(line, "#!", 2) != 0)
		return false;
	line[strcspn(line, "\n")] = '\0';
	snprintf(buffer, size, "%s", line + 2 + strspn(line + 2, " \t"));
	return true;
}

int command_explain(const struct job *job, int errnum, char *buffer, size_t size)
{
	char interpreter[200], word[PARSE_QUOTED], quoted[200], path[PATH_MAX], host[PATH_MAX];

	parse_quote(job->path, quoted, sizeof(quoted));
	absolute(job, job->path, path);
	job_host_path(job, path, host);
	if (errnum == ENOEXEC)
		snprintf(buffer, size,
			 "cannot execute %s: neither a program for this machine nor a script that "
			 "begins with #!",
			 quoted);
	else if (errnum == ENOENT && script_interpreter(host, interpreter, sizeof(interpreter)))
		snprintf(buffer, size, "cannot execute %s: its interpreter %s is not there", quoted,
			 parse_quote(interpreter, word, sizeof(word)));
	else
		snprintf(buffer, size, "cannot execute %s: %s", quoted, strerror(errnum));
	return errnum == ENOENT && access(host, F_OK) < 0 ? NOT_FOUND : NOT_EXECUTABLE;
}
