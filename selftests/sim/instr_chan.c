// SPDX-License-Identifier: MIT
/* Channels and select, one worker. */
#include "instr_ops.h"

#define SIDES	4u		/* senders, and receivers, of a crowded one */
#define EACH	(TURNS / SIDES)

static struct oa_chan *channel(size_t capacity)
{
	struct oa_chan *ch = NULL;

	check(oa_chan_create(&ch, sizeof(uint64_t), capacity, OA_CHAN_BOUNDED));
	return ch;
}

static void do_chan(void)
{
	struct oa_chan *ch = channel(128);
	uint64_t v = 0;

	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_chan_send(ch, &v));
		check(oa_chan_recv(ch, &v));
	}
	check(oa_chan_destroy(ch));
}

static void *echoes(void *arg)
{
	struct oa_chan **ch = arg;
	uint64_t v;

	while (!oa_chan_recv(ch[0], &v))
		check(oa_chan_send(ch[1], &v));
	return arg;
}

static void *sends_each(void *arg)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < EACH; i++)
		check(oa_chan_send(arg, &v));
	return arg;
}

static void *receives_each(void *arg)
{
	uint64_t v;

	for (unsigned int i = 0; i < EACH; i++)
		check(oa_chan_recv(arg, &v));
	return arg;
}

static void through(struct oa_chan *ch, unsigned int sides)
{
	oa_task_t t[2 * SIDES];

	for (unsigned int i = 0; i < sides; i++) {
		t[2 * i] = oa_spawn(sends_each, ch);
		t[2 * i + 1] = oa_spawn(receives_each, ch);
	}
	for (unsigned int i = 0; i < 2 * sides; i++)
		check(oa_join(t[i], NULL));
	check(oa_chan_destroy(ch));
}

/* From one to one, waiting when it is full or empty. */
static void do_spsc(void)
{
	through(channel(128), 1);
}

static void do_mpmc(void)
{
	through(channel(128), SIDES);
}

static void do_unbounded(void)
{
	struct oa_chan *ch = NULL;

	check(oa_chan_create(&ch, sizeof(uint64_t), 0, OA_CHAN_UNBOUNDED));
	through(ch, SIDES);
}

/* To one subscriber. */
static void do_broadcast(void)
{
	struct oa_chan *ch = NULL;
	struct oa_chan_sub sub;
	uint64_t v = 0;

	check(oa_chan_create(&ch, sizeof(v), 128, OA_CHAN_BROADCAST));
	check(oa_chan_subscribe(ch, &sub));
	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_chan_send(ch, &v));
		check(oa_chan_recv_from(&sub, &v));
	}
	check(oa_chan_unsubscribe(&sub));
	check(oa_chan_destroy(ch));
}

/* To and fro without a buffer: both wait at every element. */
static void do_pingpong(void)
{
	struct oa_chan *ch[2] = { channel(0), channel(0) };
	oa_task_t t = oa_spawn(echoes, ch);
	uint64_t v = 0;

	for (unsigned int i = 0; i < TURNS; i++) {
		check(oa_chan_send(ch[0], &v));
		check(oa_chan_recv(ch[1], &v));
	}
	check(oa_chan_close(ch[0]));
	check(oa_join(t, NULL));
	check(oa_chan_destroy(ch[0]));
	check(oa_chan_destroy(ch[1]));
}

static void receive_either(struct oa_chan **ch, unsigned int n)
{
	uint64_t v;
	struct oa_case cases[2] = { OA_CASE_RECV(ch[0], &v),
				    OA_CASE_RECV(ch[1], &v) };

	for (unsigned int i = 0; i < n; i++) {
		int k = oa_select(cases, 2);

		check(k < 0 || cases[k].res);
	}
}

/* One of two channels has something; both have been filled before. */
static void do_select(void)
{
	struct oa_chan *ch[2] = { channel(BATCH), channel(BATCH) };
	uint64_t v = 0;

	for (unsigned int i = 0; i < TURNS; i += 2 * BATCH) {
		for (unsigned int k = 0; k < 2 * BATCH; k++)
			check(oa_chan_send(ch[k & 1], &v));
		receive_either(ch, 2 * BATCH);
	}
	check(oa_chan_destroy(ch[0]));
	check(oa_chan_destroy(ch[1]));
}

static void *receives(void *arg)
{
	receive_either(arg, TURNS);
	return arg;
}

/* Neither has, until a send finds the select waiting. */
static void do_select_wait(void)
{
	struct oa_chan *ch[2] = { channel(0), channel(0) };
	oa_task_t t = oa_spawn(receives, ch);
	uint64_t v = 0;

	for (unsigned int i = 0; i < TURNS; i++)
		check(oa_chan_send(ch[i & 1], &v));
	check(oa_join(t, NULL));
	check(oa_chan_destroy(ch[0]));
	check(oa_chan_destroy(ch[1]));
}

const struct instr_op instr_chan_ops[] = {
	{ "chan", do_chan, TURNS },
	{ "spsc", do_spsc, EACH },
	{ "mpmc", do_mpmc, TURNS },
	{ "unbounded", do_unbounded, TURNS },
	{ "broadcast", do_broadcast, TURNS },
	{ "pingpong", do_pingpong, TURNS },
	{ "select", do_select, TURNS },
	{ "select-wait", do_select_wait, TURNS },
	{ NULL, NULL, 0 },
};
