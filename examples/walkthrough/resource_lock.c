/* SPDX-License-Identifier: MIT */
/* Resources: taking one in the middle of a task, which waits for it. */
#include <stdio.h>

#include <oa.h>

static struct oa_mutex res = OA_MUTEX_INIT;

static void *stuff(void *arg)
{
	oa_mutex_lock(&res);
	oa_sleep(OA_SEC);
	puts("acquiring task done");
	oa_mutex_unlock(&res);
	return arg;
}

static void *core(void *arg)
{
	puts("started");
	oa_go(stuff, NULL);
	oa_go(stuff, NULL);
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
