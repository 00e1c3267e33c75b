/* SPDX-License-Identifier: Apache-2.0 */
/* template - a command with {} and {#} becomes that of one item.  Pure. */
#pragma once

#include "item/item.h"

/*
 * argv of a job, NULL-terminated, one block of memory that the caller frees with free(3); NULL: out
 * of memory.  {} is the item, {#} its number, wherever they stand in an argument; where no argument
 * has {} and `append` is true the item is a last argument.  What an item brings in is not looked at
 * again: an item "{#}" stays.
 */
char **template_fill(char *const command[], const struct item *item, bool append);
