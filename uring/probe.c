// SPDX-License-Identifier: MIT
/*
 * Asks the running kernel, once. OA_DISABLE=name,name pretends that it lacks
 * what it has, so that stand-ins can be tested anywhere.
 */
#include "uring/probe.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include "core/compiler.h"
#include "core/env.h"
#include "core/fault.h"
#include "core/stack.h"
#include "uring/locked.h"
#include "uring/os.h"
#include "uring/uapi.h"

static const struct {
	const char *name;
	const char *what;
	const char *instead;
} caps[CAPS] = {
	[CAP_RING] = { "ring", "io_uring with deferred task work",
		       "none: the runtime does not start" },
	[CAP_REGISTERED_RING] = { "registered-ring",
				  "ring entered by registered index",
				  "by descriptor" },
	[CAP_MIN_WAIT] = { "min-wait", "dense completions waited for together",
			   "each by itself" },
	[CAP_ABS_TIMER] = { "abs-timer", "absolute timeouts of a ring wait",
			    "relative ones" },
	[CAP_CLOCK] = { "clock", "ring waits on CLOCK_MONOTONIC",
			"the default clock" },
	[CAP_NO_IOWAIT] = { "no-iowait", "idle not shown as iowait",
			    "shown as iowait" },
	[CAP_SEND_MSG_RING] = { "send-msg-ring", "kicks by MSG_RING",
				"eventfd" },
	[CAP_FUTEX2] = { "futex2", "futex_wake(2)", "futex(2)" },
	[CAP_WAITV] = { "futex-waitv", "futex_waitv(2)", "ring wait only" },
	[CAP_ACCEPT_POLL] = { "accept-poll", "accepts wait before they try",
			      "they try first" },
	[CAP_RING_FUTEX] = { "ring-futex", "shared words waited for by request",
			     "by a thread for each, in futex_waitv(2)" },
	[CAP_MEMBARRIER] = { "membarrier", "private run-next, batches, locks",
			     "not rescued from a stuck worker; no bias" },
	[CAP_INLINE] = { "inline", "what need not wait is a system call",
			 "a request" },
};

#define CALL_ROUNDS	8
#define CALL_ROUND	4
#define CALL_DEAR	600	/* ns; a request costs 100 to 200 */

static bool has[CAPS];
static int ring_error;
static int64_t call_ns;		/* a system call that does nothing */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool ok_or_not_enosys(long ret)
{
	return ret >= 0 || errno != ENOSYS;
}

static bool knows(struct io_uring *ring, int opcode)
{
	struct io_uring_probe *p = io_uring_get_probe_ring(ring);
	bool known = p && io_uring_opcode_supported(p, opcode);

	io_uring_free_probe(p);
	return known;
}

/* A thread that uses a lock before the first runtime may ask meanwhile. */
static void set(enum cap c, bool yes)
{
	/* relaxed: who asks is told the same, or that there is none yet */
	__atomic_store_n(&has[c], yes, __ATOMIC_RELAXED);
}

static void forks(void)
{
	pthread_mutex_lock(&lock);
}

static void forked(void)
{
	pthread_mutex_unlock(&lock);
}

static void __attribute__((constructor)) install(void)
{
	pthread_atfork(forks, forked, forked);
}

static void probe_ring(void)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL,
	};
	struct oa_clock_register clk = { .clockid = CLOCK_MONOTONIC };
	unsigned int tries = 0;
	struct io_uring_sqe sqe;
	struct io_uring ring;

	ring_error = -ENOMEM;
	if (!fault_hit(FAULT_RING))
		do
			ring_error = io_uring_queue_init_params(2, &ring, &p);
		while (ring_error == -ENOMEM && locked_wait(&tries));
	if (ring_error)
		return;
	/* A filter may let rings be made and not be used. */
	ring_error = io_uring_enter((unsigned int)ring.ring_fd, 0, 0,
				    IORING_ENTER_GETEVENTS, NULL);
	if (ring_error < 0) {
		io_uring_queue_exit(&ring);
		return;
	}
	set(CAP_RING, true);
	/* It came with the same version and has no sign of its own. */
	set(CAP_ACCEPT_POLL, p.features & OA_FEAT_RECVSEND_BUNDLE);
	set(CAP_MIN_WAIT, p.features & OA_FEAT_MIN_TIMEOUT);
	set(CAP_NO_IOWAIT, p.features & OA_FEAT_NO_IOWAIT);
	set(CAP_CLOCK, !syscall(SYS_io_uring_register, ring.ring_fd,
				  OA_REGISTER_CLOCK, &clk, 0));
	/* Both came with 6.12. */
	set(CAP_ABS_TIMER, has[CAP_CLOCK]);
	/* A bad target tells that the call is known. */
	memset(&sqe, 0, sizeof(sqe));
	sqe.opcode = IORING_OP_MSG_RING;
	sqe.fd = -1;
	syscall(SYS_io_uring_register, -1, OA_REGISTER_SEND_MSG_RING, &sqe, 1);
	set(CAP_SEND_MSG_RING, errno == EBADF);
	set(CAP_REGISTERED_RING, io_uring_register_ring_fd(&ring) == 1);
	set(CAP_RING_FUTEX, knows(&ring, OA_OP_FUTEX_WAIT));
	io_uring_queue_exit(&ring);
}

static void probe_futex(void)
{
	static uint32_t word;

	set(CAP_WAITV, ok_or_not_enosys(syscall(SYS_futex_waitv, NULL, 0, 0,
						  NULL, 0)));
	/* A mask wider than the futex would be refused. */
	set(CAP_FUTEX2, syscall(OA_SYS_futex_wake, &word,
				  FUTEX_BITSET_MATCH_ANY, 1,
				  OA_FUTEX2_U32 | OA_FUTEX2_PRIVATE) == 0);
}

static void probe_membarrier(void)
{
	long ret = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	if (ret < 0 || !(ret & MEMBARRIER_CMD_PRIVATE_EXPEDITED))
		return;
	set(CAP_MEMBARRIER, !syscall(SYS_membarrier,
		MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
}

static int64_t call_cost(void)
{
	int64_t least = INT64_MAX, from, took;

	for (int i = 0; i < CALL_ROUNDS; i++) {
		from = os_now();
		for (int j = 0; j < CALL_ROUND; j++)
			syscall(SYS_getppid);
		took = os_now() - from;
		least = min_of(least, took);
	}
	return least / CALL_ROUND;
}

/*
 * Does a system call cost less than a request, which needs two switches and a
 * part of an enter? Nearly everywhere; not where a hypervisor without the
 * processor's help, or a sandbox, sees each of them.
 */
static void probe_calls(void)
{
	call_ns = call_cost();
	set(CAP_INLINE, env_lists("OA_IO", "inline") ||
	    (call_ns < CALL_DEAR && !env_lists("OA_IO", "ring")));
}

static void probe(void)
{
	probe_ring();
	probe_futex();
	probe_membarrier();
	probe_calls();
	for (int i = 0; i < CAPS; i++)
		if (env_lists("OA_DISABLE", caps[i].name))
			set(i, false);
	if (!has[CAP_RING] && !ring_error)
		ring_error = -ENOSYS;
	if (env_lists("OA_DISABLE", "guard"))
		stack_guard_disable();
}

int probe_kernel(void)
{
	int err;

	pthread_mutex_lock(&lock);
	/* A limit that stood in the way may have been raised. */
	if (!has[CAP_RING])
		probe();
	err = has[CAP_RING] ? 0 : ring_error;
	pthread_mutex_unlock(&lock);
	return err;
}

bool probe_has(enum cap c)
{
	/* relaxed: it never changes once a runtime has started */
	return __atomic_load_n(&has[c], __ATOMIC_RELAXED);
}

/* Why there is no ring, in words that help. */
static const char *reason(int err)
{
	switch (err) {
	case -ENOMEM:
		return "no memory for a ring: raise RLIMIT_MEMLOCK";
	case -EMFILE:
	case -ENFILE:
		return "no descriptor for a ring: raise RLIMIT_NOFILE";
	case -EPERM:
		return "io_uring is forbidden here: see kernel.io_uring_disabled "
		       "and the container's seccomp profile";
	case -EINVAL:
		return "the kernel is older than 6.1";
	default:
		return "the kernel has no io_uring";
	}
}

bool probe_names(const char *word, size_t len)
{
	for (int i = 0; i < CAPS; i++)
		if (strlen(caps[i].name) == len &&
		    !memcmp(caps[i].name, word, len))
			return true;
	return len == strlen("guard") && !memcmp(word, "guard", len);
}

static void tell_line(poll_tell *tell, void *arg, const char *name,
		      const char *state, const char *text)
{
	char line[240];

	snprintf(line, sizeof(line), "%s: %s, %s", name, state, text);
	tell(arg, line, !strcmp(state, "no"));
}

void probe_tell(poll_tell *tell, void *arg)
{
	struct utsname u;
	char text[80];

	probe_kernel();
	if (!uname(&u))
		tell_line(tell, arg, "kernel", u.release, u.machine);
	for (int i = 0; i < CAPS; i++) {
		const char *instead = i == CAP_RING ? reason(ring_error)
						    : caps[i].instead;

		tell_line(tell, arg, caps[i].name, has[i] ? "yes" : "no",
			  has[i] ? caps[i].what : instead);
	}
	snprintf(text, sizeof(text), "one that does nothing takes %lld ns",
		 (long long)call_ns);
	tell_line(tell, arg, "system-call", "yes", text);
	tell_line(tell, arg, "stack-guard", "yes", stack_guard_kind());
}
