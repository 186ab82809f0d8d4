// SPDX-License-Identifier: MIT
/* Spinlock: for threads and the pool; its owner is the thread. */
#include "sync_test.h"

FIXTURE(spinlock) {
	struct oa_spinlock l;
	uint64_t done;
	int inside, held, go;
};
VARIANTS_WORKERS(spinlock);

FIXTURE_SETUP(spinlock)
{
}

FIXTURE_TEARDOWN(spinlock)
{
}

#define ROUNDS	SCALED_ONCE(2000, 300)

struct user { struct spinlock_fixture_data *s; unsigned int rounds, got; };

static void *contends(void *arg)
{
	struct user *u = arg;
	struct spinlock_fixture_data *s = u->s;

	for (unsigned int i = 0; i < u->rounds; i++) {
		if (i % 3 == 2) {
			int err = oa_spinlock_trylock(&s->l);

			ASSERT_TRUE(!err || err == -EAGAIN);
			if (err)
				continue;
		} else {
			ASSERT_OK(oa_spinlock_lock(&s->l));
		}
		ASSERT_EQ(0, s->inside);
		s->inside = 1;
		s->done++;
		u->got++;
		/* Its holder may lose the processor, not the lock. */
		if (i % 64 == 0)
			sched_yield();
		s->inside = 0;
		ASSERT_OK(oa_spinlock_unlock(&s->l));
	}
	return NULL;
}

static void contend(struct spinlock_fixture_data *s, const enum by *by,
		    unsigned int n)
{
	unsigned int got = 0;
	struct actor a[4];
	struct user u[4];

	s->done = 0;
	for (unsigned int i = 0; i < n; i++) {
		u[i] = (struct user){ .s = s, .rounds = ROUNDS };
		actor_start(&a[i], by[i], 0, contends, &u[i]);
	}
	for (unsigned int i = 0; i < n; i++) {
		actor_end(&a[i]);
		got += u[i].got;
	}
	EXPECT_EQ((uint64_t)got, s->done);
	EXPECT_OK(oa_spinlock_trylock(&s->l));
	EXPECT_OK(oa_spinlock_unlock(&s->l));
}

TASK_TEST_F(spinlock, lets_in_one_at_a_time, .workers = variant->workers,
	    .max_blocking = POOL)
{
	static const enum by kinds[][4] = {
		{ BY_THREADS, BY_THREADS, BY_THREADS, BY_THREADS },
		{ BY_POOL, BY_POOL, BY_POOL, BY_POOL },
		{ BY_POOL, BY_THREADS, BY_POOL, BY_THREADS },
		/* Tasks may, as long as they do not wait inside. */
		{ BY_TASKS, BY_TASKS, BY_TASKS, BY_TASKS },
		{ BY_TASKS, BY_THREADS, BY_POOL, BY_TASKS },
	};

	for (size_t i = 0; i < ARRAY_N(kinds); i++)
		contend(self, kinds[i], 4);
}

static void *threads_contend(void *arg)
{
	struct user u = { .s = arg, .rounds = ROUNDS };

	return contends(&u);
}

TEST(needs_no_runtime)
{
	static struct spinlock_fixture_data s;

	threads_run(threads_contend, &s, 4);
	EXPECT_GT(s.done, 0ul);
}

/* Owners. */

static void *locks_again(void *arg)
{
	struct spinlock_fixture_data *s = arg;
	int err;

	EXPECT_REFUSED(&s->l, oa_spinlock_unlock(&s->l), -EPERM);
	ASSERT_OK(oa_spinlock_lock(&s->l));
	EXPECT_REFUSED(&s->l, oa_spinlock_lock(&s->l), -EDEADLK);
	err = oa_spinlock_trylock(&s->l);
	EXPECT_TRUE(err == -EAGAIN || err == -EDEADLK);
	ASSERT_OK(oa_spinlock_unlock(&s->l));
	EXPECT_REFUSED(&s->l, oa_spinlock_unlock(&s->l), -EPERM);
	return NULL;
}

static void *holds(void *arg)
{
	struct spinlock_fixture_data *s = arg;

	ASSERT_OK(oa_spinlock_lock(&s->l));
	TELL(s->held, 1);
	until(SEEN(s->go));
	ASSERT_OK(oa_spinlock_unlock(&s->l));
	return NULL;
}

static void *meddles(void *arg)
{
	struct spinlock_fixture_data *s = arg;

	EXPECT_REFUSED(&s->l, oa_spinlock_unlock(&s->l), -EPERM);
	EXPECT_REFUSED(&s->l, oa_spinlock_trylock(&s->l), -EAGAIN);
	return NULL;
}

TASK_TEST_F(spinlock, is_let_go_of_by_its_owner, .workers = variant->workers,
	    .max_blocking = POOL)
{
	struct actor owner, other;

	for (enum by a = BY_TASKS; a <= BY_POOL; a++)
		code_by(a, locks_again, self);
	for (enum by a = BY_THREADS; a <= BY_POOL; a++) {
		self->held = self->go = 0;
		actor_start(&owner, a, 0, holds, self);
		task_wait_until(SEEN(self->held));
		for (enum by b = BY_TASKS; b <= BY_POOL; b++) {
			actor_start(&other, b, 0, meddles, self);
			actor_end(&other);
		}
		TELL(self->go, 1);
		actor_end(&owner);
	}
	EXPECT_OK(oa_spinlock_trylock(&self->l));
	EXPECT_OK(oa_spinlock_unlock(&self->l));
}

TEST(bad_arguments)
{
	struct oa_spinlock l = OA_SPINLOCK_INIT;

	EXPECT_ERR(oa_spinlock_lock(NULL), -EINVAL);
	EXPECT_ERR(oa_spinlock_trylock(NULL), -EINVAL);
	EXPECT_ERR(oa_spinlock_unlock(NULL), -EINVAL);
	EXPECT_REFUSED(&l, oa_spinlock_unlock(&l), -EPERM);
}

HARNESS_MAIN
