/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <memcage.h>

#include "base/own.h"
#include "cli/verbs.h"

static const struct {
	const char *name;
	int (*run)(int argc, char *argv[]);
	const char *help;
} verbs[] = {
	{ "run", verb_run, "run a command in a cage, and say what killed it" },
	{ "map", verb_map, "run a command once an item, many at once under one memory budget" },
	{ "policy", verb_policy, "list, show and check what a cage may start from" },
	{ "doctor", verb_doctor, "say what this host allows, and what would mend the rest" },
};

static int help(FILE *to, int status)
{
	fprintf(to, "Usage: memcage VERB [OPTION...] ...\n\nVerbs:\n");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		fprintf(to, "  %-8s %s\n", verbs[i].name, verbs[i].help);
	fprintf(to,
		"\nOptions:\n  -h, --help    show this help; memcage VERB --help shows the verb's\n"
		"  --version     show the version\n");
	return fflush(to) == EOF ? 125 : status;
}

/*
 * A descriptor that we open must not become the job's 0, 1 or 2.  Those that are closed are held
 * by /dev/null, close-on-exec, so that the job finds them closed as we did.
 */
static void hold_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_PATH | O_CLOEXEC) != fd)
			_exit(125);
}

int main(int argc, char *argv[])
{
	hold_standard_descriptors();
	if (argc < 2)
		return help(stderr, 2);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	if (strcmp(argv[1], "--version") == 0)
		return printf("memcage %s\n", MEMCAGE_VERSION) < 0 || fflush(stdout) == EOF ? 125
											    : 0;
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(stdout, 0);
	fprintf(stderr, "memcage: there is no verb '%.60s'; see memcage --help\n", argv[1]);
	return 2;
}
