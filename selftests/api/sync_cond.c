// SPDX-License-Identifier: MIT
/* Condition variable: as many wake as are meant, each with the mutex held. */
#include "sync_test.h"

#define PLACES	4

FIXTURE(cond) {
	struct oa_mutex m;
	struct oa_cond c, space;
	unsigned int woken, failed, len, made, taken, in, each;
	uint64_t sum;
	unsigned int ring[PLACES];
	bool over;
};
VARIANTS_WORKERS(cond);

FIXTURE_SETUP(cond)
{
}

FIXTURE_TEARDOWN(cond)
{
}

#define WAITERS_ARE(n)	task_wait_until(INFO(cond, &self->c).waiters == (n))

static void expect_at_rest(struct cond_fixture_data *s)
{
	EXPECT_EQ(0u, INFO(cond, &s->c).waiters);
	EXPECT_EQ(0ul, INFO(mutex, &s->m).value);
	EXPECT_OK(oa_cond_destroy(&s->c));
	EXPECT_OK(oa_mutex_destroy(&s->m));
}

/* Sees that the mutex is the caller's, by what only its owner is told. */
static void expect_held(struct oa_mutex *m)
{
	EXPECT_ERR(oa_mutex_trylock(m), -EDEADLK);
	EXPECT_EQ(oa_self().id, INFO(mutex, m).owner.id);
}

static void *waits(void *arg)
{
	struct cond_fixture_data *s = arg;
	int err;

	ASSERT_OK(oa_mutex_lock(&s->m));
	err = oa_cond_wait(&s->c, &s->m);
	expect_held(&s->m);
	s->in++;
	give_way();
	EXPECT_EQ(1u, s->in--);
	err ? COUNT(s->failed) : COUNT(s->woken);
	ASSERT_OK(oa_mutex_unlock(&s->m));
	return oa_err(err);
}

/* Not one more: looked at when the others had every chance. */
static void signal_one_by_one(struct cond_fixture_data *self,
			      struct actor *a, unsigned int n, bool locked)
{
	for (unsigned int i = 1; i <= n; i++) {
		if (locked)
			ASSERT_OK(oa_mutex_lock(&self->m));
		ASSERT_OK(oa_cond_signal(&self->c));
		if (locked)
			ASSERT_OK(oa_mutex_unlock(&self->m));
		task_wait_until(SEEN(self->woken) == i);
		EXPECT_EQ(n - i, INFO(cond, &self->c).waiters);
		for (int k = 0; k < 50; k++)
			ASSERT_OK(oa_yield());
		EXPECT_EQ(i, SEEN(self->woken));
	}
	for (unsigned int i = 0; i < n; i++)
		EXPECT_OK(actor_code(&a[i]));
	expect_at_rest(self);
}

SYNC_TEST(cond, a_signal_wakes_one)
{
	struct actor a[6];

	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_start(&a[i], by, i, waits, self);
	WAITERS_ARE(ARRAY_N(a));
	signal_one_by_one(self, a, ARRAY_N(a), true);
}

SYNC_TEST(cond, a_signal_needs_no_mutex)
{
	struct actor a[6];

	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_start(&a[i], by, i, waits, self);
	WAITERS_ARE(ARRAY_N(a));
	signal_one_by_one(self, a, ARRAY_N(a), false);
}

SYNC_TEST(cond, a_broadcast_wakes_all)
{
	struct actor a[6];

	for (int round = 0; round < 3; round++) {
		self->woken = 0;
		for (unsigned int i = 0; i < ARRAY_N(a); i++)
			actor_start(&a[i], by, i, waits, self);
		WAITERS_ARE(ARRAY_N(a));
		ASSERT_OK(oa_mutex_lock(&self->m));
		ASSERT_OK(oa_cond_broadcast(&self->c));
		/* Not before the mutex is free. */
		for (int k = 0; k < 20; k++)
			ASSERT_OK(oa_yield());
		EXPECT_EQ(0u, SEEN(self->woken));
		ASSERT_OK(oa_mutex_unlock(&self->m));
		for (unsigned int i = 0; i < ARRAY_N(a); i++)
			EXPECT_OK(actor_code(&a[i]));
		EXPECT_EQ((unsigned int)ARRAY_N(a), self->woken);
	}
	expect_at_rest(self);
}

SYNC_TEST(cond, a_signal_to_nobody_is_lost)
{
	struct actor a;

	for (int i = 0; i < 3; i++) {
		ASSERT_OK(oa_cond_signal(&self->c));
		ASSERT_OK(oa_cond_broadcast(&self->c));
	}
	actor_start(&a, by, 1, waits, self);
	WAITERS_ARE(1u);
	for (int k = 0; k < 50; k++)
		ASSERT_OK(oa_yield());
	EXPECT_EQ(0u, SEEN(self->woken));
	ASSERT_OK(oa_cond_signal(&self->c));
	EXPECT_OK(actor_code(&a));
	expect_at_rest(self);
}

/* A bounded buffer. */

#define EACH	SCALED_ONCE(200, 50)

static void *makes(void *arg)
{
	struct cond_fixture_data *s = arg;

	for (unsigned int i = 0; i < s->each; i++) {
		ASSERT_OK(oa_mutex_lock(&s->m));
		while (s->len == PLACES)
			ASSERT_OK(oa_cond_wait(&s->space, &s->m));
		s->ring[s->made++ % PLACES] = i;
		s->len++;
		ASSERT_OK(oa_cond_signal(&s->c));
		ASSERT_OK(oa_mutex_unlock(&s->m));
	}
	return NULL;
}

static void *takes(void *arg)
{
	struct cond_fixture_data *s = arg;

	ASSERT_OK(oa_mutex_lock(&s->m));
	for (;;) {
		while (!s->len && !s->over)
			ASSERT_OK(oa_cond_wait_until(&s->c, &s->m, OA_FOREVER));
		if (!s->len)
			break;
		s->sum += s->ring[s->taken++ % PLACES];
		s->len--;
		ASSERT_OK(oa_cond_signal(&s->space));
	}
	ASSERT_OK(oa_mutex_unlock(&s->m));
	return NULL;
}

SYNC_TEST(cond, makers_and_takers)
{
	struct actor maker[3], taker[3];
	unsigned int each = EACH;

	self->each = each;
	for (unsigned int i = 0; i < 3; i++) {
		actor_start(&maker[i], by, i, makes, self);
		actor_start(&taker[i], by, i + 1, takes, self);
	}
	for (unsigned int i = 0; i < 3; i++)
		actor_end(&maker[i]);
	ASSERT_OK(oa_mutex_lock(&self->m));
	self->over = true;
	ASSERT_OK(oa_cond_broadcast(&self->c));
	ASSERT_OK(oa_mutex_unlock(&self->m));
	for (unsigned int i = 0; i < 3; i++)
		actor_end(&taker[i]);
	EXPECT_EQ(3 * each, self->made);
	EXPECT_EQ(3 * each, self->taken);
	EXPECT_EQ(3ul * each * (each - 1) / 2, self->sum);
	expect_at_rest(self);
}

static void *makes_then_takes(void *arg)
{
	struct cond_fixture_data *s = arg;
	bool maker;

	ASSERT_OK(oa_mutex_lock(&s->m));
	maker = s->in++ % 2;
	ASSERT_OK(oa_mutex_unlock(&s->m));
	if (!maker)
		return takes(s);
	makes(s);
	ASSERT_OK(oa_mutex_lock(&s->m));
	if (s->made == 3 * s->each) {
		s->over = true;
		ASSERT_OK(oa_cond_broadcast(&s->c));
	}
	ASSERT_OK(oa_mutex_unlock(&s->m));
	return NULL;
}

TEST(needs_no_runtime)
{
	static struct cond_fixture_data s;

	s.each = EACH;
	threads_run(makes_then_takes, &s, 6);
	EXPECT_EQ(3 * s.each, s.taken);
	expect_at_rest(&s);
}

/* Two in turns. */

struct turns { struct cond_fixture_data *s; unsigned int mine, n; };

static void *takes_turns(void *arg)
{
	struct turns *t = arg;
	struct cond_fixture_data *s = t->s;

	ASSERT_OK(oa_mutex_lock(&s->m));
	while (s->made < t->n) {
		if (s->made % 2 != t->mine) {
			ASSERT_OK(oa_cond_wait(&s->c, &s->m));
			/* No wake that was not meant. */
			ASSERT_TRUE(s->made % 2 == t->mine || s->made == t->n);
			continue;
		}
		s->made++;
		ASSERT_OK(oa_cond_signal(&s->c));
	}
	ASSERT_OK(oa_mutex_unlock(&s->m));
	return NULL;
}

SYNC_TEST(cond, in_turns)
{
	unsigned int n = 2 * EACH;
	struct turns t[2];
	struct actor a[2];

	for (unsigned int i = 0; i < 2; i++) {
		t[i] = (struct turns){ self, i, n };
		actor_start(&a[i], by, i, takes_turns, &t[i]);
	}
	for (unsigned int i = 0; i < 2; i++)
		actor_end(&a[i]);
	EXPECT_EQ(n, self->made);
	expect_at_rest(self);
}

/* However it ends, the mutex is held. */

static void *waits_within(void *arg)
{
	struct cond_fixture_data *s = arg;
	struct oa_deadline d;

	ASSERT_OK(oa_mutex_lock(&s->m));
	OA_WITHIN(&d, 200 * OA_USEC)
		EXPECT_ERR(oa_cond_wait(&s->c, &s->m), -ETIMEDOUT);
	expect_held(&s->m);
	EXPECT_ERR(oa_cond_wait_until(&s->c, &s->m, oa_after(OA_USEC)),
		   -ETIMEDOUT);
	expect_held(&s->m);
	EXPECT_ERR(oa_cond_wait_until(&s->c, &s->m, 0), -ETIMEDOUT);
	expect_held(&s->m);
	ASSERT_OK(oa_mutex_unlock(&s->m));
	return NULL;
}

TASK_TEST_F(cond, that_is_late_has_the_mutex, .workers = variant->workers)
{
	struct actor a[4];

	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_start(&a[i], BY_TASKS, i, waits_within, self);
	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_end(&a[i]);
	expect_at_rest(self);
}

static void *waits_in_time(void *arg)
{
	struct cond_fixture_data *s = arg;
	int err;

	ASSERT_OK(oa_mutex_lock(&s->m));
	err = oa_cond_wait_until(&s->c, &s->m, oa_after(OA_USEC));
	expect_held(&s->m);
	ASSERT_OK(oa_mutex_unlock(&s->m));
	return oa_err(err);
}

SYNC_TEST(cond, that_is_late_waits_for_the_mutex)
{
	struct actor a[3];

	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_start(&a[i], by, i, waits_in_time, self);
	/* Some of them are late while it is ours. */
	ASSERT_OK(oa_mutex_lock(&self->m));
	task_wait_until(!INFO(cond, &self->c).waiters);
	for (int k = 0; k < 20; k++)
		ASSERT_OK(oa_yield());
	ASSERT_OK(oa_mutex_unlock(&self->m));
	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		EXPECT_ERR(actor_code(&a[i]), -ETIMEDOUT);
	expect_at_rest(self);
}

/* Cancelled while the mutex is another's: it comes back when that is free. */
TASK_TEST_F(cond, that_is_cancelled_has_the_mutex, .workers = variant->workers)
{
	struct actor a[3];

	for (unsigned int i = 0; i < ARRAY_N(a); i++) {
		actor_start(&a[i], BY_TASKS, i, waits, self);
		WAITERS_ARE(i + 1);
	}
	ASSERT_OK(oa_mutex_lock(&self->m));
	ASSERT_OK(oa_cancel(a[1].task));
	WAITERS_ARE(2u);
	task_wait_until(INFO(mutex, &self->m).waiters == 1);
	/* The way back cannot be cancelled, nor can a wake that was taken. */
	ASSERT_OK(oa_cond_signal(&self->c));
	WAITERS_ARE(1u);
	ASSERT_OK(oa_cancel(a[0].task));
	for (int k = 0; k < 20; k++)
		ASSERT_OK(oa_yield());
	EXPECT_EQ(0u, SEEN(self->failed) + SEEN(self->woken));
	ASSERT_OK(oa_mutex_unlock(&self->m));
	EXPECT_ERR(actor_code(&a[1]), -ECANCELED);
	EXPECT_OK(actor_code(&a[0]));
	ASSERT_OK(oa_cond_signal(&self->c));
	EXPECT_OK(actor_code(&a[2]));
	expect_at_rest(self);
}

static void *never_lets_go(void *arg)
{
	struct cond_fixture_data *s = arg;
	struct oa_deadline d;

	ASSERT_OK(oa_mutex_lock(&s->m));
	TELL(s->made, 1);
	until(INFO(mutex, &s->m).waiters == 1);
	/* Nothing is done: it stays the owner all the time. */
	OA_WITHIN(&d, -1) {
		EXPECT_ERR(oa_cond_wait(&s->c, &s->m), -ETIMEDOUT);
		EXPECT_ERR(oa_cond_wait_until(&s->c, &s->m, OA_FOREVER),
			   -ETIMEDOUT);
	}
	ASSERT_OK(oa_cancel(oa_self()));
	EXPECT_ERR(oa_cond_wait(&s->c, &s->m), -ECANCELED);
	EXPECT_ERR(oa_cond_wait_until(&s->c, &s->m, OA_FOREVER), -ECANCELED);
	expect_held(&s->m);
	EXPECT_EQ(0ul, SEEN(s->sum));
	ASSERT_OK(oa_mutex_unlock(&s->m));
	return NULL;
}

static void *looks_in(void *arg)
{
	struct cond_fixture_data *s = arg;

	ASSERT_OK(oa_mutex_lock(&s->m));
	TELL(s->sum, 1);
	ASSERT_OK(oa_mutex_unlock(&s->m));
	return NULL;
}

TASK_TEST_F(cond, that_does_not_wait_keeps_the_mutex,
	    .workers = variant->workers)
{
	struct actor a, b;

	actor_start(&a, BY_TASKS, 0, never_lets_go, self);
	task_wait_until(SEEN(self->made));
	actor_start(&b, BY_TASKS, 0, looks_in, self);
	actor_end(&a);
	actor_end(&b);
	expect_at_rest(self);
}

/* The head of the queue, which may not have run since it was cancelled. */
TASK_TEST_F(cond, a_signal_passes_over_the_cancelled,
	    .workers = variant->workers)
{
	struct actor a[3];

	for (int round = 0; round < 10; round++) {
		self->woken = 0;
		for (unsigned int i = 0; i < ARRAY_N(a); i++) {
			actor_start(&a[i], BY_TASKS, i, waits, self);
			WAITERS_ARE(i + 1);
		}
		ASSERT_OK(oa_cancel(a[0].task));
		ASSERT_OK(oa_cancel(a[1].task));
		ASSERT_OK(oa_cond_signal(&self->c));
		EXPECT_ERR(actor_code(&a[0]), -ECANCELED);
		EXPECT_ERR(actor_code(&a[1]), -ECANCELED);
		EXPECT_OK(actor_code(&a[2]));
	}
	expect_at_rest(self);
}

/* A signal is never spent on one that is cancelled as it comes. */

static void *cancels(void *arg)
{
	int err = oa_cancel(*(oa_task_t *)arg);

	ASSERT_TRUE(!err || err == -ESRCH);
	return NULL;
}

SYNC_TEST(cond, a_signal_is_not_lost_to_a_cancel)
{
	long rounds = SCALED(50, 10);

	for (long round = 0; round < rounds; round++) {
		struct actor a[3], c;
		unsigned int woken = 0, failed = 0;

		self->woken = self->failed = 0;
		for (unsigned int i = 0; i < 3; i++)
			actor_start(&a[i], BY_TASKS, i, waits, self);
		WAITERS_ARE(3u);
		actor_start(&c, by, (unsigned int)round, cancels,
			    &a[round % 3].task);
		ASSERT_OK(oa_cond_signal(&self->c));
		actor_end(&c);
		/* One was woken; one was cancelled, maybe the same. */
		task_wait_until(SEEN(self->woken) == 1);
		while (INFO(cond, &self->c).waiters)
			ASSERT_OK(oa_cond_signal(&self->c));
		for (unsigned int i = 0; i < 3; i++) {
			int err = actor_code(&a[i]);

			if (!err) {
				woken++;
				continue;
			}
			ASSERT_ERR(err, -ECANCELED);
			ASSERT_EQ((unsigned int)round % 3, i);
			failed++;
		}
		ASSERT_EQ(3u, woken + failed);
	}
	expect_at_rest(self);
}

/* Bad use. */

static void *waits_without(void *arg)
{
	struct cond_fixture_data *s = arg;

	EXPECT_REFUSED(&s->m, oa_cond_wait(&s->c, &s->m), -EPERM);
	EXPECT_REFUSED(&s->m, oa_cond_wait_until(&s->c, &s->m, OA_FOREVER),
		       -EPERM);
	EXPECT_REFUSED(&s->c, oa_cond_wait_until(&s->c, &s->m, 0), -EPERM);
	return NULL;
}

static void *waits_deep(void *arg)
{
	struct cond_fixture_data *s = arg;

	ASSERT_OK(oa_mutex_lock(&s->m));
	ASSERT_OK(oa_mutex_lock(&s->m));
	EXPECT_REFUSED(&s->m, oa_cond_wait(&s->c, &s->m), -EINVAL);
	EXPECT_REFUSED(&s->m, oa_cond_wait_until(&s->c, &s->m, OA_FOREVER),
		       -EINVAL);
	EXPECT_REFUSED(&s->c, oa_cond_wait(&s->c, &s->m), -EINVAL);
	ASSERT_OK(oa_mutex_unlock(&s->m));
	/* Once is as with any other. */
	EXPECT_ERR(oa_cond_wait_until(&s->c, &s->m, oa_after(OA_USEC)),
		   -ETIMEDOUT);
	ASSERT_OK(oa_mutex_unlock(&s->m));
	EXPECT_REFUSED(&s->m, oa_mutex_unlock(&s->m), -EPERM);
	return NULL;
}

SYNC_TEST(cond, is_refused_without_the_mutex)
{
	struct actor a;

	for (unsigned int i = 0; i < 3; i++) {
		/* Of nobody, then of another. */
		actor_start(&a, by, i, waits_without, self);
		actor_end(&a);
		ASSERT_OK(oa_mutex_lock(&self->m));
		actor_start(&a, by, i, waits_without, self);
		actor_end(&a);
		ASSERT_OK(oa_mutex_unlock(&self->m));
	}
	self->m = (struct oa_mutex)OA_MUTEX_RECURSIVE;
	for (unsigned int i = 0; i < 3; i++) {
		actor_start(&a, by, i, waits_deep, self);
		actor_end(&a);
	}
	expect_at_rest(self);
}

TEST(bad_arguments)
{
	struct oa_cond c = OA_COND_INIT;
	struct oa_mutex m = OA_MUTEX_INIT;

	EXPECT_ERR(oa_cond_wait(NULL, &m), -EINVAL);
	EXPECT_ERR(oa_cond_wait(&c, NULL), -EINVAL);
	EXPECT_ERR(oa_cond_wait_until(NULL, &m, 0), -EINVAL);
	EXPECT_ERR(oa_cond_wait_until(&c, NULL, 0), -EINVAL);
	EXPECT_ERR(oa_cond_signal(NULL), -EINVAL);
	EXPECT_ERR(oa_cond_broadcast(NULL), -EINVAL);
	EXPECT_ERR(oa_cond_destroy(NULL), -EINVAL);
	EXPECT_INFO_CHECKS(cond, &c);
}

HARNESS_MAIN
