// SPDX-License-Identifier: MIT
/* Chains: each link is given what the one before has made. */
#include "actors.h"

FIXTURE(chain) {
	struct oa_mutex mutex;
	struct oa_sem sem;
	struct oa_event go;
	unsigned int n, dropped, destroyed;
	oa_task_t first;
	long last;
};
VARIANTS_WORKERS(chain);

typedef struct chain_fixture_data data;

FIXTURE_SETUP(chain)
{
}

FIXTURE_TEARDOWN(chain)
{
}

static void *times_two(void *arg)
{
	return (void *)((intptr_t)arg * 2);
}

static void *plus_one(void *arg)
{
	give_way();
	return (void *)((intptr_t)arg + 1);
}

static void *fails(void *arg)
{
	(void)arg;
	return oa_err(-EIO);
}

static const oa_fn two_links[] = { plus_one, times_two, NULL };

TASK_TEST_F(chain, results_are_handed_on, .workers = variant->workers)
{
	for (int block = 0; block < 2; block++) {
		/* ((5 * 2) + 1) * 2 */
		EXPECT_EQ(22, join_code(oa_spawn(times_two, (void *)5,
				.then = two_links, .block = block)));
		/* ((5 + 1) + 1) * 2 */
		EXPECT_EQ(14, join_code(oa_spawn(plus_one, (void *)5,
				.then = two_links, .block = block)));
		/* An error is a result like any other. */
		EXPECT_EQ((-EIO + 1) * 2, join_code(oa_spawn(fails, NULL,
				.then = two_links, .block = block)));
		EXPECT_ERR(join_code(oa_spawn(times_two, (void *)5,
				.then = (const oa_fn[]){ fails, NULL },
				.block = block)), -EIO);
		/* A chain of one. */
		EXPECT_EQ(10, join_code(oa_spawn(times_two, (void *)5,
				.then = (const oa_fn[]){ NULL },
				.block = block)));
	}
}

/* The list is copied, as long as it may be. */
TASK_TEST_F(chain, of_many_links, .workers = variant->workers)
{
	oa_fn list[OA_THEN_MAX + 2];
	oa_task_t t;

	for (int n = 0; n <= OA_THEN_MAX + 1; n++) {
		for (int i = 0; i < n; i++)
			list[i] = plus_one;
		list[n] = NULL;
		t = oa_spawn(times_two, (void *)50, .then = list,
			     .delay = n % 3);
		for (int i = 0; i <= n; i++)
			list[i] = fails;
		if (n > OA_THEN_MAX)
			EXPECT_ERR(oa_task_error(t), -E2BIG);
		else
			EXPECT_EQ(100 + n, join_code(t));
	}
	EXPECT_ERR(oa_go(times_two, NULL, .then = list), -E2BIG);
}

/* What it started under is held from the first link to the last. */

static void *holds(void *arg)
{
	data *d = arg;

	EXPECT_ERR(oa_mutex_trylock(&d->mutex), -EDEADLK);
	EXPECT_EQ(0u, oa_sem_value(&d->sem));
	if (!d->n)
		d->first = oa_self();
	/* The same task all along. */
	EXPECT_EQ(d->first.id, oa_self().id);
	for (int i = 0; i < 3; i++)
		give_way();
	EXPECT_ERR(oa_mutex_trylock(&d->mutex), -EDEADLK);
	COUNT(d->n);
	return d;
}

TASK_TEST_F(chain, holds_from_first_to_last, .workers = variant->workers)
{
	static const oa_fn list[] = { holds, holds, holds, NULL };

	for (int i = 0; i < 20; i++) {
		oa_task_t t[2];

		self->n = 0;
		ASSERT_OK(oa_sem_init(&self->sem, 1));
		t[0] = oa_spawn(holds, self, .then = list, .sem = &self->sem,
				.mutex = &self->mutex, .block = i % 2);
		/* It gets in only when the chain is over. */
		task_wait_until(SEEN(self->n) >= 1);
		ASSERT_OK(oa_mutex_lock(&self->mutex));
		EXPECT_EQ(4u, SEEN(self->n));
		ASSERT_OK(oa_mutex_unlock(&self->mutex));
		ASSERT_OK(oa_join(t[0], NULL));
		EXPECT_EQ(1u, oa_sem_value(&self->sem));
	}
}

/* Two chains under one mutex do not mix. */

static void *link_of_one(void *arg)
{
	data *d = arg;

	d->last++;
	give_way();
	return d;
}

static void *last_link(void *arg)
{
	data *d = arg;

	d->last++;
	give_way();
	/* Nobody else's link came between. */
	EXPECT_EQ(0, d->last % 3);
	return d;
}

TASK_TEST_F(chain, do_not_mix, .workers = variant->workers)
{
	static const oa_fn list[] = { link_of_one, last_link, NULL };
	oa_task_t t[50];

	for (int i = 0; i < 50; i++)
		t[i] = oa_spawn(link_of_one, self, .then = list,
				.mutex = &self->mutex, .block = i % 5 == 4);
	for (int i = 0; i < 50; i++)
		ASSERT_OK(oa_join(t[i], NULL));
	EXPECT_EQ(150, self->last);
}

/* Others run between two links. */

static void *counts(void *arg)
{
	COUNT(((data *)arg)->n);
	return arg;
}

static void *waits_for_another(void *arg)
{
	data *d = arg;

	task_wait_until(SEEN(d->n) >= 1);
	return arg;
}

TASK_TEST_F(chain, others_run_meanwhile, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(waits_for_another, self,
			       .then = (const oa_fn[]){ waits_for_another,
							NULL });

	ASSERT_OK(oa_yield());
	ASSERT_OK(oa_go(counts, self));
	ASSERT_OK(oa_join(t, NULL));
}

/* oa_exit() ends all of it. */

static void *exits(void *arg)
{
	data *d = arg;

	COUNT(d->n);
	oa_exit(oa_err(-EXDEV));
}

TASK_TEST_F(chain, an_exit_ends_it, .workers = variant->workers)
{
	static const oa_fn list[] = { counts, exits, counts, counts, NULL };

	for (int i = 0; i < 10; i++) {
		self->n = 0;
		ASSERT_OK(oa_sem_init(&self->sem, 1));
		EXPECT_ERR(join_code(oa_spawn(counts, self, .then = list,
				.mutex = &self->mutex, .sem = &self->sem,
				.block = i % 2)), -EXDEV);
		EXPECT_EQ(3u, self->n);
		EXPECT_OK(oa_mutex_trylock(&self->mutex));
		EXPECT_OK(oa_mutex_unlock(&self->mutex));
		EXPECT_EQ(1u, oa_sem_value(&self->sem));
	}
}

/* A cancelled one goes on to its end, and each link can see it. */

static void *sees_cancel(void *arg)
{
	data *d = arg;

	EXPECT_EQ(1, oa_cancelled());
	EXPECT_ERR(oa_sleep(OA_MSEC), -ECANCELED);
	COUNT(d->n);
	return arg;
}

static void *waits_for_cancel(void *arg)
{
	data *d = arg;

	EXPECT_ERR(oa_event_wait(&d->go), -ECANCELED);
	return arg;
}

TASK_TEST_F(chain, a_cancelled_one_goes_on, .workers = variant->workers)
{
	static const oa_fn list[] = { sees_cancel, sees_cancel, counts, NULL };

	for (int block = 0; block < 2; block++) {
		oa_task_t t = oa_spawn(waits_for_cancel, self, .then = list,
				       .block = block);
		void *result;

		self->n = 0;
		task_wait_until(SYNC(event, &self->go, waiters) == 1);
		ASSERT_OK(oa_cancel(t));
		ASSERT_OK(oa_join(t, &result));
		EXPECT_EQ((void *)self, result);
		EXPECT_EQ(3u, self->n);
	}
}

/* One that never starts gives its argument back. */

static void count_drop(void *arg)
{
	COUNT(((data *)arg)->dropped);
}

TASK_TEST_F(chain, dropped, .workers = variant->workers)
{
	static const oa_fn list[] = { counts, NULL };
	oa_task_t t;

	for (int i = 0; i < 4; i++) {
		ASSERT_OK(oa_mutex_lock(&self->mutex));
		t = oa_spawn(counts, self, .then = list,
			     .on_drop = count_drop,
			     .mutex = i % 2 ? &self->mutex : NULL,
			     .delay = i % 2 ? 0 : 1000 * OA_SEC,
			     .block = i / 2);
		ASSERT_OK(oa_cancel(t));
		EXPECT_ERR(join_code(t), -ECANCELED);
		EXPECT_EQ((unsigned int)i + 1, self->dropped);
		ASSERT_OK(oa_mutex_unlock(&self->mutex));
	}
	EXPECT_EQ(0u, self->n);
}

/* A copied argument, the user's pointer and local values last for all links. */

static oa_key_t key;

static void destroys(void *value)
{
	COUNT(((data *)value)->destroyed);
}

struct copied {
	data *d;
	int x[50];
};

static void *first_with_copy(void *arg)
{
	struct copied *c = arg;

	*oa_user() = c;
	ASSERT_OK(oa_setspecific(key, c->d));
	return arg;
}

static void *next_with_copy(void *arg)
{
	struct copied *c = arg;

	EXPECT_EQ((void *)c, *oa_user());
	EXPECT_EQ((void *)c->d, oa_getspecific(key));
	EXPECT_EQ(0u, c->d->destroyed);
	for (int i = 0; i < 50; i++)
		ASSERT_EQ(i * 5, c->x[i]);
	COUNT(c->d->n);
	return arg;
}

TASK_TEST_F(chain, what_lasts, .workers = variant->workers)
{
	static const oa_fn list[] = { next_with_copy, next_with_copy, NULL };

	ASSERT_OK(oa_key_create(&key, destroys));
	for (int block = 0; block < 2; block++) {
		struct copied c = { .d = self };
		oa_task_t t;

		self->destroyed = self->n = 0;
		for (int i = 0; i < 50; i++)
			c.x[i] = i * 5;
		t = oa_spawn(first_with_copy, &c, .copy = sizeof(c),
			     .then = list, .block = block);
		memset(&c, 0, sizeof(c));
		ASSERT_OK(oa_join(t, NULL));
		EXPECT_EQ(2u, self->n);
		EXPECT_EQ(1u, self->destroyed);
	}
	ASSERT_OK(oa_key_delete(key));
}

/* Many of them at once, detached. */
TASK_TEST_F(chain, many, .workers = variant->workers)
{
	static const oa_fn list[] = { counts, counts, counts, NULL };
	unsigned int n = (unsigned int)SCALED(1000, 200);

	for (unsigned int i = 0; i < n; i++)
		ASSERT_OK(oa_go(counts, self, .then = list,
				.block = i % 16 == 15));
	task_wait_until(SEEN(self->n) == 4 * n);
	task_wait_until(count_tasks(NULL) == 1);
}

HARNESS_MAIN
