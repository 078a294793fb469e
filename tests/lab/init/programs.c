/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All programs of the lab in one: the name by which it is called tells which one
 * runs. The runner writes programs.h.
 */
#include <stdio.h>
#include <string.h>

#define PROGRAM(name, main) int main(int argc, char **argv);
#include "programs.h"
#undef PROGRAM

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
} programs[] = {
#define PROGRAM(name, main) { name, main },
#include "programs.h"
};

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash ? slash + 1 : argv[0];
	size_t i;

	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (!strcmp(programs[i].name, name))
			return programs[i].main(argc, argv);
	fprintf(stderr, "%s: no such program\n", name);
	return 127;
}
