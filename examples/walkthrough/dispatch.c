/* SPDX-License-Identifier: MIT */
/* Unsafe dispatching, which is safe here: a task started by another thread. */
#include <stdio.h>

#include <oa.h>

static struct oa_event dispatched = OA_EVENT_INIT;

static void *task(void *arg)
{
	puts("hi");
	return arg;
}

/* A runtime whose tasks have all ended has ended: this one keeps it. */
static void *core(void *arg)
{
	oa_event_wait(&dispatched);
	return arg;
}

int main(void)
{
	struct oa_runtime *rt;
	int err;

	err = oa_start(&rt, core, NULL);
	if (err) {
		fprintf(stderr, "oa_start: %s\n", oa_strerror(err));
		return 1;
	}
	err = oa_go(task, NULL, .runtime = rt);
	if (err)
		fprintf(stderr, "oa_go: %s\n", oa_strerror(err));
	oa_event_set(&dispatched);
	oa_runtime_wait(rt, NULL);
	oa_runtime_free(rt);
	return err ? 1 : 0;
}
