// SPDX-License-Identifier: MIT
/* What went wrong: the seed first, then who stood where. */
#if defined(OA_SIM) && OA_SIM == 1
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "selftests/sim/sim_priv.h"

#define ALT_SIZE	(128 * 1024)

static void __printf_like(1, 2) say(const char *fmt, ...)
{
	char buf[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	n = min_of(n, (int)sizeof(buf) - 1);
	if (write(STDERR_FILENO, buf, (size_t)n) < 0)
		_exit(1);
}

static void say_ctx(const struct sim_ctx *c)
{
	static const char *const states[] = { "free", "ready", "waiting",
					      "ended" };
	char ring[128];

	say("  %c %-14s %-8s %s, last ran at step %llu",
	    c == sim.cur ? '*' : ' ', c->name, states[c->state],
	    c->state == SIM_READY ? "" : c->where,
	    (unsigned long long)c->ran_at);
	if (c->state == SIM_WAITING && c->until != OA_FOREVER)
		say(", for %lld ns more", (long long)(c->until - sim.now));
	if (c->rcu_nest)
		say(", in a read section");
	if (c->worker && c->worker->backend) {
		sim_ring_describe(c->worker->backend, ring, sizeof(ring));
		say(", state %u, %s", c->worker->state, ring);
	}
	say("\n");
}

static void say_all(void)
{
	static const char *const strategies[] = {
		"uniform", "priorities", "long", "bursts", "stall",
	};

	sim.active = false;
	say("SEED=%llu %s\n", (unsigned long long)sim.seed, sim.name);
	say("  step %llu, time %lld ns, %s %u, cpus %u, tick %lld, delay %lld, "
	    "slack %lld%s%s%s%s\n",
	    (unsigned long long)(sim.steps + sim.planned - sim.left),
	    (long long)sim.now, strategies[sim.strategy], sim.period,
	    sim_env.cpus, (long long)sim_env.tick, (long long)sim_env.delay,
	    (long long)sim_env.slack,
	    sim_env.ignore_caps ? ", no caps" : "",
	    sim_env.park_ring ? ", ring parks" : "",
	    sim_env.migrate ? ", migrating" : "",
	    sim_env.standby ? ", standing by" : "");
	for (unsigned int i = 0; i < sim.nr; i++)
		if (sim.ctx[i].state != SIM_FREE)
			say_ctx(&sim.ctx[i]);
	for (unsigned int i = 0; i < ARRAY_SIZE(sim_runtimes); i++)
		if (sim_runtimes[i])
			oa_dump((struct oa_runtime *)sim_runtimes[i],
				STDERR_FILENO);
}

static __attribute__((noreturn)) void give_up(void)
{
	signal(SIGABRT, SIG_DFL);
	abort();
}

void sim_stuck(const char *why)
{
	sim.active = false;
	say("simulator: %s\n", why);
	say_all();
	give_up();
}

void sim_fail_at(const char *file, int line, const char *fmt, ...)
{
	char buf[256];
	va_list ap;

	sim.active = false;
	va_start(ap, fmt);
	vsnprintf(buf, sizeof(buf), fmt, ap);
	va_end(ap);
	say("%s:%d: %s\n", file, line, buf);
	say_all();
	give_up();
}

static void on_signal(int sig)
{
	if (sim.active) {
		sim.active = false;
		say("simulator: %s\n", strsignal(sig));
		say_all();
	}
	signal(sig, SIG_DFL);
	raise(sig);
}

void sim_report_install(void)
{
	static char alt[ALT_SIZE];
	struct sigaction sa = { .sa_handler = on_signal,
				.sa_flags = SA_ONSTACK | SA_NODEFER };
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) };
	static bool done;

	if (done)
		return;
	done = true;
	sigaltstack(&ss, NULL);
	sigaction(SIGABRT, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}
#endif
