// SPDX-License-Identifier: MIT
/* Readers together, writers alone, in the order in which they came. */
#include "sync_test.h"

FIXTURE(rwlock) {
	struct oa_rwlock l;
	uint64_t a, b;
	int writing, reading, stop;
	unsigned int reads, wrote, inside;
};
VARIANTS_WORKERS(rwlock);

FIXTURE_SETUP(rwlock)
{
}

FIXTURE_TEARDOWN(rwlock)
{
}

#define LOCK	(&self->l)

static void expect_at_rest(struct rwlock_fixture_data *s)
{
	struct oa_sync_info i = INFO(rwlock, &s->l);

	EXPECT_EQ(0u, i.waiters);
	EXPECT_EQ(0ul, i.value);
	EXPECT_EQ(0ul, i.owner.id);
	EXPECT_OK(oa_rwlock_destroy(&s->l));
}

/* Exclusion. */

struct user {
	struct actor a;
	struct rwlock_fixture_data *s;
	uint64_t seed, wrote;
	unsigned int rounds;
};

static bool lock_somehow(struct user *u, bool write)
{
	oa_time_t until = oa_after(draw(&u->seed, 100) * OA_USEC);
	struct oa_rwlock *l = &u->s->l;
	int err;

	switch (draw(&u->seed, 4)) {
	case 0:
		err = write ? oa_rwlock_trywrlock(l) : oa_rwlock_tryrdlock(l);
		ASSERT_TRUE(!err || err == -EAGAIN);
		return !err;
	case 1:
		err = write ? oa_rwlock_wrlock_until(l, until) :
			oa_rwlock_rdlock_until(l, until);
		ASSERT_TRUE(!err || err == -ETIMEDOUT);
		return !err;
	default:
		ASSERT_OK(write ? oa_rwlock_wrlock(l) : oa_rwlock_rdlock(l));
		return true;
	}
}

static void ponder(struct user *u)
{
	for (uint32_t n = draw(&u->seed, 3); n; n--)
		give_way();
}

static void reads(struct user *u)
{
	struct rwlock_fixture_data *s = u->s;
	uint64_t a = s->a;

	COUNT(s->reading);
	ASSERT_EQ(0, SEEN(s->writing));
	ponder(u);
	ASSERT_EQ(a, s->a);
	ASSERT_EQ(a, s->b);
	__atomic_sub_fetch(&s->reading, 1, __ATOMIC_ACQ_REL);
}

static void writes(struct user *u)
{
	struct rwlock_fixture_data *s = u->s;

	ASSERT_EQ(0, SEEN(s->reading));
	ASSERT_EQ(0, SEEN(s->writing));
	TELL(s->writing, 1);
	s->a++;
	ponder(u);
	s->b++;
	u->wrote++;
	TELL(s->writing, 0);
}

static void *contends(void *arg)
{
	struct user *u = arg;

	for (unsigned int i = 0; i < u->rounds; i++) {
		bool write = !draw(&u->seed, 3);

		if (lock_somehow(u, write)) {
			write ? writes(u) : reads(u);
			ASSERT_OK(oa_rwlock_unlock(&u->s->l));
		}
		if (!draw(&u->seed, 4))
			give_way();
	}
	return NULL;
}

#define ROUNDS	SCALED_ONCE(150, 40)

SYNC_TEST(rwlock, readers_see_what_writers_have_finished)
{
	enum { N = 9 };
	struct user u[N];
	uint64_t wrote = 0;

	for (unsigned int i = 0; i < N; i++) {
		u[i] = (struct user){ .s = self, .seed = draw_seed(i),
				      .rounds = ROUNDS };
		actor_start(&u[i].a, by, i, contends, &u[i]);
	}
	for (unsigned int i = 0; i < N; i++) {
		actor_end(&u[i].a);
		wrote += u[i].wrote;
	}
	EXPECT_EQ(wrote, self->a);
	EXPECT_EQ(wrote, self->b);
	EXPECT_GT(wrote, 0ul);
	expect_at_rest(self);
}

static void *threads_contend(void *arg)
{
	static unsigned int n;
	struct user u = { .s = arg, .seed = draw_seed(COUNT(n)),
			  .rounds = ROUNDS };

	contends(&u);
	return NULL;
}

TEST(needs_no_runtime)
{
	static struct rwlock_fixture_data s;

	harness_seed();
	for (int i = 0; i < 3; i++)
		threads_run(threads_contend, &s, 6);
	EXPECT_EQ(s.a, s.b);
	expect_at_rest(&s);
}

/* Who is in, and who is next. */

struct user_of_one {
	struct actor a;
	struct rwlock_fixture_data *s;
	bool write, timed;
	int in, go, err;
};

static void *takes_it(void *arg)
{
	struct user_of_one *u = arg;
	struct oa_rwlock *l = &u->s->l;

	if (u->timed)
		u->err = u->write ? oa_rwlock_wrlock_until(l, OA_FOREVER)
			: oa_rwlock_rdlock_until(l, OA_FOREVER);
	else
		u->err = u->write ? oa_rwlock_wrlock(l) : oa_rwlock_rdlock(l);
	if (u->err)
		return oa_err(u->err);
	COUNT(u->s->inside);
	TELL(u->in, 1);
	until(SEEN(u->go));
	__atomic_sub_fetch(&u->s->inside, 1, __ATOMIC_ACQ_REL);
	ASSERT_OK(oa_rwlock_unlock(l));
	return NULL;
}

static void come(struct user_of_one *u, enum by by, unsigned int i,
		 struct rwlock_fixture_data *s, char what)
{
	*u = (struct user_of_one){ .s = s, .write = what == 'w' };
	actor_start(&u->a, by, i, takes_it, u);
}

static void go(struct user_of_one *u)
{
	TELL(u->go, 1);
	EXPECT_OK(actor_code(&u->a));
}

#define WAITERS_ARE(n)	task_wait_until(INFO(rwlock, LOCK).waiters == (n))

SYNC_TEST(rwlock, readers_are_in_together)
{
	enum { N = 6 };
	struct user_of_one r[N];

	for (unsigned int i = 0; i < N; i++)
		come(&r[i], by, i, self, 'r');
	task_wait_until(SEEN(self->inside) == N);
	EXPECT_EQ((uint64_t)N, INFO(rwlock, LOCK).value);
	EXPECT_EQ(0ul, INFO(rwlock, LOCK).owner.id);
	EXPECT_REFUSED(LOCK, oa_rwlock_trywrlock(LOCK), -EAGAIN);
	EXPECT_REFUSED(LOCK, oa_rwlock_destroy(LOCK), -EBUSY);
	for (unsigned int i = 0; i < N; i++)
		go(&r[i]);
	expect_at_rest(self);
}

/* Comes in this order: r w r r w r w w r, the first is in. */
SYNC_TEST(rwlock, is_had_in_the_order_of_coming)
{
	static const char order[] = "rwrrwrwwr";
	enum { N = sizeof(order) - 1 };
	struct user_of_one u[N];

	for (unsigned int i = 0; i < N; i++) {
		come(&u[i], by, i, self, order[i]);
		if (i)
			WAITERS_ARE(i);
		else
			task_wait_until(SEEN(u[0].in));
	}
	EXPECT_ERR(oa_rwlock_tryrdlock(LOCK), -EAGAIN);
	EXPECT_ERR(oa_rwlock_trywrlock(LOCK), -EAGAIN);
	EXPECT_ERR(oa_rwlock_destroy(LOCK), -EBUSY);
	for (unsigned int i = 0; i < N;) {
		unsigned int n = 1;

		while (order[i] == 'r' && i + n < N && order[i + n] == 'r')
			n++;
		for (unsigned int k = 0; k < n; k++)
			task_wait_until(SEEN(u[i + k].in));
		/* They alone. */
		EXPECT_EQ(n, SEEN(self->inside));
		EXPECT_EQ((unsigned int)N - i - n, INFO(rwlock, LOCK).waiters);
		EXPECT_EQ(order[i] == 'r' ? (uint64_t)n : 1ul,
			  INFO(rwlock, LOCK).value);
		for (unsigned int k = 0; k < n; k++)
			go(&u[i + k]);
		i += n;
	}
	expect_at_rest(self);
}

/* A writer that gives up no longer keeps out the readers behind it. */
SYNC_TEST(rwlock, a_writer_that_leaves_lets_readers_in)
{
	struct user_of_one r[3], w = { .s = self, .write = true,
				       .timed = true };

	come(&r[0], by, 0, self, 'r');
	task_wait_until(SEEN(r[0].in));
	actor_start(&w.a, BY_TASKS, 0, takes_it, &w);
	WAITERS_ARE(1u);
	come(&r[1], by, 1, self, 'r');
	come(&r[2], by, 2, self, 'r');
	WAITERS_ARE(3u);
	ASSERT_OK(oa_cancel(w.a.task));
	EXPECT_ERR(actor_code(&w.a), -ECANCELED);
	task_wait_until(SEEN(self->inside) == 3);
	for (int i = 0; i < 3; i++)
		go(&r[i]);
	expect_at_rest(self);
}

static void *writes_in_time(void *arg)
{
	struct rwlock_fixture_data *s = arg;
	int err = oa_rwlock_wrlock_until(&s->l, oa_after(OA_MSEC));

	if (!err)
		ASSERT_OK(oa_rwlock_unlock(&s->l));
	return oa_err(err);
}

SYNC_TEST(rwlock, a_writer_that_is_late_lets_readers_in)
{
	struct user_of_one r[3], w2;
	struct actor w;

	come(&r[0], by, 0, self, 'r');
	task_wait_until(SEEN(r[0].in));
	actor_start(&w, by, 1, writes_in_time, self);
	/* Before or after it: it is in the end as if it had not been there. */
	come(&r[1], by, 1, self, 'r');
	come(&r[2], by, 2, self, 'r');
	EXPECT_ERR(actor_code(&w), -ETIMEDOUT);
	task_wait_until(SEEN(self->inside) == 3);
	come(&w2, by, 3, self, 'w');
	WAITERS_ARE(1u);
	for (int i = 0; i < 3; i++)
		go(&r[i]);
	task_wait_until(SEEN(w2.in));
	go(&w2);
	expect_at_rest(self);
}

/* The reader that leaves was between two writers, then at the head. */
TASK_TEST_F(rwlock, readers_that_leave, .workers = variant->workers)
{
	struct user_of_one w[3], r[2];

	come(&w[0], BY_TASKS, 0, self, 'w');
	task_wait_until(SEEN(w[0].in));
	for (int i = 0; i < 2; i++) {
		r[i] = (struct user_of_one){ .s = self, .timed = true };
		actor_start(&r[i].a, BY_TASKS, 0, takes_it, &r[i]);
		WAITERS_ARE(2u * i + 1);
		come(&w[i + 1], BY_TASKS, 0, self, 'w');
		WAITERS_ARE(2u * i + 2);
	}
	ASSERT_OK(oa_cancel(r[1].a.task));
	EXPECT_ERR(actor_code(&r[1].a), -ECANCELED);
	ASSERT_OK(oa_cancel(r[0].a.task));
	EXPECT_ERR(actor_code(&r[0].a), -ECANCELED);
	for (int i = 0; i < 3; i++) {
		task_wait_until(SEEN(w[i].in));
		EXPECT_EQ(1u, SEEN(self->inside));
		EXPECT_EQ(2u - i, INFO(rwlock, LOCK).waiters);
		go(&w[i]);
	}
	expect_at_rest(self);
}

/* Starving. */

static void *reads_on_and_on(void *arg)
{
	struct rwlock_fixture_data *s = arg;

	while (!SEEN(s->stop)) {
		ASSERT_OK(oa_rwlock_rdlock(&s->l));
		COUNT(s->reads);
		/* Never without a reader, if it were for them alone. */
		give_way();
		ASSERT_OK(oa_rwlock_unlock(&s->l));
	}
	return NULL;
}

static void *writes_on_and_on(void *arg)
{
	struct rwlock_fixture_data *s = arg;

	while (!SEEN(s->stop)) {
		ASSERT_OK(oa_rwlock_wrlock(&s->l));
		COUNT(s->wrote);
		give_way();
		ASSERT_OK(oa_rwlock_unlock(&s->l));
	}
	return NULL;
}

static void *writes_some(void *arg)
{
	struct rwlock_fixture_data *s = arg;

	for (int i = 0; i < 20; i++) {
		ASSERT_OK(oa_rwlock_wrlock(&s->l));
		ASSERT_OK(oa_rwlock_unlock(&s->l));
	}
	return NULL;
}

static void *reads_some(void *arg)
{
	struct rwlock_fixture_data *s = arg;

	for (int i = 0; i < 20; i++) {
		ASSERT_OK(oa_rwlock_rdlock(&s->l));
		ASSERT_OK(oa_rwlock_unlock(&s->l));
	}
	return NULL;
}

static void some_beside_many(struct rwlock_fixture_data *s, enum by by,
			     oa_fn some, oa_fn on_and_on)
{
	struct actor many[4], few[2];

	for (unsigned int i = 0; i < ARRAY_N(many); i++)
		actor_start(&many[i], by, i, on_and_on, s);
	task_wait_until(SEEN(s->reads) || SEEN(s->wrote));
	for (unsigned int i = 0; i < ARRAY_N(few); i++)
		actor_start(&few[i], by, i, some, s);
	for (unsigned int i = 0; i < ARRAY_N(few); i++)
		actor_end(&few[i]);
	TELL(s->stop, 1);
	for (unsigned int i = 0; i < ARRAY_N(many); i++)
		actor_end(&many[i]);
	expect_at_rest(s);
}

SYNC_TEST(rwlock, writers_do_not_starve)
{
	some_beside_many(self, by, writes_some, reads_on_and_on);
}

SYNC_TEST(rwlock, readers_do_not_starve)
{
	some_beside_many(self, by, reads_some, writes_on_and_on);
}

/* Owners and bad use. */

static void *writes_again(void *arg)
{
	struct oa_rwlock *l = arg;

	ASSERT_OK(oa_rwlock_wrlock(l));
	EXPECT_EQ(1ul, INFO(rwlock, l).value);
	EXPECT_EQ(oa_self().id, INFO(rwlock, l).owner.id);
	EXPECT_REFUSED(l, oa_rwlock_wrlock(l), -EDEADLK);
	EXPECT_REFUSED(l, oa_rwlock_trywrlock(l), -EDEADLK);
	EXPECT_REFUSED(l, oa_rwlock_wrlock_until(l, OA_FOREVER), -EDEADLK);
	EXPECT_REFUSED(l, oa_rwlock_wrlock_until(l, 0), -EDEADLK);
	EXPECT_REFUSED(l, oa_rwlock_rdlock(l), -EDEADLK);
	EXPECT_REFUSED(l, oa_rwlock_tryrdlock(l), -EDEADLK);
	EXPECT_REFUSED(l, oa_rwlock_rdlock_until(l, OA_FOREVER), -EDEADLK);
	EXPECT_REFUSED(l, oa_rwlock_rdlock_until(l, 0), -EDEADLK);
	EXPECT_REFUSED(l, oa_rwlock_destroy(l), -EBUSY);
	EXPECT_OK(oa_rwlock_unlock(l));
	EXPECT_REFUSED(l, oa_rwlock_unlock(l), -EPERM);
	return NULL;
}

static void *reads_again(void *arg)
{
	struct oa_rwlock *l = arg;

	ASSERT_OK(oa_rwlock_rdlock(l));
	ASSERT_OK(oa_rwlock_tryrdlock(l));
	ASSERT_OK(oa_rwlock_rdlock_until(l, 0));
	EXPECT_EQ(3ul, INFO(rwlock, l).value);
	EXPECT_REFUSED(l, oa_rwlock_trywrlock(l), -EAGAIN);
	EXPECT_REFUSED(l, oa_rwlock_destroy(l), -EBUSY);
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_rwlock_unlock(l));
	EXPECT_REFUSED(l, oa_rwlock_unlock(l), -EPERM);
	return NULL;
}

static void *lets_go_of_anothers(void *arg)
{
	struct oa_rwlock *l = arg;

	EXPECT_REFUSED(l, oa_rwlock_unlock(l), -EPERM);
	EXPECT_REFUSED(l, oa_rwlock_tryrdlock(l), -EAGAIN);
	EXPECT_REFUSED(l, oa_rwlock_trywrlock(l), -EAGAIN);
	EXPECT_REFUSED(l, oa_rwlock_destroy(l), -EBUSY);
	return NULL;
}

SYNC_TEST(rwlock, knows_its_writer)
{
	for (unsigned int i = 0; i < 3; i++) {
		struct user_of_one w;
		struct actor other;

		actor_start(&other, by, i, writes_again, LOCK);
		actor_end(&other);
		actor_start(&other, by, i, reads_again, LOCK);
		actor_end(&other);
		come(&w, by, i, self, 'w');
		task_wait_until(SEEN(w.in));
		EXPECT_EQ(w.a.task.id, INFO(rwlock, LOCK).owner.id);
		for (unsigned int k = i; k < i + 3; k++) {
			actor_start(&other, by, k, lets_go_of_anothers, LOCK);
			actor_end(&other);
		}
		lets_go_of_anothers(LOCK);
		go(&w);
	}
	expect_at_rest(self);
}

TEST(bad_arguments)
{
	struct oa_rwlock l = OA_RWLOCK_INIT;

	EXPECT_ERR(oa_rwlock_rdlock(NULL), -EINVAL);
	EXPECT_ERR(oa_rwlock_tryrdlock(NULL), -EINVAL);
	EXPECT_ERR(oa_rwlock_rdlock_until(NULL, 0), -EINVAL);
	EXPECT_ERR(oa_rwlock_wrlock(NULL), -EINVAL);
	EXPECT_ERR(oa_rwlock_trywrlock(NULL), -EINVAL);
	EXPECT_ERR(oa_rwlock_wrlock_until(NULL, 0), -EINVAL);
	EXPECT_ERR(oa_rwlock_unlock(NULL), -EINVAL);
	EXPECT_ERR(oa_rwlock_destroy(NULL), -EINVAL);
	EXPECT_INFO_CHECKS(rwlock, &l);
	EXPECT_REFUSED(&l, oa_rwlock_unlock(&l), -EPERM);
}

HARNESS_MAIN
