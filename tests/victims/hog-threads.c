/* SPDX-License-Identifier: Apache-2.0 */
/* hog-threads MIB [THREADS] - the memory is taken by threads at the same time, MIB in all. */
#define _GNU_SOURCE
#include "victim.h"

#include <pthread.h>

static void *worker(void *share)
{
	for (size_t left = *(size_t *) share; left > 0; left--)
		take(MIB);
	return NULL;
}

int main(int argc, char **argv)
{
	size_t threads = (size_t) number(argc, argv, 2, 4);
	size_t share = (size_t) number(argc, argv, 1, 4) / threads;
	pthread_t ids[64];

	for (size_t i = 0; i < threads && i < 64; i++)
		pthread_create(&ids[i], NULL, worker, &share);
	for (size_t i = 0; i < threads && i < 64; i++)
		pthread_join(ids[i], NULL);
	return 0;
}
