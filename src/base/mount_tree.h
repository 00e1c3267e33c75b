/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_tree - mounts by descriptors: what was looked at is what is mounted, and where.  A detached
 * tree is a descriptor, which goes with its last one unless it is attached.  -1 with errno.
 */
#pragma once

/* A detached copy of what `fd` is, with all that is mounted below it. */
int mount_tree_copy(int fd);
/* A new file system, with MOUNT_ATTR_* and pairs of keys and values up to a NULL. */
int mount_tree_new(const char *type, unsigned int attributes, const char *const options[]);
/* Over what `place` is. */
int mount_tree_attach(int tree, int place);
/*
 * For reading only, with all that is mounted below; it is attached at this path.  Before 5.12 each
 * mount is changed by its own path.
 */
int mount_tree_read_only(int tree, const char *place);
/* The same for this mount alone; and back, from 5.12 on. */
int mount_one_read_only(int tree);
int mount_one_writable(int tree);
