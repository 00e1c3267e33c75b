/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publish - a file without a name gets one, perhaps another file's, which it replaces.  Only an
 * existing name can be renamed: for two system calls the file has a second one.  A process of its
 * own makes them, which goes on if memcage is killed in between, so that none is left.
 */
#pragma once

#include <stdbool.h>

#define PUBLISH_SECOND_NAME (sizeof(".memcage-") + 16)

/* A name that nobody else has; -1 with errno. */
int publish_choose_name(char name[PUBLISH_SECOND_NAME]);
/* dir/name is to be new.  -1 with errno, EEXIST where it is not. */
int publish_new(int fd, int dir, const char *name);
/* dir/name may be there.  -1 with errno. */
int publish_over(int fd, int dir, const char *name);

/*
 * The same as publish_over(), while we go on.  The process shares our memory and our errno: from
 * its start, or the word to one that stands by, until its end nobody may look at that.
 */
struct publisher;

/* Owns the file; name outlives it.  NULL: there cannot be one, and the file is closed. */
struct publisher *publisher_new(int fd, int dir, const char *name);
int publisher_fd(const struct publisher *publisher);
/* Starts the process, which waits for a word; before that it ends with us.  False: it cannot. */
bool publisher_stand_by(struct publisher *publisher);
/* Starts it, or gives it its word. */
void publisher_publish(struct publisher *publisher);
/* Waits for it, and frees.  0, or an errno. */
int publisher_end(struct publisher *publisher);
/* Nothing is to be published: frees. */
void publisher_call_off(struct publisher *publisher);
