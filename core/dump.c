// SPDX-License-Identifier: MIT
/* oa_dump(): every task with what it waits for and where it stands. */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/fork.h"
#include "core/inspect.h"

struct dump {
	int fd;
	int err;
	oa_time_t now;
	unsigned int n;
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

static void put_place(struct dump *d, const char *what, const void *at)
{
	Dl_info info;

	if (at && dladdr(at, &info) && info.dli_sname)
		put(d, "%s %s+%#lx", what, info.dli_sname,
		    (unsigned long)((const char *)at -
				    (const char *)info.dli_saddr));
	else
		put(d, "%s %p", what, at);
}

#define FRAMES 17

/*
 * Frames of a parked task, by the chain of frame pointers where there is one;
 * it may go on meanwhile, and then they mean nothing.
 */
static int get_frames(struct task *t, const void **pc)
{
	uint64_t wait = atomic_load_acq(&t->wait); /* [park] */
	const struct stack *at = READ_ONCE(t->stack);
	const void *frame[2];
	struct arch_frame top;
	struct stack s;
	const char *fp;
	int n = 0;

	if (!at || !inspect_peek(&s, at, sizeof(s)) ||
	    !inspect_peek(&top, READ_ONCE(t->ctx.sp), sizeof(top)))
		return 0;
	pc[n++] = top.pc;
	for (fp = top.fp; n < FRAMES; fp = frame[0]) {
		if (fp < s.low || fp + 16 > (const char *)at ||
		    (uintptr_t)fp & 7 || !inspect_peek(frame, fp, 16))
			break;
		pc[n++] = frame[1];
		if ((const char *)frame[0] <= fp)
			break;
	}
	return atomic_load_acq(&t->wait) == wait ? n : 0; /* [park] */
}

static void put_frames(struct dump *d, struct task *t)
{
	const void *pc[FRAMES];
	int n = get_frames(t, pc);

	for (int i = 0; i < n; i++)
		put_place(d, i ? " <" : "    at", pc[i]);
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
	if (i->fd >= 0)
		put(d, " fd %d", i->fd);
	if (i->waits_task.id)
		put(d, " of %#llx", (unsigned long long)i->waits_task.id);
	if (i->deadline != OA_FOREVER)
		put(d, " for %lld us more",
		    (long long)((i->deadline - d->now) / 1000));
	put_place(d, "\n    runs", (const void *)(uintptr_t)i->fn);
	put_place(d, ", started at", i->spawn_site);
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

	put(d, "worker %u %s, queue %u, switches %llu, in flight %llu\n",
	    w->index, s < ARRAY_SIZE(states) ? states[s] : "?",
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
	put(&d, "runtime %s: %u workers, %u idle, %u injected%s\n", rt->name,
	    rt->nr_workers, READ_ONCE(rt->nr_idle), READ_ONCE(rt->inject.n),
	    READ_ONCE(rt->stopping) ? ", shutting down" : "");
	for (uint32_t i = 0; i < rt->nr_workers; i++)
		put_worker(&d, rt->workers[i]);
	inspect_walk(rt, put_task, &d);
	put(&d, "%u tasks\n", d.n);
	return d.err;
}
