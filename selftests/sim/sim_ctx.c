// SPDX-License-Identifier: MIT
/*
 * Contexts: the simulated process's threads. What a context leaves behind when
 * another goes on is one stack pointer, on its own stack or on that of the
 * task that it runs at the moment.
 */
#if defined(OA_SIM) && OA_SIM == 1
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "selftests/sim/sim_priv.h"

struct sim sim = { .cur = &sim.root };

#define GUARD	4096

static void stack_make(struct sim_ctx *c)
{
	char *p;

	if (c->stack)
		return;
	p = mmap(NULL, SIM_STACK + GUARD, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED || mprotect(p, GUARD, PROT_NONE)) {
		perror("simulator: no stack");
		exit(4);
	}
	c->stack = p + GUARD;
	c->valgrind_id = san_stack_add(c->stack, SIM_STACK);
}

static void entry(void *payload)
{
	struct sim_ctx *c = payload;

	san_arrive(&c->san, sim.from ? &sim.from->san : NULL);
	errno = 0;
	c->fn(c->arg);
	sim_ctx_end();
}

struct sim_ctx *sim_ctx_start(const char *name, void *(*fn)(void *), void *arg)
{
	struct sim_ctx *c;
	unsigned int i;

	for (i = 0; i < SIM_CTXS && sim.ctx[i].state != SIM_FREE; i++)
		;
	if (i == SIM_CTXS)
		return NULL;
	c = &sim.ctx[i];
	if (i >= sim.nr)
		sim.nr = i + 1;
	stack_make(c);
	c->state = SIM_READY;
	c->worker = NULL;
	c->slot = NULL;
	c->ring = NULL;
	c->futex = c->futex2 = c->word = NULL;
	c->joins = NULL;
	c->rcu_nest = 0;
	c->ran_at = sim.steps;
	c->where = "not run yet";
	c->prio = 1000000 + sim_draw_below(SIM_SCHEDULE, 1000000);
	c->fn = fn;
	c->arg = arg;
	snprintf(c->name, sizeof(c->name), "%s", name);
	san_stack_clean(c->stack, SIM_STACK);
	san_ctx_init(&c->san, c->stack, SIM_STACK);
	arch_ctx_init(&c->ctx, c->stack + SIM_STACK - 64, entry);
	return c;
}

void sim_ctx_join(struct sim_ctx *c)
{
	sim_point();
	while (c->state != SIM_ENDED) {
		sim.cur->joins = c;
		sim_block(OA_FOREVER, "joins a thread");
		sim.cur->joins = NULL;
	}
	san_ctx_fini(&c->san);
	c->state = SIM_FREE;
}

__noinline void sim_switch(struct sim_ctx *to)
{
	struct sim_ctx *me = sim.cur;

	me->saved_errno = errno;
	sim.from = me;
	sim.cur = to;
	sim.switches++;
	san_leave(&me->san, &to->san);
	arch_switch(&me->ctx, &to->ctx, to);
	san_arrive(&me->san, sim.from ? &sim.from->san : NULL);
	errno = me->saved_errno;
}

__noinline void sim_switch_last(struct sim_ctx *to)
{
	sim.from = NULL;
	sim.cur = to;
	sim.switches++;
	san_leave_last(&to->san);
	arch_jump(&to->ctx, to);
}

void sim_ctxs_reset(void)
{
	for (unsigned int i = 0; i < SIM_CTXS; i++) {
		if (sim.ctx[i].state == SIM_ENDED)
			san_ctx_fini(&sim.ctx[i].san);
		sim.ctx[i].state = SIM_FREE;
	}
	sim.nr = 0;
}
#endif
