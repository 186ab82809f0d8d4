/* SPDX-License-Identifier: MIT */
/* Context: a task does not have that of the one that started it. */
#include <stdint.h>
#include <stdio.h>

#include <oa.h>

static void *stuff(void *arg)
{
	printf("%d\n", (int)(intptr_t)*oa_user());
	return arg;
}

static void *core(void *arg)
{
	*oa_user() = (void *)(intptr_t)1;
	oa_go(stuff, NULL);
	return arg;
}

int main(void)
{
	int err = oa_run(core, NULL, .max_blocking = 2);

	if (err)
		fprintf(stderr, "oa_run: %s\n", oa_strerror(err));
	return err ? 1 : 0;
}
