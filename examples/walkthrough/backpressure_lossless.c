/* SPDX-License-Identifier: MIT */
/* Backpressure, lossless: a task that finds it full starts later. */
#include <stdio.h>

#include <oa.h>

static struct oa_backpressure bp = OA_BACKPRESSURE_INIT(3);

static void *foo(void *arg)
{
	oa_sleep(3 * OA_SEC);
	printf("%d\n", *(int *)arg);
	return NULL;
}

static void *core(void *arg)
{
	for (int i = 1; i <= 5; i++)
		oa_go(foo, &i, .copy = sizeof(i), .backpressure = &bp);
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
