// SPDX-License-Identifier: MIT
/* Mutex: one at a time, its owner alone lets go, nobody waits for ever. */
#include "sync_test.h"

FIXTURE(mutex) { struct oa_mutex m; uint64_t done; int inside, stop, told; };
VARIANTS_WORKERS(mutex);

FIXTURE_SETUP(mutex)
{
}

FIXTURE_TEARDOWN(mutex)
{
}

#define ROUNDS	SCALED_ONCE(150, 40)

struct user {
	struct actor a;
	struct mutex_fixture_data *s;
	uint64_t seed, got;
	unsigned int rounds;
};

/* Any of the three, and when there is little time maybe none. */
static bool lock_somehow(struct user *u)
{
	struct oa_mutex *m = &u->s->m;
	int err;

	switch (draw(&u->seed, 4)) {
	case 0:
		err = oa_mutex_trylock(m);
		ASSERT_TRUE(!err || err == -EAGAIN);
		return !err;
	case 1:
		err = oa_mutex_lock_until(m, oa_after(draw(&u->seed, 100) *
						      OA_USEC));
		ASSERT_TRUE(!err || err == -ETIMEDOUT);
		return !err;
	default:
		ASSERT_OK(oa_mutex_lock(m));
		return true;
	}
}

static void *contends(void *arg)
{
	struct user *u = arg;
	struct mutex_fixture_data *s = u->s;

	for (unsigned int i = 0; i < u->rounds; i++) {
		if (!lock_somehow(u)) {
			give_way();
			continue;
		}
		/* Not atomic: the mutex sees to it. */
		ASSERT_EQ(0, s->inside);
		s->inside = 1;
		s->done++;
		u->got++;
		for (uint32_t n = draw(&u->seed, 3); n; n--)
			give_way();
		ASSERT_EQ(1, s->inside);
		s->inside = 0;
		ASSERT_OK(oa_mutex_unlock(&s->m));
		if (!draw(&u->seed, 4))
			give_way();
	}
	return NULL;
}

static void expect_at_rest(struct mutex_fixture_data *s, uint64_t uses)
{
	struct oa_sync_info i = INFO(mutex, &s->m);

	EXPECT_EQ(0u, i.waiters);
	EXPECT_EQ(0ul, i.value);
	EXPECT_EQ(0ul, i.owner.id);
	EXPECT_EQ(uses, i.uses);
	EXPECT_OK(oa_mutex_destroy(&s->m));
}

SYNC_TEST(mutex, lets_in_one_at_a_time)
{
	enum { N = 9 };
	struct user u[N];
	uint64_t got = 0;

	for (unsigned int i = 0; i < N; i++) {
		u[i] = (struct user){ .s = self, .seed = draw_seed(i),
				      .rounds = ROUNDS };
		actor_start(&u[i].a, by, i, contends, &u[i]);
	}
	for (unsigned int i = 0; i < N; i++) {
		actor_end(&u[i].a);
		got += u[i].got;
	}
	EXPECT_EQ(got, self->done);
	EXPECT_GE(got, (uint64_t)N * ROUNDS / 8);
	expect_at_rest(self, got);
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
	static struct mutex_fixture_data s;

	harness_seed();
	for (int i = 0; i < 3; i++)
		threads_run(threads_contend, &s, 6);
	expect_at_rest(&s, s.done);
}

struct many { struct mutex_fixture_data *s; unsigned int n; };

static void *many_contend(void *arg)
{
	struct many *many = arg;
	struct user u[8];

	for (unsigned int i = 0; i < many->n; i++) {
		u[i] = (struct user){ .s = many->s, .seed = draw_seed(i),
				      .rounds = ROUNDS };
		actor_start(&u[i].a, BY_TASKS, i, contends, &u[i]);
	}
	for (unsigned int i = 0; i < many->n; i++)
		actor_end(&u[i].a);
	return NULL;
}

TEST_F(mutex, is_shared_by_runtimes)
{
	struct many many = { .s = self, .n = 5 };
	struct oa_runtime *rt[2];

	harness_seed();
	for (int i = 0; i < 2; i++)
		ASSERT_OK(oa_start(&rt[i], many_contend, &many,
				   .workers = variant->workers));
	dump_runtime = rt[0];
	for (int i = 0; i < 2; i++) {
		ASSERT_OK(oa_runtime_wait(rt[i], NULL));
		ASSERT_OK(oa_runtime_free(rt[i]));
	}
	expect_at_rest(self, self->done);
}

/* Owners. */

static void *locks_again(void *arg)
{
	struct oa_mutex *m = arg;
	struct oa_sync_info i;

	ASSERT_OK(oa_mutex_lock(m));
	i = INFO(mutex, m);
	EXPECT_EQ(1ul, i.value);
	EXPECT_EQ(oa_self().id, i.owner.id);
	EXPECT_REFUSED(m, oa_mutex_lock(m), -EDEADLK);
	EXPECT_REFUSED(m, oa_mutex_trylock(m), -EDEADLK);
	EXPECT_REFUSED(m, oa_mutex_lock_until(m, OA_FOREVER), -EDEADLK);
	EXPECT_REFUSED(m, oa_mutex_lock_until(m, 0), -EDEADLK);
	EXPECT_REFUSED(m, oa_mutex_destroy(m), -EBUSY);
	EXPECT_OK(oa_mutex_unlock(m));
	EXPECT_REFUSED(m, oa_mutex_unlock(m), -EPERM);
	return NULL;
}

static void *lets_go_of_anothers(void *arg)
{
	struct oa_mutex *m = arg;

	EXPECT_REFUSED(m, oa_mutex_unlock(m), -EPERM);
	EXPECT_REFUSED(m, oa_mutex_trylock(m), -EAGAIN);
	EXPECT_REFUSED(m, oa_mutex_destroy(m), -EBUSY);
	return NULL;
}

struct holder { struct oa_mutex *m; int has, go; };

static void *holds(void *arg)
{
	struct holder *h = arg;

	ASSERT_OK(oa_mutex_lock(h->m));
	TELL(h->has, 1);
	until(SEEN(h->go));
	ASSERT_OK(oa_mutex_unlock(h->m));
	return NULL;
}

/* Whoever owns it, whoever else tries. */
SYNC_TEST(mutex, is_let_go_of_by_its_owner)
{
	for (unsigned int i = 0; i < 3; i++) {
		struct holder h = { .m = &self->m };
		struct actor owner, other;

		EXPECT_OK(code_by(by == BY_ALL ? (enum by)i : by, locks_again,
				  &self->m));
		actor_start(&owner, by, i, holds, &h);
		task_wait_until(SEEN(h.has));
		for (unsigned int k = i; k < i + 3; k++) {
			actor_start(&other, by, k, lets_go_of_anothers,
				    &self->m);
			actor_end(&other);
		}
		lets_go_of_anothers(&self->m);
		TELL(h.go, 1);
		actor_end(&owner);
	}
	expect_at_rest(self, 6);
}

static void *moves_about(void *arg)
{
	struct mutex_fixture_data *s = arg;
	unsigned int seen = 0;

	/* On whichever worker: the task owns it, not the thread. */
	for (int i = 0; i < 50; i++) {
		ASSERT_OK(oa_mutex_lock(&s->m));
		for (int k = 0; k < 20; k++) {
			seen |= 1u << oa_worker_id();
			ASSERT_OK(oa_yield());
			EXPECT_EQ(oa_self().id, INFO(mutex, &s->m).owner.id);
		}
		ASSERT_OK(oa_mutex_unlock(&s->m));
	}
	return (void *)(uintptr_t)seen;
}

TASK_TEST_F(mutex, goes_along_with_its_owner, .workers = variant->workers)
{
	struct actor a[4];

	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		actor_start(&a[i], BY_TASKS, i, moves_about, self);
	for (unsigned int i = 0; i < ARRAY_N(a); i++)
		EXPECT_NE(NULL, actor_end(&a[i]));
	expect_at_rest(self, ARRAY_N(a) * 50);
}

static void *locks_deep(void *arg)
{
	struct oa_mutex *m = arg;

	ASSERT_OK(oa_mutex_lock(m));
	ASSERT_OK(oa_mutex_trylock(m));
	ASSERT_OK(oa_mutex_lock_until(m, OA_FOREVER));
	ASSERT_OK(oa_mutex_lock_until(m, 0));
	for (int i = 0; i < 1000; i++)
		ASSERT_OK(oa_mutex_lock(m));
	EXPECT_EQ(1ul, INFO(mutex, m).value);
	for (int i = 0; i < 1003; i++) {
		ASSERT_OK(oa_mutex_unlock(m));
		ASSERT_EQ(1ul, INFO(mutex, m).value);
	}
	EXPECT_REFUSED(m, oa_mutex_destroy(m), -EBUSY);
	ASSERT_OK(oa_mutex_unlock(m));
	EXPECT_EQ(0ul, INFO(mutex, m).value);
	EXPECT_REFUSED(m, oa_mutex_unlock(m), -EPERM);
	return NULL;
}

static void *tries(void *arg)
{
	struct oa_mutex *m = arg;
	int err = oa_mutex_trylock(m);

	if (!err)
		ASSERT_OK(oa_mutex_unlock(m));
	return oa_err(err);
}

SYNC_TEST(mutex, that_is_recursive)
{
	struct actor a;
	static const struct oa_mutex fresh = OA_MUTEX_RECURSIVE;

	self->m = fresh;
	for (unsigned int i = 0; i < 3; i++) {
		actor_start(&a, by, i, locks_deep, &self->m);
		actor_end(&a);
	}
	/* Others get in when the last of its locks is gone. */
	ASSERT_OK(oa_mutex_lock(&self->m));
	ASSERT_OK(oa_mutex_lock(&self->m));
	EXPECT_ERR(code_by(by == BY_ALL ? BY_POOL : by, tries, &self->m),
		   -EAGAIN);
	EXPECT_ERR(code_by(by == BY_ALL ? BY_POOL : by, lets_go_of_anothers,
			   &self->m), 0);
	ASSERT_OK(oa_mutex_unlock(&self->m));
	EXPECT_ERR(code_by(by, tries, &self->m), -EAGAIN);
	ASSERT_OK(oa_mutex_unlock(&self->m));
	EXPECT_OK(code_by(by, tries, &self->m));
	EXPECT_OK(oa_mutex_destroy(&self->m));
}

SYNC_TEST(mutex, that_is_recursive_lets_in_one_at_a_time)
{
	static const struct oa_mutex fresh = OA_MUTEX_RECURSIVE;

	self->m = fresh;
	mutex_lets_in_one_at_a_time_by(self, variant, by);
}

TEST(bad_arguments)
{
	struct oa_mutex m = OA_MUTEX_INIT;

	EXPECT_ERR(oa_mutex_lock(NULL), -EINVAL);
	EXPECT_ERR(oa_mutex_trylock(NULL), -EINVAL);
	EXPECT_ERR(oa_mutex_lock_until(NULL, 0), -EINVAL);
	EXPECT_ERR(oa_mutex_unlock(NULL), -EINVAL);
	EXPECT_ERR(oa_mutex_destroy(NULL), -EINVAL);
	EXPECT_INFO_CHECKS(mutex, &m);
	EXPECT_REFUSED(&m, oa_mutex_unlock(&m), -EPERM);
	errno = 77;
	EXPECT_ERR(oa_mutex_unlock(&m), -EPERM);
	EXPECT_EQ(77, errno);
}

/* Waiting has an end. */

static void *locks_once(void *arg)
{
	struct mutex_fixture_data *s = arg;

	ASSERT_OK(oa_mutex_lock(&s->m));
	ASSERT_OK(oa_mutex_unlock(&s->m));
	return NULL;
}

static bool waits_again(struct oa_mutex *m, oa_task_t t)
{
	return INFO(mutex, m).waiters &&
	       task_state(NULL, t) == OA_TASK_PARKED;
}

/* Takes it back at once as often as it can, each time seen by the waiter. */
static unsigned int barges(struct mutex_fixture_data *s)
{
	unsigned int lost = 0;
	oa_task_t t;
	int err;

	ASSERT_OK(oa_mutex_lock(&s->m));
	t = oa_spawn(locks_once, s);
	for (;;) {
		task_wait_until(waits_again(&s->m, t) ||
				task_state(NULL, t) == OA_TASK_ENDED);
		ASSERT_OK(oa_mutex_unlock(&s->m));
		if (task_state(NULL, t) == OA_TASK_ENDED)
			break;
		err = oa_mutex_trylock(&s->m);
		if (err) {
			ASSERT_ERR(err, -EAGAIN);
			break;
		}
		if (++lost > 100)
			FAIL("lost %u times", lost);
	}
	ASSERT_OK(oa_join(t, NULL));
	return lost;
}

TASK_TEST_F(mutex, goes_to_who_has_lost_it_some_times,
	    .workers = variant->workers)
{
	for (int i = 0; i < 10; i++)
		EXPECT_LT(barges(self), 20u);
}

static void *takes_it_again_and_again(void *arg)
{
	struct user *u = arg;

	while (!SEEN(u->s->stop)) {
		ASSERT_OK(oa_mutex_lock(&u->s->m));
		give_way();
		ASSERT_OK(oa_mutex_unlock(&u->s->m));
		COUNT(u->got);
	}
	return NULL;
}

static void *takes_it_some_times(void *arg)
{
	struct mutex_fixture_data *s = arg;

	for (int i = 0; i < 20; i++) {
		ASSERT_OK(oa_mutex_lock(&s->m));
		ASSERT_OK(oa_mutex_unlock(&s->m));
	}
	return NULL;
}

SYNC_TEST(mutex, is_had_beside_those_that_never_stop)
{
	struct user greedy[3];
	struct actor modest[3];

	for (unsigned int i = 0; i < 3; i++) {
		greedy[i] = (struct user){ .s = self };
		actor_start(&greedy[i].a, by, i, takes_it_again_and_again,
			    &greedy[i]);
	}
	for (unsigned int i = 0; i < 3; i++)
		actor_start(&modest[i], by, i, takes_it_some_times, self);
	for (unsigned int i = 0; i < 3; i++)
		actor_end(&modest[i]);
	TELL(self->stop, 1);
	for (unsigned int i = 0; i < 3; i++)
		actor_end(&greedy[i].a);
}

/* Bounded in what the other does, where nothing else delays the waiter. */
TASK_TEST(is_had_soon_on_one_worker, .workers = 1)
{
	static struct mutex_fixture_data s;
	struct user greedy = { .s = &s };
	uint64_t before;

	actor_start(&greedy.a, BY_TASKS, 0, takes_it_again_and_again, &greedy);
	for (unsigned int i = 0; i < 50; i++) {
		task_wait_until(SEEN(greedy.got) > i);
		before = SEEN(greedy.got);
		ASSERT_OK(oa_mutex_lock(&s.m));
		EXPECT_LT(SEEN(greedy.got) - before, 32u);
		ASSERT_OK(oa_mutex_unlock(&s.m));
	}
	TELL(s.stop, 1);
	actor_end(&greedy.a);
}

/* Cancelling: only lock_until() is a point for it. */

static void *guards_its_state(void *arg)
{
	struct mutex_fixture_data *s = arg;

	TELL(s->told, 1);
	ASSERT_ERR(oa_sleep(OA_FOREVER), -ECANCELED);
	ASSERT_OK(oa_mutex_lock(&s->m));
	s->done++;
	ASSERT_OK(oa_mutex_unlock(&s->m));
	EXPECT_ERR(oa_mutex_lock_until(&s->m, OA_FOREVER), -ECANCELED);
	EXPECT_OK(oa_mutex_trylock(&s->m));
	EXPECT_ERR(oa_mutex_lock_until(&s->m, OA_FOREVER), -ECANCELED);
	EXPECT_OK(oa_mutex_unlock(&s->m));
	return NULL;
}

TASK_TEST_F(mutex, is_there_for_the_clean_up, .workers = variant->workers)
{
	oa_task_t t;

	ASSERT_OK(oa_mutex_lock(&self->m));
	t = oa_spawn(guards_its_state, self);
	task_wait_until(SEEN(self->told));
	ASSERT_OK(oa_cancel(t));
	task_wait_until(INFO(mutex, &self->m).waiters == 1);
	EXPECT_EQ(0ul, self->done);
	ASSERT_OK(oa_mutex_unlock(&self->m));
	ASSERT_OK(oa_join(t, NULL));
	EXPECT_EQ(1ul, self->done);
}

/* Counters of use. */
TASK_TEST_F(mutex, tells_of_its_use, .workers = variant->workers)
{
	struct oa_sync_info i;
	oa_task_t t;

	for (int k = 0; k < 5; k++) {
		ASSERT_OK(oa_mutex_lock(&self->m));
		ASSERT_OK(oa_mutex_unlock(&self->m));
		ASSERT_OK(oa_mutex_trylock(&self->m));
		ASSERT_OK(oa_mutex_unlock(&self->m));
	}
	i = INFO(mutex, &self->m);
	EXPECT_EQ(10ul, i.uses);
	EXPECT_EQ(0ul, i.waits);
	ASSERT_OK(oa_mutex_lock(&self->m));
	t = oa_spawn(locks_once, self);
	task_wait_until(INFO(mutex, &self->m).waiters == 1);
	ASSERT_OK(oa_mutex_unlock(&self->m));
	ASSERT_OK(oa_join(t, NULL));
	i = INFO(mutex, &self->m);
	EXPECT_EQ(12ul, i.uses);
	EXPECT_GE(i.waits, 1ul);
}

HARNESS_MAIN
