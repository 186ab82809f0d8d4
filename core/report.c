// SPDX-License-Identifier: MIT
/* What the watch tells, and how often. */
#ifndef OA_SIM
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "core/mem.h"
#include "core/watch.h"
#include "core/watch_priv.h"

#define PREFIX		"liboa: "
#define PREFIX_LEN	(sizeof(PREFIX) - 1)
#define PER_MINUTE	5u

static struct {
	struct spin lock;
	oa_time_t at[PER_MINUTE];	/* L:lock; the last ones */
	unsigned int next;		/* L:lock */
	unsigned int missed;		/* L:lock */
} rate;

void report_begin(struct report *r)
{
	r->n = 0;
	report_add(r, PREFIX);
}

void report_add(struct report *r, const char *fmt, ...)
{
	size_t room = sizeof(r->text) - r->n;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(r->text + r->n, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		r->n += min_of((size_t)n, room - 1);
}

void report_task(struct report *r, struct symbols *s, struct task *t)
{
	char name[OA_TASK_NAME_MAX], site[SYMBOL_MAX];

	task_copy_name(t, name, sizeof(name));
	if (!READ_ONCE(t->rt)) {
		report_add(r, "a thread that is no worker");
		return;
	}
	report_add(r, "task \"%s\" (%#llx, started at %s)", name,
		   (unsigned long long)task_handle(t).id,
		   symbol_print(s, READ_ONCE(t->site), 1, site, sizeof(site)));
}

bool report_allowed(struct report *r, oa_time_t now)
{
	unsigned int missed = 0;
	bool may;

	spin_lock(&rate.lock);
	may = !rate.at[rate.next] || now - rate.at[rate.next] >= 60 * OA_SEC;
	if (may) {
		rate.at[rate.next] = now;
		rate.next = (rate.next + 1) % PER_MINUTE;
		missed = rate.missed;
		rate.missed = 0;
	} else {
		rate.missed++;
	}
	spin_unlock(&rate.lock);
	if (missed)
		report_add(r, "(%u reports before this one were left out) ",
			   missed);
	return may;
}

void report_tell(struct runtime *rt, struct report *r,
		 struct oa_runtime_event *ev)
{
	if (rt && rt->cfg.on_event) {
		ev->text = r->text + PREFIX_LEN;
		rt_tell(rt, ev);
		return;
	}
	/* What was cut off ends a line all the same. */
	r->n = min_of(r->n, sizeof(r->text) - 2);
	r->text[r->n++] = '\n';
	if (write(STDERR_FILENO, r->text, r->n) < 0)
		return;
}

void watch_held(struct worker *w, struct task *t, unsigned int n)
{
	struct runtime *rt = t->rt;
	struct oa_runtime_event ev = {
		.kind = OA_EVENT_HELD, .worker = w ? (int)w->index : -1,
		.task = task_handle(t), .value = n,
	};
	struct symbols syms;
	struct report *r;

	if (!rt->watch)
		return;
	r = mem_alloc(NULL, sizeof(*r), 8);
	if (!r)
		return;
	symbols_init(&syms);
	report_begin(r);
	if (report_allowed(r, rt->poll->now())) {
		report_task(r, &syms, t);
		report_add(r, " has ended and holds %u mutex%s", n,
			   n == 1 ? "" : "es");
		report_tell(rt, r, &ev);
	}
	symbols_fini(&syms);
	mem_free(NULL, r, sizeof(*r));
}

void report_fork_child(void)
{
	rate.lock.held = 0;
}
#endif
