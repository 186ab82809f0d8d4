// SPDX-License-Identifier: MIT
/* Several tasks, or as many threads, that do one thing together. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "crew.h"

struct member {
	struct crew *crew;
	unsigned int nr;
	oa_task_t task;
	pthread_t thread;
};

struct crew {
	struct run *r;
	crew_fn fn;
	void *arg;
	unsigned int n;
	uint64_t *ns;
	bool apart;
	struct member *member;
	pthread_barrier_t start;
};

static int prepare(struct crew *c, struct run *r, unsigned int n, crew_fn fn,
		   void *arg, uint64_t *ns)
{
	*c = (struct crew){ .r = r, .fn = fn, .arg = arg, .n = n, .ns = ns };
	if (!n || n > 100000)
		return bench_fail(r, "bad number of tasks");
	c->member = calloc(n, sizeof(*c->member));
	if (!c->member)
		return bench_fail(r, "out of memory");
	for (unsigned int i = 0; i < n; i++)
		c->member[i] = (struct member){ .crew = c, .nr = i };
	return 0;
}

static void begin(struct crew *c)
{
	if (c->ns)
		bench_begin(c->r);
}

static void end(struct crew *c)
{
	if (c->ns)
		*c->ns = bench_end(c->r);
}

static int result(struct crew *c)
{
	free(c->member);
	return c->r->out->error[0] ? -1 : 0;
}

static void *task(void *arg)
{
	struct member *m = arg;

	m->crew->fn(m->crew->arg, m->nr);
	return NULL;
}

/* Members wait for each other: without one of them nothing would end. */
static void *first(void *arg)
{
	struct crew *c = arg;

	begin(c);
	for (unsigned int i = 0; i < c->n; i++) {
		struct member *m = &c->member[i];

		m->task = oa_spawn(task, m, .worker = c->apart
				   ? OA_WORKER((int)(i % bench_workers(c->r)))
				   : 0);
		if (!oa_task_error(m->task))
			continue;
		bench_fail(c->r, "oa_spawn: %s",
			   oa_strerror(oa_task_error(m->task)));
		_exit(1);
	}
	for (unsigned int i = 0; i < c->n; i++)
		if (oa_join(c->member[i].task, NULL))
			bench_fail(c->r, "a task is lost");
	end(c);
	return NULL;
}

static int run_oa(struct run *r, unsigned int n, crew_fn fn, void *arg,
		  uint64_t *ns, bool apart)
{
	struct crew c;

	if (prepare(&c, r, n, fn, arg, ns))
		return -1;
	c.apart = apart;
	if (bench_oa_run(r, bench_workers(r), first, &c))
		return -1;
	return result(&c);
}

int crew_oa(struct run *r, unsigned int n, crew_fn fn, void *arg, uint64_t *ns)
{
	return run_oa(r, n, fn, arg, ns, false);
}

int crew_oa_apart(struct run *r, unsigned int n, crew_fn fn, void *arg,
		  uint64_t *ns)
{
	return run_oa(r, n, fn, arg, ns, true);
}

static void *thread(void *arg)
{
	struct member *m = arg;

	pthread_barrier_wait(&m->crew->start);
	m->crew->fn(m->crew->arg, m->nr);
	return NULL;
}

int crew_raw(struct run *r, unsigned int n, crew_fn fn, void *arg,
	     uint64_t *ns)
{
	unsigned int cpus = bench_workers(r);
	struct crew c;

	if (prepare(&c, r, n, fn, arg, ns))
		return -1;
	bench_pin(r, 0, cpus < r->set->ncpu ? cpus : r->set->ncpu);
	pthread_barrier_init(&c.start, NULL, n + 1);
	for (unsigned int i = 0; i < n; i++)
		if (pthread_create(&c.member[i].thread, NULL, thread,
				   &c.member[i])) {
			bench_fail(r, "no thread");
			_exit(1);
		}
	begin(&c);
	pthread_barrier_wait(&c.start);
	for (unsigned int i = 0; i < n; i++)
		pthread_join(c.member[i].thread, NULL);
	end(&c);
	pthread_barrier_destroy(&c.start);
	return result(&c);
}
