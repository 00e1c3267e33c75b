/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts - the file tree of a cage, made by init; see mounts.c for the order.  All give -1 with
 * errno, and what it was about in `about` where there is one.
 */
#pragma once

#include "cage.h"
#include "covers.h"

#define COVERS_MOST (PRIVATE__COUNT + 2 + BINDS_MOST + HIDES_MOST)

/* covers_lay.c: what is shown is copied, which gives a tree for each; then all are laid. */
int covers_copy(const struct covers *covers, int trees[COVERS_MOST], char *about, size_t size);
int covers_lay(const struct covers *covers, int trees[COVERS_MOST], char *about, size_t size);
/*
 * Empties one path.  It need not be there.  *ret_tree is the empty mount where it is a directory,
 * which is still writable.
 */
int covers_hide(const char *path, int *ret_tree);

/* private_tmp.c: /tmp, /var/tmp and /dev/shm. */
int private_tmp_mount(const struct cage_plan *plan, int *ret_tmp, char *about, size_t size);

/* devices.c: *ret_dev is /dev, still writable. */
int devices_mount(int *ret_dev, char *about, size_t size);
/* masks.c, over /proc of the cage; *ret_namespace_limits is for identity.h, -1 without. */
int masks_lay(int *ret_namespace_limits, char *about, size_t size);

/* cgroup_view.c: the host's cgroups are taken away in init, the job's own mounted in main. */
int cgroup_view_clear(const struct host *host, char *about, size_t size);
