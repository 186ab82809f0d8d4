/* SPDX-License-Identifier: MIT */
/* Resources: spinning for one, on the blocking pool alone. */
#include <stdio.h>
#include <unistd.h>

#include <oa.h>

static struct oa_spinlock res = OA_SPINLOCK_INIT;

static void *stuff(void *arg)
{
	oa_spinlock_lock(&res);
	sleep(1);
	puts("acquiring task done");
	oa_spinlock_unlock(&res);
	return arg;
}

static void *core(void *arg)
{
	puts("started");
	oa_go(stuff, NULL, .block = true);
	oa_go(stuff, NULL, .block = true);
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
