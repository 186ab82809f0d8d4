/* SPDX-License-Identifier: MIT */
/* Task chaining: the result of one is the argument of the next. */
#include <stdint.h>
#include <stdio.h>

#include <oa.h>

static void *twice(void *arg)
{
	return (void *)(2 * (intptr_t)arg);
}

static void *show(void *arg)
{
	printf("%d\n", (int)(intptr_t)arg);
	return NULL;
}

static void *core(void *arg)
{
	oa_go(twice, (void *)(intptr_t)5,
	      .then = (const oa_fn[]){ twice, twice, show, NULL });
	return arg;
}

int main(void)
{
	int err = oa_run(core, NULL, .max_blocking = 2);

	if (err)
		fprintf(stderr, "oa_run: %s\n", oa_strerror(err));
	return err ? 1 : 0;
}
