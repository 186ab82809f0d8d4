// SPDX-License-Identifier: MIT
/*
 * One channel in the hands of as many as can be: what they saw of it is what a
 * queue could have done. And what finds that out finds what is wrong.
 */
#include "selftests/history.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "selftests/task_test.h"

#define ADD(x, n)	__atomic_add_fetch(&(x), (n), __ATOMIC_SEQ_CST)

/* The checker: a history of two elements, a part of which is changed. */

static struct history_elem pair[2];
static struct history_fail fail;

static struct history two_in_turn(void)
{
	pair[0] = (struct history_elem){ 1, 2, 5, 6, true };
	pair[1] = (struct history_elem){ 3, 4, 7, 8, true };
	return (struct history){ .elems = pair, .nr_elems = 2, .capacity = 2 };
}

static struct history with_fail(enum history_fail_kind kind, uint64_t from,
				uint64_t to)
{
	struct history h = two_in_turn();

	fail = (struct history_fail){ kind, from, to };
	h.fails = &fail;
	h.nr_fails = 1;
	return h;
}

TEST(what_a_queue_does_passes)
{
	struct history h = two_in_turn();

	EXPECT_TRUE(!history_check(&h));
	/* Two sends at once come out in either order. */
	pair[0] = (struct history_elem){ 1, 4, 7, 8, true };
	pair[1] = (struct history_elem){ 2, 3, 5, 6, true };
	EXPECT_TRUE(!history_check(&h));
	/* A rendezvous, and a send that failed. */
	pair[0] = (struct history_elem){ 1, 4, 2, 3, true };
	pair[1] = (struct history_elem){ 5, 6, 0, 0, false };
	h.capacity = 0;
	EXPECT_TRUE(!history_check(&h));
	h = with_fail(HISTORY_EMPTY, 9, 10);
	EXPECT_TRUE(!history_check(&h));
	h = with_fail(HISTORY_FULL, 4, 6);
	EXPECT_TRUE(!history_check(&h));
	h = with_fail(HISTORY_DRAINED, 6, 10);
	h.close_from = 7;
	h.close_to = 9;
	EXPECT_TRUE(!history_check(&h));
}

TEST(what_no_queue_does_is_found)
{
	struct history h = two_in_turn();

	/* The later one first. */
	pair[0].recv_from = 9;
	pair[0].recv_to = 10;
	EXPECT_TRUE(history_check(&h));
	/* The first one never. */
	h = two_in_turn();
	pair[0].recv_from = pair[0].recv_to = 0;
	EXPECT_TRUE(history_check(&h));
	h.lossy = true;
	EXPECT_TRUE(!history_check(&h));
	/* Before it was sent; though it was not; more than there is room for. */
	h = two_in_turn();
	pair[0] = (struct history_elem){ 3, 4, 1, 2, true };
	EXPECT_TRUE(history_check(&h));
	h = two_in_turn();
	pair[1].sent = false;
	EXPECT_TRUE(history_check(&h));
	h = two_in_turn();
	h.capacity = 1;
	EXPECT_TRUE(history_check(&h));
	h.capacity = 0;
	EXPECT_TRUE(history_check(&h));
}

TEST(what_no_queue_says_is_found)
{
	/* From the first send to the last receive it is not empty. */
	struct history h = with_fail(HISTORY_EMPTY, 3, 6);

	EXPECT_TRUE(history_check(&h));
	h = with_fail(HISTORY_FULL, 9, 10);
	EXPECT_TRUE(history_check(&h));
	h = with_fail(HISTORY_DRAINED, 9, 10);
	EXPECT_TRUE(history_check(&h));
	h = with_fail(HISTORY_REFUSED, 9, 10);
	h.close_from = 11;
	EXPECT_TRUE(history_check(&h));
	h = with_fail(HISTORY_DRAINED, 4, 6);
	h.close_from = 1;
	EXPECT_TRUE(history_check(&h));
	h = two_in_turn();
	h.close_from = h.close_to = 2;
	EXPECT_TRUE(history_check(&h));
}

/* All at one channel. */

#define ACTORS	4u		/* that send, and as many that receive */
#define EACH	400u

static struct {
	struct oa_chan *ch;
	struct history h;
	struct history_elem elems[ACTORS * EACH];
	uint32_t nr_elems, each, threads;
	uint64_t stamps;
} run;

struct work {
	bool sends;
	uint64_t rnd;
};

static uint32_t below(struct work *w, uint32_t n)
{
	w->rnd = w->rnd * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((w->rnd >> 33) % n);
}

static int send_somehow(struct work *w, uint32_t *id)
{
	struct oa_case c[] = { OA_CASE_NONE, OA_CASE_SEND(run.ch, id) };

	switch (below(w, 4)) {
	case 0:
		return oa_chan_trysend(run.ch, id);
	case 1:
		return oa_select(c, 2) == 1 ? c[1].res : -EINVAL;
	default:
		return oa_chan_send(run.ch, id);
	}
}

static int recv_somehow(struct work *w, uint32_t *id)
{
	struct oa_case c[] = { OA_CASE_RECV(run.ch, id), OA_CASE_NONE };

	switch (below(w, 4)) {
	case 0:
		return oa_chan_tryrecv(run.ch, id);
	case 1:
		return oa_select(c, 2) == 0 ? c[0].res : -EINVAL;
	default:
		return oa_chan_recv(run.ch, id);
	}
}

static void send_one(struct work *w)
{
	uint32_t id = ADD(run.nr_elems, 1) - 1;
	struct history_elem *e = &run.elems[id];
	int err;

	ASSERT_LT(id, ACTORS * EACH);
	e->send_from = ADD(run.stamps, 1);
	while ((err = send_somehow(w, &id)) == -EAGAIN)
		oa_yield();
	ASSERT_OK(err);
	e->send_to = ADD(run.stamps, 1);
	e->sent = true;
}

static void recv_one(struct work *w)
{
	struct history_elem *e;
	uint64_t from;
	uint32_t id;
	int err;

	do {
		from = ADD(run.stamps, 1);
		err = recv_somehow(w, &id);
	} while (err == -EAGAIN && (oa_yield(), true));
	ASSERT_OK(err);
	ASSERT_LT(id, ACTORS * EACH);
	e = &run.elems[id];
	ASSERT_EQ(__atomic_exchange_n(&e->recv_from, from, __ATOMIC_ACQ_REL),
		  0);
	e->recv_to = ADD(run.stamps, 1);
}

static void *works(void *arg)
{
	struct work *w = arg;

	for (uint32_t n = 0; n < run.each; n++) {
		if (w->sends)
			send_one(w);
		else
			recv_one(w);
	}
	return arg;
}

/* Of each kind so many are threads, the others tasks. */
static void work_all(void)
{
	struct work w[ACTORS * 2];
	oa_task_t task[ACTORS * 2];
	pthread_t thread[ACTORS * 2];

	for (uint32_t i = 0; i < ACTORS * 2; i++) {
		w[i] = (struct work){ i % 2, harness_seed() + i };
		if (i / 2 < run.threads)
			ASSERT_EQ(pthread_create(&thread[i], NULL, works,
						 &w[i]), 0);
		else
			task[i] = oa_spawn(works, &w[i]);
	}
	for (uint32_t i = run.threads * 2; i < ACTORS * 2; i++)
		ASSERT_OK(oa_join(task[i], NULL));
	for (uint32_t i = 0; i < run.threads * 2; i++)
		ASSERT_EQ(pthread_join(thread[i], NULL), 0);
}

static void run_channel(enum oa_chan_kind kind, size_t capacity)
{
	const char *why;

	run.h = (struct history){
		.elems = run.elems, .nr_elems = ACTORS * EACH,
		.capacity = kind == OA_CHAN_UNBOUNDED ? HISTORY_UNBOUNDED
						      : capacity,
	};
	for (uint32_t i = 0; i < ACTORS * EACH; i++)
		run.elems[i] = (struct history_elem){ 0, 0, 0, 0, false };
	run.nr_elems = 0;
	run.each = (uint32_t)SCALED(EACH, EACH / 10);
	ASSERT_OK(oa_chan_create(&run.ch, sizeof(uint32_t), capacity, kind));
	work_all();
	ASSERT_EQ(run.nr_elems, ACTORS * run.each);
	ASSERT_EQ(oa_chan_len(run.ch), 0);
	ASSERT_OK(oa_chan_destroy(run.ch));
	why = history_check(&run.h);
	if (why)
		FAIL("capacity %zu, %u threads: %s", capacity, run.threads * 2,
		     why);
}

FIXTURE(histories) { char unused; };
VARIANTS_WORKERS(histories);
FIXTURE_SETUP(histories) { }
FIXTURE_TEARDOWN(histories) { }

TASK_TEST_F_TIMEOUT(histories, a_channel_is_a_queue, 120,
		    .workers = variant->workers)
{
	for (run.threads = 0; run.threads <= ACTORS; run.threads += 2) {
		run_channel(OA_CHAN_BOUNDED, 0);
		run_channel(OA_CHAN_BOUNDED, 1);
		run_channel(OA_CHAN_BOUNDED, 16);
		run_channel(OA_CHAN_UNBOUNDED, 0);
	}
}

HARNESS_MAIN
