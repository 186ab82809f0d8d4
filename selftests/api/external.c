// SPDX-License-Identifier: MIT
/* Runtimes without threads, driven by a loop of the caller's. */
#include "api_test.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

FIXTURE(external) {
	struct oa_runtime *rt;
	unsigned int n;
	int fd, up, fds[2];
};
FIXTURE_VARIANT(external) { int none; };
FIXTURE_VARIANT_ADD(external, futex) { 0 };
FIXTURE_VARIANT_ADD(external, ring, "OA_PARK=ring") { 0 };
FIXTURE_VARIANT_ADD(external, no_send_msg_ring, "OA_DISABLE=send-msg-ring") {
	0
};
FIXTURE_VARIANT_ADD(external, like_6_1, "OA_DISABLE=registered-ring,"
		    "abs-timer,clock,min-wait,no-iowait,send-msg-ring,futex2,"
		    "futex-waitv,membarrier,ring-futex") { 0 };

typedef struct external_fixture_data data;

FIXTURE_SETUP(external)
{
	ASSERT_EQ(0, pipe(self->fds));
}

FIXTURE_TEARDOWN(external)
{
	close(self->fds[0]);
	close(self->fds[1]);
}

static void begin(data *s, oa_fn fn)
{
	ASSERT_OK(oa_start(&s->rt, fn, s, .external = true));
	dump_runtime = s->rt;
}

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ASSERT_GE(poll(&p, 1, ms), 0);
	return p.revents & POLLIN;
}

static void is_over(data *s)
{
	ASSERT_ERR(oa_poll_once(s->rt, 0), -ESHUTDOWN);
	ASSERT_OK(oa_runtime_wait(s->rt, NULL));
	ASSERT_OK(oa_runtime_free(s->rt));
}

/* The loop that does nothing else: by its descriptor, or by waiting. */
static void drive(data *s)
{
	int fd = oa_runtime_fd(s->rt), more = 0;

	ASSERT_GE(fd, 0);
	do {
		if (!readable(fd, -1))
			continue;
		more = oa_poll_once(s->rt, 0);
	} while (more != -ESHUTDOWN);
	is_over(s);
}

static void drive_waiting(data *s)
{
	int more;

	while ((more = oa_poll_once(s->rt, OA_FOREVER)) >= 0)
		;
	ASSERT_ERR(more, -ESHUTDOWN);
	is_over(s);
}

static void *adds_one(void *arg)
{
	COUNT(((data *)arg)->n);
	return NULL;
}

TEST_F(external, nothing_runs_before_it_is_polled)
{
	unsigned int threads = harness_nr_threads();

	begin(self, adds_one);
	EXPECT_EQ(threads, harness_nr_threads());
	EXPECT_EQ(0u, self->n);
	EXPECT_ERR(oa_poll_once(self->rt, 0), -ESHUTDOWN);
	EXPECT_EQ(1u, self->n);
	is_over(self);
}

static void *first_of_many(void *arg)
{
	data *s = arg;
	oa_task_t t[100];

	for (int i = 0; i < 100; i++)
		t[i] = oa_spawn(adds_one, s);
	for (int i = 0; i < 100; i++) {
		ASSERT_OK(oa_sleep(50 * OA_USEC));
		ASSERT_OK(oa_join(t[i], NULL));
	}
	return NULL;
}

TEST_F(external, tasks_and_timers)
{
	begin(self, first_of_many);
	drive(self);
	EXPECT_EQ(100u, self->n);
}

TEST_F(external, tasks_and_timers_waiting)
{
	begin(self, first_of_many);
	drive_waiting(self);
	EXPECT_EQ(100u, self->n);
}

/* Its timer makes it readable, and nothing else does before. */
static void *sleeps(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_sleep(20 * OA_MSEC));
	s->n++;
	ASSERT_OK(oa_sleep(20 * OA_MSEC));
	return NULL;
}

TEST_F(external, readable_when_a_timer_is_due)
{
	oa_time_t start = oa_now();
	int fd, polls = 0, more;

	begin(self, sleeps);
	fd = oa_runtime_fd(self->rt);
	ASSERT_TRUE(readable(fd, 0));
	while ((more = oa_poll_once(self->rt, 0)) >= 0) {
		polls++;
		ASSERT_TRUE(readable(fd, more ? 0 : -1));
	}
	EXPECT_GE(oa_now() - start, 40 * OA_MSEC);
	/* Not in circles: a wheel may have parts moved a few times. */
	EXPECT_LE(polls, 40);
	is_over(self);
}

/* A request. */
static void *reads(void *arg)
{
	data *s = arg;
	char c;

	for (int i = 0; i < 100; i++) {
		TELL(s->up, i + 1);
		ASSERT_EQ(1, oa_read(s->fds[0], &c, 1));
		s->n++;
	}
	return NULL;
}

static void settle(data *s)
{
	while (oa_poll_once(s->rt, 0) > 0)
		;
}

TEST_F(external, readable_when_a_request_is_done)
{
	int fd;

	begin(self, reads);
	fd = oa_runtime_fd(self->rt);
	for (int i = 0; i < 100; i++) {
		settle(self);
		/* What was only kicked looks once more, and finds nothing. */
		while (readable(fd, 0))
			settle(self);
		ASSERT_EQ(i + 1, self->up);
		ASSERT_EQ(1, write(self->fds[1], "x", 1));
		ASSERT_TRUE(readable(fd, -1));
		/* As long as nothing is done about it. */
		ASSERT_TRUE(readable(fd, 0));
		while (self->n <= (unsigned int)i && oa_poll_once(self->rt, 0) >= 0)
			;
		ASSERT_EQ((unsigned int)i + 1, self->n);
	}
	is_over(self);
}

static void *writes_slowly(void *arg)
{
	data *s = arg;

	for (int i = 0; i < 100; i++) {
		wait_until(SEEN(s->up) == i + 1);
		ASSERT_EQ(1, write(s->fds[1], "x", 1));
	}
	return NULL;
}

TEST_F(external, requests_while_it_waits)
{
	pthread_t th;

	begin(self, reads);
	thread_start(&th, writes_slowly, self);
	drive_waiting(self);
	thread_end(th);
	EXPECT_EQ(100u, self->n);
}

/* Others reach it. */

static int stop;

static void *until_stopped(void *arg)
{
	(void)arg;
	while (!SEEN(stop))
		oa_sleep(OA_SEC);
	return NULL;
}

static void *tells(void *arg)
{
	COUNT((*(data **)arg)->n);
	return NULL;
}

static void *ends_sleep(void *arg)
{
	oa_task_t t = *(oa_task_t *)arg;

	ASSERT_OK(oa_cancel(t));
	return NULL;
}

static oa_task_t sleeper;

static void *sleeps_for_ever(void *arg)
{
	(void)arg;
	sleeper = oa_self();
	EXPECT_ERR(oa_sleep(OA_FOREVER), -ECANCELED);
	return NULL;
}

TEST_F(external, a_deadline_bounds_the_wait)
{
	oa_time_t until;

	begin(self, sleeps_for_ever);
	settle(self);
	until = oa_after(5 * OA_MSEC);
	EXPECT_EQ(0, oa_poll_once(self->rt, until));
	EXPECT_GE(oa_now(), until);
	ASSERT_OK(oa_shutdown(self->rt, OA_SHUTDOWN_GRACEFUL));
	drive_waiting(self);
}

static void *posts(void *arg)
{
	data *s = arg;

	for (unsigned int i = 0; i < 200; i++) {
		ASSERT_OK(oa_post(s->rt, tells, &s, sizeof(s)));
		wait_until(SEEN(s->n) == i + 1);
	}
	ASSERT_OK(oa_post(s->rt, ends_sleep, &sleeper, sizeof(sleeper)));
	return NULL;
}

TEST_F(external, posts_make_it_readable)
{
	pthread_t th;

	begin(self, sleeps_for_ever);
	ASSERT_GE(oa_runtime_fd(self->rt), 0);
	settle(self);
	thread_start(&th, posts, self);
	drive(self);
	thread_end(th);
	EXPECT_EQ(200u, self->n);
}

TEST_F(external, posts_end_its_wait)
{
	pthread_t th;

	begin(self, sleeps_for_ever);
	settle(self);
	thread_start(&th, posts, self);
	drive_waiting(self);
	thread_end(th);
	EXPECT_EQ(200u, self->n);
}

static void *wakes(void *arg)
{
	struct oa_sem *sem = arg;

	for (int i = 0; i < 500; i++)
		ASSERT_OK(oa_sem_post(&sem[0])), ASSERT_OK(oa_sem_wait(&sem[1]));
	return NULL;
}

static struct oa_sem sems[2];

static void *is_woken(void *arg)
{
	for (int i = 0; i < 500; i++)
		ASSERT_OK(oa_sem_wait(&sems[0])), ASSERT_OK(oa_sem_post(&sems[1]));
	return arg;
}

/* A thread, and a task of another runtime, take turns with a task of ours. */
TEST_F(external, wakes_by_threads)
{
	pthread_t th;

	ASSERT_OK(oa_sem_init(&sems[0], 0));
	ASSERT_OK(oa_sem_init(&sems[1], 0));
	begin(self, is_woken);
	thread_start(&th, wakes, sems);
	drive(self);
	thread_end(th);
}

TEST_F(external, wakes_by_another_runtime)
{
	struct oa_runtime *other;

	ASSERT_OK(oa_sem_init(&sems[0], 0));
	ASSERT_OK(oa_sem_init(&sems[1], 0));
	begin(self, is_woken);
	ASSERT_OK(oa_start(&other, wakes, sems, .workers = 2));
	drive(self);
	ASSERT_OK(oa_runtime_wait(other, NULL));
	ASSERT_OK(oa_runtime_free(other));
}

static struct oa_post_node node;

static void on_signal(int sig)
{
	(void)sig;
	EXPECT_OK(oa_post_prepared(&node));
}

TEST_F(external, signals_of_its_own_thread)
{
	struct sigaction sa = { .sa_handler = on_signal };
	int fd;

	ASSERT_EQ(0, sigaction(SIGUSR2, &sa, NULL));
	begin(self, until_stopped);
	fd = oa_runtime_fd(self->rt);
	node = (struct oa_post_node)OA_POST_NODE(self->rt, adds_one, self);
	for (unsigned int i = 0; i < 100; i++) {
		settle(self);
		raise(SIGUSR2);
		ASSERT_TRUE(readable(fd, 0));
		settle(self);
		ASSERT_EQ(i + 1, self->n);
	}
	TELL(stop, 1);
	ASSERT_OK(oa_shutdown(self->rt, OA_SHUTDOWN_GRACEFUL));
	ASSERT_TRUE(readable(fd, 0));
	drive(self);
}

/* What the pool is for: a call that keeps its thread for some time. */
static void *blocks(void *arg)
{
	/* It stands for a call of the kernel that takes its time. */
	usleep(1000);
	return adds_one(arg);
}

static void *uses_the_pool(void *arg)
{
	for (int i = 0; i < 20; i++)
		oa_block(blocks, arg);
	/* Its end, on the pool, is that of the run. */
	return oa_err(oa_go(blocks, arg, .block = true));
}

TEST_F(external, the_blocking_pool)
{
	begin(self, uses_the_pool);
	drive(self);
	EXPECT_EQ(21u, self->n);
}

/* Who may. */

static void *polls_from_inside(void *arg)
{
	data *s = arg;

	EXPECT_ERR(oa_poll_once(s->rt, 0), -EDEADLK);
	EXPECT_ERR(oa_runtime_wait(s->rt, NULL), -EDEADLK);
	return NULL;
}

static void *polls_from_elsewhere(void *arg)
{
	data *s = arg;

	EXPECT_ERR(oa_poll_once(s->rt, 0), -EPERM);
	EXPECT_ERR(oa_runtime_fd(s->rt), -EPERM);
	EXPECT_ERR(oa_runtime_wait_until(s->rt, NULL, 0), -ETIMEDOUT);
	EXPECT_ERR(oa_runtime_free(s->rt), -EBUSY);
	return NULL;
}

static void *starts_another(void *arg)
{
	data *s = arg;

	EXPECT_ERR(oa_start(&s->rt, adds_one, s, .external = true), -EPERM);
	return NULL;
}

TEST_F(external, who_may_drive_it)
{
	struct oa_runtime *other;
	pthread_t th;

	begin(self, polls_from_inside);
	thread_start(&th, polls_from_elsewhere, self);
	thread_end(th);
	EXPECT_ERR(oa_runtime_wait(self->rt, NULL), -EDEADLK);
	ASSERT_OK(oa_start(&other, polls_from_elsewhere, self));
	ASSERT_OK(oa_runtime_wait(other, NULL));
	EXPECT_ERR(oa_poll_once(other, 0), -EINVAL);
	EXPECT_ERR(oa_runtime_fd(other), -EINVAL);
	ASSERT_OK(oa_runtime_free(other));
	EXPECT_ERR(oa_poll_once(NULL, 0), -EINVAL);
	EXPECT_ERR(oa_runtime_fd(NULL), -EINVAL);
	drive(self);
	ASSERT_OK(oa_run(starts_another, self));
}

TEST_F(external, bad_configurations)
{
	EXPECT_ERR(oa_run(adds_one, self, .external = true), -EINVAL);
	EXPECT_ERR(oa_start(&self->rt, adds_one, self, .external = true,
			    .workers = 2), -EINVAL);
	EXPECT_ERR(oa_start(&self->rt, adds_one, self, .external = true,
			    .pin = true), -EINVAL);
	ASSERT_OK(oa_start(&self->rt, adds_one, self, .external = true,
			   .workers = 1));
	drive(self);
	EXPECT_EQ(1u, self->n);
}

/* Several in turn, which send to each other; in between the thread is foreign. */

#define RUNTIMES	5

static struct oa_chan *ch[RUNTIMES];

static void *passes_on(void *arg)
{
	int me = (int)(intptr_t)arg, v;

	for (;;) {
		ASSERT_OK(oa_chan_recv(ch[me], &v));
		if (v < 0)
			return NULL;
		if (me + 1 < RUNTIMES)
			v++;
		ASSERT_OK(oa_chan_send(ch[(me + 1) % RUNTIMES], &v));
		if (v >= 1000)
			break;
	}
	for (int i = 0; i < RUNTIMES; i++)
		if (v = -1, i != me)
			ASSERT_OK(oa_chan_send(ch[i], &v));
	return NULL;
}

TEST_F(external, several_in_turn)
{
	struct oa_runtime *rt[RUNTIMES];
	int left = RUNTIMES, v = 0, err, ep = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_GE(ep, 0);
	for (int i = 0; i < RUNTIMES; i++) {
		struct epoll_event ev = { .events = EPOLLIN };

		ASSERT_OK(oa_chan_create(&ch[i], sizeof(int), 8,
					 OA_CHAN_BOUNDED));
		ASSERT_OK(oa_start(&rt[i], passes_on, (void *)(intptr_t)i,
				   .external = true));
		ev.data.u32 = (uint32_t)i;
		ASSERT_EQ(0, epoll_ctl(ep, EPOLL_CTL_ADD, oa_runtime_fd(rt[i]),
				       &ev));
	}
	ASSERT_OK(oa_chan_send(ch[0], &v));
	while (left) {
		struct epoll_event ev;
		struct oa_runtime *at;

		ASSERT_EQ(1, epoll_wait(ep, &ev, 1, -1));
		at = rt[ev.data.u32];
		err = oa_poll_once(at, 0);
		if (err != -ESHUTDOWN)
			continue;
		ASSERT_OK(oa_runtime_wait(at, NULL));
		ASSERT_OK(oa_runtime_free(at));
		left--;
	}
	for (int i = 0; i < RUNTIMES; i++)
		ASSERT_OK(oa_chan_destroy(ch[i]));
	close(ep);
}

/* A busy one gives the loop its turn after a slice. */
static void *yields_for_ever(void *arg)
{
	(void)arg;
	while (!SEEN(stop))
		oa_yield();
	return NULL;
}

TEST_F(external, a_busy_one_returns)
{
	int fd;

	begin(self, yields_for_ever);
	fd = oa_runtime_fd(self->rt);
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(1, oa_poll_once(self->rt, OA_FOREVER));
		ASSERT_TRUE(readable(fd, 0));
	}
	TELL(stop, 1);
	drive(self);
}

static void stop_it(data *s, enum oa_shutdown_how how)
{
	struct oa_ended e;

	begin(s, sleeps_for_ever);
	for (int i = 0; i < 10; i++)
		ASSERT_OK(oa_go(adds_one, s, .runtime = s->rt,
				.delay = how ? OA_MSEC : 1000 * OA_SEC));
	settle(s);
	ASSERT_OK(oa_shutdown(s->rt, how));
	if (how == OA_SHUTDOWN_DRAIN)
		ASSERT_OK(oa_cancel(sleeper));
	while (oa_poll_once(s->rt, OA_FOREVER) >= 0)
		;
	ASSERT_OK(oa_runtime_wait(s->rt, &e));
	EXPECT_EQ(11u, e.ran + e.dropped);
	ASSERT_OK(oa_runtime_free(s->rt));
}

TEST_F(external, shutdown_gracefully)
{
	stop_it(self, OA_SHUTDOWN_GRACEFUL);
	EXPECT_EQ(0u, self->n);
}

TEST_F(external, shutdown_by_drain)
{
	stop_it(self, OA_SHUTDOWN_DRAIN);
	EXPECT_EQ(10u, self->n);
}

/* At once: what stands somewhere stays there. */
TEST_F(external, shutdown_at_once)
{
	struct oa_ended e;

	begin(self, reads);
	ASSERT_OK(oa_go(sleeps_for_ever, self, .runtime = self->rt));
	settle(self);
	ASSERT_OK(oa_go(adds_one, self, .runtime = self->rt));
	ASSERT_OK(oa_shutdown(self->rt, OA_SHUTDOWN_NOW));
	ASSERT_TRUE(readable(oa_runtime_fd(self->rt), 0));
	ASSERT_ERR(oa_poll_once(self->rt, OA_FOREVER), -ESHUTDOWN);
	ASSERT_OK(oa_runtime_wait(self->rt, &e));
	EXPECT_EQ(2u, e.abandoned);
	EXPECT_EQ(1u, e.dropped);
	ASSERT_OK(oa_runtime_free(self->rt));
}

static void *ignores_it(void *arg)
{
	(void)arg;
	for (;;)
		oa_sleep(OA_MSEC);
	return NULL;
}

TEST_F(external, shutdown_by_a_deadline)
{
	oa_time_t until = oa_after(20 * OA_MSEC);
	struct oa_ended e;
	int fd;

	begin(self, ignores_it);
	fd = oa_runtime_fd(self->rt);
	settle(self);
	ASSERT_OK(oa_shutdown_until(self->rt, OA_SHUTDOWN_DRAIN, until));
	while (readable(fd, -1) && oa_poll_once(self->rt, 0) >= 0)
		;
	EXPECT_GE(oa_now(), until);
	ASSERT_OK(oa_runtime_wait(self->rt, &e));
	EXPECT_EQ(1u, e.abandoned);
	ASSERT_OK(oa_runtime_free(self->rt));
}

/* The child of a fork leaves it alone. */
TEST_F(external, a_forked_child)
{
	int fd, status;
	pid_t pid;

	begin(self, sleeps_for_ever);
	fd = oa_runtime_fd(self->rt);
	settle(self);
	while (readable(fd, 0))
		settle(self);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		data own = { .n = 0 };

		EXPECT_ERR(oa_poll_once(self->rt, 0), -EPERM);
		EXPECT_ERR(oa_runtime_fd(self->rt), -EPERM);
		begin(&own, adds_one);
		drive(&own);
		EXPECT_EQ(1u, own.n);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_FALSE(readable(fd, 0));
	ASSERT_OK(oa_shutdown(self->rt, OA_SHUTDOWN_GRACEFUL));
	drive(self);
}

/* Another thread waits for it and releases it as soon as it may. */
static void *waits_and_frees(void *arg)
{
	data *s = arg;

	ASSERT_OK(oa_runtime_wait(s->rt, NULL));
	ASSERT_OK(oa_runtime_free(s->rt));
	return NULL;
}

TEST_F(external, released_by_another_thread)
{
	for (int i = 0; i < 50; i++) {
		pthread_t th;

		begin(self, adds_one);
		thread_start(&th, waits_and_frees, self);
		while (oa_poll_once(self->rt, 0) != -ESHUTDOWN)
			;
		thread_end(th);
		dump_runtime = NULL;
	}
}

static void *sleeps_a_moment(void *arg)
{
	ASSERT_OK(oa_sleep(OA_USEC));
	return adds_one(arg);
}

TEST(a_thousand_one_after_another)
{
	struct external_fixture_data s = { .n = 0 };
	struct harness_leaks l;
	long n = SCALED(1000, 100);

	harness_leaks_begin(&l);
	for (long i = 0; i < n; i++) {
		begin(&s, sleeps_a_moment);
		if (i & 1)
			drive(&s);
		else
			drive_waiting(&s);
	}
	EXPECT_EQ((unsigned int)n, s.n);
	EXPECT_NO_LEAKS(&l);
}

HARNESS_MAIN
