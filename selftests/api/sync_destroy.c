// SPDX-License-Identifier: MIT
/*
 * Who wakes those that wait may destroy the object at once, and free it, if
 * that is granted: none of them looks at it any more, though none may have run
 * yet. A mutex is not let go while somebody is on his way to it.
 */
#include "sync_test.h"

#define WAITERS	4
#define FILL	0xa5

struct object {
	union {
		struct oa_sem sem;
		struct oa_event event;
		struct oa_waitgroup waitgroup;
		struct oa_latch latch;
		struct oa_cond cond;
		struct oa_future future;
	};
};

static struct oa_mutex of_cond;

#define KIND(kind, make, open) \
	static void kind##_make(struct object *o) { make; } \
	static void kind##_open(struct object *o) { open; } \
	static uint32_t kind##_waiters(struct object *o) \
	{ \
		return INFO(kind, &o->kind).waiters; \
	} \
	static int kind##_end(struct object *o) \
	{ \
		return oa_##kind##_destroy(&o->kind); \
	}
#define KIND_OF(kind) \
	{ #kind, kind##_make, kind##_open, kind##_waiters, kind##_wait, \
	  kind##_end }

KIND(sem, o->sem = (struct oa_sem)OA_SEM_INIT(0),
     for (int i = 0; i < WAITERS; i++) ASSERT_OK(oa_sem_post(&o->sem)))
KIND(event, o->event = (struct oa_event)OA_EVENT_INIT,
     ASSERT_OK(oa_event_set(&o->event)))
KIND(waitgroup, o->waitgroup = (struct oa_waitgroup)OA_WAITGROUP_INIT;
     ASSERT_OK(oa_waitgroup_add(&o->waitgroup, 1)),
     ASSERT_OK(oa_waitgroup_done(&o->waitgroup)))
KIND(latch, o->latch = (struct oa_latch)OA_LATCH_INIT(1),
     ASSERT_OK(oa_latch_count_down(&o->latch)))
KIND(cond, o->cond = (struct oa_cond)OA_COND_INIT,
     ASSERT_OK(oa_cond_broadcast(&o->cond)))

KIND(future, o->future = (struct oa_future)OA_FUTURE_INIT,
     ASSERT_OK(oa_future_set(&o->future, &of_cond)))

static int sem_wait(struct object *o)
{
	return oa_sem_wait(&o->sem);
}

static int event_wait(struct object *o)
{
	return oa_event_wait(&o->event);
}

static int waitgroup_wait(struct object *o)
{
	return oa_waitgroup_wait(&o->waitgroup);
}

static int latch_wait(struct object *o)
{
	return oa_latch_wait(&o->latch);
}

static int cond_wait(struct object *o)
{
	int err;

	ASSERT_OK(oa_mutex_lock(&of_cond));
	err = oa_cond_wait(&o->cond, &of_cond);
	ASSERT_OK(oa_mutex_unlock(&of_cond));
	return err;
}

static int future_wait(struct object *o)
{
	void *value = NULL;
	int err = oa_future_get(&o->future, &value);

	EXPECT_EQ((void *)&of_cond, value);
	return err;
}

static const struct kind {
	const char *name;
	void (*make)(struct object *o);
	void (*open)(struct object *o);
	uint32_t (*waiters)(struct object *o);
	int (*wait)(struct object *o);
	int (*end)(struct object *o);
} kinds[] = {
	KIND_OF(sem), KIND_OF(event), KIND_OF(waitgroup), KIND_OF(latch),
	KIND_OF(cond), KIND_OF(future),
};

FIXTURE(destroy) {
	const struct kind *k;
	struct object *o;
	struct oa_mutex m;
	unsigned int passed;
};
VARIANTS_WORKERS(destroy);

FIXTURE_SETUP(destroy)
{
}

FIXTURE_TEARDOWN(destroy)
{
}

typedef struct destroy_fixture_data data;

static void *waits(void *arg)
{
	data *s = arg;

	return oa_err(s->k->wait(s->o));
}

static void round_of(data *s, enum by by, bool frees)
{
	struct actor a[WAITERS];
	struct object *o = malloc(sizeof(*o));
	unsigned char want[sizeof(*o)];

	ASSERT_NOT_NULL(o);
	s->k->make(o);
	s->o = o;
	for (unsigned int i = 0; i < WAITERS; i++)
		actor_start(&a[i], by, i, waits, s);
	task_wait_until(s->k->waiters(o) == WAITERS);
	EXPECT_ERR(s->k->end(o), -EBUSY);
	s->k->open(o);
	if (!EXPECT_OK(s->k->end(o)))
		TEST_LOG("of a %s", s->k->name);
	memset(want, FILL, sizeof(want));
	memset(o, FILL, sizeof(*o));
	if (frees)
		free(o);
	for (unsigned int i = 0; i < WAITERS; i++)
		EXPECT_OK(actor_code(&a[i]));
	if (frees)
		return;
	if (!EXPECT_MEMEQ(want, o, sizeof(want)))
		TEST_LOG("it was a %s", s->k->name);
	free(o);
}

SYNC_TEST(destroy, by_who_wakes)
{
	for (size_t k = 0; k < ARRAY_N(kinds); k++)
		for (unsigned int i = 0; i < SCALED_ONCE(30, 10); i++) {
			self->k = &kinds[k];
			round_of(self, by, i % 2);
		}
}

static void *locks(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_mutex_lock(&s->m));
	COUNT(s->passed);
	ASSERT_OK(oa_mutex_unlock(&s->m));
	return NULL;
}

SYNC_TEST(destroy, a_mutex_that_somebody_comes_to)
{
	struct actor a[WAITERS];
	unsigned int n;

	for (unsigned int i = 0; i < SCALED_ONCE(100, 20); i++) {
		TELL(self->passed, 0);
		ASSERT_OK(oa_mutex_lock(&self->m));
		for (unsigned int k = 0; k < WAITERS; k++)
			actor_start(&a[k], by, k, locks, self);
		task_wait_until(INFO(mutex, &self->m).waiters == WAITERS);
		ASSERT_OK(oa_mutex_unlock(&self->m));
		/* Granted when the last is through with it, and not before. */
		for (;;) {
			int err = oa_mutex_destroy(&self->m);

			n = SEEN(self->passed);
			if (!err)
				break;
			ASSERT_ERR(err, -EBUSY);
			ASSERT_OK(oa_yield());
		}
		EXPECT_EQ(WAITERS, n);
		for (unsigned int k = 0; k < WAITERS; k++)
			actor_end(&a[k]);
	}
}

HARNESS_MAIN
