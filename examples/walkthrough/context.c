/* SPDX-License-Identifier: MIT */
/* Context: each task has a pointer of its own, wherever it goes on. */
#include <stdio.h>

#include <oa.h>

static void *core(void *arg)
{
	static char mine[] = "mine";

	*oa_user() = mine;
	oa_sleep(OA_MSEC);
	puts(*oa_user());
	return arg;
}

int main(void)
{
	int err = oa_run(core, NULL, .max_blocking = 2);

	if (err)
		fprintf(stderr, "oa_run: %s\n", oa_strerror(err));
	return err ? 1 : 0;
}
