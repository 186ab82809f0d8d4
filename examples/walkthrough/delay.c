/* SPDX-License-Identifier: MIT */
/* Timed schedule: none of them runs before its time. */
#include <stdio.h>

#include <oa.h>

static void *stuff(void *arg)
{
	printf("done! %d\n", *(int *)arg);
	return NULL;
}

static void *core(void *arg)
{
	puts("started");
	for (int i = 0; i <= 20; i++)
		oa_go(stuff, &i, .copy = sizeof(i), .delay = 5 * OA_SEC);
	return arg;
}

int main(void)
{
	int err;

	setlinebuf(stdout);
	err = oa_run(core, NULL, .max_blocking = 2);
	if (err)
		fprintf(stderr, "oa_run: %s\n", oa_strerror(err));
	return err ? 1 : 0;
}
