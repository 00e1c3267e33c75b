/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "KEY" in the first line, a file of keys and numbers in the others: what is found is what a reader
 * that takes each line apart finds; and the whole as a file of one number.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/file.h"

/* The slow way. */
static bool find(const char *text, const char *key, uint64_t *ret)
{
	auto_free char *copy = strdup(text);

	for (char *rest = copy, *line; (line = strsep(&rest, "\n"));) {
		char *number = line + strlen(key) + 1;

		if (strlen(line) <= strlen(key) + 1 || memcmp(line, key, strlen(key)) != 0 ||
		    number[-1] != ' ' || *number < '0' || *number > '9')
			continue;
		*ret = strtoull(number, NULL, 10);
		return true;
	}
	return false;
}

static void check_number(const char *text)
{
	auto_fd int fd = memfd_create("number", MFD_CLOEXEC);
	uint64_t number = 7;
	char path[64];

	assert(fd >= 0 && file_write_all(fd, text, strlen(text)) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	errno = 0;
	if (file_number_at(AT_FDCWD, path, &number) < 0)
		assert(errno != 0 && number == 7);
	else
		assert(number == UINT64_MAX || number < UINT64_C(1) << 62);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_free char *key = fuzz_text(data, size);
	char *text = strchr(key, '\n');
	uint64_t want = 0, got = 0;
	bool found;

	check_number(key);
	if (!text)
		return 0;
	*text++ = '\0';
	found = find(text, key, &want);
	assert(file_key(text, key, &got) == found && got == want);
	return 0;
}
