/* SPDX-License-Identifier: MIT */
/* Passing in arguments: what arg points to goes over to the task. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <oa.h>

static void *foo(void *arg)
{
	puts(arg);
	free(arg);
	return NULL;
}

static void *core(void *arg)
{
	char *next = strdup("hi");

	/* If there is no task, it has not gone over. */
	if (oa_go(foo, next))
		free(next);
	return arg;
}

int main(void)
{
	int err = oa_run(core, NULL, .max_blocking = 2);

	if (err)
		fprintf(stderr, "oa_run: %s\n", oa_strerror(err));
	return err ? 1 : 0;
}
