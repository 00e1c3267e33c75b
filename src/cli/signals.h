/* SPDX-License-Identifier: Apache-2.0 */
/* signals - all signals of the program come by one descriptor. */
#pragma once

#include <memcage.h>

/* A signalfd, or -1; the jobs of the spec get the mask that we were given. */
int signals_open(struct memcage_spec *spec, struct memcage_error *err);
