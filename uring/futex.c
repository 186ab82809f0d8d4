// SPDX-License-Identifier: MIT
/*
 * The system calls on words that are shared with other processes: all in the
 * shared form, as others may use them. Requests are in uring/req.c.
 */
#include "uring/futex.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/atomic.h"
#include "uring/os.h"
#include "uring/probe.h"
#include "uring/uapi.h"

static bool by_request(void)
{
	return probe_has(CAP_RING_FUTEX);
}

static bool by_thread(void)
{
	return probe_has(CAP_WAITV);
}

/*
 * By the kernel, so that a bad address is an error: wakes none and moves none,
 * if the word is what it should be.
 */
static int compare(uint32_t *word, uint32_t value)
{
	return syscall(SYS_futex, word, FUTEX_CMP_REQUEUE, 0, 0ul, word,
		       value) < 0 ? -errno : 0;
}

static void add(struct futex_waitv *v, const uint32_t *word, uint32_t value,
		uint32_t flags)
{
	memset(v, 0, sizeof(*v));
	v->uaddr = (uintptr_t)word;
	v->val = value;
	v->flags = FUTEX_32 | flags;
}

static int wait_all(struct futex_waitv *v, unsigned int n, oa_time_t deadline)
{
	struct timespec ts;
	long ret = syscall(SYS_futex_waitv, v, n, 0, os_timespec(&ts, deadline),
			   CLOCK_MONOTONIC);

	return ret < 0 ? -errno : (int)ret;
}

static int wait_one(const struct oa_futex_word *f, oa_time_t deadline)
{
	struct timespec ts;

	/* FUTEX_WAIT_BITSET takes absolute time on CLOCK_MONOTONIC. */
	return syscall(SYS_futex, f->word, FUTEX_WAIT_BITSET, f->value,
		       os_timespec(&ts, deadline), NULL,
		       FUTEX_BITSET_MATCH_ANY) < 0 ? -errno : 0;
}

/* Of several that were woken the kernel tells the last: so that is the word. */
static int wait_or_stop(const struct oa_futex_word *f, uint32_t *stop,
			oa_time_t deadline)
{
	struct futex_waitv v[2];
	int ret;

	add(&v[0], stop, 0, FUTEX_PRIVATE_FLAG);
	add(&v[1], f->word, f->value, 0);
	ret = wait_all(v, 2, deadline);
	if (ret == 1)
		return 0;
	/* [futex-stop] pairs with the store of who tells it to end */
	if (ret == 0 || (ret == -EAGAIN && atomic_load_acq(stop)))
		return -ECANCELED;
	return ret;
}

static int wait_words(const struct oa_futex_word *words, unsigned int n,
		      uint32_t *stop, oa_time_t deadline)
{
	struct futex_waitv v[OA_FUTEX_WAITV_MAX];

	if (stop)
		return wait_or_stop(words, stop, deadline);
	if (n == 1)
		return wait_one(words, deadline);
	for (unsigned int i = 0; i < n; i++)
		add(&v[i], words[i].word, words[i].value, 0);
	return wait_all(v, n, deadline);
}

static int wake(uint32_t *word, int n)
{
	int was = errno;
	long ret = syscall(SYS_futex, word, FUTEX_WAKE, n);

	if (ret < 0)
		ret = -errno;
	errno = was;
	return (int)ret;
}

const struct poll_words futex_words = {
	.by_request = by_request,
	.by_thread = by_thread,
	.compare = compare,
	.wait = wait_words,
	.wake = wake,
};
