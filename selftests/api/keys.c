// SPDX-License-Identifier: MIT
/* Values of a task's own: set, kept, destroyed at its end. */
#include "actors.h"

FIXTURE(keys) {
	oa_key_t key[OA_KEYS_MAX];
	unsigned int n;
	int told, order[8];
	oa_task_t t;
	struct oa_event event;
};
VARIANTS_WORKERS(keys);

typedef struct keys_fixture_data data;

FIXTURE_SETUP(keys)
{
}

FIXTURE_TEARDOWN(keys)
{
}

static void counts(void *value)
{
	COUNT(*(unsigned int *)value);
}

#define BOTH(name) \
	TASK_TEST_F(keys, name, .workers = variant->workers) \
	{ \
		struct actor a; \
		actor_start(&a, WHO_TASK, 0, name, self); \
		actor_end(&a); \
		actor_start(&a, WHO_POOL, 0, name, self); \
		actor_end(&a); \
	} \
	struct harness_variant

static void *bad_use(void *arg)
{
	data *d = arg;
	oa_key_t none = { 0 }, wild = { 0xffffffff }, gone;

	EXPECT_ERR(oa_key_create(NULL, NULL), -EINVAL);
	EXPECT_ERR(oa_setspecific(none, d), -EINVAL);
	EXPECT_ERR(oa_setspecific(wild, d), -EINVAL);
	EXPECT_NULL(oa_getspecific(none));
	EXPECT_NULL(oa_getspecific(wild));
	EXPECT_ERR(oa_key_delete(none), -EINVAL);
	EXPECT_ERR(oa_key_delete(wild), -EINVAL);
	ASSERT_OK(oa_key_create(&gone, NULL));
	ASSERT_OK(oa_setspecific(gone, d));
	ASSERT_OK(oa_key_delete(gone));
	EXPECT_ERR(oa_setspecific(gone, d), -EINVAL);
	EXPECT_NULL(oa_getspecific(gone));
	EXPECT_ERR(oa_key_delete(gone), -EINVAL);
	return NULL;
}

BOTH(bad_use);

static void *in_a_thread(void *arg)
{
	data *d = arg;

	EXPECT_ERR(oa_setspecific(d->key[0], d), -EPERM);
	EXPECT_NULL(oa_getspecific(d->key[0]));
	return NULL;
}

TASK_TEST_F(keys, outside_a_task, .workers = variant->workers)
{
	struct actor a;

	ASSERT_OK(oa_key_create(&self->key[0], counts));
	ASSERT_OK(oa_setspecific(self->key[0], &self->n));
	actor_start(&a, WHO_THREAD, 0, in_a_thread, self);
	actor_end(&a);
	EXPECT_EQ((void *)&self->n, oa_getspecific(self->key[0]));
}

/* Keys are made and deleted by any thread. */
TEST_F(keys, without_a_runtime)
{
	oa_key_t key;

	ASSERT_OK(oa_key_create(&key, counts));
	self->key[0] = key;
	in_a_thread(self);
	EXPECT_OK(oa_key_delete(key));
	EXPECT_ERR(oa_key_delete(key), -EINVAL);
}

/* As many as there may be; each has its own value in each task. */

static void *sets_all(void *arg)
{
	data *d = arg;
	char *base = (char *)d + (COUNT(d->n) << 12);

	for (int i = 0; i < OA_KEYS_MAX; i++)
		ASSERT_NULL(oa_getspecific(d->key[i]));
	for (int i = OA_KEYS_MAX; i-- > 0;)
		ASSERT_OK(oa_setspecific(d->key[i], base + i));
	give_way();
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < OA_KEYS_MAX; i++)
			ASSERT_EQ((void *)(base + i),
				  oa_getspecific(d->key[i]));
		give_way();
	}
	for (int i = 0; i < OA_KEYS_MAX; i += 2)
		ASSERT_OK(oa_setspecific(d->key[i], NULL));
	for (int i = 0; i < OA_KEYS_MAX; i++)
		ASSERT_EQ(i % 2 ? (void *)(base + i) : NULL,
			  oa_getspecific(d->key[i]));
	return NULL;
}

TASK_TEST_F(keys, as_many_as_there_may_be, .workers = variant->workers,
	    .max_blocking = 4)
{
	oa_key_t more = { 77 };
	struct actor a[8];

	for (int i = 0; i < OA_KEYS_MAX; i++)
		ASSERT_OK(oa_key_create(&self->key[i], NULL));
	EXPECT_ERR(oa_key_create(&more, NULL), -EAGAIN);
	EXPECT_EQ(77u, more.id);
	for (unsigned int i = 0; i < 8; i++)
		actor_start(&a[i], i % 2 ? WHO_POOL : WHO_TASK, 0, sets_all,
			    self);
	for (int i = 0; i < 8; i++)
		actor_end(&a[i]);
	ASSERT_OK(oa_key_delete(self->key[50]));
	ASSERT_OK(oa_key_create(&more, NULL));
	EXPECT_ERR(oa_key_create(&self->key[50], NULL), -EAGAIN);
	/* Another key, wherever it has its place. */
	EXPECT_NE(more.id, self->key[50].id);
	ASSERT_OK(oa_key_delete(more));
	for (int i = 0; i < OA_KEYS_MAX; i++)
		if (i != 50)
			ASSERT_OK(oa_key_delete(self->key[i]));
}

/* A key that takes the place of one that was deleted has no values yet. */
static void *place_of_another(void *arg)
{
	data *d = arg;

	for (int i = 0; i < 3 * OA_KEYS_MAX; i++) {
		oa_key_t key;

		ASSERT_OK(oa_key_create(&key, counts));
		ASSERT_NULL(oa_getspecific(key));
		ASSERT_OK(oa_setspecific(key, &d->n));
		ASSERT_EQ((void *)&d->n, oa_getspecific(key));
		ASSERT_OK(oa_key_delete(key));
		ASSERT_NULL(oa_getspecific(key));
	}
	return NULL;
}

TASK_TEST_F(keys, the_place_of_another, .workers = variant->workers)
{
	struct actor a;

	actor_start(&a, WHO_TASK, 0, place_of_another, self);
	actor_end(&a);
	actor_start(&a, WHO_POOL, 0, place_of_another, self);
	actor_end(&a);
	/* Of a deleted key no destructor is called. */
	EXPECT_EQ(0u, self->n);
}

/* Destructors. */

static void tells_task(void *value)
{
	data *d = value;

	EXPECT_EQ(d->t.id, oa_self().id);
	/* It has been taken away before. */
	EXPECT_NULL(oa_getspecific(d->key[0]));
	COUNT(d->n);
	/* It may do what a task may. */
	EXPECT_OK(oa_yield());
	EXPECT_OK(oa_sleep(10 * OA_USEC));
	COUNT(d->n);
}

static void *sets_one(void *arg)
{
	data *d = arg;

	d->t = oa_self();
	ASSERT_OK(oa_setspecific(d->key[0], d));
	return d;
}

static void *sets_and_exits(void *arg)
{
	sets_one(arg);
	oa_exit(arg);
}

TASK_TEST_F(keys, a_destructor_runs_at_the_end, .workers = variant->workers)
{
	ASSERT_OK(oa_key_create(&self->key[0], tells_task));
	for (int i = 0; i < 4; i++) {
		void *result;

		self->n = 0;
		ASSERT_OK(oa_join(oa_spawn(i % 2 ? sets_and_exits : sets_one,
					   self, .block = i / 2), &result));
		EXPECT_EQ((void *)self, result);
		EXPECT_EQ(2u, self->n);
	}
	/* oa_block() runs a task of its own. */
	self->n = 0;
	EXPECT_EQ((void *)self, oa_block(sets_one, self));
	EXPECT_EQ(2u, self->n);
	EXPECT_NULL(oa_getspecific(self->key[0]));
	ASSERT_OK(oa_key_delete(self->key[0]));
}

/* Of the first task of a runtime as well. */
TEST_F(keys, of_the_first_task)
{
	ASSERT_OK(oa_key_create(&self->key[0], tells_task));
	ASSERT_OK(oa_run(sets_one, self, .workers = variant->workers));
	EXPECT_EQ(2u, self->n);
	ASSERT_OK(oa_key_delete(self->key[0]));
}

static void *sets_nothing(void *arg)
{
	data *d = arg;

	ASSERT_OK(oa_setspecific(d->key[0], d));
	ASSERT_OK(oa_setspecific(d->key[0], NULL));
	ASSERT_OK(oa_setspecific(d->key[1], d));
	return NULL;
}

TASK_TEST_F(keys, no_destructor_for_nothing, .workers = variant->workers)
{
	ASSERT_OK(oa_key_create(&self->key[0], counts));
	ASSERT_OK(oa_key_create(&self->key[1], NULL));
	for (int i = 0; i < 10; i++)
		ASSERT_OK(oa_join(oa_spawn(sets_nothing, self), NULL));
	EXPECT_EQ(0u, self->n);
}

/* Destructors that set values again: so many rounds, and no more. */

static void sets_again(void *value)
{
	data *d = value;

	COUNT(d->n);
	ASSERT_OK(oa_setspecific(d->key[0], d));
}

static void sets_the_other(void *value)
{
	data *d = value;

	COUNT(d->told);
	ASSERT_OK(oa_setspecific(d->key[2], &d->order[0]));
}

static void counts_order(void *value)
{
	COUNT(*(int *)value);
}

static void *sets_two(void *arg)
{
	data *d = arg;

	ASSERT_OK(oa_setspecific(d->key[0], d));
	ASSERT_OK(oa_setspecific(d->key[1], d));
	return NULL;
}

TASK_TEST_F(keys, rounds, .workers = variant->workers)
{
	ASSERT_OK(oa_key_create(&self->key[0], sets_again));
	ASSERT_OK(oa_key_create(&self->key[1], sets_the_other));
	ASSERT_OK(oa_key_create(&self->key[2], counts_order));
	for (int block = 0; block < 2; block++) {
		self->n = 0;
		self->told = self->order[0] = 0;
		ASSERT_OK(oa_join(oa_spawn(sets_two, self, .block = block),
				  NULL));
		EXPECT_EQ(4u, self->n);
		EXPECT_EQ(1, self->told);
		EXPECT_EQ(1, self->order[0]);
	}
}

/* Destructors that set others for the first time, far away. */

static void sets_far(void *value)
{
	data *d = value;

	if (COUNT(d->n) < 10)
		for (int i = 0; i < 3; i++)
			ASSERT_OK(oa_setspecific(d->key[40 * (i + 1)], d));
}

static void counts_far(void *value)
{
	data *d = value;

	COUNT(d->told);
}

TASK_TEST_F(keys, a_destructor_sets_more, .workers = variant->workers)
{
	for (int i = 0; i < OA_KEYS_MAX - 3; i++)
		ASSERT_OK(oa_key_create(&self->key[i],
					i ? counts_far : sets_far));
	ASSERT_OK(oa_join(oa_spawn(sets_one, self), NULL));
	EXPECT_EQ(1u, self->n);
	EXPECT_EQ(3, self->told);
}

/* A key is deleted while tasks have values of it. */

static void *waits_with_value(void *arg)
{
	data *d = arg;

	ASSERT_OK(oa_setspecific(d->key[0], &d->n));
	ASSERT_OK(oa_event_wait(&d->event));
	EXPECT_NULL(oa_getspecific(d->key[0]));
	EXPECT_ERR(oa_setspecific(d->key[0], d), -EINVAL);
	return NULL;
}

TASK_TEST_F(keys, deleted_under_way, .workers = variant->workers,
	    .max_blocking = 4)
{
	oa_task_t t[8];

	ASSERT_OK(oa_key_create(&self->key[0], counts));
	for (int i = 0; i < 8; i++)
		t[i] = oa_spawn(waits_with_value, self, .block = i % 4 == 3);
	task_wait_until(SYNC(event, &self->event, waiters) == 8);
	ASSERT_OK(oa_key_delete(self->key[0]));
	/* Its place is taken by another; the values are not its own. */
	for (int i = 1; i < OA_KEYS_MAX; i++)
		ASSERT_OK(oa_key_create(&self->key[i], counts));
	ASSERT_OK(oa_event_set(&self->event));
	for (int i = 0; i < 8; i++)
		ASSERT_OK(oa_join(t[i], NULL));
	EXPECT_EQ(0u, self->n);
}

/* Cancelled tasks have their destructors; those that never ran have none. */

static void *is_cancelled(void *arg)
{
	data *d = arg;

	ASSERT_OK(oa_setspecific(d->key[0], &d->n));
	EXPECT_ERR(oa_event_wait(&d->event), -ECANCELED);
	EXPECT_EQ((void *)&d->n, oa_getspecific(d->key[0]));
	return NULL;
}

TASK_TEST_F(keys, cancelled, .workers = variant->workers)
{
	ASSERT_OK(oa_key_create(&self->key[0], counts));
	for (int i = 0; i < 20; i++) {
		oa_task_t t = oa_spawn(is_cancelled, self, .block = i % 2,
				       .delay = i % 4 > 1 ? 1000 * OA_SEC : 0);

		if (i % 4 < 2)
			task_wait_until(SYNC(event, &self->event, waiters));
		ASSERT_OK(oa_cancel(t));
		ASSERT_OK(oa_join(t, NULL));
	}
	EXPECT_EQ(10u, self->n);
}

/* They go where the task goes. */

static void *wanders(void *arg)
{
	data *d = arg;
	int me = __atomic_add_fetch(&d->told, 1, __ATOMIC_RELAXED);
	void *value = (char *)d + me;

	ASSERT_OK(oa_setspecific(d->key[me % 2], value));
	for (int i = 0; i < 100; i++) {
		ASSERT_OK(oa_yield());
		if (i % 20 == 0)
			ASSERT_OK(oa_sleep(OA_USEC));
		ASSERT_EQ(value, oa_getspecific(d->key[me % 2]));
		ASSERT_NULL(oa_getspecific(d->key[!(me % 2)]));
	}
	return NULL;
}

TASK_TEST_F(keys, go_where_the_task_goes, .workers = variant->workers)
{
	oa_task_t t[30];

	for (int i = 0; i < 2; i++)
		ASSERT_OK(oa_key_create(&self->key[i], NULL));
	for (int i = 0; i < 30; i++)
		t[i] = oa_spawn(wanders, self);
	for (int i = 0; i < 30; i++)
		ASSERT_OK(oa_join(t[i], NULL));
}

/* ... when it is made to: its worker is busy as it wakes. */

static void *is_busy(void *arg)
{
	data *d = arg;

	TELL(d->told, 1);
	while (SEEN(d->told))
		;
	return NULL;
}

static void *goes_elsewhere(void *arg)
{
	data *d = arg;
	void *value = d;

	for (int i = 0; i < 20; i++) {
		int at = oa_worker_id();

		ASSERT_OK(oa_setspecific(d->key[i], value));
		TELL(d->order[0], at + 1);
		ASSERT_OK(oa_event_wait(&d->event));
		EXPECT_NE(at, oa_worker_id());
		for (int k = 0; k < 20; k++)
			EXPECT_EQ(k <= i ? value : NULL,
				  oa_getspecific(d->key[k]));
		TELL(d->told, 0);
	}
	return NULL;
}

TEST_F(keys, go_where_the_task_must_go)
{
	struct oa_runtime *rt;

	if (variant->workers == 1)
		return;
	self->event = (struct oa_event)OA_EVENT_AUTO_INIT;
	for (int i = 0; i < 20; i++)
		ASSERT_OK(oa_key_create(&self->key[i], NULL));
	ASSERT_OK(oa_start(&rt, goes_elsewhere, self,
			   .workers = variant->workers));
	dump_runtime = rt;
	for (int i = 0; i < 20; i++) {
		oa_task_t t;

		wait_until(SEEN(self->order[0]));
		wait_until(SYNC(event, &self->event, waiters) == 1);
		t = oa_spawn(is_busy, self, .runtime = rt,
			     .worker = self->order[0]);
		TELL(self->order[0], 0);
		wait_until(SEEN(self->told));
		ASSERT_OK(oa_event_set(&self->event));
		ASSERT_OK(oa_join(t, NULL));
	}
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

/* The next task in the same place begins with none. */

static void *finds_none(void *arg)
{
	data *d = arg;

	for (int i = 0; i < 3; i++)
		ASSERT_NULL(oa_getspecific(d->key[i]));
	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_setspecific(d->key[i], &d->n));
	return NULL;
}

TASK_TEST_F(keys, the_next_begins_with_none, .workers = variant->workers)
{
	unsigned int n = (unsigned int)SCALED(1000, 100);

	for (int i = 0; i < 3; i++)
		ASSERT_OK(oa_key_create(&self->key[i], counts));
	for (unsigned int i = 0; i < n; i++) {
		if (i % 2)
			ASSERT_OK(oa_join(oa_spawn(finds_none, self), NULL));
		else
			ASSERT_OK(oa_go(finds_none, self));
	}
	task_wait_until(SEEN(self->n) == 3 * n);
}

/* Memory. */

static struct counted_memory memory;

static void *uses_memory(void *arg)
{
	data *d = arg;

	for (int i = 0; i < 100; i++)
		ASSERT_OK(oa_go(finds_none, d, .block = i % 10 == 9));
	ASSERT_OK(oa_setspecific(d->key[100], d));
	return NULL;
}

TEST_F(keys, memory_is_given_back)
{
	for (int i = 0; i < 101; i++)
		ASSERT_OK(oa_key_create(&self->key[i], i < 100 ? counts : NULL));
	ASSERT_OK(oa_run(uses_memory, self, .workers = variant->workers,
			 .allocator = COUNTED_MEMORY(&memory)));
	EXPECT_EQ(300u, self->n);
	EXPECT_EQ(0, memory.out);
}

static void *has_no_memory(void *arg)
{
	data *d = arg;
	int err;

	for (int i = 0; i < OA_KEYS_MAX; i++)
		ASSERT_OK(oa_key_create(&d->key[i], NULL));
	ASSERT_OK(oa_setspecific(d->key[0], d));
	TELL(memory.left, 1);
	err = oa_setspecific(d->key[OA_KEYS_MAX - 1], d);
	TELL(memory.left, 0);
	EXPECT_ERR(err, -ENOMEM);
	EXPECT_NULL(oa_getspecific(d->key[OA_KEYS_MAX - 1]));
	EXPECT_EQ((void *)d, oa_getspecific(d->key[0]));
	EXPECT_OK(oa_setspecific(d->key[OA_KEYS_MAX - 1], d));
	EXPECT_EQ((void *)d, oa_getspecific(d->key[0]));
	return NULL;
}

TEST_F(keys, memory_gives_out)
{
	ASSERT_OK(oa_run(has_no_memory, self, .workers = variant->workers,
			 .allocator = COUNTED_MEMORY(&memory)));
	EXPECT_EQ(0, memory.out);
}

HARNESS_MAIN
