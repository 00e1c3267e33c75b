/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kernel_dirent - what getdents64(2) fills a block with, for those who may not allocate, as glibc's
 * opendir(3) does.
 */
#pragma once

#include <stdint.h>

struct kernel_dirent {
	uint64_t inode;
	int64_t offset;
	unsigned short length; /* of all of it: the next one is so many bytes on */
	unsigned char type;
	char name[];
};
