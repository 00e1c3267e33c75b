/* SPDX-License-Identifier: Apache-2.0 */
/*
 * covers - what lies over the host's tree where a job looks at it: private places, what is shown of
 * the host elsewhere, what is hidden.  They are laid in this order, so the last one that holds a
 * path says what is there.  covers_plan.c makes the list from the settings, covers_lay.c mounts it.
 *
 * All paths in it are absolute, without "." and "..", and had no symbolic link in them when they
 * were looked at: nothing is followed a second time.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum cover_kind {
	COVER_PRIVATE, /* of the private tmpfs */
	COVER_SHOWN,   /* another place of the host */
	COVER_HIDDEN,  /* nothing */
};

struct cover {
	enum cover_kind kind;
	char *place;  /* as the job sees it */
	char *source; /* SHOWN: on the host */
	dev_t device; /* ... and what it was when it was looked at */
	ino_t inode;
	bool directory; /* SHOWN, HIDDEN: it is one */
	bool read_only; /* SHOWN */
	char *said;	/* HIDDEN: the option's text */
};

struct covers {
	struct cover *list;
	size_t count;
};

/* A path as the job would follow it. */
struct covers_path {
	char place[PATH_MAX];	   /* where it leads, as the job sees it */
	char host[PATH_MAX];	   /* ... and on the host; the same where the cage hides that */
	const struct cover *cover; /* what hides the host's there: private or hidden; or NULL */
	bool there;		   /* on the host */
	int errnum;		   /* why not */
	struct stat st;
	bool foreign; /* a symbolic link on the way belongs to another user than us and root */
	uid_t owner;  /* that one */
};

/*
 * Follows an absolute path through symbolic links and covers, among the first `count` of them.  A
 * path that is not there is followed as far as it is.  -1 with ENAMETOOLONG or ELOOP.
 */
int covers_follow(const struct covers *covers, size_t count, const char *path,
		  struct covers_path *ret);
/* The last of the first `count` covers that holds a path without links; NULL: the host's. */
const struct cover *covers_find(const struct covers *covers, size_t count, const char *place);
void covers_release(struct covers *covers);
/* Is path the directory, or below it? */
bool path_is_below(const char *path, const char *directory);
