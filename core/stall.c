// SPDX-License-Identifier: MIT
/*
 * Stalls: a task that holds its worker. What a worker runs and how often it
 * has switched is looked at from outside, at every tick of the watch; when
 * both stay what they are for longer than the limit, it is told.
 *
 * Time in which nothing of the process ran, stopped by a debugger, say, does
 * not count: the watch itself came late by that much. Nor does time in which
 * the thread had no processor: it must have used up most of the limit if it
 * can run, and have waited in the kernel for good if it cannot.
 */
#ifndef OA_SIM
#include "core/idle.h"
#include "core/inspect.h"
#include "core/rcu.h"
#include "core/watch.h"
#include "core/watch_priv.h"

static oa_time_t cpu_time(const struct sight *s)
{
	struct timespec ts;

	if (clock_gettime(s->cpu_clock, &ts))
		return 0;
	return ts.tv_sec * OA_SEC + ts.tv_nsec;
}

static void see(const struct watched *d, struct worker *w, struct sight *s,
		oa_time_t now)
{
	/* [watch-tid] what is read of its thread; pairs with watch_worker() */
	bool up = atomic_load_acq(&s->tid) != 0;

	s->task = up && READ_ONCE(w->state) == WORKER_RUNNING ?
		  READ_ONCE(w->current) : NULL;
	s->switches = READ_ONCE(w->st.switches);
	s->yields = READ_ONCE(w->st.yields);
	s->since = now;
	s->cpu = s->task ? cpu_time(s) : 0;
	s->again = 0;
	s->due = d->limit;
	s->told = false;
}

/* Is it the task's doing? @state is filled in. */
static bool is_held(const struct watched *d, struct sight *s, oa_time_t now,
		    char *state)
{
	*state = trace_thread_state(s->tid);
	switch (*state) {
	case 'R':
		return cpu_time(s) - s->cpu >= s->due / 4 * 3;
	case 'T':
	case 't':
		s->since = now;
		return false;
	case 'X':
	case 'Z':
		return false;
	default:
		/* In the kernel, and not only on its way back to a processor. */
		return now - s->again - (trace_thread_delay(s->tid) -
					 s->delay) >= d->limit / 4;
	}
}

static struct report report;		/* watch */

/* Who it is: looked up while it stalls. */
struct who {
	bool known;
	char name[OA_TASK_NAME_MAX];
	struct oa_task_info i;
};

static void look_up(struct runtime *rt, const struct sight *s, struct who *who)
{
	rcu_read_lock();
	who->known = inspect_task(rt, (struct task *)(uintptr_t)s->task,
				  &who->i, who->name);
	rcu_read_unlock();
}

static void put_who(struct symbols *syms, const struct who *who)
{
	char site[SYMBOL_MAX];

	if (!who->known) {
		report_add(&report, "a task");
		return;
	}
	report_add(&report, "task \"%s\" (%#llx, started at %s)", who->name,
		   (unsigned long long)who->i.task.id,
		   symbol_print(syms, who->i.spawn_site, 1, site,
				sizeof(site)));
}

static void tell(struct watched *d, struct worker *w, struct sight *s,
		 const struct who *who, oa_time_t held, char state)
{
	struct oa_runtime_event ev = {
		.kind = OA_EVENT_STALL, .worker = (int)w->index, .value = held,
	};
	struct symbols syms;
	struct trace tr;

	if (who->known)
		ev.task = who->i.task;
	symbols_init(&syms);
	put_who(&syms, who);
	report_add(&report, " has held worker %u of \"%s\" for %lld ms",
		   w->index, d->rt->name, (long long)(held / OA_MSEC));
	trace_take(w, s, state, &tr);
	trace_put(&report, &syms, &tr);
	symbols_fini(&syms);
	report_tell(d->rt, &report, &ev);
}

static void look(struct watched *d, struct worker *w, struct sight *s,
		 oa_time_t now, oa_time_t gap)
{
	oa_time_t held;
	struct who who;
	char state;

	if (sight_moved(w, s)) {
		see(d, w, s, now);
		return;
	}
	if (!s->task)
		return;
	/*
	 * What it has woken and keeps as its next is not offered to others,
	 * who may all sleep without a limit.
	 */
	if (!lane_empty(&w->lane))
		idle_need_help(d->rt);
	s->since += gap;
	held = now - s->since;
	if (!s->again || gap) {
		s->again = now;
		s->delay = trace_thread_delay(s->tid);
	}
	if (held < s->due || !is_held(d, s, now, &state))
		return;
	look_up(d->rt, s, &who);
	if (sight_moved(w, s))
		return;
	if (!s->told)
		STAT_INC(w, stalls);
	s->told = true;
	s->due = held > OA_FOREVER / 10 ? OA_FOREVER : held * 10;
	report_begin(&report);
	if (report_allowed(&report, now))
		tell(d, w, s, &who, held, state);
}

bool stall_look(struct watched *d, oa_time_t now, oa_time_t gap)
{
	struct runtime *rt = d->rt;
	uint64_t moves = 0;
	bool busy = false;

	for (uint32_t i = 0; i < rt->nr_workers; i++) {
		struct worker *w = rt->workers[i];
		/* [watch-idle] */
		uint32_t state = atomic_load(&w->state);

		look(d, w, &d->w[i], now, gap);
		moves += READ_ONCE(w->st.switches) + READ_ONCE(w->st.yields);
		busy = busy || (state != WORKER_PARKED_FUTEX &&
				state != WORKER_PARKED_RING &&
				state != WORKER_DEAD);
	}
	busy = busy || moves != d->moves;
	d->moves = moves;
	return busy;
}

void stall_show(struct watched *d)
{
	struct symbols syms;
	struct sight s;
	struct trace tr;
	struct who who;

	symbols_init(&syms);
	for (uint32_t i = 0; i < d->rt->nr_workers; i++) {
		struct worker *w = d->rt->workers[i];

		if (!atomic_load_acq(&d->w[i].tid)) /* [watch-tid] */
			continue;
		s = d->w[i];
		see(d, w, &s, 0);
		if (!s.task)
			continue;
		report_begin(&report);
		report_add(&report, "worker %u runs ", i);
		look_up(d->rt, &s, &who);
		put_who(&syms, &who);
		trace_take(w, &s, trace_thread_state(s.tid), &tr);
		trace_put(&report, &syms, &tr);
		report_tell(NULL, &report, NULL);
	}
	symbols_fini(&syms);
}
#endif
