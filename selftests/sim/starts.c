// SPDX-License-Identifier: MIT
/*
 * Tasks that start under conditions, in any combination: they run when all are
 * met, hold them from the first link of a chain to the last, and give all of
 * it back, however they end. Each runs once or is dropped once.
 */
#include <string.h>

#include "selftests/sim/crowd.h"

#define TASKS	12
#define LINKS	3

static struct {
	struct oa_latch latch;
	struct oa_barrier barrier;
	struct oa_backpressure pressure;
	struct oa_sem sem;
	struct oa_mutex mutex;
	uint32_t goal, party, most, permits, places;
	bool lossy;
} cond;

/* What is held at the moment, as the bodies see it. */
static uint32_t arrived, came, in_pressure, in_sem, in_pool, in_mutex;

struct start {
	struct oa_task_opts opts;
	oa_fn then[LINKS + 1];
	uint32_t links;			/* besides the first */
	uint32_t exits_at;		/* ends there; LINKS + 1: nowhere */
	oa_task_t task;
	oa_time_t not_before;
	uint32_t at;			/* the link that is next */
	int ran, dropped, over;
};

static struct start starts[TASKS];
static uint32_t nr_starts;
static uint32_t nr_over, nr_dropped;
static bool cancels;

static void drop(void *arg)
{
	struct start *s = arg;

	CHECK_EQ(s->ran, 0);
	CHECK_EQ(s->dropped++, 0);
	nr_dropped++;
}

/* By the first link: all that it starts under is met, and now its own. */
static void take_up(struct start *s)
{
	CHECK_EQ(s->ran++, 0);
	CHECK_EQ(s->dropped, 0);
	CHECK(s->not_before <= sim_now());
	if (s->opts.latch)
		CHECK(arrived >= cond.goal);
	if (s->opts.barrier)
		CHECK(came >= cond.party);
	if (s->opts.backpressure)
		CHECK(++in_pressure <= cond.most);
	if (s->opts.sem)
		CHECK(++in_sem <= cond.permits);
	if (s->opts.block)
		CHECK(++in_pool <= cond.places);
	if (s->opts.mutex)
		CHECK(++in_mutex == 1);
}

/* By the last one, still holding it. */
static void give_up(struct start *s)
{
	if (s->opts.mutex)
		CHECK(--in_mutex == 0);
	if (s->opts.block)
		in_pool--;
	if (s->opts.sem)
		in_sem--;
	if (s->opts.backpressure)
		in_pressure--;
	s->over++;
	nr_over++;
}

static void work(const struct start *s)
{
	switch (sim_below(4)) {
	case 0:
		if (s->opts.block)
			sim_pause(sim_below(3000));
		else
			oa_sleep(sim_below(3000));
		break;
	case 1:
		oa_yield();
		break;
	default:
		sim_spin(sim_below(60));
		break;
	}
	if (s->opts.mutex)
		CHECK_EQ(in_mutex, 1);
}

static void *link_result(const struct start *s, uint32_t at)
{
	return (char *)(uintptr_t)s + at;
}

static void *run_link(void *arg)
{
	/* The number of the link is in the low bits of what it was given. */
	size_t off = (size_t)((char *)arg - (char *)starts);
	struct start *s = &starts[off / sizeof(*s)];
	uint32_t at = s->at++;

	CHECK_EQ(off % sizeof(*s), at);
	if (at == 0)
		take_up(s);
	work(s);
	if (at == s->exits_at) {
		give_up(s);
		oa_exit(link_result(s, at + 1));
	}
	if (at == s->links)
		give_up(s);
	return link_result(s, at + 1);
}

static void choose_chain(struct start *s)
{
	s->exits_at = LINKS + 1;
	s->links = sim_one_in(2) ? 0 : 1 + sim_below(LINKS);
	for (uint32_t i = 0; i < s->links; i++)
		s->then[i] = run_link;
	if (s->links)
		s->opts.then = s->then;
	if (sim_one_in(5))
		s->exits_at = sim_below(s->links + 1);
}

/* Any of them; those that others of its kind are needed for by the caller. */
static void choose_conditions(struct start *s)
{
	s->opts = (struct oa_task_opts)OA_TASK_OPTS_INIT;
	s->opts.on_drop = drop;
	if (sim_one_in(3))
		s->opts.backpressure = &cond.pressure;
	if (sim_one_in(3))
		s->opts.sem = &cond.sem;
	if (sim_one_in(3))
		s->opts.mutex = &cond.mutex;
	if (sim_one_in(3))
		s->opts.block = true;
	else if (sim_one_in(5))
		s->opts.pinned = true;
	if (sim_one_in(4))
		s->opts.delay = 1 + sim_below(5000);
	choose_chain(s);
}

static void begin(void)
{
	memset(starts, 0, sizeof(starts));
	cond.goal = 1 + sim_below(3);
	cond.party = 1 + sim_below(3);
	cond.most = 1 + sim_below(3);
	cond.permits = 1 + sim_below(3);
	cond.places = 1 + sim_below(3);
	cond.lossy = sim_one_in(3);
	CHECK_EQ(oa_latch_init(&cond.latch, cond.goal), 0);
	CHECK_EQ(oa_barrier_init(&cond.barrier, cond.party), 0);
	CHECK_EQ(oa_backpressure_init(&cond.pressure, cond.most, cond.lossy
			? OA_BACKPRESSURE_LOSSY : OA_BACKPRESSURE_LOSSLESS), 0);
	CHECK_EQ(oa_sem_init(&cond.sem, cond.permits), 0);
	cond.mutex = (struct oa_mutex)OA_MUTEX_INIT;
	arrived = came = in_pressure = in_sem = in_pool = in_mutex = 0;
	nr_starts = nr_over = nr_dropped = 0;
	sim_env.longest = OA_SEC;
}

/* Everything is as it was. */
static void end(void)
{
	CHECK_EQ(in_pressure + in_sem + in_pool + in_mutex, 0);
	CHECK_UNUSED(oa_sem_info, &cond.sem, cond.permits);
	CHECK_UNUSED(oa_backpressure_info, &cond.pressure, 0);
	CHECK_UNUSED(oa_mutex_info, &cond.mutex, 0);
	CHECK_UNUSED(oa_barrier_info, &cond.barrier, 0);
	CHECK_EQ(oa_mutex_destroy(&cond.mutex), 0);
	CHECK_EQ(oa_sem_destroy(&cond.sem), 0);
	CHECK_EQ(oa_backpressure_destroy(&cond.pressure), 0);
	CHECK_EQ(oa_barrier_destroy(&cond.barrier), 0);
	CHECK_EQ(oa_latch_destroy(&cond.latch), 0);
	for (uint32_t i = 0; i < nr_starts; i++) {
		CHECK_EQ(starts[i].ran + starts[i].dropped, 1);
		CHECK_EQ(starts[i].ran, starts[i].over);
	}
	CHECK_EQ(nr_over + nr_dropped, nr_starts);
}

/* Of one that nothing comes before. */
static bool may_be_refused(const struct start *s)
{
	return cond.lossy && s->opts.backpressure && !s->opts.delay &&
	       !s->opts.latch && !s->opts.barrier;
}

/* The next one; false: it was refused. */
static bool start(struct oa_runtime *rt)
{
	struct start *s = &starts[nr_starts];
	int err;

	s->opts.runtime = rt;
	s->not_before = s->opts.delay ? oa_after(s->opts.delay) : 0;
	/* Before it could have begun. */
	arrived += !!s->opts.latch;
	came += !!s->opts.barrier;
	s->task = oa_spawn_with(run_link, s, &s->opts);
	err = oa_task_error(s->task);
	if (err == -EBUSY && may_be_refused(s)) {
		CHECK_EQ(s->ran + s->dropped, 0);
		memset(s, 0, sizeof(*s));
		return false;
	}
	CHECK_EQ(err, 0);
	nr_starts++;
	return true;
}

static void join(struct start *s)
{
	void *result;
	uint32_t last = s->exits_at <= s->links ? s->exits_at : s->links;
	int err;

	CHECK_EQ(oa_join(s->task, &result), 0);
	if (s->ran) {
		CHECK_EQ(s->over, 1);
		CHECK(result == link_result(s, last + 1));
		return;
	}
	CHECK_EQ(s->dropped, 1);
	err = oa_err_code(result);
	CHECK((err == -ECANCELED && cancels) ||
	      (err == -EBUSY && cond.lossy && s->opts.backpressure));
}

/* Somebody else who uses the same things in the ordinary way. */
static void *meddles(void *arg)
{
	for (uint32_t n = sim_below(6); n; n--) {
		switch (sim_below(3)) {
		case 0:
			CHECK_EQ(oa_sem_wait(&cond.sem), 0);
			CHECK(++in_sem <= cond.permits);
			sim_spin(sim_below(60));
			in_sem--;
			CHECK_EQ(oa_sem_post(&cond.sem), 0);
			break;
		case 1:
			CHECK_EQ(oa_mutex_lock(&cond.mutex), 0);
			CHECK(++in_mutex == 1);
			sim_spin(sim_below(60));
			in_mutex--;
			CHECK_EQ(oa_mutex_unlock(&cond.mutex), 0);
			break;
		default:
			if (oa_backpressure_tryenter(&cond.pressure))
				break;
			CHECK(++in_pressure <= cond.most);
			sim_spin(sim_below(60));
			in_pressure--;
			CHECK_EQ(oa_backpressure_leave(&cond.pressure), 0);
			break;
		}
	}
	return arg;
}

/* Latches and barriers take as many as they are for. */
static void starts_all(uint32_t n)
{
	uint32_t party = 0;

	while (n && nr_starts < TASKS) {
		struct start *s = &starts[nr_starts];

		choose_conditions(s);
		if (sim_one_in(4))
			s->opts.latch = &cond.latch;
		if ((party || sim_one_in(4)) &&
		    TASKS - nr_starts > cond.party) {
			party = party ? party - 1 : cond.party - 1;
			s->opts.barrier = &cond.barrier;
		}
		start(NULL);
		n--;
		if (sim_one_in(4))
			oa_yield();
	}
}

static void opens_latch(void)
{
	arrived += cond.goal;
	for (uint32_t i = 0; i < cond.goal; i++)
		CHECK_EQ(oa_latch_count_down(&cond.latch), 0);
}

static void *nothing(void *arg)
{
	return arg;
}

/* Of the last round some may be missing. */
static void completes_party(void)
{
	while (came % cond.party) {
		came++; /* before it could have */
		CHECK_EQ(oa_go(nothing, NULL, .barrier = &cond.barrier), 0);
	}
}

static void *runs_all(void *arg)
{
	oa_task_t m = oa_spawn(meddles, NULL);

	starts_all(1 + sim_below(TASKS));
	opens_latch();
	completes_party();
	for (uint32_t i = 0; i < nr_starts; i++)
		join(&starts[i]);
	CHECK_EQ(oa_join(m, NULL), 0);
	return arg;
}

SCENARIO(what_starts_under_conditions_holds_them, 3000)
{
	begin();
	cancels = false;
	SCENARIO_RUN(runs_all, NULL, .workers = scenario_workers(),
		     .max_blocking = cond.places);
	end();
}

/* Any of them may be cancelled wherever it is. */

static bool canceller_over;

static void cancels_some(void *arg)
{
	(void)arg;
	for (uint32_t n = 1 + sim_below(8); n; n--) {
		if (sim_one_in(2))
			sim_pause(sim_below(6000));
		else
			sim_spin(sim_below(300));
		if (nr_starts)
			oa_cancel(starts[sim_below(nr_starts)].task);
	}
	canceller_over = true;
}

static void *is_cancelled(void *arg)
{
	oa_task_t m = oa_spawn(meddles, NULL);

	starts_all(1 + sim_below(TASKS));
	while (!canceller_over)
		oa_sleep(500);
	/* Whoever still waits for partners, and all the others. */
	for (uint32_t i = 0; i < nr_starts; i++)
		if (starts[i].opts.barrier || starts[i].opts.latch)
			oa_cancel(starts[i].task);
	for (uint32_t i = 0; i < nr_starts; i++)
		join(&starts[i]);
	CHECK_EQ(oa_join(m, NULL), 0);
	return arg;
}

SCENARIO(a_cancel_gives_back_what_was_held, 3000)
{
	struct sim_ctx *c;

	begin();
	cancels = true;
	canceller_over = false;
	c = sim_thread("canceller", cancels_some, NULL);
	SCENARIO_RUN(is_cancelled, NULL, .workers = scenario_workers(),
		     .max_blocking = cond.places);
	sim_join(c);
	end();
}

/* A shutdown in the middle of it. */

static struct oa_runtime *rt;
static bool drains;
static bool all_started;

static void starts_until_shut(void *arg)
{
	(void)arg;
	for (uint32_t n = 1 + sim_below(TASKS); n; n--) {
		struct start *s = &starts[nr_starts];
		int err;

		choose_conditions(s);
		/* Nobody would come to those when all is to be finished. */
		if (!drains && sim_one_in(4))
			s->opts.latch = &cond.latch;
		if (!drains && sim_one_in(4))
			s->opts.barrier = &cond.barrier;
		s->opts.runtime = rt;
		nr_starts++;
		arrived += !!s->opts.latch;
		came += !!s->opts.barrier;
		s->task = oa_spawn_with(run_link, s, &s->opts);
		err = oa_task_error(s->task);
		if (err) {
			CHECK(err == -ESHUTDOWN ||
			      (err == -EBUSY && may_be_refused(s)));
			CHECK_EQ(s->ran + s->dropped, 0);
			memset(s, 0, sizeof(*s));
			nr_starts--;
		} else {
			err = oa_detach(s->task);
			CHECK(err == 0 || err == -ESRCH);
		}
		if (sim_one_in(3))
			sim_pause(sim_below(2000));
	}
}

static void shuts_down(void *arg)
{
	(void)arg;
	if (sim_one_in(2))
		sim_pause(sim_below(20000));
	else
		sim_spin(sim_below(2000));
	CHECK_EQ(oa_shutdown(rt, drains ? OA_SHUTDOWN_DRAIN
					: OA_SHUTDOWN_GRACEFUL), 0);
}

/* Until all have been started, or it is cancelled. */
static void *stays(void *arg)
{
	while (!oa_cancelled() && !all_started && !oa_sleep(2000))
		;
	return arg;
}

SCENARIO(a_shutdown_ends_what_waits_to_start, 2500)
{
	struct sim_ctx *c, *d;
	struct oa_ended e;

	begin();
	cancels = true;
	drains = sim_one_in(2);
	all_started = false;
	CHECK_EQ(oa_start(&rt, stays, NULL, SIM_CONFIG,
			  .workers = scenario_workers(),
			  .max_blocking = cond.places), 0);
	c = sim_thread("starter", starts_until_shut, NULL);
	d = sim_thread("shutdown", shuts_down, NULL);
	sim_join(c);
	sim_join(d);
	all_started = true;
	CHECK_EQ(oa_runtime_wait(rt, &e), 0);
	CHECK_EQ(e.ran + e.dropped, nr_starts + 1);
	if (drains && !cond.lossy)
		CHECK_EQ(e.dropped, 0);
	CHECK_EQ(oa_runtime_free(rt), 0);
	end();
}

/* A task may free the latch or the barrier that it was started by. */

struct gift {
	struct oa_latch latch;
	struct oa_barrier barrier;
	uint32_t refs;
};

static uint32_t nr_gifts;

static void *frees_gift(void *arg)
{
	struct gift *g = arg;

	if (--g->refs)
		return NULL;
	crowd_free(g, sizeof(*g));
	nr_gifts--;
	return NULL;
}

static void give_latch(const struct actor *a, struct gift *g)
{
	g->refs = 1 + sim_below(2);
	CHECK_EQ(oa_latch_init(&g->latch, g->refs + 1), 0);
	for (uint32_t n = g->refs; n; n--)
		CHECK_EQ(oa_go(frees_gift, g, .latch = &g->latch,
			       .block = sim_one_in(3)), 0);
	actor_pause(a);
	CHECK_EQ(oa_latch_count_down(&g->latch), 0);
}

static void give_barrier(struct gift *g)
{
	uint32_t n = 1 + sim_below(3);

	g->refs = n;
	CHECK_EQ(oa_barrier_init(&g->barrier, n), 0);
	while (n--)
		CHECK_EQ(oa_go(frees_gift, g, .barrier = &g->barrier,
			       .block = sim_one_in(3)), 0);
}

static void gives_gifts(struct actor *a)
{
	if (a->kind == ACTOR_THREAD)
		return;
	for (uint32_t n = 1 + sim_below(4); n; n--) {
		struct gift *g = crowd_alloc(sizeof(*g));

		nr_gifts++;
		if (sim_one_in(2))
			give_latch(a, g);
		else
			give_barrier(g);
		actor_pause(a);
	}
}

SCENARIO(what_it_started_by_may_go_at_once, 1500)
{
	nr_gifts = 0;
	CROWD_RUN(.n = 1 + sim_below(4), .fn = gives_gifts);
	CHECK_EQ(nr_gifts, 0);
}

/* Who is asked to end while his last condition is on its way does not begin. */

static uint32_t nr_begun;

static void *begins(void *arg)
{
	nr_begun++;
	return arg;
}

static void asks_before_it_can(struct actor *a)
{
	struct oa_mutex m = OA_MUTEX_INIT;
	void *result;
	oa_task_t t;

	if (a->kind == ACTOR_THREAD)
		return;
	CHECK_EQ(oa_mutex_lock(&m), 0);
	t = oa_spawn(begins, NULL, .mutex = &m, .block = sim_one_in(3));
	actor_pause(a);
	CHECK_EQ(oa_cancel(t), 0);
	actor_pause(a);
	CHECK_EQ(oa_mutex_unlock(&m), 0);
	CHECK_EQ(oa_join(t, &result), 0);
	CHECK_EQ(oa_err_code(result), -ECANCELED);
	CHECK_EQ(oa_mutex_destroy(&m), 0);
}

SCENARIO(who_is_cancelled_before_his_turn_does_not_begin, 2000)
{
	nr_begun = 0;
	CROWD_RUN(.n = 1 + sim_below(4), .fn = asks_before_it_can);
	CHECK_EQ(nr_begun, 0);
}

HARNESS_MAIN
