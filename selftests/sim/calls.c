// SPDX-License-Identifier: MIT
/*
 * Calls of every kind, while others cancel those who make them and deadlines
 * pass. A call ends once, with what was achieved or with why it was given up;
 * what it says is what happened: every byte, connection, descriptor and wake
 * is told to somebody, and to nobody else.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "selftests/sim/crowd.h"

#define TASKS	6
#define WORDS	2u

static int pipes[2][2];		/* what is spliced goes from the first on */
static uint32_t used;		/* of them, by reads and writes */
static int listener;
static struct sockaddr_un name;
static uint32_t words[WORDS];

/* What calls said. */
static struct {
	uint32_t in[2], out[2], moved;		/* bytes */
	uint32_t connected, accepted;
	uint32_t wakes, woken;			/* calls, and waits */
} told;

static void set_up(uint32_t nr_used)
{
	used = nr_used;
	memset(&told, 0, sizeof(told));
	memset(words, 0, sizeof(words));
	for (int i = 0; i < 2; i++)
		CHECK_EQ(sim_pipe(pipes[i], 1 + sim_below(12)), 0);
	listener = sim_listen(&name, 1 + sim_below(3));
	CHECK(listener >= 0);
}

static int takes(void)
{
	char buf[8];
	struct iovec v = { buf, 1 + sim_below(sizeof(buf)) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	uint32_t which = sim_below(used);
	int fd = pipes[which][0];
	ssize_t n;

	switch (sim_below(4)) {
	case 0:
		n = oa_read(fd, buf, v.iov_len);
		break;
	case 1:
		n = oa_readv(fd, &v, 1);
		break;
	case 2:
		n = oa_recvmsg(fd, &m, 0);
		break;
	default:
		n = oa_recv(fd, buf, v.iov_len, 0);
		break;
	}
	CHECK(n && n <= (ssize_t)v.iov_len);
	if (n > 0)
		told.out[which] += (uint32_t)n;
	return (int)n;
}

static int puts_in(void)
{
	char buf[8] = "abcdefg";
	struct iovec v = { buf, 1 + sim_below(sizeof(buf)) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
	uint32_t which = sim_below(used);
	int fd = pipes[which][1];
	ssize_t n;

	switch (sim_below(4)) {
	case 0:
		n = oa_write(fd, buf, v.iov_len);
		break;
	case 1:
		n = oa_writev(fd, &v, 1);
		break;
	case 2:
		n = oa_sendmsg(fd, &m, 0);
		break;
	default:
		n = oa_send(fd, buf, v.iov_len, 0);
		break;
	}
	CHECK(n && n <= (ssize_t)v.iov_len);
	if (n > 0)
		told.in[which] += (uint32_t)n;
	return (int)n;
}

static int splices(void)
{
	size_t len = 1 + sim_below(8);
	ssize_t n = oa_splice(pipes[0][0], NULL, pipes[1][1], NULL, len, 0);

	CHECK(n && n <= (ssize_t)len);
	if (n > 0)
		told.moved += (uint32_t)n;
	return (int)n;
}

static int polls(void)
{
	struct pollfd p[] = {
		{ .fd = pipes[0][0], .events = POLLIN },
		{ .fd = pipes[1][1], .events = POLLOUT },
		{ .fd = listener, .events = POLLIN },
	};
	nfds_t first = sim_below(3);

	return oa_poll(p + first, 1 + sim_below(3 - (uint32_t)first),
		       sim_one_in(3) ? 0 : -1);
}

static int accepts(void)
{
	struct sockaddr_un from = { 0 };
	socklen_t len = sizeof(from);
	bool asks = sim_one_in(2);
	int fd = oa_accept4(listener, asks ? (struct sockaddr *)&from : NULL,
			    asks ? &len : NULL, 0);

	if (fd < 0)
		return fd;
	if (asks)
		CHECK_EQ(len, offsetof(struct sockaddr_un, sun_path));
	told.accepted++;
	CHECK_EQ(oa_close(fd), 0);
	return 0;
}

static int connects(void)
{
	int fd = sim_socket(), err;

	CHECK(fd >= 0);
	err = oa_connect(fd, (struct sockaddr *)&name, sizeof(name));
	told.connected += !err;
	CHECK_EQ(oa_close(fd), 0);
	return err;
}

static int opens(int dir)
{
	char path[2] = { (char)('a' + sim_below(3)), 0 };
	struct open_how how = { .flags = O_RDWR };

	if (sim_one_in(2))
		return oa_openat2(dir, path, &how, sizeof(how));
	return oa_openat(dir, path, O_RDWR | O_CREAT, 0600);
}

static int opens_in_directory(void)
{
	int dir = oa_openat(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY), fd;

	if (dir < 0)
		return dir;
	fd = opens(dir);
	CHECK_EQ(oa_close(dir), 0);
	if (fd >= 0)
		CHECK_EQ(oa_close(fd), 0);
	return fd;
}

static int writes_file(void)
{
	int fd = opens(AT_FDCWD), err;
	char c = 'x';

	if (fd < 0)
		return fd;
	err = (int)oa_pwrite(fd, &c, 1, 5);
	if (err > 0)
		err = oa_fsync(fd);
	if (!err) {
		c = 0;
		err = (int)oa_pread(fd, &c, 1, 5);
		if (err >= 0)
			CHECK(err == 1 && c == 'x');
	}
	CHECK_EQ(oa_close(fd), 0);
	return err;
}

static int stats(void)
{
	struct statx st = { .stx_mask = 0 };
	int err = oa_statx(AT_FDCWD, "d", 0, STATX_SIZE, &st);

	CHECK_EQ(st.stx_mask, err ? 0 : STATX_SIZE);
	return err;
}

static int waits_for_wake(void)
{
	struct oa_futex_word w[WORDS] = {
		{ .word = &words[0] }, { .word = &words[1] },
	};
	unsigned int n = 1 + sim_below(WORDS);
	int err;

	if (n == 1)
		err = oa_futex_wait(&words[sim_below(WORDS)], 0);
	else
		err = oa_futex_waitv(w, n, OA_FOREVER);
	CHECK(err < (int)n);
	/* No thread for it: there are but so many. */
	if (err == -ENOMEM && !sim_env.ring_words)
		return 0;
	told.woken += err >= 0;
	return err;
}

static int wakes(void)
{
	int n = oa_futex_wake(&words[sim_below(WORDS)], 1 + (int)sim_below(2));

	CHECK(n >= 0 && n <= 2);
	told.wakes++;
	return 0;
}

/* Who was woken more than once hands on what is too much. */
static void look_at_wakes(void)
{
	struct sim_wakes w = sim_wakes();

	CHECK_EQ(w.hits - told.woken, w.calls - told.wakes);
}

static int nops(void)
{
	struct sim_nop nop = { .delay = 1 + sim_below(20000), .res = 42 };
	int err;

	if (sim_one_in(3))
		nop.delay = OA_FOREVER;
	err = oa_sqe(sim_prep_nop, &nop);
	CHECK(err < 0 || (err == 42 && nop.delay != OA_FOREVER));
	return err;
}

static int sleeps(void)
{
	return oa_sleep(sim_below(20000));
}

typedef int call_fn(void);

/* Beside each what may bring it to its end. */
static const struct {
	call_fn *call, *other;
} calls[] = {
	{ takes, puts_in }, { puts_in, takes }, { splices, puts_in },
	{ polls, puts_in }, { accepts, connects }, { accepts, connects },
	{ connects, accepts }, { opens_in_directory, NULL },
	{ writes_file, NULL }, { stats, NULL }, { waits_for_wake, wakes },
	{ nops, NULL }, { sleeps, NULL },
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* 0: it was done. What else may be is checked. */
static int make(call_fn *fn, oa_time_t at_most)
{
	volatile uint64_t before = 0x5a5a5a5a, after = 0xa5a5a5a5;
	oa_time_t until = oa_after(at_most);
	struct oa_deadline d;
	int err;

	if (at_most != OA_FOREVER)
		CHECK_EQ(oa_deadline_enter(&d, until), 0);
	err = fn();
	if (at_most != OA_FOREVER)
		CHECK(oa_deadline_leave(&d) >= 0);
	CHECK(before == 0x5a5a5a5a && after == 0xa5a5a5a5);
	if (err == -ETIMEDOUT)
		CHECK(at_most != OA_FOREVER && until <= sim_now());
	else if (err == -ECANCELED)
		CHECK_EQ(oa_cancelled(), 1);
	else if (err < 0)
		sim_fail("a call gave %d", err);
	return err < 0 ? err : 0;
}

/* What nobody was told of is still where it was. */

static uint32_t drain(const int *fds)
{
	uint32_t n = 0;
	char buf[8];
	ssize_t ret;

	CHECK_EQ(oa_close(fds[1]), 0);
	while ((ret = oa_read(fds[0], buf, sizeof(buf))) > 0)
		n += (uint32_t)ret;
	CHECK_EQ(ret, 0);
	CHECK_EQ(oa_close(fds[0]), 0);
	return n;
}

static void look_back(void)
{
	/* For ever, if one is lost. */
	while (told.accepted < told.connected)
		CHECK_EQ(accepts(), 0);
	CHECK_EQ(oa_close(listener), 0);
	CHECK_EQ(told.in[0], told.out[0] + told.moved + drain(pipes[0]));
	CHECK_EQ(told.in[1] + told.moved, told.out[1] + drain(pipes[1]));
	look_at_wakes();
	CHECK_EQ(sim_open_fds(), 0);
}

/* One call, and one who cancels it, at about the time when it is done. */

static uint32_t chosen;

static void *calls_once(void *arg)
{
	make(calls[chosen].call,
	     sim_one_in(4) ? sim_below(8000) : OA_FOREVER);
	return arg;
}

static void *one_against_one(void *arg)
{
	call_fn *other;
	oa_task_t t;

	chosen = sim_below(CALLS);
	other = calls[chosen].other;
	/* One that is full has to be waited for. */
	if (calls[chosen].call == puts_in)
		for (uint32_t n = sim_below(4); n; n--)
			make(puts_in, 500);
	t = oa_spawn(calls_once, NULL);
	if (sim_one_in(2))
		sim_spin(sim_below(200));
	else
		oa_sleep(sim_below(2000));
	if (other && !sim_one_in(4))
		make(other, 1 + sim_below(3000));
	if (sim_one_in(2))
		sim_spin(sim_below(60));
	oa_cancel(t);
	CHECK(oa_join(t, NULL) == 0);
	look_back();
	return arg;
}

SCENARIO(a_call_meets_a_cancel, 30000)
{
	set_up(1);
	SCENARIO_RUN(one_against_one, NULL, .workers = 1 + sim_below(2));
}

/* Many calls, each of which may bring another to its end. */

static void *calls_at_random(void *arg)
{
	for (uint32_t n = 1 + sim_below(6); n; n--) {
		uint32_t i = sim_below(CALLS);
		call_fn *fn = calls[i].call;

		if (calls[i].other == wakes && sim_one_in(2))
			fn = wakes;
		if (make(fn, sim_one_in(4) ? OA_FOREVER : sim_below(20000)) ==
		    -ECANCELED)
			break;
	}
	return arg;
}

static oa_task_t tasks[TASKS];
static uint32_t nr;

static void cancels_some(void *arg)
{
	(void)arg;
	for (uint32_t n = sim_below(nr + 1); n; n--) {
		sim_pause(sim_below(20000));
		oa_cancel(tasks[sim_below(nr)]);
	}
}

static void *many_against_many(void *arg)
{
	struct sim_ctx *outside = NULL;

	nr = 2 + sim_below(TASKS - 1);
	for (uint32_t i = 0; i < nr; i++)
		tasks[i] = oa_spawn(calls_at_random, NULL,
				    .pinned = sim_one_in(5));
	if (sim_one_in(2))
		outside = sim_thread("canceller", cancels_some, NULL);
	oa_sleep(sim_below(60000));
	for (uint32_t i = 0; i < nr; i++) {
		oa_cancel(tasks[i]);
		if (sim_one_in(3))
			oa_yield();
	}
	for (uint32_t i = 0; i < nr; i++)
		CHECK_EQ(oa_join(tasks[i], NULL), 0);
	look_back();
	if (outside)
		*(struct sim_ctx **)arg = outside;
	return NULL;
}

SCENARIO(calls_of_all_kinds_are_cancelled, 6000)
{
	struct sim_ctx *outside = NULL;

	set_up(2);
	SCENARIO_RUN(many_against_many, &outside,
		     .workers = scenario_workers());
	if (outside)
		sim_join(outside);
}

/*
 * A connection wakes one of those who accept. If that one gives up, it is not
 * left to itself while another waits.
 */

static uint32_t clients;

static void *connects_and_waits(void *arg)
{
	int fd = sim_socket();
	char c;

	CHECK(fd >= 0);
	oa_sleep(sim_below(6000));
	CHECK_EQ(oa_connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	/* Until the other end is closed. */
	CHECK_EQ(oa_recv(fd, &c, 1, 0), 0);
	CHECK_EQ(oa_close(fd), 0);
	clients--;
	return arg;
}

static void *accepts_while_asked(void *arg)
{
	while (make(accepts, sim_one_in(2) ? OA_FOREVER
					   : 1 + sim_below(4000)) !=
	       -ECANCELED)
		;
	return arg;
}

static void *accepts_all(void *arg)
{
	oa_task_t c[4], a[4];
	uint32_t n = 1 + sim_below(4), others = 1 + sim_below(3);

	clients = n;
	a[0] = oa_spawn(accepts_while_asked, NULL);
	for (uint32_t i = 1; i <= others; i++)
		a[i] = oa_spawn(accepts_while_asked, NULL);
	for (uint32_t i = 0; i < n; i++)
		c[i] = oa_spawn(connects_and_waits, NULL);
	for (uint32_t i = 1; i <= others; i++) {
		oa_sleep(sim_below(4000));
		oa_cancel(a[i]);
	}
	for (uint32_t i = 0; i < n; i++)
		CHECK_EQ(oa_join(c[i], NULL), 0);
	oa_cancel(a[0]);
	for (uint32_t i = 0; i <= others; i++)
		CHECK_EQ(oa_join(a[i], NULL), 0);
	CHECK_EQ(told.accepted, n);
	look_back();
	return arg;
}

SCENARIO(no_connection_waits_while_another_accepts, 4000)
{
	set_up(2);
	SCENARIO_RUN(accepts_all, NULL, .workers = scenario_workers());
}

/* Whoever gives up, no wake is lost. */

static int waits_on(struct actor *a, oa_time_t until)
{
	struct oa_futex_word w[WORDS] = {
		{ .word = &words[0] }, { .word = &words[1] },
	};

	if (a->kind == ACTOR_TASK && sim_one_in(2))
		return oa_futex_waitv(w, WORDS, until);
	return oa_futex_wait_until(&words[sim_below(WORDS)], 0, until);
}

static void waits_or_wakes(struct actor *a)
{
	for (uint32_t n = 1 + sim_below(5); n; n--) {
		oa_time_t until = oa_after(sim_below(20000));
		int err;

		actor_pause(a);
		if (sim_one_in(2)) {
			wakes();
			continue;
		}
		err = waits_on(a, until);
		told.woken += err >= 0;
		if (err == -ETIMEDOUT)
			CHECK(until <= sim_now());
		else if (err == -ECANCELED)
			CHECK(actor_cancelled(a));
		else if (err == -ENOMEM)
			CHECK(a->kind == ACTOR_TASK && !sim_env.ring_words);
		else
			CHECK(err == 0 || err == 1);
	}
}

SCENARIO(a_wake_is_told_or_handed_on, 4000)
{
	memset(&told, 0, sizeof(told));
	memset(words, 0, sizeof(words));
	CROWD_RUN(.n = 2 + sim_below(3), .fn = waits_or_wakes, .cancels = true);
	look_at_wakes();
}

HARNESS_MAIN
