/* SPDX-License-Identifier: MIT */
/* Passing in arguments: a copy, which nobody has to free. */
#include <stdio.h>

#include <oa.h>

static void *foo(void *arg)
{
	puts(arg);
	return NULL;
}

static void *core(void *arg)
{
	char next[] = "hi";

	oa_go(foo, next, .copy = sizeof(next));
	return arg;
}

int main(void)
{
	int err = oa_run(core, NULL, .max_blocking = 2);

	if (err)
		fprintf(stderr, "oa_run: %s\n", oa_strerror(err));
	return err ? 1 : 0;
}
