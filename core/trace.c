// SPDX-License-Identifier: MIT
/*
 * Where a task that runs stands, found out by another thread.
 *
 * If its thread computes, it is sent a signal, whose handler walks its stack:
 * SIGURG, which programs do not use and which is ignored by default; if the
 * program does handle it, there is no trace. The handler runs on the worker's
 * signal stack and looks at the task's, as an unwinder for C++ would. It does
 * so only if the task and the count of switches are those that were seen, for
 * then no switch of stacks is under way: both change before one. A coroutine
 * inside of the task may be switched to at any time, so where there is one the
 * walk is left out.
 *
 * If its thread waits in a system call, a signal might make that fail: some of
 * them are never restarted. Then the kernel is asked which call it is, and what
 * looks like return addresses on the stack is told as a guess.
 *
 *	watch				handler
 *	ask.* = ...			state ASKED? whom? else return
 *	state IDLE -> ASKED		state ASKED -> TAKING	(CAS)
 *	signal; wait for DONE		ask.pc[] = ...
 *	too late: ASKED -> IDLE		state = DONE
 *	  (CAS; else wait on)
 */
#ifndef OA_SIM
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/inspect.h"
#include "core/procfile.h"
#include "core/watch_priv.h"

#define ANSWER_WITHIN	OA_SEC
#define RAW_FRAMES	(TRACE_FRAMES + 8)
#define GUESS_WORDS	512u
#define GUESSES		8u

enum ask_state { ASK_IDLE, ASK_ASKED, ASK_TAKING, ASK_DONE };

static struct {
	uint32_t state;			/* A; futex */
	struct worker *w;		/* watch, with IDLE */
	const struct task *task;	/* likewise */
	uint64_t switches;		/* likewise */
	unsigned int n;			/* the handler, with TAKING */
	bool coroutine;			/* likewise */
	const void *pc[TRACE_FRAMES];	/* likewise */
} ask;

static bool installed;			/* watch */
static bool can_unwind;			/* watch; libgcc is there */

static const void *context_pc(const ucontext_t *c)
{
#if defined(__x86_64__)
	return (const void *)(uintptr_t)c->uc_mcontext.gregs[REG_RIP];
#else
	return (const void *)(uintptr_t)c->uc_mcontext.pc;
#endif
}

/* The frames of what was interrupted, without those of this handler. */
static void take_frames(const void *top)
{
	void *raw[RAW_FRAMES];
	int n = backtrace(raw, RAW_FRAMES), from = 0;

	ask.pc[0] = top;
	ask.n = 1;
	while (from < n && raw[from] != top)
		from++;
	while (++from < n && ask.n < TRACE_FRAMES)
		ask.pc[ask.n++] = raw[from];
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	struct worker *w = worker_self();
	uint32_t asked = ASK_ASKED;
	int was = errno;

	(void)sig;
	(void)info;
	/* [trace] what is asked for is there when it has been asked for */
	if (!w || atomic_load_acq(&ask.state) != ASK_ASKED || ask.w != w ||
	    !atomic_cas(&ask.state, &asked, (uint32_t)ASK_TAKING)) /* [trace] */
		return;
	ask.n = 0;
	ask.coroutine = false;
	if (w->current && w->current == ask.task &&
	    w->st.switches == ask.switches) {
		ask.coroutine = w->current->coro != NULL;
		if (ask.coroutine) {
			ask.pc[0] = context_pc(context);
			ask.n = 1;
		} else {
			take_frames(context_pc(context));
		}
	}
	atomic_store_rel(&ask.state, (uint32_t)ASK_DONE); /* [trace] */
	poll_default->thread_wake(&ask.state);
	errno = was;
}

void trace_begin(void)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_ONSTACK |
					    SA_RESTART };
	struct sigaction is;
	void *pc[2];

	/*
	 * What it needs is loaded by the first call, never in a handler; and it
	 * is loaded before the lock is taken, which a fork would wait for.
	 */
	backtrace(pc, 0);
	symbol_lock();
	can_unwind = backtrace(pc, 2) > 0;
	symbol_unlock();
	if (!can_unwind || sigaction(SIGURG, NULL, &is) ||
	    is.sa_flags & SA_SIGINFO || is.sa_handler != SIG_DFL)
		return;
	sa.sa_sigaction = on_signal;
	sigemptyset(&sa.sa_mask);
	installed = !sigaction(SIGURG, &sa, NULL);
}

/* Still, and not the program's by now? */
static bool ours(void)
{
	struct sigaction is;

	return installed && !sigaction(SIGURG, NULL, &is) &&
	       is.sa_flags & SA_SIGINFO && is.sa_sigaction == on_signal;
}

void trace_end(void)
{
	if (ours())
		signal(SIGURG, SIG_DFL);
	installed = false;
}

void trace_fork_child(void)
{
	trace_end();
	ask.state = ASK_IDLE;
}

/* A file of that thread in /proc; its length, 0: there is none. */
static size_t read_file(pid_t tid, const char *name, char *buf, size_t room)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)tid, name);
	return procfile_read(path, buf, room);
}

char trace_thread_state(pid_t tid)
{
	char buf[256];
	const char *at;

	if (!read_file(tid, "stat", buf, sizeof(buf)))
		return '?';
	/* The name may hold anything. */
	at = strrchr(buf, ')');
	return at && at[1] == ' ' ? at[2] : '?';
}

oa_time_t trace_thread_delay(pid_t tid)
{
	char buf[128];
	long long delay = 0;

	if (!read_file(tid, "schedstat", buf, sizeof(buf)) ||
	    sscanf(buf, "%*d %lld", &delay) != 1)
		return 0;
	return delay;
}

static void ask_thread(pid_t tid)
{
	oa_time_t until = poll_default->now() + ANSWER_WITHIN;
	uint32_t state, asked = ASK_ASKED;
	int err = 0;

	/* [trace] pairs with the look of the handler */
	atomic_store_rel(&ask.state, (uint32_t)ASK_ASKED);
	if (syscall(SYS_tgkill, getpid(), tid, SIGURG))
		until = 0;
	/* [trace] */
	while ((state = atomic_load_acq(&ask.state)) != ASK_DONE) {
		/* [trace] */
		if (err == -ETIMEDOUT && state == ASK_ASKED &&
		    atomic_cas(&ask.state, &asked, (uint32_t)ASK_IDLE))
			return;
		asked = ASK_ASKED;
		err = poll_default->thread_wait(&ask.state, state, until);
		if (err == -ETIMEDOUT && state == ASK_TAKING)
			until = poll_default->now() + ANSWER_WITHIN;
	}
}

static void take_computing(struct worker *w, const struct sight *s,
			   struct trace *tr)
{
	if (!ours())
		return;
	ask.w = w;
	ask.task = s->task;
	ask.switches = s->switches;
	ask.n = 0;
	symbol_lock(); /* the handler unwinds */
	ask_thread(s->tid);
	symbol_unlock();
	/* [trace] */
	if (atomic_load_acq(&ask.state) != ASK_DONE)
		return;
	tr->n = ask.n;
	tr->coroutine = ask.coroutine;
	memcpy(tr->pc, ask.pc, ask.n * sizeof(ask.pc[0]));
	atomic_store_rel(&ask.state, (uint32_t)ASK_IDLE); /* [trace] */
}

/* Does a call lie before @pc? */
static bool returns_to(const void *pc)
{
	unsigned char b[8];

	if (!symbol_is_code(pc) ||
	    !inspect_peek(b, (const char *)pc - sizeof(b), sizeof(b)))
		return false;
#if defined(__x86_64__)
	/* call rel32; call *m(%rip); call *r, *m(r), of two to four bytes. */
	return b[3] == 0xe8 || (b[2] == 0xff && b[3] == 0x15) ||
	       (b[6] == 0xff && (b[7] & 0x38) == 0x10) ||
	       (b[5] == 0xff && (b[6] & 0x38) == 0x10) ||
	       (b[4] == 0xff && (b[5] & 0x38) == 0x10);
#else
	uint32_t op;

	memcpy(&op, b + 4, sizeof(op));
	return (op & 0xfc000000) == 0x94000000 ||	/* bl */
	       (op & 0xfffffc1f) == 0xd63f0000;		/* blr */
#endif
}

static void guess_callers(const char *sp, struct trace *tr)
{
	const void *word;

	for (unsigned int i = 0; i < GUESS_WORDS && tr->n <= GUESSES; i++) {
		if (!inspect_peek(&word, sp + i * sizeof(word), sizeof(word)))
			return;
		if (returns_to(word))
			tr->pc[tr->n++] = word;
	}
}

/* The call's number, its six arguments, stack pointer, program counter. */
static void take_waiting(pid_t tid, struct trace *tr)
{
	unsigned long long arg[6], sp, pc;
	char buf[256];

	if (!read_file(tid, "syscall", buf, sizeof(buf)) ||
	    sscanf(buf, "%ld %llx %llx %llx %llx %llx %llx %llx %llx",
		   &tr->call, &arg[0], &arg[1], &arg[2], &arg[3], &arg[4],
		   &arg[5], &sp, &pc) != 9)
		return;
	tr->guess = true;
	tr->pc[tr->n++] = (const void *)(uintptr_t)pc;
	guess_callers((const char *)(uintptr_t)sp, tr);
}

void trace_take(struct worker *w, const struct sight *s, char state,
		struct trace *tr)
{
	tr->n = 0;
	tr->guess = tr->coroutine = false;
	tr->call = -1;
	if (state == 'R')
		take_computing(w, s, tr);
	else
		take_waiting(s->tid, tr);
}

void trace_put(struct report *r, struct symbols *syms, const struct trace *tr)
{
	char buf[SYMBOL_MAX];

	if (tr->call >= 0)
		report_add(r, "\n    in system call %ld", tr->call);
	for (unsigned int i = 0; i < tr->n; i++)
		report_add(r, "%s%s%s", i ? " < " : "\n    at ",
			   i && tr->guess ? "? " : "",
			   symbol_print(syms, tr->pc[i], i > 0, buf,
					sizeof(buf)));
	if (tr->coroutine)
		report_add(r, ", in a coroutine");
}
#endif
