// SPDX-License-Identifier: MIT
/* Points: locks and the other primitives. */
#include "points.h"
#include "sync_verbs.h"

static struct {
	const struct verb *v;
	struct door d;
	uint64_t value;
} at;

static uint64_t value_now(void)
{
	struct oa_sync_info i = OA_SYNC_INFO_INIT;

	ASSERT_OK(at.v->info(&at.d, &i));
	return i.value;
}

static unsigned int flags_of(const struct verb *v)
{
	if (!strcmp(v->name, "barrier_wait"))
		return POINT_ON_POOL | POINT_MEETS;
	if (!strcmp(v->name, "once_run"))
		return POINT_ON_POOL | POINT_ONCE;
	return POINT_ON_POOL;
}

static void *make(const struct point *p, unsigned int n)
{
	at.v = p->of;
	at.v->shut(&at.d, n ? n : 100, n ? n : 100);
	at.value = value_now();
	return &at;
}

static long leave(int err)
{
	if (!err)
		at.v->leave(&at.d);
	return err;
}

static long call(void *o HARNESS_UNUSED)
{
	return leave(at.v->wait(&at.d));
}

static long call_until(void *o HARNESS_UNUSED)
{
	return leave(at.v->timed_wait(&at.d, OA_FOREVER));
}

static void intact(void *o HARNESS_UNUSED)
{
	BY(at.v, EXPECT_EQ(0u, door_waiters(at.v, &at.d)));
	/* A latch has been counted down. */
	if (strncmp(at.v->name, "latch_arrive", 12))
		BY(at.v, EXPECT_EQ(at.value, value_now()));
}

static void opens(void *o HARNESS_UNUSED)
{
	at.v->open(&at.d);
}

static long sem_left(void *o HARNESS_UNUSED)
{
	return oa_sem_value(&at.d.sem);
}

static void unmake(void *o HARNESS_UNUSED, bool opened)
{
	if (!opened && !at.v->counts)
		at.v->open(&at.d);
	BY(at.v, EXPECT_EQ(0u, door_waiters(at.v, &at.d)));
	if (at.v->destroy)
		BY(at.v, EXPECT_OK(at.v->destroy(&at.d)));
}

unsigned int points_of_sync(struct point *to)
{
	unsigned int n = 0;

	for_each_verb(v) {
		struct point p = {
			.name = v->name, .of = v, .make = make, .call = call,
			.intact = intact, .open = opens, .unmake = unmake,
			.flags = flags_of(v) |
				 (v->stubborn ? POINT_STUBBORN : 0),
			.left = v->one_by_one ? sem_left : NULL,
		};

		to[n++] = p;
		if (!v->timed_wait)
			continue;
		ASSERT_GT(asprintf((char **)&p.name, "%s_until", v->name), 0);
		p.call = call_until;
		p.flags = flags_of(v);
		to[n++] = p;
	}
	return n;
}
