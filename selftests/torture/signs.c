// SPDX-License-Identifier: MIT
/*
 * What anybody sets, runs, wakes and sends to all: an event that lets one
 * through, things that are done once, a word, and a broadcast channel.
 */
#include "torture.h"

#include <limits.h>
#include <string.h>

#define PLACES	1000u		/* one after the other */

static struct {
	struct oa_event pass;		/* set: nobody has it */
	uint32_t inside;
	uint64_t passed;
	struct oa_once once[PLACES];
	uint32_t runs[PLACES], front;
	uint32_t word;			/* grows */
	uint32_t woken, wakes;		/* waits that were; those told of */
	struct oa_mutex turn;		/* of who sends */
	struct oa_chan *news;
	uint64_t nr_news;
} s;

struct news {
	uint64_t number, check;
};

void signs_open(void)
{
	static const size_t room[] = { 1, 3, 16 };
	int err;

	memset(&s, 0, sizeof(s));
	s.pass = (struct oa_event)OA_EVENT_AUTO_INIT;
	CHECK(!oa_event_set(&s.pass));
	err = oa_chan_create(&s.news, sizeof(struct news),
			     room[round_now.seed % ARRAY_N(room)],
			     OA_CHAN_BROADCAST);
	CHECK_RESULT(err, !err || (err == -ENOMEM && round_now.faults));
	if (err)
		s.news = NULL;
}

static void check_error(int err)
{
	CHECK_RESULT(err, err == -EAGAIN || err == -ETIMEDOUT ||
		     (err == -ECANCELED && oa_cancelled() == 1) ||
		     (err == -ENOMEM && round_now.faults));
}

static oa_time_t soon(struct actor *a)
{
	return oa_after(actor_random(a, 300) * OA_USEC);
}

void act_event(struct actor *a)
{
	int err = actor_random(a, 3) ? oa_event_wait_until(&s.pass, soon(a))
				     : oa_event_trywait(&s.pass);

	if (err) {
		check_error(err);
		return;
	}
	CHECK(ADD(s.inside, 1) == 1);
	if (!actor_random(a, 4))
		oa_yield();
	s.passed++;
	ADD(s.inside, (uint32_t)-1);
	CHECK(!oa_event_set(&s.pass));
}

static void run_it(void *arg)
{
	oa_yield();
	ADD(*(uint32_t *)arg, 1);
}

void act_once(struct actor *a)
{
	uint32_t i = SEEN(s.front);
	int err;

	if (i >= PLACES)
		return;
	err = oa_once_run(&s.once[i], run_it, &s.runs[i]);
	if (err) {
		check_error(err);
		return;
	}
	CHECK(SEEN(s.runs[i]) == 1);
	/* Others are to meet here, too. */
	if (!actor_random(a, 4))
		__atomic_compare_exchange_n(&s.front, &i, i + 1, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

void act_futex(struct actor *a)
{
	uint32_t was = SEEN(s.word);
	int res;

	if (!actor_random(a, 3)) {
		ADD(s.word, 1);
		res = oa_futex_wake(&s.word, actor_random(a, 2) ? 1 : INT_MAX);
		CHECK_RESULT(res, res >= 0);
		ADD(s.wakes, (uint32_t)res);
		return;
	}
	res = oa_futex_wait_until(&s.word, was, soon(a));
	if (!res)
		ADD(s.woken, 1);
	else if (res == -EAGAIN)
		CHECK(round_now.faults || SEEN(s.word) != was);
	else if (res != -ENOSYS)
		check_error(res);
}

/* In turns, so that all know what comes after what. */
void act_tell(struct actor *a)
{
	struct news n;
	int err = oa_mutex_lock_until(&s.turn, soon(a));

	if (err) {
		check_error(err);
		return;
	}
	for (uint32_t left = 1 + actor_random(a, 6); left && s.news; left--) {
		n = (struct news){ s.nr_news, ~s.nr_news };
		err = oa_chan_send(s.news, &n);
		if (err) {
			check_error(err);
			break;
		}
		s.nr_news++;
	}
	CHECK(!oa_mutex_unlock(&s.turn));
}

static void hear(struct actor *a, struct oa_chan_sub *sub, uint64_t next)
{
	struct news n = { 0, 0 };
	int err;

	for (uint32_t left = 1 + actor_random(a, 12); left; left--) {
		err = actor_random(a, 3) ?
			oa_chan_recv_from_until(sub, &n, soon(a)) :
			oa_chan_tryrecv_from(sub, &n);
		if (!err) {
			CHECK(n.number == next && n.check == ~next);
			next++;
		} else if (err == -EOVERFLOW) {
			CHECK(oa_chan_lost(sub));
			next += oa_chan_lost(sub);
		} else {
			check_error(err);
		}
	}
}

/* From a place that is known on. */
void act_hear(struct actor *a)
{
	struct oa_chan_sub sub;
	uint64_t next;
	int err;

	if (!s.news)
		return;
	err = oa_mutex_lock_until(&s.turn, soon(a));
	if (err) {
		check_error(err);
		return;
	}
	next = s.nr_news;
	CHECK(!oa_chan_subscribe(s.news, &sub));
	CHECK(!oa_mutex_unlock(&s.turn));
	hear(a, &sub, next);
	CHECK(!oa_chan_unsubscribe(&sub));
}

static void news_close(void)
{
	struct oa_chan_info info = OA_CHAN_INFO_INIT;

	if (!s.news)
		return;
	CHECK(!oa_chan_info(s.news, &info));
	CHECK(!info.subscribers && !info.receivers && !info.senders);
	CHECK(info.sent == s.nr_news);
	CHECK(!oa_chan_destroy(s.news));
}

void signs_close(void)
{
	struct oa_sync_info info = OA_SYNC_INFO_INIT;

	CHECK(!s.inside && !oa_event_trywait(&s.pass));
	CHECK(!oa_event_destroy(&s.pass));
	for (uint32_t i = 0; i < PLACES; i++) {
		CHECK(!oa_once_info(&s.once[i], &info));
		CHECK(info.uses == s.runs[i] && s.runs[i] <= 1);
		CHECK(i >= s.front || s.runs[i]);
	}
	/* Whoever was counted as woken has returned so. */
	CHECK(s.woken >= s.wakes);
	CHECK(!oa_mutex_destroy(&s.turn));
	news_close();
}
