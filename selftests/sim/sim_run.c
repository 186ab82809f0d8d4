// SPDX-License-Identifier: MIT
/* A run, from a seed to its end, and what a scenario may do in it. */
#if defined(OA_SIM) && OA_SIM == 1
#include <string.h>

#include "core/conds.h"
#include "core/members.h"
#include "core/rcu.h"
#include "selftests/sim/sim_ring.h"

/* What SIM_STATE() lists; bounds made by the linker. */
extern const struct sim_state __start_sim_state[], __stop_sim_state[];

static void cache_reset(struct slab_cache *c, struct slab_cache *first)
{
	if (!first->obj_size)
		*first = *c;
	*c = *first;
}

/* The state of a process that has just begun. */
static void core_reset(void)
{
	static struct slab_cache tasks, exts, starts, scopes;

	for (const struct sim_state *s = __start_sim_state;
	     s < __stop_sim_state; s++)
		memset(s->at, 0, s->size);
	/* Lists without elements, so a copy is as good. */
	cache_reset(&task_cache, &tasks);
	cache_reset(&ext_cache, &exts);
	cache_reset(&start_cache, &starts);
	cache_reset(&scope_cache, &scopes);
	runtimes_lock.held = 0;
	CDS_INIT_LIST_HEAD(&runtimes);
}

static void begin(uint64_t seed, const char *name)
{
	sim_report_install();
	sim.seed = seed;
	sim.name = name;
	for (int i = 0; i < SIM_STREAMS; i++) {
		sim.rng[i].s = seed * SIM_STREAMS + (uint64_t)i;
		sim.rng[i].s = sim_draw(i);
	}
	sim.steps = sim.switches = 0;
	sim.limit = 20000000;
	sim.hash = 0xcbf29ce484222325ull;
	sim.now = 1000000000;
	sim.ps = 0;
	sim_mem_reset();
	sim_ctxs_reset();
	sim_rings_reset();
	sim_files_reset();
	sim_words_reset();
	sim_faults_reset();
	sim_runtimes_reset();
	core_reset();
	sim_strategy_choose();
	sim_env_choose();
}

static void *run_body(void *arg)
{
	((void (*)(void))(uintptr_t)arg)();
	return NULL;
}

void sim_run(uint64_t seed, const char *name, void (*body)(void),
	     struct sim_result *res)
{
	struct sim_ctx *c;
	oa_time_t since;

	begin(seed, name);
	since = sim.now;
	c = sim_ctx_start("main", run_body, (void *)(uintptr_t)body);
	sim.cur = &sim.root;
	sim.left = sim.planned = 1;
	sim.active = true;
	sim_switch(c);
	sim.active = false;
	sim.left = UINT64_MAX;
	sim_mem_check();
	for (unsigned int i = 0; i < ARRAY_SIZE(sim_runtimes); i++)
		if (sim_runtimes[i])
			sim_stuck("a runtime is left over");
	if (res)
		*res = (struct sim_result){
			.hash = sim.hash, .steps = sim.steps,
			.switches = sim.switches, .time = sim.now - since,
		};
}

struct thread_start {
	void (*fn)(void *arg);
	void *arg;
};

static void *thread_body(void *p)
{
	struct thread_start s = *(struct thread_start *)p;

	sim_allocator.free(p, sizeof(s), NULL);
	s.fn(s.arg);
	return NULL;
}

struct sim_ctx *sim_thread(const char *name, void (*fn)(void *arg), void *arg)
{
	struct thread_start *s = sim_allocator.alloc(sizeof(*s), 16, NULL);
	struct sim_ctx *c;

	*s = (struct thread_start){ fn, arg };
	sim_point();
	c = sim_ctx_start(name, thread_body, s);
	if (!c)
		sim_stuck("more threads than the simulator keeps");
	sim_point();
	return c;
}

void sim_join(struct sim_ctx *c)
{
	sim_ctx_join(c);
}

void sim_yield(void)
{
	sim_give_way();
}

void sim_pause(oa_time_t ns)
{
	sim_block(sim.now + ns, "pauses");
}

void sim_spin(unsigned int n)
{
	while (n--)
		sim_point();
}

oa_time_t sim_now(void)
{
	return sim.now;
}
#endif
