/* SPDX-License-Identifier: MIT */
/* Shutdown: what has not started never will, what runs reaches its end. */
#include <stdio.h>

#include <oa.h>

static void *later(void *arg)
{
	puts("an hour later");
	return arg;
}

static void dropped(void *arg)
{
	puts(arg);
}

static void *core(void *arg)
{
	static char never[] = "never ran";

	oa_go(later, never, .delay = 3600 * OA_SEC, .on_drop = dropped);
	oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL);
	if (oa_go(later, never))
		puts("too late");
	puts("core ends");
	return arg;
}

int main(void)
{
	struct oa_ended ended;
	int err = oa_run(core, NULL, .ended = &ended);

	if (err) {
		fprintf(stderr, "oa_run: %s\n", oa_strerror(err));
		return 1;
	}
	printf("ran %d, dropped %d\n", (int)ended.ran, (int)ended.dropped);
	return 0;
}
