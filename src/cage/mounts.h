/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts - the file tree of a cage, made by init; see mounts.c for the order.  All give -1 with
 * errno, and what it was about in `about` where there is one.
 */
#pragma once

#include "cage/cage.h"
#include "job/covers.h"

#define COVERS_MOST (PRIVATE__COUNT + 2 + BINDS_MOST + HIDES_MOST)

/* empty.c: what lies over what is hidden, made as it is needed; -1: not yet. */
struct empty {
	int directory; /* a file system for reading only, at the first place */
	int file;      /* what empty files are copies of */
};

#define EMPTY_NONE ((struct empty) { -1, -1 })

int empty_lay(struct empty *empty, int place, bool directory);
void empty_release(struct empty *empty);
/* One of its own, not attached; it can be written to unless MOUNT_ATTR_RDONLY is among these. */
int empty_directory_new(unsigned int more_attributes);

/* covers_lay.c: what is shown is copied, which gives a tree for each; then all are laid. */
int covers_copy(const struct covers *covers, int trees[COVERS_MOST], char *about, size_t size);
int covers_lay(const struct covers *covers, int trees[COVERS_MOST], struct empty *empty,
	       char *about, size_t size);

/* private_tmp.c: /tmp, /var/tmp and /dev/shm. */
int private_tmp_mount(const struct cage_plan *plan, int *ret_tmp, char *about, size_t size);

/* devices.c: *ret_dev is /dev, still writable. */
int devices_mount(int *ret_dev, char *about, size_t size);
/* masks.c, over /proc of the cage; fills in what the plan has of /proc. */
int masks_lay(struct cage_plan *plan, struct empty *empty, char *about, size_t size);

/*
 * cgroup_view.c: the host's cgroups are taken away in init, or for many cages at once before any
 * init is cloned; the job's own are mounted in main.
 */
int cgroup_view_clear(const struct cage_plan *plan, char *about, size_t size);
/*
 * In a process whose children's cages are all like this model: gives it mounts of its own, without
 * the host's cgroups.  False where each cage has to see to that.
 */
bool cgroup_view_clear_for_all(const struct host *host, const struct job *model);
