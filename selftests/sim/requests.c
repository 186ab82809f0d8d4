// SPDX-License-Identifier: MIT
/*
 * Requests against cancels, deadlines and closes. What was transferred is
 * told, and told once: so the bytes that came out of a pipe are those that
 * went in, in order, whatever was cancelled in between. A close waits for all
 * requests on its descriptor, and nothing gets through to the next one that
 * has the number.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "selftests/sim/scenario.h"

/* Streams: each byte says where in which stream it belongs. */

struct stream {
	int rd, wr;
	uint32_t sent, got;
	bool cut;		/* its reader gave up: writers get -EPIPE */
	uint8_t id;
};

#define STREAMS	3
#define LENGTH	120

static struct stream streams[STREAMS];

static uint8_t byte_of(const struct stream *s, uint32_t at)
{
	return (uint8_t)(s->id * 83 + at * 7 + at / 37);
}

static ssize_t put(struct stream *s, uint8_t *buf, size_t n)
{
	struct iovec v = { buf, n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	switch (sim_below(5)) {
	case 0:
		return oa_write(s->wr, buf, n);
	case 1:
		return oa_writev(s->wr, &v, 1);
	case 2:
		return oa_sendmsg(s->wr, &m, 0);
	default:
		return oa_send(s->wr, buf, n, 0);
	}
}

static ssize_t get(struct stream *s, uint8_t *buf, size_t n)
{
	struct iovec v = { buf, n };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	switch (sim_below(5)) {
	case 0:
		return oa_read(s->rd, buf, n);
	case 1:
		return oa_readv(s->rd, &v, 1);
	case 2:
		return oa_recvmsg(s->rd, &m, 0);
	default:
		return oa_recv(s->rd, buf, n, 0);
	}
}

/* Cancelled, timed out: to be tried again, here as a task that never ends. */
static bool again(ssize_t err)
{
	return err == -ETIMEDOUT || err == -EINTR;
}

static void *writer(void *arg)
{
	struct stream *s = arg;
	struct oa_deadline d;
	uint8_t buf[32];
	ssize_t ret = 0;
	size_t n;

	while (s->sent < LENGTH) {
		n = 1 + sim_below(sizeof(buf));
		if (n > LENGTH - s->sent)
			n = LENGTH - s->sent;
		for (size_t i = 0; i < n; i++)
			buf[i] = byte_of(s, s->sent + (uint32_t)i);
		if (sim_one_in(3)) {
			OA_WITHIN(&d, sim_below(30000))
				ret = put(s, buf, n);
		} else {
			ret = put(s, buf, n);
		}
		if (again(ret))
			continue;
		if (ret < 0) {
			CHECK(ret == -ECANCELED || (ret == -EPIPE && s->cut));
			break;
		}
		CHECK(ret > 0 && (size_t)ret <= n);
		s->sent += (uint32_t)ret;
	}
	CHECK_EQ(oa_close(s->wr), 0);
	return NULL;
}

static void *reader(void *arg)
{
	struct stream *s = arg;
	struct oa_deadline d;
	uint8_t buf[32];
	ssize_t ret = 0;
	size_t n;

	for (;;) {
		n = 1 + sim_below(sizeof(buf));
		if (sim_one_in(3)) {
			OA_WITHIN(&d, sim_below(30000))
				ret = get(s, buf, n);
		} else {
			ret = get(s, buf, n);
		}
		if (again(ret))
			continue;
		if (ret <= 0)
			break;
		CHECK((size_t)ret <= n);
		for (ssize_t i = 0; i < ret; i++)
			CHECK_EQ(buf[i], byte_of(s, s->got + (uint32_t)i));
		s->got += (uint32_t)ret;
	}
	CHECK(ret == 0 || ret == -ECANCELED);
	s->cut = true;
	CHECK_EQ(oa_close(s->rd), 0);
	return NULL;
}

/* Cancels a reader or a writer; one that never ran closes nothing. */
static void give_up_one(oa_task_t *t, uint32_t i)
{
	struct stream *s = &streams[i / 2];
	void *result;

	oa_cancel(t[i]);
	CHECK_EQ(oa_join(t[i], &result), 0);
	if (oa_err_code(result) != -ECANCELED)
		return;
	s->cut = s->cut || i % 2 == 0;
	CHECK_EQ(oa_close(i % 2 ? s->wr : s->rd), 0);
}

static void *transfers(void *arg)
{
	oa_task_t t[2 * STREAMS];
	uint32_t n = 1 + sim_below(STREAMS);
	int fds[2];
	bool cancelled = false;

	for (uint32_t i = 0; i < n; i++) {
		struct stream *s = &streams[i];

		s->id = (uint8_t)i;
		if (sim_one_in(2))
			CHECK_EQ(sim_pipe(fds, 1 + sim_below(60)), 0);
		else
			CHECK_EQ(sim_socketpair(fds, 1 + sim_below(60)), 0);
		s->rd = fds[0];
		s->wr = fds[1];
		t[2 * i] = oa_spawn(reader, s);
		t[2 * i + 1] = oa_spawn(writer, s, .pinned = sim_one_in(4));
	}
	if (sim_one_in(3)) {
		oa_sleep(sim_below(100000));
		cancelled = true;
		give_up_one(t, sim_below(2 * n));
	}
	for (uint32_t i = 0; i < 2 * n; i++)
		CHECK(oa_join(t[i], NULL) != -EINVAL);
	for (uint32_t i = 0; i < n; i++) {
		CHECK(streams[i].got <= streams[i].sent);
		if (!cancelled) {
			CHECK_EQ(streams[i].sent, LENGTH);
			CHECK_EQ(streams[i].got, LENGTH);
		}
	}
	return arg;
}

SCENARIO(what_was_transferred_is_told_once, 2500)
{
	memset(streams, 0, sizeof(streams));
	SCENARIO_RUN(transfers, NULL, .workers = scenario_workers());
	if (sim_open_fds())
		sim_fail("%u descriptors are left", sim_open_fds());
}

/* Requests of a known time against cancels and deadlines. */

static void *one_request(void *arg)
{
	volatile uint64_t before = 0x5a5a5a5a, after = 0xa5a5a5a5;
	struct sim_nop nop = { .delay = 1 + sim_below(20000), .res = 42 };
	struct oa_deadline d;
	oa_time_t limit = 1 + sim_below(20000);
	int err = 0;

	if (sim_one_in(4))
		nop.delay = OA_FOREVER;
	if (nop.delay == OA_FOREVER || sim_one_in(2)) {
		OA_WITHIN(&d, limit)
			err = oa_sqe(sim_prep_nop, &nop);
	} else {
		err = oa_sqe(sim_prep_nop, &nop);
	}
	CHECK(before == 0x5a5a5a5a && after == 0xa5a5a5a5);
	CHECK(err == 42 || err == -ETIMEDOUT || err == -ECANCELED);
	if (err == -ECANCELED)
		CHECK_EQ(oa_cancelled(), 1);
	if (nop.delay == OA_FOREVER)
		CHECK(err != 42);
	return arg;
}

static void *many_requests(void *arg)
{
	for (uint32_t n = 1 + sim_below(6); n; n--)
		one_request(arg);
	return arg;
}

static void *cancels_them(void *arg)
{
	oa_task_t t[12];
	uint32_t n = 1 + sim_below(12);

	for (uint32_t i = 0; i < n; i++)
		t[i] = oa_spawn(many_requests, NULL);
	for (uint32_t i = sim_below(n + 1); i; i--) {
		if (sim_one_in(2))
			oa_sleep(sim_below(8000));
		oa_cancel(t[sim_below(n)]);
	}
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(oa_join(t[i], NULL), 0);
	return arg;
}

SCENARIO(a_request_ends_once_whoever_asks, 2500)
{
	SCENARIO_RUN(cancels_them, NULL, .workers = scenario_workers());
}

/* Closes that meet reads, and numbers that are used again at once. */

#define USERS	5

static int shared_fd, other_end;
static uint32_t epoch;		/* which pipe has the number now */
static int closes_done, closes_late;
static bool no_more;

static void *reads_shared(void *arg)
{
	uint8_t buf[4];
	ssize_t ret;

	while (!no_more) {
		uint32_t in = epoch;

		ret = sim_one_in(2) ? oa_read(shared_fd, buf, sizeof(buf))
				    : oa_recv(shared_fd, buf, sizeof(buf), 0);
		if (ret == -EBADF || ret == -ECANCELED || ret == 0) {
			if (oa_sleep(1 + sim_below(100000)) == -ECANCELED)
				break;
			continue;
		}
		CHECK(ret > 0);
		/* Begun on one pipe, nothing of another comes. */
		for (ssize_t i = 0; i < ret; i++)
			CHECK(buf[i] >= (uint8_t)in);
	}
	return arg;
}

static void *closes_shared(void *arg)
{
	int err;

	oa_sleep(sim_below(10000));
	err = oa_close(shared_fd);
	CHECK(err == 0 || err == -EBADF);
	closes_done += err == 0;
	closes_late += err == -EBADF;
	return arg;
}

static void renew(void)
{
	int fds[2];

	CHECK_EQ(sim_pipe(fds, 20), 0);
	epoch++;
	shared_fd = fds[0];
	other_end = fds[1];
}

static void *plays(void *arg)
{
	oa_task_t users[USERS], closers[2];
	uint32_t n = 1 + sim_below(USERS), rounds = 1 + sim_below(4);

	renew();
	for (uint32_t i = 0; i < n; i++)
		users[i] = oa_spawn(reads_shared, NULL);
	while (rounds--) {
		uint8_t byte = (uint8_t)epoch;

		closes_done = closes_late = 0;
		closers[0] = oa_spawn(closes_shared, NULL);
		closers[1] = oa_spawn(closes_shared, NULL);
		if (sim_one_in(2))
			oa_write(other_end, &byte, 1);
		CHECK_EQ(oa_join(closers[0], NULL), 0);
		CHECK_EQ(oa_join(closers[1], NULL), 0);
		CHECK_EQ(closes_done, 1);
		CHECK_EQ(closes_late, 1);
		CHECK_EQ(oa_close(other_end), 0);
		CHECK_EQ(sim_open_fds(), 0);
		/* The number is nobody's. */
		CHECK_EQ(oa_read(shared_fd, &byte, 1), -EBADF);
		if (rounds)
			renew();
	}
	no_more = true;
	for (uint32_t i = 0; i < n; i++) {
		/* The close has ended what they did, or else a cancel does. */
		if (sim_one_in(3))
			oa_cancel(users[i]);
		CHECK_EQ(oa_join(users[i], NULL), 0);
	}
	return arg;
}

SCENARIO(a_close_ends_what_others_do, 2500)
{
	epoch = 0;
	no_more = false;
	SCENARIO_RUN(plays, NULL, .workers = scenario_workers());
}

/* Several descriptors at once: those that lost are over when it returns. */

static void *polls(void *arg)
{
	int fds[3][2];
	struct pollfd p[3];
	char c = 'x';
	int n;

	for (int i = 0; i < 3; i++) {
		CHECK_EQ(sim_pipe(fds[i], 4), 0);
		p[i] = (struct pollfd){ .fd = fds[i][0], .events = POLLIN };
	}
	for (int i = 0; i < 3; i++) {
		bool writes = sim_one_in(2);

		if (writes)
			CHECK_EQ(oa_write(fds[1][1], &c, 1), 1);
		n = oa_poll(p, 3, writes && sim_one_in(2) ? -1 : 0);
		CHECK(n == 0 || n == 1 || n == -ECANCELED);
		if (n == 1) {
			CHECK(p[1].revents & POLLIN);
			CHECK_EQ(oa_read(fds[1][0], &c, 1), 1);
		} else if (n == 0 && writes) {
			CHECK_EQ(oa_read(fds[1][0], &c, 1), 1);
		}
	}
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(oa_close(fds[i][0]), 0);
		CHECK_EQ(oa_close(fds[i][1]), 0);
	}
	return arg;
}

static void *polls_all(void *arg)
{
	oa_task_t t[3];

	for (int i = 0; i < 3; i++)
		t[i] = oa_spawn(polls, NULL);
	for (int i = 0; i < 3; i++)
		CHECK_EQ(oa_join(t[i], NULL), 0);
	return arg;
}

SCENARIO(a_poll_leaves_nothing_behind, 1000)
{
	SCENARIO_RUN(polls_all, NULL, .workers = scenario_workers());
	CHECK_EQ(sim_open_fds(), 0);
}

HARNESS_MAIN
