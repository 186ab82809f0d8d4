// SPDX-License-Identifier: MIT
/* A task that ends with a mutex held is named. */
#include "core_test.h"

#include <stdio.h>
#include <string.h>

#include <oa.h>

#include "core/watch.h"

struct told {
	unsigned int n;
	struct oa_runtime_event ev;
	char text[512];
};

static void hear(const struct oa_runtime_event *ev, void *user)
{
	struct told *t = user;

	if (ev->kind != OA_EVENT_HELD)
		return;
	t->n++;
	t->ev = *ev;
	snprintf(t->text, sizeof(t->text), "%s", ev->text);
}

static void *tells_of_itself(void *arg)
{
	struct told *t = arg;
	oa_task_t me = oa_self();

	watch_held(worker_self(), task_self(), 2);
	EXPECT_EQ(1u, t->n);
	EXPECT_EQ(2, t->ev.value);
	EXPECT_EQ(oa_worker_id(), t->ev.worker);
	EXPECT_EQ(me.id, t->ev.task.id);
	EXPECT_NOT_NULL(strstr(t->text, "has ended and holds 2 mutexes"));
	EXPECT_NOT_NULL(strstr(t->text, "started at "));
	/* Not more than five a minute. */
	for (int i = 0; i < 10; i++)
		watch_held(worker_self(), task_self(), 1);
	EXPECT_EQ(5u, t->n);
	EXPECT_NOT_NULL(strstr(t->text, "has ended and holds 1 mutex"));
	return NULL;
}

TEST(is_told)
{
	struct told t = { 0 };

	/* What it tells of stalls would be some of the five. */
	ASSERT_OK(oa_run(tells_of_itself, &t, .on_event = hear, .user = &t,
			 .watch = 1000 * OA_SEC));
	EXPECT_EQ(5u, t.n);
}

static void *tells_nobody(void *arg)
{
	watch_held(worker_self(), task_self(), 1);
	return arg;
}

TEST(is_not_told_where_nothing_is_watched)
{
	struct told t = { 0 };

	ASSERT_OK(oa_run(tells_nobody, NULL, .on_event = hear, .user = &t,
			 .watch = OA_FOREVER));
	EXPECT_EQ(0u, t.n);
}

HARNESS_MAIN
