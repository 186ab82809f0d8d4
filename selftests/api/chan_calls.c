// SPDX-License-Identifier: MIT
/* Each verb on each kind of channel, from one caller; what bad use gets. */
#include "actors.h"

#include <stdlib.h>

FIXTURE(chan_calls) { struct oa_chan *ch; int told; };
VARIANTS_WORKERS(chan_calls);

typedef struct chan_calls_fixture_data data;

FIXTURE_SETUP(chan_calls)
{
}

FIXTURE_TEARDOWN(chan_calls)
{
}

#define EACH_FROM_ACTORS(f, name, fn) \
	TASK_TEST_F(f, name##_by_a_task, .workers = variant->workers) \
	{ \
		actor_runs(WHO_TASK, fn, self); \
	} \
	TASK_TEST_F(f, name##_by_a_foreign_thread, \
		    .workers = variant->workers) \
	{ \
		actor_runs(WHO_THREAD, fn, self); \
	} \
	TASK_TEST_F(f, name##_on_the_pool, .workers = variant->workers) \
	{ \
		actor_runs(WHO_POOL, fn, self); \
	} \
	struct harness_variant

static void actor_runs(enum who who, oa_fn fn, void *arg)
{
	struct actor a;

	actor_start(&a, who, 0, fn, arg);
	actor_end(&a);
}

static const struct {
	enum oa_chan_kind kind;
	size_t capacity;
	const char *name;
} kinds[] = {
	{ OA_CHAN_BOUNDED, 0, "rendezvous" },
	{ OA_CHAN_BOUNDED, 1, "bounded 1" },
	{ OA_CHAN_BOUNDED, 5, "bounded 5" },
	{ OA_CHAN_UNBOUNDED, 0, "unbounded" },
	{ OA_CHAN_SLIDING, 1, "sliding 1" },
	{ OA_CHAN_SLIDING, 5, "sliding 5" },
	{ OA_CHAN_DROPPING, 1, "dropping 1" },
	{ OA_CHAN_DROPPING, 5, "dropping 5" },
	{ OA_CHAN_BROADCAST, 1, "broadcast 1" },
	{ OA_CHAN_BROADCAST, 5, "broadcast 5" },
};

static struct oa_chan *make(size_t size, size_t capacity,
			    enum oa_chan_kind kind)
{
	struct oa_chan *ch = NULL;

	ASSERT_OK(oa_chan_create(&ch, size, capacity, kind));
	ASSERT_NOT_NULL(ch);
	return ch;
}

/* Creating. */

static void *create_refuses(void *arg)
{
	struct oa_chan *none = (struct oa_chan *)arg, *ch = none;
	static const enum oa_chan_kind need_room[] = {
		OA_CHAN_SLIDING, OA_CHAN_DROPPING, OA_CHAN_BROADCAST,
	};
	int err;

	EXPECT_ERR(oa_chan_create(NULL, 8, 1, OA_CHAN_BOUNDED), -EINVAL);
	for (size_t i = 0; i < ARRAY_N(kinds); i++)
		EXPECT_ERR(oa_chan_create(&ch, 0, kinds[i].capacity,
					  kinds[i].kind), -EINVAL);
	for (size_t i = 0; i < ARRAY_N(need_room); i++)
		EXPECT_ERR(oa_chan_create(&ch, 8, 0, need_room[i]), -EINVAL);
	EXPECT_ERR(oa_chan_create(&ch, 8, 1, (enum oa_chan_kind)99), -EINVAL);
	EXPECT_ERR(oa_chan_create(&ch, SIZE_MAX, 2, OA_CHAN_BOUNDED),
		   -EOVERFLOW);
	EXPECT_ERR(oa_chan_create(&ch, (size_t)1 << 33, (size_t)1 << 33,
				  OA_CHAN_BOUNDED), -EOVERFLOW);
	EXPECT_ERR(oa_chan_create(&ch, 2, SIZE_MAX / 2, OA_CHAN_SLIDING),
		   -EOVERFLOW);
	EXPECT_ERR(oa_chan_create(&ch, (size_t)1 << 24, (size_t)1 << 24,
				  OA_CHAN_BROADCAST), -EOVERFLOW);
	EXPECT_ERR(oa_chan_create(&ch, SIZE_MAX, 0, OA_CHAN_UNBOUNDED),
		   -EOVERFLOW);
	/* More than there can be, less than what is refused unseen. */
	err = oa_chan_create(&ch, (size_t)1 << 23, (size_t)1 << 23,
			     OA_CHAN_BOUNDED);
	if (err) {
		EXPECT_ERR(err, -ENOMEM);
		EXPECT_EQ(none, ch);
	} else {
		EXPECT_OK(oa_chan_destroy(ch));
	}
	return NULL;
}

EACH_FROM_ACTORS(chan_calls, create_refuses, create_refuses);

static void *null_is_refused(void *arg)
{
	struct oa_chan_info info = OA_CHAN_INFO_INIT;
	struct oa_chan_sub sub = { 0 };
	int x = 0;

	EXPECT_ERR(oa_chan_destroy(NULL), -EINVAL);
	EXPECT_ERR(oa_chan_send(NULL, &x), -EINVAL);
	EXPECT_ERR(oa_chan_trysend(NULL, &x), -EINVAL);
	EXPECT_ERR(oa_chan_send_until(NULL, &x, OA_FOREVER), -EINVAL);
	EXPECT_ERR(oa_chan_recv(NULL, &x), -EINVAL);
	EXPECT_ERR(oa_chan_tryrecv(NULL, &x), -EINVAL);
	EXPECT_ERR(oa_chan_recv_until(NULL, &x, OA_FOREVER), -EINVAL);
	EXPECT_ERR(oa_chan_close(NULL), -EINVAL);
	EXPECT_ERR(oa_chan_info(NULL, &info), -EINVAL);
	EXPECT_ERR(oa_chan_subscribe(NULL, &sub), -EINVAL);
	EXPECT_ERR(oa_chan_unsubscribe(NULL), -EINVAL);
	EXPECT_ERR(oa_chan_recv_from(NULL, &x), -EINVAL);
	EXPECT_ERR(oa_chan_tryrecv_from(NULL, &x), -EINVAL);
	EXPECT_ERR(oa_chan_recv_from_until(NULL, &x, OA_FOREVER), -EINVAL);
	EXPECT_ERR(oa_chan_stop(NULL), -EINVAL);
	/* A subscriber that is none. */
	EXPECT_ERR(oa_chan_unsubscribe(&sub), -EINVAL);
	EXPECT_ERR(oa_chan_recv_from(&sub, &x), -EINVAL);
	EXPECT_ERR(oa_chan_tryrecv_from(&sub, &x), -EINVAL);
	EXPECT_ERR(oa_chan_recv_from_until(&sub, &x, OA_FOREVER), -EINVAL);
	return arg;
}

EACH_FROM_ACTORS(chan_calls, null_is_refused, null_is_refused);

static void *other_kinds_are_refused(void *arg)
{
	struct oa_chan_sub sub = { 0 };
	int x = 0;

	for (size_t i = 0; i < ARRAY_N(kinds); i++) {
		struct oa_chan *ch = make(sizeof(x), kinds[i].capacity,
					  kinds[i].kind);

		if (kinds[i].kind == OA_CHAN_BROADCAST) {
			EXPECT_ERR(oa_chan_recv(ch, &x), -EINVAL);
			EXPECT_ERR(oa_chan_tryrecv(ch, &x), -EINVAL);
			EXPECT_ERR(oa_chan_recv_until(ch, &x, OA_FOREVER),
				   -EINVAL);
		} else {
			EXPECT_ERR(oa_chan_subscribe(ch, &sub), -EINVAL);
		}
		EXPECT_ERR(oa_chan_subscribe(ch, NULL), -EINVAL);
		EXPECT_OK(oa_chan_destroy(ch));
	}
	return arg;
}

EACH_FROM_ACTORS(chan_calls, other_kinds_are_refused,
		 other_kinds_are_refused);

/* What goes in comes out, whatever its size. */

static const size_t sizes[] = { 1, 2, 3, 4, 7, 8, 9, 16, 24, 64, 100, 5000 };

static void paint(unsigned char *p, size_t size, unsigned int i)
{
	for (size_t k = 0; k < size; k++)
		p[k] = (unsigned char)(k * 13 + k / 256 + i);
}

static int send_by(unsigned int verb, struct oa_chan *ch, const void *p)
{
	switch (verb % 4) {
	case 0: return oa_chan_send(ch, p);
	case 1: return oa_chan_trysend(ch, p);
	case 2: return oa_chan_send_until(ch, p, OA_FOREVER);
	default: return oa_chan_send_until(ch, p, 1);
	}
}

/* One by one at both ends, by twos in between; more than @room: the end. */
static unsigned int fuller(unsigned int n, unsigned int room)
{
	if (n < 4 || n + 1 >= room)
		return n + 1;
	return 2 * n < room ? 2 * n : room - 1;
}

static int recv_by(unsigned int verb, struct oa_chan *ch,
		   struct oa_chan_sub *sub, void *p)
{
	switch (verb % 4) {
	case 0: return sub ? oa_chan_recv_from(sub, p) : oa_chan_recv(ch, p);
	case 1: return sub ? oa_chan_tryrecv_from(sub, p) :
			     oa_chan_tryrecv(ch, p);
	case 2: return sub ? oa_chan_recv_from_until(sub, p, OA_FOREVER) :
			     oa_chan_recv_until(ch, p, OA_FOREVER);
	default: return sub ? oa_chan_recv_from_until(sub, p, 1) :
			      oa_chan_recv_until(ch, p, 1);
	}
}

static void through(struct oa_chan *ch, size_t size, unsigned int room,
		    struct oa_chan_sub *sub)
{
	unsigned char *in = malloc(size), *out = malloc(size + 8);
	unsigned int sent = 0, got = 0;

	ASSERT_TRUE(in && out);
	/* More than once around, with every number of elements in it. */
	for (unsigned int n = 1; n <= room; n = fuller(n, room)) {
		for (unsigned int k = 0; k < n; k++) {
			paint(in, size, sent);
			ASSERT_OK(send_by(sent, ch, in));
			sent++;
			memset(in, 0xcc, size);
		}
		if (!sub)
			ASSERT_EQ((size_t)n, oa_chan_len(ch));
		for (unsigned int k = 0; k < n; k++) {
			memset(out, 0xee, size + 8);
			ASSERT_OK(recv_by(got / 2, ch, sub, out));
			paint(in, size, got);
			ASSERT_MEMEQ(in, out, size);
			for (int i = 0; i < 8; i++)
				ASSERT_EQ(0xee, out[size + (size_t)i]);
			got++;
		}
		ASSERT_ERR(recv_by(1, ch, sub, out), -EAGAIN);
		ASSERT_ERR(recv_by(3, ch, sub, out), -ETIMEDOUT);
	}
	free(in);
	free(out);
}

static void *elements_of_any_size(void *arg)
{
	for (size_t i = 1; i < ARRAY_N(kinds); i++) {
		bool broadcast = kinds[i].kind == OA_CHAN_BROADCAST;
		unsigned int room = kinds[i].kind == OA_CHAN_UNBOUNDED ? 100 :
				    (unsigned int)kinds[i].capacity;

		for (size_t k = 0; k < ARRAY_N(sizes); k++) {
			struct oa_chan *ch = make(sizes[k], kinds[i].capacity,
						  kinds[i].kind);
			struct oa_chan_sub sub = { 0 };

			if (broadcast)
				ASSERT_OK(oa_chan_subscribe(ch, &sub));
			through(ch, sizes[k], room, broadcast ? &sub : NULL);
			if (broadcast)
				ASSERT_OK(oa_chan_unsubscribe(&sub));
			ASSERT_OK(oa_chan_destroy(ch));
		}
	}
	return arg;
}

EACH_FROM_ACTORS(chan_calls, elements_of_any_size, elements_of_any_size);

struct painted {
	struct oa_chan *ch;
	size_t size;
	unsigned char *p;
};

static void *sends_painted(void *arg)
{
	struct painted *p = arg;

	EXPECT_OK(oa_chan_send(p->ch, p->p));
	return NULL;
}

TASK_TEST_F(chan_calls, elements_of_any_size_from_hand_to_hand,
	    .workers = variant->workers)
{
	for (size_t k = 0; k < ARRAY_N(sizes); k++) {
		struct painted p = { make(sizes[k], 0, OA_CHAN_BOUNDED),
				     sizes[k], malloc(sizes[k]) };
		unsigned char *out = calloc(1, sizes[k]);

		ASSERT_TRUE(p.p && out);
		for (unsigned int i = 0; i < WHO_MIXED; i++) {
			struct actor a;

			paint(p.p, p.size, i);
			memset(out, 0, p.size);
			actor_start(&a, WHO_MIXED, i, sends_painted, &p);
			ASSERT_OK(oa_chan_recv(p.ch, out));
			actor_end(&a);
			ASSERT_MEMEQ(p.p, out, p.size);
		}
		ASSERT_OK(oa_chan_destroy(p.ch));
		free(p.p);
		free(out);
	}
}

/* Full, empty, nobody there. */

static void *full_and_empty(void *arg)
{
	for (size_t cap = 0; cap < 4; cap++) {
		struct oa_chan *ch = make(sizeof(int), cap, OA_CHAN_BOUNDED);
		int x = 0;

		EXPECT_EQ(cap, oa_chan_cap(ch));
		EXPECT_ERR(oa_chan_tryrecv(ch, &x), -EAGAIN);
		EXPECT_ERR(oa_chan_recv_until(ch, &x, 1), -ETIMEDOUT);
		EXPECT_ERR(oa_chan_recv_until(ch, &x, oa_after(OA_MSEC)),
			   -ETIMEDOUT);
		for (size_t i = 0; i < cap; i++) {
			x = (int)i;
			ASSERT_OK(oa_chan_trysend(ch, &x));
		}
		x = 99;
		EXPECT_ERR(oa_chan_trysend(ch, &x), -EAGAIN);
		EXPECT_ERR(oa_chan_send_until(ch, &x, 1), -ETIMEDOUT);
		EXPECT_ERR(oa_chan_send_until(ch, &x, oa_after(OA_MSEC)),
			   -ETIMEDOUT);
		EXPECT_EQ(cap, oa_chan_len(ch));
		for (size_t i = 0; i < cap; i++) {
			ASSERT_OK(oa_chan_tryrecv(ch, &x));
			EXPECT_EQ((int)i, x);
		}
		EXPECT_ERR(oa_chan_tryrecv(ch, &x), -EAGAIN);
		EXPECT_OK(oa_chan_destroy(ch));
	}
	return arg;
}

EACH_FROM_ACTORS(chan_calls, full_and_empty, full_and_empty);

static void *an_unbounded_one_takes_all(void *arg)
{
	enum { N = 20000 };
	struct oa_chan *ch = make(sizeof(int), 3, OA_CHAN_UNBOUNDED);
	int x;

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < N; i++)
			ASSERT_OK(send_by((unsigned int)i, ch, &i));
		EXPECT_EQ((size_t)N, oa_chan_len(ch));
		for (int i = 0; i < N; i++) {
			ASSERT_OK(recv_by((unsigned int)i, ch, NULL, &x));
			ASSERT_EQ(i, x);
		}
		EXPECT_EQ((size_t)0, oa_chan_len(ch));
	}
	/* A wave that goes on and on. */
	for (int i = 0, j = 0; i < N; i++) {
		ASSERT_OK(oa_chan_send(ch, &i));
		if (i % 5 < 2)
			continue;
		ASSERT_OK(oa_chan_recv(ch, &x));
		ASSERT_EQ(j++, x);
	}
	EXPECT_OK(oa_chan_destroy(ch));
	return arg;
}

EACH_FROM_ACTORS(chan_calls, an_unbounded_one_takes_all,
		 an_unbounded_one_takes_all);

/* Closed. */

static void *close_and_drain(void *arg)
{
	for (size_t i = 0; i < ARRAY_N(kinds); i++) {
		bool broadcast = kinds[i].kind == OA_CHAN_BROADCAST;
		struct oa_chan *ch = make(sizeof(int), kinds[i].capacity,
					  kinds[i].kind);
		int n = kinds[i].kind == OA_CHAN_UNBOUNDED ? 100 :
			(int)kinds[i].capacity, x = -1;
		struct oa_chan_sub sub = { 0 };

		if (broadcast)
			ASSERT_OK(oa_chan_subscribe(ch, &sub));
		for (int k = 0; k < n; k++)
			ASSERT_OK(oa_chan_trysend(ch, &k));
		EXPECT_EQ(0u, CHAN(ch, closed));
		EXPECT_OK(oa_chan_close(ch));
		EXPECT_EQ(1u, CHAN(ch, closed));
		EXPECT_OK(oa_chan_close(ch));
		for (unsigned int v = 0; v < 4; v++)
			EXPECT_ERR(send_by(v, ch, &x), -EPIPE);
		for (int k = 0; k < n; k++) {
			ASSERT_OK(recv_by((unsigned int)k, ch,
					  broadcast ? &sub : NULL, &x));
			EXPECT_EQ(k, x);
			EXPECT_ERR(oa_chan_trysend(ch, &x), -EPIPE);
		}
		for (unsigned int v = 0; v < 4; v++)
			EXPECT_ERR(recv_by(v, ch, broadcast ? &sub : NULL, &x),
				   -EPIPE);
		if (broadcast)
			EXPECT_OK(oa_chan_unsubscribe(&sub));
		EXPECT_OK(oa_chan_destroy(ch));
	}
	return arg;
}

EACH_FROM_ACTORS(chan_calls, close_and_drain, close_and_drain);

/* What it tells of itself. */

static void *info(void *arg)
{
	struct oa_chan *ch = make(24, 6, OA_CHAN_SLIDING);
	struct oa_chan_info i = OA_CHAN_INFO_INIT;
	char elem[24] = { 0 };

	EXPECT_ERR(oa_chan_info(ch, NULL), -EINVAL);
	i.size = 0;
	EXPECT_ERR(oa_chan_info(ch, &i), -EINVAL);
	i.size = sizeof(i) + 8;
	EXPECT_ERR(oa_chan_info(ch, &i), -E2BIG);
	i.size = sizeof(i);
	for (int k = 0; k < 9; k++)
		EXPECT_EQ(k >= 6, oa_chan_send(ch, elem));
	EXPECT_OK(oa_chan_recv(ch, elem));
	EXPECT_OK(oa_chan_recv(ch, elem));
	ASSERT_OK(oa_chan_info(ch, &i));
	EXPECT_EQ((uint32_t)sizeof(i), i.size);
	EXPECT_EQ(OA_CHAN_SLIDING, i.kind);
	EXPECT_EQ((size_t)24, i.elem_size);
	EXPECT_EQ((size_t)6, i.capacity);
	EXPECT_EQ((size_t)6, oa_chan_cap(ch));
	EXPECT_EQ((size_t)4, i.len);
	EXPECT_EQ((size_t)4, oa_chan_len(ch));
	EXPECT_EQ(0u, i.senders);
	EXPECT_EQ(0u, i.receivers);
	EXPECT_EQ(0u, i.subscribers);
	EXPECT_EQ(0u, i.closed);
	EXPECT_EQ(9u, i.sent);
	EXPECT_EQ(2u, i.received);
	EXPECT_EQ(3u, i.dropped);
	EXPECT_OK(oa_chan_close(ch));
	EXPECT_ERR(oa_chan_send(ch, elem), -EPIPE);
	ASSERT_OK(oa_chan_info(ch, &i));
	EXPECT_EQ(1u, i.closed);
	EXPECT_EQ(9u, i.sent);
	EXPECT_OK(oa_chan_destroy(ch));
	return arg;
}

EACH_FROM_ACTORS(chan_calls, info, info);

/* A task that has been asked to stop, or whose time is over. */

static void cut(struct oa_chan *full, struct oa_chan *room,
		struct oa_chan_sub *sub, int err)
{
	int x = 7;

	for (int i = 0; i < 2; i++) {
		EXPECT_ERR(oa_chan_send(full, &x), err);
		EXPECT_ERR(oa_chan_send(room, &x), err);
		EXPECT_ERR(oa_chan_send_until(room, &x, OA_FOREVER), err);
		EXPECT_ERR(oa_chan_send_until(room, &x, 1), err);
		EXPECT_ERR(oa_chan_recv(full, &x), err);
		EXPECT_ERR(oa_chan_recv(room, &x), err);
		EXPECT_ERR(oa_chan_recv_until(full, &x, OA_FOREVER), err);
		EXPECT_ERR(oa_chan_recv_until(full, &x, 1), err);
		EXPECT_ERR(oa_chan_recv_from(sub, &x), err);
		EXPECT_ERR(oa_chan_recv_from_until(sub, &x, 1), err);
	}
	EXPECT_EQ((size_t)1, oa_chan_len(full));
	EXPECT_EQ((size_t)0, oa_chan_len(room));
	/* What never suspends goes on. */
	EXPECT_ERR(oa_chan_trysend(full, &x), -EAGAIN);
	EXPECT_ERR(oa_chan_tryrecv(room, &x), -EAGAIN);
	EXPECT_OK(oa_chan_trysend(room, &x));
	EXPECT_OK(oa_chan_tryrecv(room, &x));
	EXPECT_OK(oa_chan_tryrecv(full, &x));
	EXPECT_EQ(1, x);
	EXPECT_OK(oa_chan_trysend(full, &x));
	EXPECT_OK(oa_chan_tryrecv_from(sub, &x));
	EXPECT_EQ(2, x);
}

static void *is_cut(void *arg)
{
	struct oa_chan *full = make(sizeof(int), 1, OA_CHAN_BOUNDED);
	struct oa_chan *room = make(sizeof(int), 1, OA_CHAN_BOUNDED);
	struct oa_chan *b = make(sizeof(int), 1, OA_CHAN_BROADCAST);
	struct oa_chan_sub sub = { 0 };
	struct oa_deadline d;
	int x = 1;

	ASSERT_OK(oa_chan_subscribe(b, &sub));
	ASSERT_OK(oa_chan_send(full, &x));
	x = 2;
	ASSERT_OK(oa_chan_send(b, &x));
	OA_WITHIN(&d, 1) {
		while (oa_now() < d.at)
			;
		cut(full, room, &sub, -ETIMEDOUT);
	}
	EXPECT_EQ(1, oa_deadline_fired(&d));
	ASSERT_OK(oa_chan_send(b, &x));
	ASSERT_OK(oa_cancel(oa_self()));
	cut(full, room, &sub, -ECANCELED);
	EXPECT_OK(oa_chan_unsubscribe(&sub));
	EXPECT_OK(oa_chan_close(room));
	EXPECT_OK(oa_chan_destroy(full));
	EXPECT_OK(oa_chan_destroy(room));
	EXPECT_OK(oa_chan_destroy(b));
	return arg;
}

TASK_TEST_F(chan_calls, after_a_cancel_or_a_deadline,
	    .workers = variant->workers)
{
	actor_runs(WHO_TASK, is_cut, self);
}

TASK_TEST_F(chan_calls, after_a_cancel_or_a_deadline_on_the_pool,
	    .workers = variant->workers)
{
	actor_runs(WHO_POOL, is_cut, self);
}

/* Memory. */

static struct counted_memory memory;

TASK_TEST_F(chan_calls, memory_is_of_the_runtime_and_given_back,
	    .workers = variant->workers, .allocator = COUNTED_MEMORY(&memory))
{
	int before, x = 0;

	/* What the runtime keeps is there after the first round. */
	for (int round = 0; round < 3; round++) {
		before = SEEN(memory.out);
		for (size_t i = 0; i < ARRAY_N(kinds); i++) {
			self->ch = make(sizeof(x), kinds[i].capacity,
					kinds[i].kind);
			EXPECT_GT(SEEN(memory.out), before);
			for (int k = 0; k < 3000; k++)
				if (oa_chan_trysend(self->ch, &k) < 0)
					break;
			for (int k = 0; k < 1000; k++)
				if (oa_chan_tryrecv(self->ch, &x))
					break;
			ASSERT_OK(oa_chan_destroy(self->ch));
			if (round)
				EXPECT_EQ(before, SEEN(memory.out));
		}
	}
}

TASK_TEST_F(chan_calls, memory_gives_out, .workers = variant->workers,
	    .allocator = COUNTED_MEMORY(&memory))
{
	struct oa_chan *ch = NULL;
	int err = 0, n, x;

	TELL(memory.left, 1);
	for (size_t i = 0; i < ARRAY_N(kinds); i++)
		EXPECT_ERR(oa_chan_create(&ch, 8, kinds[i].capacity,
					  kinds[i].kind), -ENOMEM);
	EXPECT_NULL(ch);
	TELL(memory.left, 0);
	ch = make(sizeof(int), 0, OA_CHAN_UNBOUNDED);
	TELL(memory.left, 3);
	for (n = 0; n < 1000000; n++) {
		err = oa_chan_send(ch, &n);
		if (err)
			break;
	}
	EXPECT_ERR(err, -ENOMEM);
	EXPECT_EQ((size_t)n, oa_chan_len(ch));
	TELL(memory.left, 0);
	/* The one refused is not in it; it goes on. */
	ASSERT_OK(oa_chan_send(ch, &n));
	for (int i = 0; i <= n; i++) {
		ASSERT_OK(oa_chan_tryrecv(ch, &x));
		ASSERT_EQ(i, x);
	}
	EXPECT_OK(oa_chan_destroy(ch));
}

/* No runtime is needed. */
TEST(without_a_runtime)
{
	create_refuses(NULL);
	null_is_refused(NULL);
	other_kinds_are_refused(NULL);
	elements_of_any_size(NULL);
	full_and_empty(NULL);
	an_unbounded_one_takes_all(NULL);
	close_and_drain(NULL);
	info(NULL);
}

HARNESS_MAIN
