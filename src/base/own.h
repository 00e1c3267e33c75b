/* SPDX-License-Identifier: Apache-2.0 */
/*
 * own - scope-bound owners.  `auto_fd int fd = -1;` closes what it holds when it goes out of scope;
 * `ret->dir = take_fd(&fd);` hands it on.  Empty is -1 for descriptors and NULL for pointers.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline void own_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

static inline void own_free(void *pointer)
{
	free(*(void **) pointer);
}

static inline void own_fclose(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void own_closedir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void *own_take(void *pointer)
{
	void *taken = *(void **) pointer;

	*(void **) pointer = NULL;
	return taken;
}

#define auto_fd __attribute__((cleanup(own_close)))
#define auto_free __attribute__((cleanup(own_free)))
#define auto_fclose __attribute__((cleanup(own_fclose)))
#define auto_closedir __attribute__((cleanup(own_closedir)))
#define take_pointer(p) ((__typeof__(p)) own_take(&(p)))
