// SPDX-License-Identifier: MIT
/* The one place that ends the process on a broken invariant. */
#include "core/bug.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void oa_bug_at(const char *file, int line, const char *what)
{
	char buf[256];
	int n = snprintf(buf, sizeof(buf), "liboa: broken invariant at %s:%d: %s\n",
			 file, line, what);

	if (n > 0 && write(STDERR_FILENO, buf, (size_t)n) < 0)
		abort();
	abort();
}
