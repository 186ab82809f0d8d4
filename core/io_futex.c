// SPDX-License-Identifier: MIT
/*
 * Words in memory that is shared with other processes: one request for each
 * word, one wait over all of them. A wake is never lost: who is woken on two
 * words keeps one wake and hands the others on, and a wake that came before the
 * cancel or the deadline did is delivered.
 *
 * Threads, and tasks on the blocking pool, make the system call that blocks.
 */
#include "core/io_futex.h"

#include <errno.h>

#include "core/deadline.h"
#include "core/io.h"
#include "core/io_many.h"
#include "core/mem.h"
#include "core/runtime.h"

static int check(const struct oa_futex_word *words, unsigned int n)
{
	if (!words || !n || n > OA_FUTEX_WAITV_MAX)
		return -EINVAL;
	for (unsigned int i = 0; i < n; i++)
		if ((uintptr_t)words[i].word % sizeof(uint32_t) ||
		    words[i].oa__reserved)
			return -EINVAL;
	return 0;
}

void futex_sum_add(struct futex_sum *s, const struct oa_futex_word *f,
		   unsigned int i, int res)
{
	if (res >= 0 && s->index < 0)
		s->index = (int)i;
	else if (res >= 0)
		s->by->wake(f->word, 1);
	else if (res != -ECANCELED && (!s->err || s->err == -EAGAIN))
		s->err = res;
}

static void prepare(struct op *op, const struct oa_futex_word *f)
{
	op_init(op, OP_FUTEX_WAIT, -1);
	op->addr = io_addr(f->word);
	op->off = f->value;
}

static int wait_one(const struct oa_futex_word *f, oa_time_t deadline)
{
	struct op op;

	prepare(&op, f);
	return op_run(&op, deadline);
}

static int sum_up(struct task *t, struct op *ops,
		  const struct oa_futex_word *words, unsigned int n,
		  oa_time_t deadline)
{
	struct futex_sum s = { .by = t->rt->poll->words, .index = -1 };

	for (unsigned int i = 0; i < n; i++)
		futex_sum_add(&s, &words[i], i, ops[i].res);
	if (s.index >= 0 || s.err)
		return s.index >= 0 ? s.index : s.err;
	/* All were asked at once, and for one reason. */
	return op_result(t, &ops[0], deadline);
}

static int wait_many(struct op *ops, const struct oa_futex_word *words,
		     unsigned int n, oa_time_t deadline)
{
	struct worker *w = worker_self();
	struct task *t = w->current;
	uint32_t was = many_hold(w, t);

	for (unsigned int i = 0; i < n; i++) {
		prepare(&ops[i], &words[i]);
		ops[i].sibling = i + 1 < n ? &ops[i + 1] : NULL;
	}
	many_first(w, t, ops, n, deadline_min(t, deadline));
	many_rest(w, t, ops, n);
	many_release(t, was);
	return sum_up(t, ops, words, n, deadline);
}

static int by_requests(struct task *t, const struct oa_futex_word *words,
		       unsigned int n, oa_time_t deadline)
{
	struct op few[FUTEX_FEW], *ops = few;
	int ret;

	if (n == 1)
		return wait_one(words, deadline);
	if (n > FUTEX_FEW)
		ops = mem_alloc(rt_alloc(t->rt), n * sizeof(*ops), 64);
	if (!ops)
		return -ENOMEM;
	ret = wait_many(ops, words, n, deadline);
	if (ops != few)
		mem_free(rt_alloc(t->rt), ops, n * sizeof(*ops));
	return ret;
}

/* @t: of the blocking pool, or NULL. */
static int wait_blocking(struct task *t, const struct oa_futex_word *words,
			 unsigned int n, oa_time_t deadline)
{
	oa_time_t until = t ? deadline_min(t, deadline) : deadline;
	int ret;

	do {
		ret = poll_default->words->wait(words, n, NULL, until);
	} while (ret == -EINTR);
	if (ret == -ETIMEDOUT && t)
		deadline_mark(t, deadline);
	return ret;
}

int oa_futex_waitv(const struct oa_futex_word *words, unsigned int n,
		   oa_time_t deadline)
{
	struct task *t = task_self();
	int err = check(words, n);

	if (err)
		return err;
	if (!poll_default->words)
		return -ENOSYS;
	err = t ? park_check(t) : 0;
	if (err)
		return err;
	if (!t || t->flags & TASK_THREAD)
		return wait_blocking(t, words, n, deadline);
	return t->rt->poll->words->by_request()
		       ? by_requests(t, words, n, deadline)
		       : futex_by_threads(t, words, n, deadline);
}

int oa_futex_wait_until(uint32_t *word, uint32_t value, oa_time_t deadline)
{
	struct oa_futex_word one = { .word = word, .value = value };

	return oa_futex_waitv(&one, 1, deadline);
}

int oa_futex_wait(uint32_t *word, uint32_t value)
{
	return oa_futex_wait_until(word, value, OA_FOREVER);
}

int oa_futex_wake(uint32_t *word, int n)
{
	if ((uintptr_t)word % sizeof(*word) || n < 0)
		return -EINVAL;
	if (!poll_default->words)
		return -ENOSYS;
	/* The old call takes 0 for 1. */
	return n ? poll_default->words->wake(word, n) : 0;
}
