/* SPDX-License-Identifier: MIT */
/* Cyclic barrier: they start in twos. */
#include <stdio.h>

#include <oa.h>

static struct oa_barrier cb = OA_BARRIER_INIT(2);

static void *stuff(void *arg)
{
	puts("done!");
	return arg;
}

static void *core(void *arg)
{
	puts("started");
	for (int i = 1; i <= 2; i++) {
		oa_go(stuff, NULL, .barrier = &cb);
		oa_sleep(OA_SEC);
		oa_go(stuff, NULL, .barrier = &cb);
		oa_sleep(OA_SEC);
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
