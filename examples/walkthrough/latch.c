/* SPDX-License-Identifier: MIT */
/* Count down latch: nobody starts before two are there, then everybody. */
#include <stdio.h>

#include <oa.h>

static struct oa_latch cdl = OA_LATCH_INIT(2);

static void *stuff(void *arg)
{
	puts("done!");
	return arg;
}

static void *core(void *arg)
{
	puts("started");
	oa_go(stuff, NULL, .latch = &cdl);
	oa_sleep(4 * OA_SEC);
	oa_go(stuff, NULL, .latch = &cdl);
	oa_sleep(6 * OA_SEC);
	/* It is open now, and stays so. */
	oa_go(stuff, NULL, .latch = &cdl);
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
