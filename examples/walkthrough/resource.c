/* SPDX-License-Identifier: MIT */
/* Resources: a mutex that is held from the start of a task to its end. */
#include <stdio.h>

#include <oa.h>

static struct oa_mutex res = OA_MUTEX_INIT;

static void *acquire1(void *arg)
{
	puts("first acquire");
	oa_sleep(3 * OA_SEC);
	puts("first release");
	return arg;
}

static void *acquire2(void *arg)
{
	puts("second acquire");
	oa_sleep(3 * OA_SEC);
	puts("second release");
	return arg;
}

static void *core(void *arg)
{
	puts("started");
	oa_go(acquire1, NULL, .mutex = &res);
	oa_go(acquire2, NULL, .mutex = &res);
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
