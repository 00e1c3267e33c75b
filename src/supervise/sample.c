/* SPDX-License-Identifier: Apache-2.0 */
#include "supervise/sample.h"

#include <stdlib.h>

#include "observe/oom_watch.h"
#include "observe/usage.h"

int samples_start(struct samples *samples, uint64_t interval_usec)
{
	samples->list = calloc(SAMPLES_MOST, sizeof(struct sample));
	samples->count = 0;
	samples->interval_usec = interval_usec;
	return samples->list ? 0 : -1;
}

static void thin_out(struct samples *samples)
{
	for (size_t i = 0; i < samples->count / 2; i++)
		samples->list[i] = samples->list[2 * i];
	samples->count /= 2;
	samples->interval_usec *= 2;
}

void samples_take(struct samples *samples, const struct cgroup *cgroup, uint64_t at_usec)
{
	const struct cgroup_part *memory = cgroup_part(cgroup, CONTROLLER_MEMORY);
	struct sample *sample;

	if (samples->count == SAMPLES_MOST)
		thin_out(samples);
	sample = &samples->list[samples->count++];
	*sample = (struct sample) {
		.at_usec = at_usec,
		.memory_bytes = usage_memory(cgroup),
		.parts = { UNREADABLE, UNREADABLE, UNREADABLE, UNREADABLE },
		.cpu_usec = usage_cpu(cgroup),
		.memory_some_percent = usage_memory_pressure(cgroup),
	};
	if (memory)
		memory_parts_read(memory, &sample->parts);
}

void samples_release(struct samples *samples)
{
	free(samples->list);
	*samples = (struct samples) { 0 };
}
