// SPDX-License-Identifier: MIT
/*
 * Who is woken may free the object at once, though the call that woke it may
 * not have returned. Half of the objects are freed, for sanitizers to see; the
 * others are filled with a pattern that must stay.
 */
#include "sync_test.h"

#define ROUNDS	60
#define WAITERS	4
#define FILL	0xa5

struct object {
	union {
		struct oa_mutex mutex;
		struct oa_sem sem;
		struct oa_event event;
		struct oa_waitgroup waitgroup;
		struct oa_latch latch;
		struct oa_barrier barrier;
		struct oa_future future;
	};
	unsigned int waiters, passed;
};

struct kind {
	const char *name;
	void (*make)(struct object *o);
	void (*open)(struct object *o);
	/* True for the last to pass. */
	bool (*wait)(struct object *o);
};

static bool is_last(struct object *o)
{
	/* The object may be gone for all others: @waiters never changes. */
	unsigned int n = o->waiters;

	return COUNT(o->passed) == n;
}

static void mutex_make(struct object *o)
{
	ASSERT_OK(oa_mutex_lock(&o->mutex));
}

static void mutex_open(struct object *o)
{
	ASSERT_OK(oa_mutex_unlock(&o->mutex));
}

static bool mutex_wait(struct object *o)
{
	bool last;

	/* As with a count of references that the mutex guards. */
	ASSERT_OK(oa_mutex_lock(&o->mutex));
	last = ++o->passed == o->waiters;
	ASSERT_OK(oa_mutex_unlock(&o->mutex));
	return last;
}

static void sem_make(struct object *o)
{
	ASSERT_OK(oa_sem_init(&o->sem, 0));
}

static void sem_open(struct object *o)
{
	unsigned int n = o->waiters;

	while (n--)
		ASSERT_OK(oa_sem_post(&o->sem));
}

static bool sem_wait(struct object *o)
{
	ASSERT_OK(oa_sem_wait(&o->sem));
	return is_last(o);
}

static void event_make(struct object *o)
{
	o->event = (struct oa_event)OA_EVENT_INIT;
}

static void event_open(struct object *o)
{
	ASSERT_OK(oa_event_set(&o->event));
}

static bool event_wait(struct object *o)
{
	ASSERT_OK(oa_event_wait(&o->event));
	return is_last(o);
}

static void auto_make(struct object *o)
{
	o->event = (struct oa_event)OA_EVENT_AUTO_INIT;
}

/* Each hands it on, but for the last. */
static bool auto_wait(struct object *o)
{
	bool last;

	ASSERT_OK(oa_event_wait(&o->event));
	last = ++o->passed == o->waiters;
	if (!last)
		ASSERT_OK(oa_event_set(&o->event));
	return last;
}

static void waitgroup_make(struct object *o)
{
	ASSERT_OK(oa_waitgroup_add(&o->waitgroup, 1));
}

static void waitgroup_open(struct object *o)
{
	ASSERT_OK(oa_waitgroup_done(&o->waitgroup));
}

static bool waitgroup_wait(struct object *o)
{
	ASSERT_OK(oa_waitgroup_wait(&o->waitgroup));
	return is_last(o);
}

static void latch_make(struct object *o)
{
	ASSERT_OK(oa_latch_init(&o->latch, 1));
}

static void arrive_make(struct object *o)
{
	ASSERT_OK(oa_latch_init(&o->latch, o->waiters + 1));
}

static void latch_open(struct object *o)
{
	ASSERT_OK(oa_latch_count_down(&o->latch));
}

static bool latch_wait(struct object *o)
{
	ASSERT_OK(oa_latch_wait(&o->latch));
	return is_last(o);
}

static bool arrive_wait(struct object *o)
{
	ASSERT_OK(oa_latch_arrive_wait(&o->latch));
	return is_last(o);
}

static void barrier_make(struct object *o)
{
	ASSERT_OK(oa_barrier_init(&o->barrier, o->waiters + 1));
}

/* The one that leads is the one that wakes: the others do not wait for it. */
static bool barrier_wait(struct object *o)
{
	int res = oa_barrier_wait(&o->barrier);

	ASSERT_TRUE(res == 0 || res == 1);
	return !res && is_last(o);
}

static void future_make(struct object *o)
{
	o->future = (struct oa_future)OA_FUTURE_INIT;
}

static void future_open(struct object *o)
{
	ASSERT_OK(oa_future_set(&o->future, o));
}

static bool future_wait(struct object *o)
{
	void *value = NULL;

	ASSERT_OK(oa_future_get(&o->future, &value));
	ASSERT_EQ((void *)o, value);
	return is_last(o);
}

static const struct kind kinds[] = {
	{ "mutex", mutex_make, mutex_open, mutex_wait },
	{ "sem", sem_make, sem_open, sem_wait },
	{ "event", event_make, event_open, event_wait },
	{ "auto event", auto_make, event_open, auto_wait },
	{ "waitgroup", waitgroup_make, waitgroup_open, waitgroup_wait },
	{ "latch", latch_make, latch_open, latch_wait },
	{ "latch, arriving", arrive_make, latch_open, arrive_wait },
	/* Opened by the last of those that wait. */
	{ "barrier", barrier_make, NULL, barrier_wait },
	{ "future", future_make, future_open, future_wait },
};

FIXTURE(freed) {
	const struct kind *k;
	struct object *o[ROUNDS];	/* as they come */
	struct object *filled[ROUNDS];
	unsigned int waiters;
};
VARIANTS_WORKERS(freed);

FIXTURE_SETUP(freed)
{
}

FIXTURE_TEARDOWN(freed)
{
}

struct party {
	struct actor a;
	struct freed_fixture_data *s;
	uint64_t seed;
};

static void loiter(struct party *p)
{
	for (uint32_t n = draw(&p->seed, 4); n > 1; n--)
		give_way();
}

static void dispose(struct freed_fixture_data *s, struct object *o, int round)
{
	if (round % 2) {
		free(o);
		return;
	}
	memset(o, FILL, sizeof(*o));
	s->filled[round] = o;
}

static void *makes_and_opens(void *arg)
{
	struct party *p = arg;
	struct freed_fixture_data *s = p->s;

	for (int i = 0; i < ROUNDS; i++) {
		struct object *o = calloc(1, sizeof(*o));

		ASSERT_NOT_NULL(o);
		o->waiters = s->waiters;
		s->k->make(o);
		TELL(s->o[i], o);
		loiter(p);
		if (s->k->open)
			s->k->open(o);
		else if (s->k->wait(o))
			dispose(s, o, i);
		if (!draw(&p->seed, 3))
			give_way();
	}
	return NULL;
}

static void *waits_and_frees(void *arg)
{
	struct party *p = arg;
	struct freed_fixture_data *s = p->s;

	for (int i = 0; i < ROUNDS; i++) {
		struct object *o;

		until(SEEN(s->o[i]));
		o = s->o[i];
		loiter(p);
		if (s->k->wait(o))
			dispose(s, o, i);
	}
	return NULL;
}

static void expect_filled(const struct kind *k, struct object *o)
{
	unsigned char want[sizeof(*o)];

	memset(want, FILL, sizeof(want));
	if (!EXPECT_MEMEQ(want, o, sizeof(want)))
		TEST_LOG("it was a %s", k->name);
	free(o);
}

static void run_party(struct freed_fixture_data *s, const struct kind *k,
		      unsigned int waiters, enum by by, unsigned int turn)
{
	struct party p[WAITERS + 1];

	memset(s, 0, sizeof(*s));
	s->k = k;
	s->waiters = waiters;
	for (unsigned int i = 0; i <= waiters; i++) {
		p[i] = (struct party){ .s = s, .seed = draw_seed(turn + i) };
		actor_start(&p[i].a, by, turn + i,
			    i ? waits_and_frees : makes_and_opens, &p[i]);
	}
	for (unsigned int i = 0; i <= waiters; i++)
		actor_end(&p[i].a);
	for (int i = 0; i < ROUNDS; i += 2)
		expect_filled(k, s->filled[i]);
}

SYNC_TEST(freed, by_the_one_that_was_woken)
{
	for (size_t k = 0; k < ARRAY_N(kinds); k++)
		for (unsigned int turn = 0; turn < 3; turn++)
			run_party(self, &kinds[k], 1, by, turn);
}

SYNC_TEST(freed, by_the_last_of_those_that_were_woken)
{
	for (size_t k = 0; k < ARRAY_N(kinds); k++)
		run_party(self, &kinds[k], WAITERS, by, (unsigned int)k);
}

HARNESS_MAIN
