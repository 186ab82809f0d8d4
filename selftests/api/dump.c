// SPDX-License-Identifier: MIT
/* What the tests of the calls see of tasks, and show when they are stuck. */
#include "api_test.h"

#include <stdio.h>

struct oa_runtime *dump_runtime;

struct look {
	oa_task_t task;
	int state;
	unsigned int n;
};

static int look_for(const struct oa_task_info *info, void *arg)
{
	struct look *l = arg;

	if (!oa_task_eq(info->task, l->task))
		return 0;
	l->state = info->state;
	return 1;
}

int task_state(struct oa_runtime *rt, oa_task_t t)
{
	struct look l = { .task = t };

	ASSERT_GE(oa_tasks(rt, look_for, &l), 0);
	return l.state;
}

static int count_one(const struct oa_task_info *info, void *arg)
{
	struct look *l = arg;

	if (!l->state || (int)info->state == l->state)
		l->n++;
	return 0;
}

unsigned int count_in_state(struct oa_runtime *rt, int state)
{
	struct look l = { .state = state };

	ASSERT_OK(oa_tasks(rt, count_one, &l));
	return l.n;
}

static int left;

void note_left(const struct oa_runtime_event *ev, void *user)
{
	(void)user;
	if (ev->kind == OA_EVENT_ABANDON)
		TELL(left, 1);
}

void skip_if_any_left(void)
{
	if (SEEN(left))
		SKIP("a worker took longer than 200 ms to come");
}

unsigned int count_tasks(struct oa_runtime *rt)
{
	return count_in_state(rt, 0);
}

#define TOO_MANY 100

static void say_counts(struct oa_runtime *rt, int fd)
{
	static const char *const names[] = {
		"", "queued", "delayed", "runnable", "running", "parked",
		"ended", "waiting",
	};

	for (int s = OA_TASK_QUEUED; s <= OA_TASK_WAITING; s++) {
		struct look l = { .state = s };

		oa_tasks(rt, count_one, &l);
		dprintf(fd, "# %u tasks %s\n", l.n, names[s]);
	}
}

void harness_dump(int fd)
{
	struct oa_runtime *rt = NULL;
	struct look l = { 0 };

	if (oa_tasks(NULL, count_one, &l) == -EPERM)
		rt = dump_runtime;
	if (rt && oa_tasks(rt, count_one, &l) < 0)
		return;
	if (l.n > TOO_MANY)
		say_counts(rt, fd);
	else
		oa_dump(rt, fd);
}
