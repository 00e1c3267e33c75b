/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The private places are three directories of one tmpfs, so that one size holds for them together.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cage/mounts.h"

#define PRIVATE_FLAGS (MS_NOSUID | MS_NODEV)

/* Directories of the tmpfs that appear at the private places. */
static const char *const place_names[PRIVATE__COUNT] = {
	[PRIVATE_TMP] = "tmp",
	[PRIVATE_VAR_TMP] = "var-tmp",
	[PRIVATE_DEV_SHM] = "shm",
};

/* The first place that is private; NULL: none is. */
static const char *find_stage(const struct job *job)
{
	for (int i = 0; i < PRIVATE__COUNT; i++)
		if (job->is_private[i])
			return private_places[i];
	return NULL;
}

/* Any private place that nothing covers: what is hidden may hold one, as /var holds /var/tmp. */
static const char *find_seen(const struct job *job)
{
	for (int i = 0; i < PRIVATE__COUNT; i++) {
		const struct cover *cover =
			covers_find(&job->covers, job->covers.count, private_places[i]);

		if (cover && cover->kind == COVER_PRIVATE &&
		    strcmp(cover->place, private_places[i]) == 0)
			return private_places[i];
	}
	return NULL;
}

/* An empty file costs about 1 KiB of kernel memory: one a page keeps that in proportion. */
static void say_size(uint64_t bytes, char *options, size_t size)
{
	unsigned long long inodes = bytes / 4096 > 1024 ? bytes / 4096 : 1024;

	if (bytes == LIMIT_NONE)
		snprintf(options, size, "mode=0755,size=0");
	else
		snprintf(options, size, "mode=0755,size=%llu,nr_inodes=%llu",
			 (unsigned long long) bytes, inodes);
}

int mounts_resize(const struct job *job, uint64_t bytes)
{
	const char *place = find_seen(job);
	char options[96];

	if (!place) /* nobody can write to it */
		return 0;
	say_size(bytes, options, sizeof(options));
	return mount(NULL, place, NULL, MS_REMOUNT | PRIVATE_FLAGS, options);
}

/*
 * The tmpfs is mounted on the first private place, and its own directories over all of them.  Its
 * size may come later, as that depends on the limits above.
 */
int private_tmp_mount(const struct cage_plan *plan, int *ret_tmp, char *about, size_t size)
{
	const char *stage = find_stage(plan->job);
	char path[64], options[96] = "mode=0755";

	if (!stage)
		return 0;
	if (plan->tmp_bytes != CAGE_TMP_LATER)
		say_size(plan->tmp_bytes, options, sizeof(options));
	snprintf(about, size, "cannot mount the private %s", stage);
	if (mount("memcage", stage, "tmpfs", PRIVATE_FLAGS, options) < 0)
		return -1;
	*ret_tmp = open(stage, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_tmp < 0)
		return -1;
	/* The stage last: it covers what the others are bound from. */
	for (int i = PRIVATE__COUNT - 1; i >= 0; i--) {
		if (!plan->job->is_private[i])
			continue;
		snprintf(about, size, "cannot mount the private %s", private_places[i]);
		if (mkdirat(*ret_tmp, place_names[i], 01777) < 0)
			return -1;
		snprintf(path, sizeof(path), "%s/%s", stage, place_names[i]);
		if (mount(path, private_places[i], NULL, MS_BIND, NULL) < 0)
			return -1;
	}
	return 0;
}
