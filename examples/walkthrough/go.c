/* SPDX-License-Identifier: MIT */
/* Running new tasks: one that nobody waits for. */
#include <stdio.h>

#include <oa.h>

static void *foo(void *arg)
{
	puts("hi");
	return arg;
}

static void *core(void *arg)
{
	puts("core");
	oa_go(foo, NULL);
	return arg;
}

int main(void)
{
	int err = oa_run(core, NULL, .max_blocking = 2);

	if (err)
		fprintf(stderr, "oa_run: %s\n", oa_strerror(err));
	return err ? 1 : 0;
}
