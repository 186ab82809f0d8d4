// SPDX-License-Identifier: MIT
/*
 * Select: one wait on several objects, one of which ends it.
 *
 * Each round first tries every case at once, in an order of its own, so that
 * those that are ready have equal chances. If there is none, a wait is opened
 * and a waiter for each case goes into the queue of its object, under the
 * object's lock. An object that has become ready meanwhile says so instead:
 * then the wait is taken back and the next round begins. A select that finds
 * another one's waiter thus meets it in the first part of a round, when nothing
 * of its own is queued: it holds one lock and has to win one claim. (Two that
 * queue for each other at the same moment both see the other, take their wait
 * back, and try again in new orders.)
 *
 *   waker, under the object's lock          select
 *   take the waiter out of the queue        wait is over, whoever ended it
 *   claim the wait                 (CAS)    for each case: lock the object;
 *   if that succeeds: transfer, mark fired    take the waiter out if it is in;
 *   unlock                                    was it fired? unlock
 *
 * At most one claim succeeds, so at most one waiter is fired, and nothing is
 * transferred to another. The select leaves only after it had each lock once:
 * a waker that still looks at one of its waiters is through then.
 *
 * The ends of tasks and descriptors are not told by a waiter: such a case is
 * withdrawn and tried again in the next round. The readiness of descriptors is
 * watched by a task of its own, for all of them together.
 *
 * Model: selftests/models/select.pml.
 */
#include <oa/io.h>
#include <oa/select.h>

#include <poll.h>
#include <string.h>

#include "core/mem.h"
#include "core/runtime.h"
#include "core/spawn.h"
#include "sync/chan.h"
#include "sync/future.h"
#include "sync/gate.h"
#include "sync/join_many.h"

#define CASES_MAX	1024u

/*
 * ->oa__state: of case i, whether its waiter has been queued, and apart from
 * that, which case is the i-th in the order of this round.
 */
#define CASE_IN		1u
#define CASE_ORDER(i)	((uint32_t)(i) << 1)

/* The descriptors of a select, watched by a task. */
struct watch {
	struct pollfd *fds;
	nfds_t n;
	oa_task_t task;			/* all-zero: none */
	struct oa_event ready;
	int err;			/* T of the task; why it cannot */
};

struct sel {
	struct oa_case *c;
	size_t n;
	const char *what;		/* for dumps */
	struct task *t;
	oa_time_t deadline;
	uint64_t epoch;
	uint32_t rng;
	struct watch watch;
	struct waiter watcher;		/* on ->watch.ready */
	size_t nr_fds;
};

static struct waiter *waiter_of(struct oa_case *c)
{
	return (struct waiter *)&c->oa__waiter;
}

static size_t order_of(const struct oa_case *c)
{
	return c->oa__state >> 1;
}

static void set_order(struct oa_case *c, size_t i)
{
	c->oa__state = CASE_ORDER(i) | (c->oa__state & CASE_IN);
}

/* The @k-th case of this round: any that has not been yet. */
static size_t draw(struct sel *s, size_t k)
{
	size_t j, i;

	s->rng ^= s->rng << 13;
	s->rng ^= s->rng >> 17;
	s->rng ^= s->rng << 5;
	j = k + s->rng % (s->n - k);
	i = order_of(&s->c[j]);
	set_order(&s->c[j], order_of(&s->c[k]));
	set_order(&s->c[k], i);
	return i;
}

static int take_fd(struct oa_case *c)
{
	struct pollfd p = { .fd = c->u.poll.fd,
			    .events = (short)c->u.poll.events };

	if (p.fd < 0)
		return -EBADF;
#if defined(OA_SIM) && OA_SIM == 1
	oa_poll(&p, 1, 0);
#else
	if (poll(&p, 1, 0) < 0)
		return -errno;
#endif
	return p.revents ? p.revents : -EAGAIN;
}

/* -EAGAIN: not ready; anything else is what came of it. */
static int take_plain(struct oa_case *c)
{
	struct oa_waitable *w = c->on;

	switch (c->kind) {
	case OA_CASE_KIND_SEND:
		return oa_chan_trysend(c->on, c->data);
	case OA_CASE_KIND_RECV:
		return oa_chan_tryrecv(c->on, c->data);
	case OA_CASE_KIND_RECV_FROM:
		return oa_chan_tryrecv_from(c->on, c->data);
	case OA_CASE_KIND_AT:
		return c->u.at <= oa_now() ? 0 : -EAGAIN;
	case OA_CASE_KIND_EVENT:
		return oa_event_trywait(c->on);
	case OA_CASE_KIND_SEM:
		return oa_sem_trywait(c->on);
	case OA_CASE_KIND_FD:
		return take_fd(c);
	case OA_CASE_KIND_WAITABLE:
		return w->ops->take(w, c->data);
	default:
		return -EAGAIN;
	}
}

/* True: .res is what came of it, which may be any error. */
static bool take(struct sel *s, struct oa_case *c)
{
	switch (c->kind) {
	case OA_CASE_KIND_JOIN:
		return join_take(c->u.task, c->data, &c->res);
	case OA_CASE_KIND_FUTURE:
		return future_take(c->on, c->data, &c->res);
	case OA_CASE_KIND_JOIN_ANY:
		return join_any_take(c->on, s->rng, &c->res);
	case OA_CASE_KIND_JOIN_ALL:
		return join_all_take(c->on, &c->res);
	default:
		c->res = take_plain(c);
		return c->res != -EAGAIN;
	}
}

/* The index of a case that was ready, or -EAGAIN. */
static int take_any(struct sel *s)
{
	for (size_t k = 0; k < s->n; k++) {
		size_t i = draw(s, k);

		if (take(s, &s->c[i]))
			return (int)i;
	}
	return -EAGAIN;
}

/* 1: it is ready, or has something else to tell. */
static int enlist(struct sel *s, struct oa_case *c)
{
	struct waiter *n = waiter_of(c);
	struct oa_waitable *w = c->on;

	waiter_init(n, s->t, s->what, s->c, 0, OA_FOREVER);
	n->mode = WAITER_SELECT;
	n->epoch = s->epoch;
	n->data = c->data;
	switch (c->kind) {
	case OA_CASE_KIND_SEND:
		return chan_enlist_send(c->on, n);
	case OA_CASE_KIND_RECV:
		return chan_enlist_recv(c->on, n);
	case OA_CASE_KIND_RECV_FROM:
		n->on = c->on;
		return chan_enlist_recv_from(c->on, n);
	case OA_CASE_KIND_JOIN:
		return join_enlist(c->u.task, s->t, s->epoch);
	case OA_CASE_KIND_FUTURE:
		return future_enlist(c->on, n);
	case OA_CASE_KIND_JOIN_ANY:
		return join_any_enlist(c->on, s->t, s->epoch);
	case OA_CASE_KIND_JOIN_ALL:
		return join_all_enlist(c->on, s->t, s->epoch);
	case OA_CASE_KIND_EVENT:
		return gate_enlist(&event_gate, c->on, n, false);
	case OA_CASE_KIND_SEM:
		return gate_enlist(&sem_gate, c->on, n, false);
	case OA_CASE_KIND_WAITABLE:
		return w->ops->enlist(w, &c->oa__waiter);
	default:
		return 0;
	}
}

/* True: it was this one that ended the wait. */
static bool delist(struct sel *s, struct oa_case *c)
{
	struct waiter *n = waiter_of(c);
	struct oa_chan_sub *sub = c->on;
	struct oa_waitable *w = c->on;
	struct oa_chan *ch = c->on;

	switch (c->kind) {
	case OA_CASE_KIND_SEND:
		chan_delist(ch, &ch->senders, n);
		break;
	case OA_CASE_KIND_RECV:
		chan_delist(ch, &ch->receivers, n);
		break;
	case OA_CASE_KIND_RECV_FROM:
		chan_delist(sub->oa__chan, &sub->oa__chan->receivers, n);
		break;
	case OA_CASE_KIND_JOIN:
		join_delist(c->u.task, s->t, s->epoch);
		break;
	case OA_CASE_KIND_FUTURE:
		future_delist(c->on, n);
		break;
	case OA_CASE_KIND_JOIN_ANY:
		join_any_delist(c->on, s->t, s->epoch);
		break;
	case OA_CASE_KIND_JOIN_ALL:
		join_all_delist(c->on, s->t, s->epoch);
		break;
	case OA_CASE_KIND_EVENT:
	case OA_CASE_KIND_SEM:
		sync_withdraw(c->on, n);
		break;
	case OA_CASE_KIND_WAITABLE:
		w->ops->delist(w, &c->oa__waiter);
		break;
	default:
		break;
	}
	if (n->fired)
		c->res = n->res;
	return n->fired;
}

int oa_waiter_wake(struct oa_waiter *public, int res)
{
	struct waiter *n = (struct waiter *)public;
	struct wakes wk;

	wakes_init(&wk);
	if (!waiter_claim(n, &wk))
		return 0;
	n->res = res;
	/* Under the lock of its object, which it needs before it goes. */
	wakes_run(&wk);
	return 1;
}

/* ---- descriptors: a task that polls all of them, and then sets an event */

static void *poll_all(void *arg)
{
	struct watch *w = arg;
	int ret = oa_poll(w->fds, w->n, -1);

	/* Cancelled: by the select, who has seen enough. */
	if (ret < 0 && ret != -ECANCELED)
		WRITE_ONCE(w->err, ret);
	oa_event_set(&w->ready);
	return NULL;
}

/* It has got no stack, or the runtime is shut down at once. */
static void dropped(void *arg)
{
	struct watch *w = arg;

	WRITE_ONCE(w->err, -ENOMEM);
	oa_event_set(&w->ready);
}

static int watch_start(struct sel *s)
{
	struct oa_task_opts opts = {
		.size = sizeof(opts), .name = "select", .on_drop = dropped,
	};
	struct task_args a = {
		.fn = poll_all, .arg = &s->watch, .life = LIFE_HANDLE,
		.opts = &opts, .site = __builtin_return_address(0),
		.internal = true, .part = true,
	};
	nfds_t n = 0;
	int err;

	if (s->t->flags & TASK_THREAD)
		return -EPERM;
	s->watch.fds = mem_alloc(rt_alloc(s->t->rt),
				 s->nr_fds * sizeof(*s->watch.fds), 8);
	if (!s->watch.fds)
		return -ENOMEM;
	for (size_t i = 0; i < s->n; i++)
		if (s->c[i].kind == OA_CASE_KIND_FD)
			s->watch.fds[n++] = (struct pollfd){
				.fd = s->c[i].u.poll.fd,
				.events = (short)s->c[i].u.poll.events,
			};
	s->watch.n = n;
	s->watch.ready = (struct oa_event)OA_EVENT_INIT;
	s->watch.err = 0;
	err = task_start(s->t->rt, &a, &s->watch.task);
	if (err)
		mem_free(rt_alloc(s->t->rt), s->watch.fds,
			 s->nr_fds * sizeof(*s->watch.fds));
	return err;
}

static void watch_stop(struct sel *s)
{
	oa_cancel(s->watch.task);
	join_always(s->watch.task, NULL);
	s->watch.task = (oa_task_t){ 0 };
	mem_free(rt_alloc(s->t->rt), s->watch.fds,
		 s->nr_fds * sizeof(*s->watch.fds));
}

/* ---- the wait */

static oa_time_t wait_until(struct sel *s)
{
	oa_time_t until = deadline_min(s->t, s->deadline);

	for (size_t i = 0; i < s->n; i++)
		if (s->c[i].kind == OA_CASE_KIND_AT)
			until = min_of(until, s->c[i].u.at);
	return until;
}

/* False: one of them is ready. */
static bool enlist_all(struct sel *s)
{
	for (size_t k = 0; k < s->n; k++) {
		size_t i = draw(s, k);

		if (enlist(s, &s->c[i]))
			return false;
		s->c[i].oa__state |= CASE_IN;
	}
	if (!s->watch.task.id)
		return true;
	waiter_init(&s->watcher, s->t, s->what, s->c, 0, OA_FOREVER);
	s->watcher.mode = WAITER_SELECT;
	s->watcher.epoch = s->epoch;
	return !gate_enlist(&event_gate, (struct sync *)&s->watch.ready,
			    &s->watcher, false);
}

/* The case that ended it, or -1. */
static int delist_all(struct sel *s)
{
	int fired = -1;

	for (size_t i = 0; i < s->n; i++) {
		if (!(s->c[i].oa__state & CASE_IN))
			continue;
		s->c[i].oa__state &= ~CASE_IN;
		if (delist(s, &s->c[i]))
			fired = (int)i;
	}
	if (s->watch.task.id)
		sync_withdraw((struct sync *)&s->watch.ready, &s->watcher);
	return fired;
}

/* The index of a case, a negative errno, or -EAGAIN: once more. */
static int wait_round(struct sel *s)
{
	enum wait_state how = WAIT_WOKEN;
	oa_time_t until = wait_until(s);
	int fired;

	if (until != OA_FOREVER && until <= oa_now())
		return s->deadline <= until ? -ETIMEDOUT : -EAGAIN;
	/* It tells what is waited for; the cases are looked at by nobody. */
	waiter_init(&s->watcher, s->t, s->what, s->c, 0, OA_FOREVER);
	WRITE_ONCE(s->t->wait_on, &s->watcher);
	s->epoch = park_begin(s->t, WAIT_MAY_CANCEL | WAIT_SYNC, until);
	s->watcher.epoch = s->epoch;
	if (enlist_all(s))
		how = park_wait(s->t);
	else
		park_abandon(s->t, s->epoch);
	fired = delist_all(s);
	if (fired >= 0)
		return fired;
	if (how == WAIT_TIMEDOUT && until == s->deadline)
		return -ETIMEDOUT;
	return -EAGAIN;
}

static int rounds(struct sel *s)
{
	int ret;

	for (;;) {
		ret = park_check(s->t);
		if (!ret)
			ret = take_any(s);
		if (ret != -EAGAIN)
			return ret;
		if (s->nr_fds && !s->watch.task.id) {
			ret = watch_start(s);
			if (ret)
				return ret;
		}
		ret = wait_round(s);
		if (ret == -ETIMEDOUT) {
			/* What is there at the last moment is taken. */
			ret = take_any(s);
			if (ret != -EAGAIN)
				return ret;
			deadline_mark(s->t, s->deadline);
			return -ETIMEDOUT;
		}
		if (ret != -EAGAIN)
			return ret;
		/* It has told: a new one if it was for nothing. */
		if (s->watch.task.id && !oa_event_trywait(&s->watch.ready)) {
			watch_stop(s);
			if (s->watch.err)
				return s->watch.err;
		}
	}
}

static bool set_ok(struct oa_join_set *set)
{
	if (!set || (set->n && !set->tasks))
		return false;
	set->oa__at = 0;
	return true;
}

/* Can it be waited for? Sets from earlier uses begin anew. */
static bool case_ok(const struct oa_case *c)
{
	if (c->size != sizeof(*c))
		return false;
	switch (c->kind) {
	case OA_CASE_KIND_NONE:
	case OA_CASE_KIND_JOIN:
	case OA_CASE_KIND_AT:
	case OA_CASE_KIND_FD:
		return true;
	case OA_CASE_KIND_SEND:
		return c->on && c->data;
	case OA_CASE_KIND_RECV:
		return c->on && c->data && ((struct oa_chan *)c->on)->kind !=
					   OA_CHAN_BROADCAST;
	case OA_CASE_KIND_RECV_FROM:
		return c->on && c->data &&
		       ((struct oa_chan_sub *)c->on)->oa__chan;
	case OA_CASE_KIND_EVENT:
	case OA_CASE_KIND_SEM:
	case OA_CASE_KIND_WAITABLE:
	case OA_CASE_KIND_FUTURE:
		return c->on;
	case OA_CASE_KIND_JOIN_ANY:
		return set_ok(c->on) && ((struct oa_join_set *)c->on)->n;
	case OA_CASE_KIND_JOIN_ALL:
		return set_ok(c->on);
	}
	return false;
}

static int check(struct sel *s, bool waits)
{
	bool any = s->deadline != OA_FOREVER;

	if (s->n > CASES_MAX)
		return -E2BIG;
	if (s->n && !s->c)
		return -EINVAL;
	for (size_t i = 0; i < s->n; i++) {
		if (!case_ok(&s->c[i]))
			return -EINVAL;
		s->c[i].oa__state = CASE_ORDER(i);
		any = any || s->c[i].kind != OA_CASE_KIND_NONE;
		s->nr_fds += s->c[i].kind == OA_CASE_KIND_FD;
	}
	return any || !waits ? 0 : -EINVAL;
}

/* Not 0. */
static uint32_t random_word(void)
{
	struct worker *w = worker_self();

	return (w ? worker_random(w) : (uint32_t)poll_default->random()) | 1;
}

static int wait_for(struct sel *s)
{
	int ret = check(s, true);

	if (!ret)
		ret = sync_begin(&s->t);
	if (ret)
		return ret;
	if (s->nr_fds && s->t->flags & TASK_THREAD)
		return -EPERM;
	s->rng = random_word();
	ret = rounds(s);
	if (s->watch.task.id)
		watch_stop(s);
	return ret;
}

int oa_select_until(struct oa_case *cases, size_t n, oa_time_t deadline)
{
	struct sel s = { .c = cases, .n = n, .deadline = deadline,
			 .what = "select" };

	return wait_for(&s);
}

int select_one(struct oa_case *c, const char *what, oa_time_t deadline)
{
	struct sel s = { .c = c, .n = 1, .deadline = deadline, .what = what };

	return wait_for(&s);
}

int oa_select(struct oa_case *cases, size_t n)
{
	return oa_select_until(cases, n, OA_FOREVER);
}

int oa_tryselect(struct oa_case *cases, size_t n)
{
	struct sel s = { .c = cases, .n = n, .deadline = OA_FOREVER };
	int ret = check(&s, false);

	if (ret)
		return ret;
	s.rng = random_word();
	return take_any(&s);
}
