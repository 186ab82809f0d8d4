// SPDX-License-Identifier: MIT
/* Counters, walks, dumps, features: sane at rest, under load, from anywhere. */
#include "api_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

FIXTURE(inspect) { unsigned int n; int flag, stop, fds[2]; };
VARIANTS_WORKERS(inspect);

typedef struct inspect_fixture_data data;

FIXTURE_SETUP(inspect)
{
	ASSERT_EQ(0, pipe(self->fds));
}

FIXTURE_TEARDOWN(inspect)
{
	close(self->fds[0]);
	close(self->fds[1]);
}

static void *add_one(void *counter)
{
	COUNT(*(unsigned int *)counter);
	return NULL;
}

static void *sleeps(void *arg)
{
	(void)arg;
	return oa_err(oa_sleep(OA_FOREVER));
}

static void *reads(void *arg)
{
	char c;

	return oa_err((int)oa_read(*(int *)arg, &c, 1));
}

static void *joins(void *arg)
{
	return oa_err(oa_join(*(oa_task_t *)arg, NULL));
}

static void *polls(void *arg)
{
	struct pollfd p = { .fd = *(int *)arg, .events = POLLIN };

	return oa_err(oa_poll(&p, 1, -1));
}

/* Walking. */

struct find {
	oa_task_t task;
	struct oa_task_info info;
	char name[OA_TASK_NAME_MAX], waits[32];
	bool found;
};

static int find_one(const struct oa_task_info *info, void *arg)
{
	struct find *f = arg;

	if (!oa_task_eq(info->task, f->task))
		return 0;
	f->info = *info;
	snprintf(f->name, sizeof(f->name), "%s", info->name);
	snprintf(f->waits, sizeof(f->waits), "%s", info->waits);
	f->found = true;
	return 77;
}

static void look_at(struct find *f, oa_task_t t)
{
	memset(f, 0, sizeof(*f));
	f->task = t;
	ASSERT_EQ(77, oa_tasks(NULL, find_one, f));
	ASSERT_TRUE(f->found);
}

static void until(oa_task_t t, int state)
{
	task_wait_until(task_state(NULL, t) == state);
}

static int end_and_join(oa_task_t t)
{
	void *result;

	ASSERT_OK(oa_cancel(t));
	ASSERT_OK(oa_join(t, &result));
	return oa_err_code(result);
}

TASK_TEST_F(inspect, what_a_walk_tells, .workers = variant->workers)
{
	oa_task_t a, b, c, d, e;
	struct find f;

	look_at(&f, oa_self());
	EXPECT_EQ(OA_TASK_RUNNING, (int)f.info.state);
	EXPECT_EQ(oa_worker_id(), f.info.worker);
	EXPECT_EQ(0, f.info.cancelled);
	EXPECT_STREQ("", f.name);
	EXPECT_STREQ("", f.waits);
	EXPECT_EQ(-1, f.info.fd);
	EXPECT_GE(f.info.stack_size, (size_t)(256 << 10));

	a = oa_spawn(sleeps, NULL, .name = "sleeper");
	until(a, OA_TASK_PARKED);
	look_at(&f, a);
	EXPECT_STREQ("sleeper", f.name);
	EXPECT_STRNE("", f.waits);
	EXPECT_EQ((void *)sleeps, (void *)f.info.fn);
	EXPECT_NOT_NULL(f.info.spawn_site);
	EXPECT_EQ(-1, f.info.fd);
	EXPECT_EQ(OA_FOREVER, f.info.deadline);
	EXPECT_GE(f.info.worker, 0);
	EXPECT_LT(f.info.worker, (int)variant->workers);

	b = oa_spawn(reads, &self->fds[0], .name = "reader");
	until(b, OA_TASK_PARKED);
	look_at(&f, b);
	EXPECT_STREQ("read", f.waits);
	EXPECT_EQ(self->fds[0], f.info.fd);

	c = oa_spawn(joins, &a, .name = "joiner");
	until(c, OA_TASK_PARKED);
	look_at(&f, c);
	EXPECT_STREQ("join", f.waits);
	EXPECT_TRUE(oa_task_eq(a, f.info.waits_task));

	d = oa_spawn(add_one, &self->n, .delay = 1000 * OA_SEC);
	look_at(&f, d);
	EXPECT_EQ(OA_TASK_DELAYED, (int)f.info.state);
	EXPECT_GT(f.info.deadline, oa_now());
	EXPECT_LT(f.info.deadline, oa_after(1001 * OA_SEC));
	EXPECT_EQ((size_t)0, f.info.stack_size);
	EXPECT_EQ(-1, f.info.worker);

	e = oa_spawn(polls, &self->fds[0]);
	until(e, OA_TASK_PARKED);
	look_at(&f, e);
	EXPECT_STREQ("poll", f.waits);
	EXPECT_EQ(self->fds[0], f.info.fd);
	EXPECT_EQ(6u, count_tasks(NULL));

	EXPECT_ERR(end_and_join(c), -ECANCELED);
	EXPECT_ERR(end_and_join(a), -ECANCELED);
	EXPECT_ERR(end_and_join(b), -ECANCELED);
	EXPECT_ERR(end_and_join(d), -ECANCELED);
	EXPECT_ERR(end_and_join(e), -ECANCELED);

	a = oa_spawn(add_one, &self->n);
	until(a, OA_TASK_ENDED);
	look_at(&f, a);
	EXPECT_EQ((size_t)0, f.info.stack_size);
	ASSERT_OK(oa_join(a, NULL));
	EXPECT_EQ(1u, count_tasks(NULL));
}

static void *late_sleeper(void *arg)
{
	struct oa_deadline d;

	OA_WITHIN(&d, 500 * OA_SEC)
		return sleeps(arg);
	return NULL;
}

TASK_TEST_F(inspect, a_wait_with_an_end, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(late_sleeper, NULL);
	struct find f;

	until(t, OA_TASK_PARKED);
	look_at(&f, t);
	EXPECT_GT(f.info.deadline, oa_now());
	EXPECT_LT(f.info.deadline, oa_after(501 * OA_SEC));
	ASSERT_OK(oa_cancel(t));
	ASSERT_OK(oa_join(t, NULL));
}

static void *resists(void *arg)
{
	while (!SEEN(*(int *)arg))
		sched_yield();
	return NULL;
}

static void *looks_at_cancelled(void *arg)
{
	oa_task_t t = *(oa_task_t *)arg;
	struct find f;

	look_at(&f, t);
	EXPECT_EQ(1, f.info.cancelled);
	return NULL;
}

TASK_TEST_F(inspect, cancelled, .workers = variant->workers)
{
	oa_task_t me = oa_self();

	if (variant->workers == 1) {
		struct find f;

		ASSERT_OK(oa_cancel(me));
		look_at(&f, me);
		EXPECT_EQ(1, f.info.cancelled);
		return;
	}
	oa_task_t t = oa_spawn(resists, &self->flag);

	until(t, OA_TASK_RUNNING);
	ASSERT_OK(oa_cancel(t));
	ASSERT_OK(oa_join(oa_spawn(looks_at_cancelled, &t), NULL));
	TELL(self->flag, 1);
	ASSERT_OK(oa_join(t, NULL));
}

static int stop_at_once(const struct oa_task_info *info, void *arg)
{
	(void)info;
	COUNT(*(unsigned int *)arg);
	return -5;
}

TASK_TEST_F(inspect, a_walk_ends_when_told, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(sleeps, NULL);

	EXPECT_EQ(-5, oa_tasks(NULL, stop_at_once, &self->n));
	EXPECT_EQ(1u, self->n);
	EXPECT_ERR(oa_tasks(NULL, NULL, NULL), -EINVAL);
	EXPECT_ERR(end_and_join(t), -ECANCELED);
}

/* Looking from outside while everything moves. */

static void *churns(void *arg)
{
	data *s = arg;

	while (!SEEN(s->stop)) {
		oa_task_t t[10];

		for (int i = 0; i < 10; i++)
			t[i] = oa_spawn(add_one, &s->n, .name = "churned",
					.delay = i % 3 ? 0 : OA_USEC);
		ASSERT_OK(oa_sleep(1));
		for (int i = 0; i < 10; i++)
			ASSERT_OK(oa_join(t[i], NULL));
	}
	return NULL;
}

static void *churns_all(void *arg)
{
	for (int i = 0; i < 6; i++)
		ASSERT_OK(oa_go(churns, arg, .name = "churner"));
	return NULL;
}

static int check_info(const struct oa_task_info *i, void *arg)
{
	uint64_t *last = arg;

	ASSERT_GT((int)i->state, 0);
	ASSERT_LE((int)i->state, (int)OA_TASK_ENDED);
	ASSERT_TRUE(!strcmp(i->name, "churner") || !strcmp(i->name, "churned")
		    || !i->name[0]);
	ASSERT_NE(0ul, i->task.id);
	ASSERT_NOT_NULL((void *)i->fn);
	/* None is seen twice. */
	ASSERT_NE(*last, i->task.id);
	*last = i->task.id;
	return 0;
}

static void *looks(void *arg)
{
	struct oa_runtime *rt = arg;
	struct oa_stats st = OA_STATS_INIT;
	FILE *null = fopen("/dev/null", "we");
	uint64_t last = 0;

	ASSERT_NOT_NULL(null);
	for (int i = 0; i < 60; i++) {
		ASSERT_OK(oa_tasks(rt, check_info, &last));
		ASSERT_OK(oa_stats(rt, &st));
		ASSERT_OK(oa_dump(rt, fileno(null)));
	}
	fclose(null);
	return NULL;
}

TEST_F(inspect, from_foreign_threads_under_load)
{
	struct oa_runtime *rt;
	pthread_t th[3];

	ASSERT_OK(oa_start(&rt, churns_all, self,
			   .workers = variant->workers));
	dump_runtime = rt;
	wait_until(SEEN(self->n) > 100);
	for (int i = 0; i < 3; i++)
		thread_start(&th[i], looks, rt);
	for (int i = 0; i < 3; i++)
		thread_end(th[i]);
	TELL(self->stop, 1);
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	EXPECT_EQ(0u, count_tasks(rt));
	ASSERT_OK(oa_runtime_free(rt));
}

/* Counters. */

/* Two calls that no kernel lets wait. */
static void never_waits(void)
{
	const struct sockaddr any = { .sa_family = AF_UNIX };
	int fd = oa_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ASSERT_GE(fd, 0);
	ASSERT_OK(oa_bind(fd, &any, sizeof(any.sa_family)));
	ASSERT_OK(oa_close(fd));
}

/* Does an empty pipe tell that a read would wait? On Linux 6.1 none does. */
static bool pipe_tells(int fd)
{
	char c;
	struct iovec v = { &c, 1 };

	return preadv2(fd, &v, 1, -1, RWF_NOWAIT) < 0 && errno == EAGAIN;
}

static void *some_of_everything(void *arg)
{
	data *s = arg;
	oa_task_t t[100];
	char c = 0;

	for (int i = 0; i < 100; i++)
		t[i] = oa_spawn(add_one, &s->n);
	for (int i = 0; i < 100; i++)
		ASSERT_OK(oa_join(t[i], NULL));
	for (int i = 0; i < 10; i++)
		ASSERT_OK(oa_yield());
	/* A sleep that is over before it has begun needs no timer. */
	do {
		ASSERT_OK(oa_sleep(OA_MSEC));
	} while (!STAT(NULL, timers_fired));
	never_waits();
	ASSERT_EQ(1, oa_write(s->fds[1], &c, 1));
	ASSERT_EQ(1, oa_read(s->fds[0], &c, 1));
	t[0] = oa_spawn(reads, &s->fds[0]);
	until(t[0], OA_TASK_PARKED);
	end_and_join(t[0]);
	return NULL;
}

TASK_TEST_F(inspect, counters, .workers = variant->workers)
{
	struct oa_stats all = OA_STATS_INIT, one;
	uint64_t spawned = 1, switches = 0, waits = 0;

	some_of_everything(self);
	ASSERT_OK(oa_stats(NULL, &all));
	EXPECT_EQ(variant->workers, all.workers);
	EXPECT_GE(all.spawned, 101u);
	EXPECT_GE(all.ended, 101u);
	EXPECT_GE(all.switches, 100u);
	EXPECT_GE(all.yields, 10u);
	EXPECT_GE(all.parks, 1u);
	if (calls_inline())
		EXPECT_GE(all.inlined, pipe_tells(self->fds[0]) ? 4u : 2u);
	EXPECT_GE(all.requests, 1u);
	EXPECT_GE(all.completions, 1u);
	EXPECT_GE(all.cancels, 1u);
	EXPECT_GE(all.timers_armed, 1u);
	EXPECT_GE(all.timers_fired, 1u);
	EXPECT_GE(all.enters, 1u);
	EXPECT_EQ(all.requests, all.completions);
	for (int i = 0; i < (int)variant->workers; i++) {
		one = (struct oa_stats)OA_STATS_INIT;
		one.worker = OA_WORKER(i);
		ASSERT_OK(oa_stats(NULL, &one));
		spawned += one.spawned;
		switches += one.switches;
	}
	/* The first task was started by none of the workers. */
	EXPECT_EQ(all.spawned, spawned);
	EXPECT_GE(switches, all.switches);
	for (int i = 0; i < OA_STATS_BUCKETS; i++)
		waits += all.wait_ns[i];
	/* Each is counted before its time is known. */
	all = (struct oa_stats)OA_STATS_INIT;
	ASSERT_OK(oa_stats(NULL, &all));
	EXPECT_LE(waits, all.waits_ring + all.waits_futex);
}

TASK_TEST_F(inspect, starting_again_from_zero, .workers = variant->workers)
{
	struct oa_stats st = OA_STATS_INIT;

	some_of_everything(self);
	st.reset = 1;
	ASSERT_OK(oa_stats(NULL, &st));
	EXPECT_GE(st.spawned, 101u);
	st = (struct oa_stats)OA_STATS_INIT;
	ASSERT_OK(oa_stats(NULL, &st));
	EXPECT_EQ(0u, st.spawned);
	ASSERT_OK(oa_join(oa_spawn(add_one, &self->n), NULL));
	ASSERT_OK(oa_stats(NULL, &st));
	EXPECT_EQ(1u, st.spawned);
	/* A reset of one worker leaves the others. */
	st.worker = OA_WORKER((int)variant->workers - 1);
	st.reset = 1;
	ASSERT_OK(oa_stats(NULL, &st));
}

TASK_TEST_F(inspect, bad_requests_for_counters, .workers = variant->workers)
{
	struct oa_stats st = OA_STATS_INIT;

	EXPECT_ERR(oa_stats(NULL, NULL), -EINVAL);
	st.size = 0;
	EXPECT_ERR(oa_stats(NULL, &st), -EINVAL);
	st = (struct oa_stats)OA_STATS_INIT;
	st.worker = OA_WORKER((int)variant->workers);
	EXPECT_ERR(oa_stats(NULL, &st), -EINVAL);
	st.worker = -1;
	EXPECT_ERR(oa_stats(NULL, &st), -EINVAL);
	st.worker = 0;
	st.size = sizeof(st) + 8;
	EXPECT_ERR(oa_stats(NULL, &st), -E2BIG);
	/* Of an older program: only as much is written. */
	memset(&st, 0xee, sizeof(st));
	st.size = offsetof(struct oa_stats, switches);
	st.worker = st.reset = 0;
	ASSERT_OK(oa_stats(NULL, &st));
	EXPECT_EQ(0xeeeeeeeeeeeeeeeeul, st.switches);
}

TEST(outside_a_task)
{
	struct oa_stats st = OA_STATS_INIT;

	EXPECT_ERR(oa_stats(NULL, &st), -EPERM);
	EXPECT_ERR(oa_tasks(NULL, stop_at_once, NULL), -EPERM);
	EXPECT_ERR(oa_dump(NULL, 2), -EPERM);
}

/* After the end, until it is released. */
TEST_F(inspect, a_runtime_that_has_ended)
{
	struct oa_stats st = OA_STATS_INIT;
	struct oa_runtime *rt;

	ASSERT_OK(oa_start(&rt, some_of_everything, self,
			   .workers = variant->workers));
	ASSERT_OK(oa_runtime_wait(rt, NULL));
	ASSERT_OK(oa_stats(rt, &st));
	EXPECT_GE(st.ended, 102u);
	EXPECT_EQ(st.spawned, st.ended + st.dropped);
	EXPECT_EQ(0u, count_tasks(rt));
	ASSERT_OK(oa_runtime_free(rt));
}

/* Dumps. */

static char *dump_text(struct oa_runtime *rt)
{
	static char buf[65536];
	FILE *f = tmpfile();
	size_t n;

	ASSERT_NOT_NULL(f);
	ASSERT_OK(oa_dump(rt, fileno(f)));
	rewind(f);
	n = fread(buf, 1, sizeof(buf) - 1, f);
	buf[n] = '\0';
	fclose(f);
	return buf;
}

static void expect_in(const char *text, const char *what)
{
	if (!strstr(text, what))
		FAIL("\"%s\" is not in: %s", what, text);
}

TASK_TEST_F(inspect, a_dump_names_who_waits_for_what,
	    .workers = variant->workers)
{
	oa_task_t a, b, c, d;
	const char *text;
	char want[64];

	a = oa_spawn(sleeps, NULL, .name = "the sleeper");
	b = oa_spawn(reads, &self->fds[0], .name = "the reader");
	c = oa_spawn(joins, &a, .name = "the joiner");
	d = oa_spawn(add_one, NULL, .name = "the late", .delay = 1000 * OA_SEC);
	until(a, OA_TASK_PARKED);
	until(b, OA_TASK_PARKED);
	until(c, OA_TASK_PARKED);
	text = dump_text(NULL);
	expect_in(text, "the sleeper");
	expect_in(text, "the reader");
	expect_in(text, "the joiner");
	expect_in(text, "the late");
	expect_in(text, "delayed");
	expect_in(text, "parked");
	expect_in(text, "running");
	expect_in(text, "in read");
	expect_in(text, "in join");
	snprintf(want, sizeof(want), "fd %d", self->fds[0]);
	expect_in(text, want);
	snprintf(want, sizeof(want), "%#llx", (unsigned long long)a.id);
	expect_in(text, want);
	expect_in(text, "5 tasks");
	EXPECT_ERR(oa_dump(NULL, -1), -EBADF);
	end_and_join(c);
	end_and_join(a);
	end_and_join(b);
	end_and_join(d);
}

/* Features, version, errors. */

static void *nothing(void *arg)
{
	return arg;
}

TEST(features)
{
	char text[8192], cut[20], again[8192];
	size_t n = oa_features(text, sizeof(text));

	ASSERT_GT(n, (size_t)0);
	ASSERT_LT(n, sizeof(text));
	EXPECT_EQ(n, strlen(text));
	EXPECT_EQ(n, oa_features(NULL, 0));
	memset(cut, 'x', sizeof(cut));
	EXPECT_EQ(n, oa_features(cut, 10));
	EXPECT_EQ('\0', cut[9]);
	EXPECT_EQ('x', cut[10]);
	EXPECT_EQ(0, strncmp(text, cut, 9));
	expect_in(text, "ring: yes");
	expect_in(text, "\nsend-msg-ring: ");
	EXPECT_NULL(strstr(text, "\nmsg-ring: "));
	ASSERT_OK(oa_run(nothing, NULL));
	oa_features(again, sizeof(again));
	expect_in(again, "ring: yes");
}

TEST(what_is_disabled_is_told)
{
	char text[8192];

	ASSERT_EQ(0, setenv("OA_DISABLE", "futex2,send-msg-ring", 1));
	oa_features(text, sizeof(text));
	expect_in(text, "futex2: no");
	expect_in(text, "\nsend-msg-ring: no");
	ASSERT_OK(oa_run(nothing, NULL));
}

/* Lines of oa_features(), or texts of events, that name @name. */
struct told {
	const char *name;
	unsigned int lines;
	char last[200];
};

static void hear(const struct oa_runtime_event *ev, void *user)
{
	struct told *t = user;

	if (ev->kind != OA_EVENT_KERNEL ||
	    strncmp(ev->text, t->name, strlen(t->name)))
		return;
	COUNT(t->lines);
	snprintf(t->last, sizeof(t->last), "%s", ev->text);
}

/* The same line as text and as an event, once. */
static void expect_told(const char *name, const char *line)
{
	struct told t = { .name = name };
	char text[8192], whole[200];

	ASSERT_OK(oa_run(nothing, NULL, .on_event = hear, .user = &t));
	EXPECT_EQ(line ? 1u : 0u, t.lines);
	oa_features(text, sizeof(text));
	snprintf(whole, sizeof(whole), "\n%s: ", name);
	if (!line) {
		EXPECT_NULL(strstr(text, whole));
		return;
	}
	EXPECT_STREQ(line, t.last);
	snprintf(whole, sizeof(whole), "\n%s\n", line);
	expect_in(text, whole);
}

TEST(a_stand_in_is_told_by_an_event)
{
	ASSERT_EQ(0, setenv("OA_DISABLE", "futex2,futex-waitv", 1));
	expect_told("futex2", "futex2: no, futex(2)");
	expect_told("futex-waitv", "futex-waitv: no, ring wait only");
	expect_told("OA_DISABLE", NULL);
}

TEST(wrong_values_of_the_environment_are_told)
{
	static const char *const all[] = {
		"OA_DISABLE", "OA_PARK", "OA_IO", "OA_WORKERS", "OA_DEBUG",
	};
	static const struct { const char *name, *value, *line; } wrong[] = {
		{ "OA_DISABLE", "futex2,futex3,guard",
		  "OA_DISABLE: ignored, \"futex3\" is no feature" },
		{ "OA_DISABLE", "futex",
		  "OA_DISABLE: ignored, \"futex\" is no feature" },
		{ "OA_PARK", "rings",
		  "OA_PARK: ignored, \"rings\" is not \"ring\"" },
		{ "OA_IO", "rings", "OA_IO: ignored, \"rings\" is not "
		  "\"inline\" or \"ring\"" },
		{ "OA_DEBUG", "1", "OA_DEBUG: ignored, \"1\" is not "
		  "\"migrate\" or \"standby\"" },
		{ "OA_WORKERS", "two", "OA_WORKERS: ignored, \"two\" is no "
		  "number from 1 to 256" },
		{ "OA_WORKERS", "257", "OA_WORKERS: ignored, \"257\" is no "
		  "number from 1 to 256" },
		{ "OA_WORKERS", "-1", "OA_WORKERS: ignored, \"-1\" is no "
		  "number from 1 to 256" },
		{ "OA_WORKERS", "2", NULL },
		{ "OA_PARK", "ring", NULL },
		{ "OA_IO", "ring", NULL },
		{ "OA_IO", "inline", NULL },
		{ "OA_DEBUG", "migrate", NULL },
		{ "OA_DEBUG", "standby,migrate", NULL },
		{ "OA_DISABLE", "", NULL },
	};

	for (unsigned int i = 0; i < ARRAY_N(wrong); i++) {
		for (unsigned int k = 0; k < ARRAY_N(all); k++)
			ASSERT_EQ(0, unsetenv(all[k]));
		ASSERT_EQ(0, setenv(wrong[i].name, wrong[i].value, 1));
		expect_told(wrong[i].name, wrong[i].line);
	}
}

TEST(version)
{
	EXPECT_STREQ(OA_VERSION, oa_version());
}

TEST(errors_in_words)
{
	const char *eio;

	EXPECT_NOT_NULL(oa_strerror(0));
	eio = oa_strerror(-EIO);
	EXPECT_STREQ(eio, oa_strerror(EIO));
	EXPECT_STRNE(eio, oa_strerror(-EPIPE));
	for (int e = -200; e < 5000; e++) {
		const char *s = oa_strerror(e);

		ASSERT_NOT_NULL(s);
		ASSERT_GT(strlen(s), (size_t)0);
	}
	EXPECT_NOT_NULL(oa_strerror(INT32_MIN));
	EXPECT_NOT_NULL(oa_strerror(INT32_MAX));
	/* Not of a buffer that the next call writes to. */
	EXPECT_STREQ(eio, oa_strerror(-EIO));
}

HARNESS_MAIN
