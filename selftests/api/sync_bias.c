// SPDX-License-Identifier: MIT
/*
 * What one worker has used alone for long is its own, until others come: they
 * find it whole, whenever that is.
 */
#include "sync_test.h"

#include <sys/mman.h>

#define ALONE	10000u		/* uses, after which it is */
#define NEVER	UINT32_MAX	/* in oa__who: it was, and will not be again */
#define THREADS	2u
#define DEEPEST	(1u << 16)	/* that a recursive one is locked */

FIXTURE(bias) {
	struct oa_mutex m;
	struct oa_chan *ch;
	uint64_t done;		/* under it */
	int inside;
	unsigned int round, ready, over;
	bool (*turn)(struct bias_fixture_data *s);
};
typedef struct bias_fixture_data data;
VARIANTS_WORKERS(bias);
STAND_IN(bias, no_membarrier, "OA_DISABLE=membarrier")
STAND_IN(bias, migrate, "OA_DEBUG=migrate")

FIXTURE_SETUP(bias)
{
}

FIXTURE_TEARDOWN(bias)
{
}

static bool can_be_biased(void)
{
	char text[8192];

	oa_features(text, sizeof(text));
	return strstr(text, "\nmembarrier: yes");
}

static void use_alone(struct oa_mutex *m)
{
	for (unsigned int i = 0; i < ALONE; i++) {
		ASSERT_OK(oa_mutex_lock(m));
		ASSERT_OK(oa_mutex_unlock(m));
	}
}

/* Relaxed: by who knows that nobody is about to change it. */
static uint32_t whose(struct oa_mutex *m)
{
	return __atomic_load_n(&m->oa__who, __ATOMIC_RELAXED);
}

static void *uses_once(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_mutex_lock(&s->m));
	s->done++;
	ASSERT_OK(oa_mutex_unlock(&s->m));
	COUNT(s->over);
	return NULL;
}

TASK_TEST_F(bias, goes_when_others_come, .workers = variant->workers,
	    .max_blocking = POOL)
{
	static const enum by others[] = { BY_THREADS, BY_POOL };

	for (size_t i = 0; i < ARRAY_N(others); i++) {
		struct actor a;

		self->m = (struct oa_mutex)OA_MUTEX_INIT;
		use_alone(&self->m);
		if (can_be_biased()) {
			ASSERT_NE(0u, whose(&self->m));
			ASSERT_NE(NEVER, whose(&self->m));
		} else {
			ASSERT_EQ(0u, whose(&self->m));
		}
		actor_start(&a, others[i], 0, uses_once, self);
		actor_end(&a);
		if (can_be_biased())
			ASSERT_EQ(NEVER, whose(&self->m));
		use_alone(&self->m);
		if (can_be_biased())
			ASSERT_EQ(NEVER, whose(&self->m));
		ASSERT_OK(oa_mutex_destroy(&self->m));
	}
	EXPECT_EQ(2ul, self->done);
}

TASK_TEST_F(bias, goes_when_another_worker_comes, .workers = variant->workers)
{
	oa_task_t t;

	if (variant->workers < 2)
		SKIP("there is no other worker");
	use_alone(&self->m);
	t = oa_spawn(uses_once, self,
		     .worker = OA_WORKER(oa_worker_id() ? 0 : 1));
	/* Not a join: who waits may go on on the other's. */
	until(SEEN(self->over));
	if (can_be_biased())
		EXPECT_EQ(NEVER, whose(&self->m));
	ASSERT_OK(oa_join(t, NULL));
	EXPECT_EQ(1ul, self->done);
}

/* Who holds it may go on elsewhere, as all do here in the variant for that. */

static void *holds_for_long(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_mutex_lock(&s->m));
	ASSERT_EQ(0, s->inside);
	s->inside = 1;
	for (unsigned int i = 0; i < 3; i++)
		ASSERT_OK(oa_yield());
	s->inside = 0;
	s->done++;
	ASSERT_OK(oa_mutex_unlock(&s->m));
	return NULL;
}

TASK_TEST_F(bias, moves_with_its_holder, .workers = variant->workers)
{
	oa_task_t t[3];

	for (unsigned int round = 0; round < 100; round++) {
		self->m = (struct oa_mutex)OA_MUTEX_INIT;
		use_alone(&self->m);
		for (size_t i = 0; i < ARRAY_N(t); i++)
			t[i] = oa_spawn(holds_for_long, self);
		holds_for_long(self);
		for (size_t i = 0; i < ARRAY_N(t); i++)
			ASSERT_OK(oa_join(t[i], NULL));
		ASSERT_OK(oa_mutex_destroy(&self->m));
	}
	EXPECT_EQ(400ul, self->done);
}

TASK_TEST_F(bias, is_earned_again_by_who_waited, .workers = 1)
{
	struct oa_sync_info info = OA_SYNC_INFO_INIT;
	uint32_t who;
	oa_task_t t;

	use_alone(&self->m);
	who = whose(&self->m);
	ASSERT_OK(oa_mutex_lock(&self->m));
	EXPECT_EQ(-EDEADLK, oa_mutex_lock(&self->m));
	EXPECT_EQ(-EDEADLK, oa_mutex_trylock(&self->m));
	t = oa_spawn(uses_once, self);
	task_wait_until(task_state(NULL, t) == OA_TASK_PARKED);
	ASSERT_OK(oa_mutex_info(&self->m, &info));
	EXPECT_EQ(1u, info.waiters);
	EXPECT_EQ(-EBUSY, oa_mutex_destroy(&self->m));
	ASSERT_OK(oa_mutex_unlock(&self->m));
	ASSERT_OK(oa_join(t, NULL));
	EXPECT_EQ(1ul, self->done);
	EXPECT_EQ(0u, whose(&self->m));
	use_alone(&self->m);
	EXPECT_EQ(who, whose(&self->m));
	EXPECT_EQ(-EPERM, oa_mutex_unlock(&self->m));
	ASSERT_OK(oa_mutex_destroy(&self->m));
}

TASK_TEST_F(bias, of_a_recursive_one, .workers = variant->workers)
{
	self->m = (struct oa_mutex)OA_MUTEX_RECURSIVE;
	use_alone(&self->m);
	for (unsigned int i = 0; i < DEEPEST; i++)
		ASSERT_OK(i % 2 ? oa_mutex_trylock(&self->m)
				: oa_mutex_lock(&self->m));
	EXPECT_EQ(-EAGAIN, oa_mutex_lock(&self->m));
	for (unsigned int i = 0; i < DEEPEST; i++) {
		ASSERT_EQ(-EBUSY, oa_mutex_destroy(&self->m));
		ASSERT_OK(oa_mutex_unlock(&self->m));
	}
	EXPECT_EQ(-EPERM, oa_mutex_unlock(&self->m));
	ASSERT_OK(oa_mutex_destroy(&self->m));
}

/*
 * Rounds: a task of one worker uses an object until it is his, and goes on
 * while two threads come at some moment.
 */

#define ROUNDS	SCALED_ONCE(2000u, 100u)
#define TURNS	200u

static bool turn_mutex(data *s)
{
	ASSERT_OK(oa_mutex_lock(&s->m));
	ASSERT_EQ(0, s->inside);
	s->inside = 1;
	s->done++;
	s->inside = 0;
	ASSERT_OK(oa_mutex_unlock(&s->m));
	return true;
}

/* Puts one in and takes another out. */
static bool turn_chan(data *s)
{
	uint64_t v = 1;
	int err = oa_chan_trysend(s->ch, &v);

	ASSERT_TRUE(!err || err == -EAGAIN);
	err = oa_chan_tryrecv(s->ch, &v);
	ASSERT_TRUE(!err || err == -EAGAIN);
	ASSERT_EQ(1ul, v);
	return true;
}

static void *comes(void *arg)
{
	data *s = arg;

	for (unsigned int round = 1; round <= ROUNDS; round++) {
		COUNT(s->ready);
		until(SEEN(s->round) == round);
		for (unsigned int i = 0; i < TURNS; i++)
			s->turn(s);
		COUNT(s->over);
	}
	return NULL;
}

static void *rounds(void *arg)
{
	data *s = arg;
	struct actor a[THREADS];

	for (unsigned int i = 0; i < THREADS; i++)
		actor_start(&a[i], i % 2 ? BY_POOL : BY_THREADS, 0, comes, s);
	for (unsigned int round = 1; round <= ROUNDS; round++) {
		unsigned int mine = ALONE;

		s->m = (struct oa_mutex)OA_MUTEX_INIT;
		s->done = 0;
		ASSERT_OK(oa_chan_create(&s->ch, sizeof(uint64_t), 4,
					 OA_CHAN_BOUNDED));
		task_wait_until(SEEN(s->ready) == THREADS * round);
		for (unsigned int i = 0; i < ALONE; i++)
			s->turn(s);
		TELL(s->round, round);
		while (SEEN(s->over) != THREADS * round) {
			s->turn(s);
			/* Who has no processor gets one. */
			if (++mine % 1024 == 0)
				sched_yield();
		}
		if (s->turn == turn_mutex)
			ASSERT_EQ((uint64_t)mine + (uint64_t)THREADS * TURNS,
				  s->done);
		ASSERT_OK(oa_chan_destroy(s->ch));
		ASSERT_OK(oa_mutex_destroy(&s->m));
	}
	for (unsigned int i = 0; i < THREADS; i++)
		actor_end(&a[i]);
	return NULL;
}

/* Who locks it after its worker's last unlock frees it at once. */

struct alone {
	struct oa_mutex m;
	bool over;
};

static void *reaps(void *arg)
{
	struct alone **at = arg, *o;
	bool over;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		do {
			until((o = SEEN(*at)));
			ASSERT_OK(oa_mutex_lock(&o->m));
			over = o->over;
			ASSERT_OK(oa_mutex_unlock(&o->m));
		} while (!over);
		ASSERT_EQ(0, munmap(o, sizeof(*o)));
		TELL(*at, NULL);
	}
	return NULL;
}

TASK_TEST_F(bias, goes_with_who_frees_it, .workers = variant->workers)
{
	struct alone *o, *at = NULL;
	struct actor a;

	actor_start(&a, BY_THREADS, 0, reaps, &at);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		o = mmap(NULL, sizeof(*o), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ASSERT_TRUE(o != MAP_FAILED);
		use_alone(&o->m);
		TELL(at, o);
		for (unsigned int i = 0; i < round % 64; i++) {
			ASSERT_OK(oa_mutex_lock(&o->m));
			ASSERT_OK(oa_mutex_unlock(&o->m));
		}
		ASSERT_OK(oa_mutex_lock(&o->m));
		o->over = true;
		ASSERT_OK(oa_mutex_unlock(&o->m));
		while (SEEN(at))
			sched_yield();
	}
	actor_end(&a);
}

/*
 * Two tasks of one worker hand something to and fro, each waiting for the
 * other, until a thread takes what the first gets next.
 */

struct pair {
	struct oa_chan *there, *back;
};

static void *answers(void *arg)
{
	struct pair *p = arg;
	uint64_t v;

	while (!oa_chan_recv(p->there, &v))
		if (oa_chan_send(p->back, &v))
			break;
	return NULL;
}

static void *asks(void *arg)
{
	struct pair *p = arg;

	for (uint64_t i = 0, v; i < TURNS; i++) {
		ASSERT_OK(oa_chan_send(p->there, &i));
		ASSERT_OK(oa_chan_recv(p->back, &v));
		ASSERT_EQ(i, v);
	}
	return NULL;
}

TASK_TEST_F(bias, of_a_channel_with_waits, .workers = variant->workers,
	    .max_blocking = POOL)
{
	for (unsigned int round = 0; round < 10; round++) {
		struct pair p;
		struct actor a;
		oa_task_t t;

		ASSERT_OK(oa_chan_create(&p.there, sizeof(uint64_t), 0,
					 OA_CHAN_BOUNDED));
		ASSERT_OK(oa_chan_create(&p.back, sizeof(uint64_t), 0,
					 OA_CHAN_BOUNDED));
		t = oa_spawn(answers, &p);
		for (uint64_t i = 0, v; i < ALONE; i++) {
			ASSERT_OK(oa_chan_send(p.there, &i));
			ASSERT_OK(oa_chan_recv(p.back, &v));
			ASSERT_EQ(i, v);
		}
		actor_start(&a, round % 2 ? BY_POOL : BY_THREADS, 0, asks, &p);
		actor_end(&a);
		ASSERT_OK(oa_chan_close(p.there));
		ASSERT_OK(oa_join(t, NULL));
		ASSERT_OK(oa_chan_destroy(p.there));
		ASSERT_OK(oa_chan_destroy(p.back));
	}
}

TASK_TEST_F(bias, ends_at_any_moment, .workers = variant->workers,
	    .max_blocking = POOL)
{
	self->turn = turn_mutex;
	rounds(self);
}

TASK_TEST_F(bias, of_a_channel_ends_at_any_moment, .workers = variant->workers,
	    .max_blocking = POOL)
{
	self->turn = turn_chan;
	rounds(self);
}

HARNESS_MAIN
