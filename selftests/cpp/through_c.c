// SPDX-License-Identifier: MIT
/* A frame of C that an exception passes, and that cleans up after it. */
#include "bodies.h"

static void count(int **cleaned)
{
	++**cleaned;
}

void *through_c(void *(*fn)(void *), void *arg, int *cleaned)
{
	int *here __attribute__((cleanup(count))) = cleaned;

	(void)here;
	return fn(arg);
}
