// SPDX-License-Identifier: MIT
/*
 * Walking all live tasks beside the workers. Slabs are type-stable and read
 * under RCU; what is read of a task is a glance, checked by generation before
 * it is told: a task that went on in between is told as it was or not at all.
 * No lock of the scheduler is taken, so a dump works in any state.
 */
#include "core/inspect.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/conds.h"
#include "core/fork.h"
#include "core/op.h"
#include "core/park.h"
#include "core/rcu.h"
#include "core/waitgraph.h"

static const char *const op_names[OP_CODES] = {
	[OP_RAW] = "request", [OP_READ] = "read", [OP_WRITE] = "write",
	[OP_READV] = "readv", [OP_WRITEV] = "writev",
	[OP_OPENAT] = "openat", [OP_OPENAT2] = "openat2",
	[OP_CLOSE] = "close", [OP_FSYNC] = "fsync", [OP_STATX] = "statx",
	[OP_ACCEPT] = "accept", [OP_CONNECT] = "connect", [OP_SEND] = "send",
	[OP_RECV] = "recv", [OP_SENDMSG] = "sendmsg",
	[OP_RECVMSG] = "recvmsg", [OP_POLL] = "poll", [OP_SPLICE] = "splice",
	[OP_FUTEX_WAIT] = "futex",
};

static enum oa_task_state state_of(uint64_t life, uint64_t wait, uint32_t flags)
{
	if (life & LIFE_ENDED)
		return OA_TASK_ENDED;
	if (life & LIFE_DELAYED)
		return OA_TASK_DELAYED;
	if (!(flags & TASK_STARTED))
		return wait_open(wait) ? OA_TASK_WAITING : OA_TASK_QUEUED;
	switch (wait & WAIT_STATE) {
	case WAIT_RUNNING:
	case WAIT_PARKING: /* it may not be in the object's queue yet */
		return OA_TASK_RUNNING;
	case WAIT_PARKED:
		return OA_TASK_PARKED;
	default:
		return OA_TASK_RUNNABLE;
	}
}

bool inspect_peek(void *to, const void *at, size_t n)
{
	struct iovec mine = { to, n };
	struct iovec other = { (void *)(uintptr_t)at, n };

	return syscall(SYS_process_vm_readv, (long)getpid(), &mine, 1ul,
		       &other, 1ul, 0ul) == (long)n;
}

/* A request lives in the frame of its task. */
static void tell_request(const void *at, struct oa_task_info *i)
{
	struct op op;

	i->waits = "request";
	if (!at || !inspect_peek(&op, at, sizeof(op)) || op.code >= OP_CODES)
		return;
	i->waits = op_names[op.code];
	i->fd = op.fd;
}

/* Who holds it, if that is a task: threads have no handles. */
static __glance oa_task_t holder_of(const struct wait_link *l)
{
	struct task *t = wait_holder(l, 0);
	oa_task_t h = { 0 };

	if (t && READ_ONCE(t->rt))
		h = task_handle(t);
	return wait_lasts(l) ? h : (oa_task_t){ 0 };
}

static __glance void tell_wait(struct runtime *rt, struct task *t,
			       uint64_t wait, struct oa_task_info *i)
{
	struct wait_link l;

	i->deadline = wait & WAIT_TIMED ? READ_ONCE(t->deadline) : OA_FOREVER;
	i->waits = "time";
	i->since = waitgraph_since(t, wait, rt->poll->now());
	/* Is it another wait by now? */
	if (!wait_look(t, &l) || l.word >> 8 != wait >> 8)
		return;
	i->waits = l.what;
	if (wait & WAIT_OP) {
		tell_request(READ_ONCE(t->wait_on), i);
	} else if (wait & WAIT_SYNC) {
		i->waits_on = l.on;
		i->held_by = holder_of(&l);
	} else if (l.on) {
		i->waits_task = task_handle(l.on);
	}
}

/* The worker that runs it, or on which it last waited. */
static int where(struct runtime *rt, const struct task *t)
{
	for (uint32_t i = 0; i < rt->nr_workers; i++)
		if (READ_ONCE(rt->workers[i]->current) == t)
			return (int)i;
	return READ_ONCE(t->home);
}

static __glance size_t stack_size(const struct runtime *rt,
				  const struct task_ext *x, uint32_t flags)
{
	return flags & TASK_OWN_STACK && x ? READ_ONCE(x->stack_size)
					   : rt->stacks.size;
}

/* What it was started with, though it may be the first of a chain. */
static __glance oa_fn body_of(const struct task *t, const struct task_ext *x,
			      uint32_t flags)
{
	const struct start *s = x && flags & TASK_CONDS ? READ_ONCE(x->start)
							: NULL;

	return s ? conds_fn(s) : READ_ONCE(t->fn);
}

static __glance bool look(struct runtime *rt, struct task *t,
			  const struct task_ext *x, struct oa_task_info *i,
			  char *name)
{
	uint64_t life = atomic_load_acq(&t->life); /* [life] */
	uint64_t wait = atomic_load_acq(&t->wait); /* [park] */
	uint32_t flags = READ_ONCE(t->flags);

	if (!(life & LIFE_ALIVE) || life & LIFE_GONE ||
	    READ_ONCE(t->rt) != rt)
		return false;
	memset(i, 0, sizeof(*i));
	i->task.id = life >> LIFE_GEN_SHIFT << LIFE_GEN_SHIFT | t->slot;
	i->state = state_of(life, wait, flags);
	i->worker = flags & TASK_STARTED && !(flags & TASK_THREAD)
			    ? where(rt, t) : -1;
	i->cancelled = !!(life & LIFE_ASKED);
	task_copy_name(t, name, OA_TASK_NAME_MAX);
	i->name = name;
	i->waits = "";
	i->fd = -1;
	i->deadline = OA_FOREVER;
	i->fn = body_of(t, x, flags);
	i->spawn_site = READ_ONCE(t->site);
	i->prio = READ_ONCE(t->prio);
	if (i->state == OA_TASK_PARKED || i->state == OA_TASK_WAITING)
		tell_wait(rt, t, wait, i);
	if (i->state == OA_TASK_DELAYED)
		i->deadline = READ_ONCE(t->deadline);
	if (READ_ONCE(t->stack) && i->state != OA_TASK_ENDED)
		i->stack_size = stack_size(rt, x, flags);
	smp_mb(); /* [ext-look] what was read before the second look */
	/* [life] all of it was this generation's */
	return life_is(atomic_load_acq(&t->life), i->task);
}

/* Again for one that has ended meanwhile: the extension may be another's. */
__glance bool inspect_task(struct runtime *rt, struct task *t,
			   struct oa_task_info *i, char *name)
{
	const struct task_ext *x;

	do {
		x = READ_ONCE(t->ext);
		if (!look(rt, t, x, i, name))
			return false;
	} while (READ_ONCE(t->ext) != x);
	return true;
}

__glance int inspect_walk(struct runtime *rt,
			  int (*fn)(struct task *t,
				    const struct oa_task_info *info,
				    void *arg), void *arg)
{
	char name[OA_TASK_NAME_MAX];
	struct oa_task_info info;
	struct slab_chunk *k;
	struct task *t;
	int ret = 0;

	rcu_read_lock();
	cds_list_for_each_entry_rcu(k, &task_cache.chunks, node) {
		for (uint32_t i = 0; i < k->count && !ret; i++) {
			t = (struct task *)(k->objs + i * sizeof(*t));
			if (inspect_task(rt, t, &info, name))
				ret = fn(t, &info, arg);
		}
	}
	rcu_read_unlock();
	return ret;
}

struct walk {
	int (*fn)(const struct oa_task_info *info, void *arg);
	void *arg;
};

static int tell(struct task *t, const struct oa_task_info *info, void *arg)
{
	struct walk *w = arg;

	(void)t;
	return w->fn(info, w->arg);
}

int oa_tasks(struct oa_runtime *r,
	     int (*fn)(const struct oa_task_info *info, void *arg), void *arg)
{
	struct runtime *rt = (struct runtime *)r;
	struct walk w = { fn, arg };

	if (!fn)
		return -EINVAL;
	if (!rt)
		rt = (struct runtime *)oa_runtime_self();
	if (!rt || rt->generation != fork_generation())
		return -EPERM;
	return inspect_walk(rt, tell, &w);
}
