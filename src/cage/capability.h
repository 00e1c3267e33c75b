/* SPDX-License-Identifier: Apache-2.0 */
/* capability - names of the kernel's capabilities, and sets of them as bits. */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* "none", or names joined by commas: "CAP_CHOWN,net_raw", in either case of letters. */
int capability_parse(const char *text, uint64_t *ret_set, struct memcage_error *err);
/* The name, such as "CAP_CHOWN"; NULL beyond those that are known. */
const char *capability_name(unsigned int capability);
