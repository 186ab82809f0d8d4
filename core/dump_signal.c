// SPDX-License-Identifier: MIT
/*
 * .dump_signal: the handler leaves a bit and wakes the watch, which makes the
 * dump. Several runtimes may have the same signal; the program's disposition,
 * which must be the default or to ignore it, is put back after the last.
 */
#ifndef OA_SIM
#include <errno.h>
#include <signal.h>

#include "core/watch.h"
#include "core/watch_priv.h"

#define SIGNALS	65

_Static_assert(NSIG <= SIGNALS, "a bit for each");

static struct {
	unsigned int users;		/* L:lock of core/watch.c */
	struct sigaction before;	/* likewise */
} use[SIGNALS];

static uint64_t came;			/* A */

int watch_check(const struct oa_config *c)
{
	if (c->watch < 0)
		return -EINVAL;
	switch (c->dump_signal) {
	case SIGKILL:
	case SIGSTOP:
	/* A fault comes again when its handler returns. */
	case SIGSEGV:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGTRAP:
	/* Those of the watch itself. */
	case SIGURG:
		return -EINVAL;
	default:
		return c->dump_signal < 0 || c->dump_signal > SIGRTMAX ?
		       -EINVAL : 0;
	}
}

static void on_signal(int sig)
{
	int was = errno;

	atomic_or(&came, 1ull << (sig - 1)); /* [dump-signal] */
	watch_poke();
	errno = was;
}

uint64_t dump_signal_came(void)
{
	/* relaxed: a look, swapped below */
	return READ_ONCE(came) ? atomic_xchg(&came, 0ull) : 0; /* [dump-signal] */
}

int dump_signal_take(int sig)
{
	struct sigaction sa = { .sa_flags = SA_ONSTACK | SA_RESTART };

	if (use[sig].users) {
		use[sig].users++;
		return 0;
	}
	sa.sa_handler = on_signal;
	sigemptyset(&sa.sa_mask);
	if (sigaction(sig, NULL, &use[sig].before))
		return -EINVAL;
	if (use[sig].before.sa_flags & SA_SIGINFO ||
	    (use[sig].before.sa_handler != SIG_DFL &&
	     use[sig].before.sa_handler != SIG_IGN))
		return -EBUSY;
	if (sigaction(sig, &sa, NULL))
		return -EINVAL;
	use[sig].users = 1;
	return 0;
}

static void put_back(int sig)
{
	struct sigaction is;

	/* Unless the program has taken it meanwhile. */
	if (!sigaction(sig, NULL, &is) && !(is.sa_flags & SA_SIGINFO) &&
	    is.sa_handler == on_signal)
		sigaction(sig, &use[sig].before, NULL);
}

void dump_signal_put(int sig)
{
	if (!--use[sig].users)
		put_back(sig);
}

void dump_signal_fork_child(void)
{
	for (int sig = 1; sig < SIGNALS; sig++) {
		if (use[sig].users)
			put_back(sig);
		use[sig].users = 0;
	}
	WRITE_ONCE(came, 0);
}
#endif
