/* SPDX-License-Identifier: MIT */
/* Task chaining: three links, and the mutex held from first to last. */
#include <stdio.h>

#include <oa.h>

static struct oa_mutex res = OA_MUTEX_INIT;

static void *stuff(void *arg)
{
	oa_sleep(OA_SEC);
	puts("chained resource acquiring task done");
	return arg;
}

static void *stuff2(void *arg)
{
	puts("single resource acquiring task done");
	return arg;
}

static void *core(void *arg)
{
	puts("started");
	oa_go(stuff, NULL, .then = (const oa_fn[]){ stuff, stuff, NULL },
	      .mutex = &res);
	/* This would be in the middle of it. */
	oa_go(stuff2, NULL, .mutex = &res, .delay = 1500 * OA_MSEC);
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
