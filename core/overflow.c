// SPDX-License-Identifier: MIT
/*
 * A task that runs into the guard of its stack ends the process with a line
 * that names it, instead of a bare SIGSEGV. Any other fault goes to whatever
 * handled the signal before.
 */
#include "core/overflow.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/grown.h"
#include "core/mem.h"
#include "core/runtime.h"

#define ALT_SIZE	(64 * 1024)

static struct sigaction before;
static __thread void *alt_stack;
static __thread unsigned int alt_users;	/* runtimes that this thread drives */

static void say(const struct task *t, const struct stack *s)
{
	char buf[256];
	int n;

	if (!t) {
		static const char text[] = "liboa: stack overflow in a thread, "
			"in a call that oa_call_grown() made\n";

		if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
			return;
		return;
	}
	n = snprintf(buf, sizeof(buf),
		     "liboa: stack overflow in task \"%s\" (handle %#llx), "
		     "started at %p, function %p, stack of %zu bytes\n",
		     task_name(t), (unsigned long long)task_handle(t).id,
		     t->site, (void *)(uintptr_t)t->fn, s->size);
	if (n > 0 && write(STDERR_FILENO, buf, (size_t)n) < 0)
		return;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	struct worker *w = worker_self();
	struct task *t = w ? w->current : NULL;
	const char *at = info->si_addr;
	const struct stack *s = t ? t->stack : NULL;

	if (s && (at >= s->low || at < s->low - STACK_GUARD))
		s = grown_guard(t, at);
	if (s)
		say(t, s);
	/* As before us: the fault comes again when this returns. */
	if (before.sa_flags & SA_SIGINFO && before.sa_sigaction) {
		before.sa_sigaction(sig, info, context);
		return;
	}
	if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(sig);
		return;
	}
	/* One that was sent does not come again. */
	if (info->si_code <= 0 && before.sa_handler == SIG_IGN)
		return;
	signal(sig, SIG_DFL);
	if (info->si_code <= 0)
		raise(sig);
}

void overflow_found(const struct task *t, const struct stack *s)
{
	say(t, s);
	abort();
}

void overflow_check(const struct task *t)
{
	if (unlikely(stack_overrun(t->stack)))
		overflow_found(t, t->stack);
}

static void install(void)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sa.sa_sigaction = on_fault;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGSEGV, NULL, &before);
	sigaction(SIGSEGV, &sa, NULL);
}

void overflow_install(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install);
}

void overflow_thread(void)
{
	stack_t ss = { .ss_size = ALT_SIZE }, old;

	if (alt_users++)
		return;
	if (sigaltstack(NULL, &old) || !(old.ss_flags & SS_DISABLE))
		return;
	ss.ss_sp = mem_map(ALT_SIZE);
	if (!ss.ss_sp)
		return;
	if (sigaltstack(&ss, NULL))
		mem_unmap(ss.ss_sp, ALT_SIZE);
	else
		alt_stack = ss.ss_sp;
}

void overflow_thread_gone(void)
{
	stack_t off = { .ss_flags = SS_DISABLE };

	if (!alt_users || --alt_users || !alt_stack)
		return;
	sigaltstack(&off, NULL);
	mem_unmap(alt_stack, ALT_SIZE);
	alt_stack = NULL;
}
