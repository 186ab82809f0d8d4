// SPDX-License-Identifier: MIT
/* Points: channels and selects. */
#include "points.h"

#include <unistd.h>

enum { FULL = 2 };

static struct {
	struct oa_chan *ch, *other;
	struct oa_chan_sub sub;
	struct oa_event event;
	struct oa_sem sem;
	struct oa_event go;
	oa_task_t t;
	int fds[2];
	int got;
} at;

/* Channels. */

static void make_chan(size_t capacity, enum oa_chan_kind kind)
{
	memset(&at, 0, sizeof(at));
	ASSERT_OK(oa_chan_create(&at.ch, sizeof(int), capacity, kind));
}

static void *make_empty(const struct point *p HARNESS_UNUSED,
			unsigned int n HARNESS_UNUSED)
{
	make_chan(FULL, OA_CHAN_BOUNDED);
	return &at;
}

static void *make_full(const struct point *p, unsigned int n)
{
	make_empty(p, n);
	for (int i = 0; i < FULL; i++)
		ASSERT_OK(oa_chan_send(at.ch, &i));
	return &at;
}

static void *make_rendezvous(const struct point *p HARNESS_UNUSED,
			     unsigned int n HARNESS_UNUSED)
{
	make_chan(0, OA_CHAN_BOUNDED);
	return &at;
}

static void *make_broadcast(const struct point *p HARNESS_UNUSED,
			    unsigned int n HARNESS_UNUSED)
{
	make_chan(FULL, OA_CHAN_BROADCAST);
	ASSERT_OK(oa_chan_subscribe(at.ch, &at.sub));
	return &at;
}

static void unmake_chan(void *o HARNESS_UNUSED, bool opened HARNESS_UNUSED)
{
	ASSERT_OK(oa_chan_destroy(at.ch));
}

static void unmake_broadcast(void *o, bool opened)
{
	ASSERT_OK(oa_chan_unsubscribe(&at.sub));
	unmake_chan(o, opened);
}

/* What it got is seven; after an error it means nothing. */
static long told(int err, int got)
{
	if (!err)
		EXPECT_EQ(7, got);
	return err;
}

static long call_recv(void *o HARNESS_UNUSED)
{
	int got = -1, err = oa_chan_recv(at.ch, &got);

	return told(err, got);
}

static long call_recv_until(void *o HARNESS_UNUSED)
{
	int got = -1, err = oa_chan_recv_until(at.ch, &got, OA_FOREVER);

	return told(err, got);
}

static long call_recv_from(void *o HARNESS_UNUSED)
{
	int got = -1, err = oa_chan_recv_from(&at.sub, &got);

	return told(err, got);
}

static long call_recv_from_until(void *o HARNESS_UNUSED)
{
	int got = -1, err = oa_chan_recv_from_until(&at.sub, &got, OA_FOREVER);

	return told(err, got);
}

static long call_send(void *o HARNESS_UNUSED)
{
	return oa_chan_send(at.ch, &(int){ 9 });
}

static long call_send_until(void *o HARNESS_UNUSED)
{
	return oa_chan_send_until(at.ch, &(int){ 9 }, OA_FOREVER);
}

static struct oa_chan_info look(void)
{
	struct oa_chan_info i = OA_CHAN_INFO_INIT;

	ASSERT_OK(oa_chan_info(at.ch, &i));
	return i;
}

static void nobody_there(void *o HARNESS_UNUSED)
{
	struct oa_chan_info i = look();

	EXPECT_EQ(0u, i.senders + i.receivers);
	EXPECT_EQ(0u, i.received + i.dropped);
	EXPECT_EQ(i.sent, i.len);
	EXPECT_TRUE(i.len == 0 || i.len == FULL);
}

/* A rendezvous that nobody comes to is one that is lost: ask again. */
static void send_seven(void *o HARNESS_UNUSED)
{
	if (oa_chan_trysend(at.ch, &(int){ 7 }) == -EAGAIN)
		TELL(at.got, 1);
}

static void take_one(void *o HARNESS_UNUSED)
{
	int got, err = oa_chan_tryrecv(at.ch, &got);

	ASSERT_TRUE(!err || err == -EAGAIN);
	if (!err)
		at.got = got;
}

static long seven_left(void *o HARNESS_UNUSED)
{
	int got = 0;

	/* In a rendezvous it was never sent, if nobody was there. */
	if (SEEN(at.got))
		return 1;
	if (oa_chan_tryrecv(at.ch, &got))
		return 0;
	EXPECT_EQ(7, got);
	return 1;
}

static long seven_left_of_broadcast(void *o HARNESS_UNUSED)
{
	int got = 0;

	if (oa_chan_tryrecv_from(&at.sub, &got))
		return 0;
	EXPECT_EQ(7, got);
	return 1;
}

/* Of the room, or of the one who comes: was it used by the nine? */
static long no_nine_there(void *o HARNESS_UNUSED)
{
	int got, nine = at.got == 9;

	while (!oa_chan_tryrecv(at.ch, &got))
		nine += got == 9;
	return !nine;
}

#define EMPTY	.make = make_empty, .open = send_seven, .left = seven_left, \
		.unmake = unmake_chan, .intact = nobody_there
#define FILLED	.make = make_full, .open = take_one, .left = no_nine_there, \
		.unmake = unmake_chan, .intact = nobody_there
#define MEET	.make = make_rendezvous, .unmake = unmake_chan, \
		.intact = nobody_there
#define EACH	.make = make_broadcast, .open = send_seven, \
		.left = seven_left_of_broadcast, .unmake = unmake_broadcast

static const struct point chans[] = {
	{ "chan_recv", POINT_ON_POOL, .call = call_recv, EMPTY },
	{ "chan_recv_until", POINT_ON_POOL, .call = call_recv_until, EMPTY },
	{ "chan_send", POINT_ON_POOL, .call = call_send, FILLED },
	{ "chan_send_until", POINT_ON_POOL, .call = call_send_until, FILLED },
	{ "chan_recv of a rendezvous", POINT_ON_POOL, .call = call_recv,
	  .open = send_seven, .left = seven_left, MEET },
	{ "chan_send of a rendezvous", POINT_ON_POOL, .call = call_send,
	  .open = take_one, .left = no_nine_there, MEET },
	{ "chan_recv_from", POINT_ON_POOL, .call = call_recv_from, EACH },
	{ "chan_recv_from_until", POINT_ON_POOL, .call = call_recv_from_until,
	  EACH },
};

unsigned int points_of_chans(struct point *to)
{
	memcpy(to, chans, sizeof(chans));
	return ARRAY_N(chans);
}

/* Selects, over something of each kind; one of them comes about. */

static void *waits_for_go(void *arg)
{
	ASSERT_OK(oa_event_wait(&at.go));
	return arg;
}

static void *make_several(const struct point *p HARNESS_UNUSED,
			  unsigned int n HARNESS_UNUSED)
{
	make_chan(FULL, OA_CHAN_BOUNDED);
	ASSERT_OK(oa_chan_create(&at.other, sizeof(int), 1, OA_CHAN_BOUNDED));
	ASSERT_OK(oa_chan_send(at.other, &(int){ 1 }));
	at.event = (struct oa_event)OA_EVENT_AUTO_INIT;
	at.t = oa_spawn(waits_for_go, NULL);
	ASSERT_EQ(0, pipe(at.fds));
	return &at;
}

static long select_some(oa_time_t deadline, size_t n, bool until)
{
	int got = -1, nine = 9;
	struct oa_case c[] = {
		OA_CASE_RECV(at.ch, &got),
		OA_CASE_SEND(at.other, &nine),
		OA_CASE_EVENT(&at.event),
		OA_CASE_SEM(&at.sem),
		OA_CASE_AT(oa_after(1000 * OA_SEC)),
		OA_CASE_JOIN(at.t, NULL),
		OA_CASE_FD(at.fds[0], POLLIN),
	};
	int i = until ? oa_select_until(c, n, deadline) : oa_select(c, n);

	EXPECT_TRUE(i <= 0);
	return told(i, got);
}

static long call_select(void *o HARNESS_UNUSED)
{
	return select_some(0, 6, false);
}

static long call_select_until(void *o HARNESS_UNUSED)
{
	return select_some(OA_FOREVER, 6, true);
}

static long call_select_fd(void *o HARNESS_UNUSED)
{
	return select_some(0, 7, false);
}

/* Each of them is as it was, and can be had. */
static void all_there(void *o HARNESS_UNUSED)
{
	struct oa_chan_info i = look();

	EXPECT_EQ(0u, i.receivers);
	EXPECT_EQ(0u, i.len);
	i = (struct oa_chan_info)OA_CHAN_INFO_INIT;
	ASSERT_OK(oa_chan_info(at.other, &i));
	EXPECT_EQ(0u, i.senders);
	EXPECT_EQ(1u, i.len);
	EXPECT_OK(oa_event_destroy(&at.event));
	EXPECT_OK(oa_sem_destroy(&at.sem));
	EXPECT_ERR(oa_join_until(at.t, NULL, oa_now()), -ETIMEDOUT);
}

static void unmake_several(void *o, bool opened)
{
	ASSERT_OK(oa_event_set(&at.go));
	ASSERT_OK(oa_join(at.t, NULL));
	ASSERT_OK(oa_chan_destroy(at.other));
	close(at.fds[0]);
	close(at.fds[1]);
	unmake_chan(o, opened);
}

#define SEVERAL	.make = make_several, .open = send_seven, .left = seven_left, \
		.unmake = unmake_several, .intact = all_there

static const struct point selects[] = {
	{ "select", POINT_ON_POOL, .call = call_select, SEVERAL },
	{ "select_until", POINT_ON_POOL, .call = call_select_until, SEVERAL },
	{ "select with a descriptor", 0, .call = call_select_fd, SEVERAL },
};

unsigned int points_of_selects(struct point *to)
{
	memcpy(to, selects, sizeof(selects));
	return ARRAY_N(selects);
}
