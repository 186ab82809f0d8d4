// SPDX-License-Identifier: MIT
/*
 * The n-th event of a kind fails, for each n in turn: a start fails cleanly or
 * succeeds, and what runs gets through, whatever the kernel refuses once.
 */
#include "selftests/api/api_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/fault.h"

#define PAIRS	6
#define ROUNDS	20
#define MANY	((int)SCALED(120, 40))

static void set_fault(const char *kind, int n, const char *more)
{
	char text[64];

	snprintf(text, sizeof(text), "%s:%d%s", kind, n, more);
	ASSERT_EQ(0, setenv("OA_FAULT", text, 1));
	fault_read();
}

static void no_fault(void)
{
	unsetenv("OA_FAULT");
	fault_read();
}

/* Work that uses every part of a ring: requests, cancels, kicks, timers. */

struct pair {
	int there[2], back[2];
	oa_task_t echo;
};

static void *echoes(void *arg)
{
	struct pair *p = arg;
	char c;

	while (oa_read(p->there[0], &c, 1) == 1)
		if (oa_write(p->back[1], &c, 1) != 1)
			FAIL("a write into an empty pipe failed");
	return NULL;
}

static void *plays(void *arg)
{
	struct pair *p = arg;
	struct pollfd pfd = { .fd = p->back[0], .events = POLLIN };

	for (int i = 0; i < ROUNDS; i++) {
		char c = (char)i, d = 0;

		ASSERT_EQ(1, oa_write(p->there[1], &c, 1));
		if (i % 4 == 3)
			ASSERT_EQ(1, oa_poll(&pfd, 1, -1));
		ASSERT_EQ(1, oa_read(p->back[0], &d, 1));
		ASSERT_EQ(c, d);
		if (i % 8 == 1)
			ASSERT_OK(oa_sleep(10 * OA_USEC));
	}
	ASSERT_OK(oa_close(p->there[1]));
	return NULL;
}

static void *reads_for_ever(void *arg)
{
	char c;

	return oa_err((int)oa_read(*(int *)arg, &c, 1));
}

static void play_all(void)
{
	struct pair p[PAIRS];
	oa_task_t player[PAIRS], echo[PAIRS], cut[PAIRS];
	int silent[2];
	void *result;

	ASSERT_EQ(0, pipe(silent));
	for (int i = 0; i < PAIRS; i++) {
		ASSERT_EQ(0, pipe(p[i].there));
		ASSERT_EQ(0, pipe(p[i].back));
		echo[i] = oa_spawn(echoes, &p[i]);
		player[i] = oa_spawn(plays, &p[i]);
		cut[i] = oa_spawn(reads_for_ever, &silent[0]);
	}
	for (int i = 0; i < PAIRS; i++) {
		ASSERT_OK(oa_join(player[i], NULL));
		ASSERT_OK(oa_join(echo[i], NULL));
		task_wait_until(task_state(NULL, cut[i]) == OA_TASK_PARKED);
		ASSERT_OK(oa_cancel(cut[i]));
		ASSERT_OK(oa_join(cut[i], &result));
		ASSERT_ERR(oa_err_code(result), -ECANCELED);
		ASSERT_OK(oa_close(p[i].there[0]));
		ASSERT_OK(oa_close(p[i].back[0]));
		ASSERT_OK(oa_close(p[i].back[1]));
	}
	ASSERT_OK(oa_close(silent[0]));
	ASSERT_OK(oa_close(silent[1]));
}

static void *works(void *arg)
{
	play_all();
	COUNT(*(unsigned int *)arg);
	return NULL;
}

static void *nothing(void *arg)
{
	return arg;
}

static void *works_little(void *arg)
{
	oa_task_t t = oa_spawn(nothing, NULL, .name = "inner");
	void *result = NULL;
	int err = oa_join(t, &result);

	/* A failed spawn is told by the join, a missing stack by the result. */
	if (err)
		EXPECT_ERR(err, -ENOMEM);
	else if (result)
		EXPECT_ERR(oa_err_code(result), -ENOMEM);
	COUNT(*(unsigned int *)arg);
	return NULL;
}

FIXTURE(faults) { unsigned int ran; };
VARIANTS_WORKERS(faults);

FIXTURE_SETUP(faults)
{
}

FIXTURE_TEARDOWN(faults)
{
	no_fault();
	/* Nothing is broken for good. */
	self->ran = 0;
	ASSERT_OK(oa_run(works, &self->ran, .workers = variant->workers));
	ASSERT_EQ(1u, self->ran);
}

static void start_fails(unsigned int *ran, unsigned int workers,
			const char *kind, int err1, int err2, int most)
{
	struct harness_leaks leaks;
	struct oa_ended ended;
	int err, failed = 0;

	harness_leaks_begin(&leaks);
	for (int n = 1; n <= most; n++) {
		set_fault(kind, n, "");
		*ran = 0;
		memset(&ended, 0, sizeof(ended));
		err = oa_run(works_little, ran, .workers = workers,
			     .ended = &ended);
		no_fault();
		EXPECT_NO_LEAKS(&leaks);
		if (err) {
			failed++;
			ASSERT_TRUE(err == err1 || err == err2);
			ASSERT_EQ(0u, *ran);
		} else {
			/* Ran, or was dropped for want of a stack. */
			ASSERT_EQ(1u, *ran + (ended.ran ? 0u : 1u));
		}
	}
	/* With one worker oa_run() starts no thread. */
	if (strcmp(kind, "stack") && (strcmp(kind, "thread") || workers > 1))
		EXPECT_GT(failed, 0);
}

TEST_F(faults, an_allocation_at_start)
{
	start_fails(&self->ran, variant->workers, "alloc", -ENOMEM, -ENOMEM,
		    6 + 5 * (int)variant->workers);
}

TEST_F(faults, a_mapping_at_start)
{
	start_fails(&self->ran, variant->workers, "mmap", -ENOMEM, -ENOMEM,
		    4 + (int)variant->workers);
}

TEST_F(faults, a_slab_at_start)
{
	start_fails(&self->ran, variant->workers, "slab", -ENOMEM, -ENOMEM, 3);
}

TEST_F(faults, a_stack_at_start)
{
	start_fails(&self->ran, variant->workers, "stack", -ENOMEM, -ENOMEM,
		    4);
}

TEST_F(faults, a_thread_at_start)
{
	start_fails(&self->ran, variant->workers, "thread", -EAGAIN, -EAGAIN,
		    1 + (int)variant->workers);
}

TEST_F(faults, a_ring_at_start)
{
	start_fails(&self->ran, variant->workers, "ring", -ENOMEM, -ENOMEM,
		    2 + (int)variant->workers);
}

TEST_F(faults, an_eventfd_at_start)
{
	start_fails(&self->ran, variant->workers, "eventfd", -EMFILE, -EMFILE,
		    1 + (int)variant->workers);
}

static void gets_through(unsigned int *ran, unsigned int workers,
			 const char *kind, int most, const char *more)
{
	struct harness_leaks leaks;

	harness_leaks_begin(&leaks);
	for (int n = 1; n <= most; n += n < 20 ? 1 : 7) {
		set_fault(kind, n, more);
		*ran = 0;
		ASSERT_OK(oa_run(works, ran, .workers = workers));
		ASSERT_EQ(1u, *ran);
		no_fault();
	}
	EXPECT_NO_LEAKS(&leaks);
}

TEST_F(faults, no_room_in_the_submission_queue)
{
	gets_through(&self->ran, variant->workers, "sqe", MANY, "");
}

/* Each of a ring's three is an offer: without it, it does all the same. */
TEST_F(faults, a_ring_is_not_tuned)
{
	gets_through(&self->ran, variant->workers, "register",
		     3 * (int)variant->workers, "");
	gets_through(&self->ran, variant->workers, "register", 1, "+");
}

TEST_F(faults, the_kernel_is_busy)
{
	gets_through(&self->ran, variant->workers, "enter", MANY, "");
}

TEST_F(faults, a_message_does_not_arrive)
{
	gets_through(&self->ran, variant->workers, "msg", (int)SCALED(20, 8), "");
}

TEST_F(faults, a_cancel_has_no_effect)
{
	gets_through(&self->ran, variant->workers, "cancel", PAIRS, "");
}

static void *is_cut(void *arg)
{
	oa_task_t t = oa_spawn(reads_for_ever, arg);
	oa_time_t begun;
	void *result;

	task_wait_until(task_state(NULL, t) == OA_TASK_PARKED);
	begun = oa_now();
	ASSERT_OK(oa_cancel(t));
	ASSERT_OK(oa_join(t, &result));
	EXPECT_ERR(oa_err_code(result), -ECANCELED);
	/* 5, 10, 20 and 40 ms: it was asked no faster. */
	EXPECT_GE(oa_now() - begun, 75 * OA_MSEC);
	return NULL;
}

/* And again, and again: the fifth has. */
TEST_F(faults, cancels_have_no_effect_for_a_while)
{
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	set_fault("cancel", 1, "-4");
	ASSERT_OK(oa_run(is_cut, fds, .workers = variant->workers));
	no_fault();
	close(fds[0]);
	close(fds[1]);
}

/* Both ends of a request are closed while that does not hear of it. */
struct cut_splice {
	int from[2], to[2];
	oa_task_t t;
};

static void *splices(void *arg)
{
	struct cut_splice *c = arg;

	EXPECT_ERR(oa_splice(c->from[0], NULL, c->to[1], NULL, 1, 0), -EBADF);
	return NULL;
}

static void closes_after_it(struct cut_splice *c, int fd)
{
	EXPECT_OK(oa_close(fd));
	EXPECT_NE(OA_TASK_PARKED, task_state(NULL, c->t));
}

static void *closes_from(void *arg)
{
	struct cut_splice *c = arg;

	closes_after_it(c, c->from[0]);
	return NULL;
}

static void *closes_to(void *arg)
{
	struct cut_splice *c = arg;

	closes_after_it(c, c->to[1]);
	return NULL;
}

static void *closes_both(void *arg)
{
	struct cut_splice c;
	oa_task_t t[2];

	ASSERT_EQ(0, pipe(c.from));
	ASSERT_EQ(0, pipe(c.to));
	c.t = oa_spawn(splices, &c);
	task_wait_until(task_state(NULL, c.t) == OA_TASK_PARKED);
	set_fault("cancel", 1, "-4");
	t[0] = oa_spawn(closes_from, &c);
	t[1] = oa_spawn(closes_to, &c);
	for (int i = 0; i < 2; i++)
		ASSERT_OK(oa_join(t[i], NULL));
	no_fault();
	ASSERT_OK(oa_join(c.t, NULL));
	EXPECT_EQ(0, close(c.from[1]));
	EXPECT_EQ(0, close(c.to[0]));
	return arg;
}

TEST_F(faults, both_ends_of_a_request_are_closed)
{
	ASSERT_OK(oa_run(closes_both, NULL, .workers = variant->workers));
}

/* Though the worker has tasks all the while, and never waits. */
static void *is_cut_beside_one_that_yields(void *arg)
{
	oa_task_t t = oa_spawn(reads_for_ever, arg);
	void *result;

	task_wait_until(task_state(NULL, t) == OA_TASK_PARKED);
	ASSERT_OK(oa_cancel(t));
	task_wait_until(task_state(NULL, t) == OA_TASK_ENDED);
	ASSERT_OK(oa_join(t, &result));
	EXPECT_ERR(oa_err_code(result), -ECANCELED);
	return NULL;
}

TEST_F(faults, cancels_have_no_effect_while_others_run)
{
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	set_fault("cancel", 1, "-4");
	ASSERT_OK(oa_run(is_cut_beside_one_that_yields, fds, .workers = 1));
	no_fault();
	close(fds[0]);
	close(fds[1]);
}

/* Nor does it wait where a foreign loop does that. */
TEST_F(faults, cancels_have_no_effect_in_a_foreign_loop)
{
	struct oa_runtime *rt;
	struct pollfd p = { .events = POLLIN };
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	set_fault("cancel", 1, "-4");
	ASSERT_OK(oa_start(&rt, is_cut, fds, .external = true));
	p.fd = oa_runtime_fd(rt);
	ASSERT_GE(p.fd, 0);
	while (oa_poll_once(rt, 0) != -ESHUTDOWN)
		ASSERT_EQ(1, poll(&p, 1, -1));
	no_fault();
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
	close(fds[0]);
	close(fds[1]);
}

/* A step on the way to the descriptor for a foreign loop: the next finds all. */
static void fd_fails(const char *kind, int n, int err)
{
	struct oa_runtime *rt;
	struct pollfd p = { .events = POLLIN };
	unsigned int ran = 0, fds;

	ASSERT_OK(oa_start(&rt, works_little, &ran, .external = true));
	fds = harness_nr_fds();
	set_fault(kind, n, "");
	EXPECT_ERR(oa_runtime_fd(rt), err);
	no_fault();
	EXPECT_EQ(fds, harness_nr_fds());
	p.fd = oa_runtime_fd(rt);
	ASSERT_GE(p.fd, 0);
	while (oa_poll_once(rt, 0) != -ESHUTDOWN)
		ASSERT_EQ(1, poll(&p, 1, -1));
	ASSERT_EQ(1u, ran);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_runtime_free(rt));
}

TEST(no_descriptor_for_a_foreign_loop)
{
	struct harness_leaks leaks;

	harness_leaks_begin(&leaks);
	fd_fails("epoll", 1, -EMFILE);
	fd_fails("eventfd", 1, -EMFILE);
	fd_fails("timerfd", 1, -EMFILE);
	for (int n = 2; n <= 4; n++)
		fd_fails("epoll", n, -ENOMEM);
	fd_fails("register", 1, -ENOMEM);
	EXPECT_NO_LEAKS(&leaks);
}

/* As when no thread could be made for it. It begins anew; not for ever. */
static void *reads_one(void *arg)
{
	char c;

	return (void *)oa_read(*(int *)arg, &c, 1);
}

static void *is_dropped(void *arg)
{
	int *fds = arg;
	oa_task_t t;
	void *result;

	for (int n = 1; n <= 4; n++) {
		set_fault("drop", 1, n == 1 ? "" : n == 2 ? "-2" : "-9");
		t = oa_spawn(reads_one, &fds[0]);
		task_wait_until(task_state(NULL, t) == OA_TASK_PARKED);
		no_fault();
		ASSERT_EQ(1, write(fds[1], "x", 1));
		ASSERT_OK(oa_join(t, &result));
		EXPECT_EQ(1, (long)result);
	}
	set_fault("drop", 1, "+");
	EXPECT_EQ(-EAGAIN, (long)reads_one(fds));
	no_fault();
	return NULL;
}

TEST_F(faults, a_request_is_dropped)
{
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	ASSERT_OK(oa_run(is_dropped, fds, .workers = variant->workers));
	close(fds[0]);
	close(fds[1]);
}

/* A close that is given up has not closed. */
static void *closes_for_sure(void *arg)
{
	static const char *const last[] = { "", "-5", "+" };
	int fds[2];
	char c;

	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, pipe(fds));
		set_fault("drop", 1, last[i]);
		EXPECT_OK(oa_close(fds[1]));
		no_fault();
		/* The other side hears of it. */
		EXPECT_EQ(0, read(fds[0], &c, 1));
		EXPECT_OK(oa_close(fds[0]));
	}
	return arg;
}

TEST_F(faults, a_close_is_dropped)
{
	ASSERT_OK(oa_run(closes_for_sure, NULL, .workers = variant->workers));
}

TEST_F(faults, no_message_ever_arrives)
{
	gets_through(&self->ran, variant->workers, "msg", 5, "+");
}

HARNESS_MAIN
