/* SPDX-License-Identifier: MIT */
/* Initializing: a runtime, and the task that it begins with. */
#include <stdio.h>

#include <oa.h>

static void *core(void *arg)
{
	puts("test");
	return arg;
}

int main(void)
{
	/* The calling thread is a worker until all tasks have ended. */
	int err = oa_run(core, NULL, .workers = 4, .max_blocking = 2);

	if (err)
		fprintf(stderr, "oa_run: %s\n", oa_strerror(err));
	return err ? 1 : 0;
}
