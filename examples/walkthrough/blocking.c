/* SPDX-License-Identifier: MIT */
/* Blocking tasks: two at once, and no other task is held up by them. */
#include <stdio.h>
#include <unistd.h>

#include <oa.h>

static void *blocking(void *arg)
{
	sleep(1);
	puts("done");
	return arg;
}

static void *other(void *arg)
{
	puts("meanwhile");
	return arg;
}

static void *core(void *arg)
{
	puts("test");
	for (int i = 1; i <= 4; i++)
		oa_go(blocking, NULL, .block = true);
	oa_go(other, NULL);
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
