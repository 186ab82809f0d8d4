/* SPDX-License-Identifier: MIT */
/* Backpressure, lossy: a task that finds it full does not run. */
#include <stdio.h>
#include <stdlib.h>

#include <oa.h>

static struct oa_backpressure bp = OA_BACKPRESSURE_LOSSY_INIT(3);

static void *foo(void *arg)
{
	oa_sleep(3 * OA_SEC);
	printf("%d\n", *(int *)arg);
	free(arg);
	return NULL;
}

static void *core(void *arg)
{
	for (int i = 1; i <= 5; i++) {
		int *inp = malloc(sizeof(*inp));

		if (!inp)
			break;
		*inp = i;
		if (oa_go(foo, inp, .backpressure = &bp)) {
			printf("no %d\n", i);
			free(inp);
		}
	}
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
