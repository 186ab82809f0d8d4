// SPDX-License-Identifier: MIT
/* oa_dump(): every task with what it waits for and where it stands. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/fork.h"
#include "core/grown.h"
#include "core/idle.h"
#include "core/inspect.h"
#include "core/symbol.h"
#include "core/waitgraph.h"

struct dump {
	int fd;
	int err;
	oa_time_t now;
	unsigned int n;
	unsigned int stuck;
	struct symbols syms;
};

static void __printf_like(2, 3) put(struct dump *d, const char *fmt, ...)
{
	char buf[512];
	va_list ap;
	ssize_t n;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	len = min_of(len, (int)sizeof(buf) - 1);
	for (int done = 0; done < len && !d->err; done += (int)n) {
		n = write(d->fd, buf + done, (size_t)(len - done));
		if (n < 0) {
			d->err = errno == EINTR ? 0 : -errno;
			n = 0;
		}
	}
}

static void put_place(struct dump *d, const char *what, const void *at,
		      int ret)
{
	char buf[SYMBOL_MAX];

	put(d, "%s %s", what, symbol_print(&d->syms, at, ret, buf, sizeof(buf)));
}

#define FRAMES	17
#define EXTENTS	8		/* its own stack, and the newest grown */

struct extents {
	struct {
		const char *low;
		const char *high;
	} of[EXTENTS];
	int n;
};

static bool add_stack(struct extents *e, const struct stack *at)
{
	struct stack s;

	if (!at || !inspect_peek(&s, at, sizeof(s)))
		return false;
	e->of[e->n].low = s.low;
	e->of[e->n++].high = (const char *)at;
	return true;
}

/* All that it may be on; false: it has none. */
static bool get_extents(struct extents *e, const struct task *t)
{
	const struct task_ext *x = READ_ONCE(t->ext);
	const struct grown *at = NULL;
	struct grown g;

	e->n = 0;
	if (!add_stack(e, READ_ONCE(t->stack)))
		return false;
	if (x && READ_ONCE(t->flags) & TASK_GROWN)
		at = READ_ONCE(x->grown);
	for (; at && e->n < EXTENTS; at = g.outer)
		if (!inspect_peek(&g, at, sizeof(g)) || !add_stack(e, g.stack))
			break;
	return true;
}

static bool is_frame(const struct extents *e, const char *fp)
{
	for (int i = 0; i < e->n; i++)
		if (fp >= e->of[i].low && fp + 16 <= e->of[i].high)
			return !((uintptr_t)fp & 7);
	return false;
}

/*
 * Frames of a parked task, by the chain of frame pointers where there is one;
 * it may go on meanwhile, and then they mean nothing.
 */
static int get_frames(struct task *t, const void **pc)
{
	uint64_t wait = atomic_load_acq(&t->wait); /* [park] */
	const void *frame[2];
	struct arch_frame top;
	struct extents e;
	const char *fp;
	int n = 0;

	if (!get_extents(&e, t) ||
	    !inspect_peek(&top, READ_ONCE(t->ctx.sp), sizeof(top)))
		return 0;
	pc[n++] = top.pc;
	for (fp = top.fp; n < FRAMES; fp = frame[0]) {
		if (!is_frame(&e, fp) || !inspect_peek(frame, fp, 16))
			break;
		pc[n++] = frame[1];
	}
	return atomic_load_acq(&t->wait) == wait ? n : 0; /* [park] */
}

static void put_frames(struct dump *d, struct task *t)
{
	const void *pc[FRAMES];
	int n = get_frames(t, pc);

	for (int i = 0; i < n; i++)
		put_place(d, i ? " <" : "    at", pc[i], i);
	if (n)
		put(d, "\n");
}

static const char *state_name(enum oa_task_state s)
{
	static const char *const names[] = {
		"?", "queued", "delayed", "runnable", "running", "parked",
		"ended", "waiting",
	};

	return names[s];
}

static void put_other(struct dump *d, const char *what, oa_task_t h)
{
	char name[OA_TASK_NAME_MAX];

	if (!h.id)
		return;
	put(d, " %s %#llx", what, (unsigned long long)h.id);
	if (oa_task_name(h, name, sizeof(name)) > 0)
		put(d, " \"%s\"", name);
}

/* What it waits for, who has that, and since when. */
static void put_wait(struct dump *d, struct task *t,
		     const struct oa_task_info *i)
{
	if (i->fd >= 0)
		put(d, " fd %d", i->fd);
	if (i->waits_on)
		put(d, " at %p", i->waits_on);
	put_other(d, "held by", i->held_by);
	put_other(d, "of", i->waits_task);
	if (i->since)
		put(d, " seen for %lld ms",
		    (long long)(max_of(d->now - i->since, (oa_time_t)0) /
				OA_MSEC));
	if ((i->held_by.id || i->waits_task.id) && waitgraph_stuck(t)) {
		put(d, " in a deadlock");
		d->stuck++;
	}
}

static int put_task(struct task *t, const struct oa_task_info *i, void *arg)
{
	struct dump *d = arg;

	d->n++;
	put(d, "task %#llx \"%s\" %s", (unsigned long long)i->task.id, i->name,
	    state_name(i->state));
	if (i->worker >= 0)
		put(d, " worker %d", i->worker);
	if (i->cancelled)
		put(d, " cancelled");
	if (i->waits[0])
		put(d, " in %s", i->waits);
	put_wait(d, t, i);
	if (i->deadline != OA_FOREVER)
		put(d, " for %lld us more",
		    (long long)((i->deadline - d->now) / 1000));
	put_place(d, "\n    runs", (const void *)(uintptr_t)i->fn, 0);
	put_place(d, ", started at", i->spawn_site, 1);
	put(d, "\n");
	if (i->state == OA_TASK_PARKED)
		put_frames(d, t);
	return d->err;
}

static void put_worker(struct dump *d, const struct worker *w)
{
	static const char *const states[] = {
		"running", "parked on its futex", "parked in its ring",
		"being woken", "being woken", "gone",
	};
	uint32_t s = READ_ONCE(w->state);

	put(d, "worker %u %s%s, queue %u, switches %llu, in flight %llu\n",
	    w->index, s < ARRAY_SIZE(states) ? states[s] : "?",
	    idle_on_standby(w) ? " on standby" : "",
	    ring_len(&w->ring),
	    (unsigned long long)READ_ONCE(w->st.switches),
	    (unsigned long long)(READ_ONCE(w->st.requests) -
				 READ_ONCE(w->st.completions)));
}

int oa_dump(struct oa_runtime *r, int fd)
{
	struct runtime *rt = (struct runtime *)r;
	struct dump d = { .fd = fd };

	if (!rt)
		rt = (struct runtime *)oa_runtime_self();
	if (!rt || rt->generation != fork_generation())
		return -EPERM;
	d.now = rt->poll->now();
	symbols_init(&d.syms);
	put(&d, "runtime %s: %u workers, %u idle, %u injected%s\n", rt->name,
	    rt->nr_workers, READ_ONCE(rt->nr_idle), READ_ONCE(rt->inject.n),
	    READ_ONCE(rt->stopping) ? ", shutting down" : "");
	for (uint32_t i = 0; i < rt->nr_workers; i++)
		put_worker(&d, rt->workers[i]);
	inspect_walk(rt, put_task, &d);
	put(&d, "%u tasks", d.n);
	if (d.stuck)
		put(&d, ", %u in a deadlock", d.stuck);
	put(&d, "\n");
	symbols_fini(&d.syms);
	return d.err;
}
