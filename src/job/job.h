/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job - one command with its limits and its view of the host, checked against each other and
 * against what is there; const once made.  Paths come in two views: as the job sees them, and as
 * they are on the host.  They differ below the private mounts and at the targets of binds.
 */
#pragma once

#include <stdbool.h>

#include "cage/namespaces.h"
#include "filter/filter.h"
#include "job/covers.h"
#include "spec/limit.h"
#include "spec/settings.h"

/* The places that are private; a job sees its own empty ones there, of one tmpfs together. */
enum private_place { PRIVATE_TMP, PRIVATE_VAR_TMP, PRIVATE_DEV_SHM, PRIVATE__COUNT };
extern const char *const private_places[PRIVATE__COUNT];

struct job {
	char **argv;
	char **environment;
	struct settings settings;
	struct limit_value limits[LIMIT__COUNT];
	struct shared_namespaces shared; /* with memcage, where the settings allow it */
	struct filter filter;
	bool is_private[PRIVATE__COUNT]; /* the place is there, and no bind shows the host's */
	char *workdir;			 /* as the job sees it */
	bool bind_workdir;		 /* it lies below a private place and must be shown there */
	struct covers covers;

	const struct job *model; /* whose most of this is; NULL: all is its own */

	char *path;	   /* for execve in workdir; NULL: the command cannot be executed, for */
	int exec_status;   /* 126 or 127 */
	char failure[480]; /* and why, as one line */
};

/*
 * With settings->model all is taken from there but argv, the memory limit and the settings of one
 * job among many: what is said of each of them is looked at once.  The model outlives the job.
 *
 * -1 with a usage error, which names the option.  A command that is not there is no error: see
 * path.
 */
int job_make(struct job *job, const struct settings *settings,
	     const struct limit_value limits_[LIMIT__COUNT], char *const argv[],
	     struct memcage_error *err);
void job_release(struct job *job);
/*
 * Its command and environment are in settings.room: who shares that memory, and has the model, has
 * all of the job.
 */
bool job_is_in_room(const struct job *job);

/*
 * Where an absolute path of the job's is on the host; false where the cage
 * hides it.  buffer has PATH_MAX bytes.
 */
bool job_host_path(const struct job *job, const char *text, char *buffer);
/* The same with all that was seen there; where it leads round in circles it is not there. */
void job_follow(const struct job *job, const char *text, struct covers_path *ret);
/* Fills covers, from all that is above it. */
int covers_plan(struct job *job, struct memcage_error *err);
