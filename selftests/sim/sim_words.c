// SPDX-License-Identifier: MIT
/*
 * Words that tasks and threads wait on as if other processes had them too. A
 * wake ends so many waits as it says, requests and threads, and no other does.
 */
#if defined(OA_SIM) && OA_SIM == 1
#include <errno.h>
#include <stddef.h>

#include "selftests/sim/sim_priv.h"

static struct sim_wakes wakes;

void sim_words_reset(void)
{
	wakes = (struct sim_wakes){ 0 };
}

struct sim_wakes sim_wakes(void)
{
	return wakes;
}

static bool by_request(void)
{
	return sim_env.ring_words;
}

static bool by_thread(void)
{
	return true;
}

static int compare(uint32_t *word, uint32_t value)
{
	sim_point();
	return __atomic_load_n(word, __ATOMIC_SEQ_CST) == value ? 0 : -EAGAIN;
}

static int wait(const struct oa_futex_word *words, unsigned int n,
		uint32_t *stop, oa_time_t deadline)
{
	struct sim_ctx *c = sim.cur;
	bool woken;

	if (n != 1)
		sim_stuck("a thread waits on more words than the simulator knows");
	if (compare(words->word, words->value))
		return stop && *stop ? -ECANCELED : -EAGAIN;
	if (stop && *stop)
		return -ECANCELED;
	if (sim_draw_one_in(SIM_WORLD, sim_env.spurious))
		return -EINTR;
	c->word = words->word;
	c->futex = stop;
	woken = sim_block(deadline, "sleeps on a shared word");
	if (!c->word)
		return 0;
	c->word = NULL;
	if (!woken)
		return -ETIMEDOUT;
	return stop && *stop ? -ECANCELED : -EINTR;
}

static bool wake_thread(const uint32_t *word)
{
	for (unsigned int i = 0; i < sim.nr; i++) {
		struct sim_ctx *c = &sim.ctx[i];

		if (c->state != SIM_WAITING || c->word != word)
			continue;
		c->word = NULL;
		c->woken = true;
		return true;
	}
	return false;
}

static int wake(uint32_t *word, int n)
{
	int woken = 0;

	sim_point();
	wakes.calls++;
	while (woken < n && (sim_draw_one_in(SIM_WORLD, 2)
			     ? wake_thread(word) || sim_rings_wake(word)
			     : sim_rings_wake(word) || wake_thread(word)))
		woken++;
	wakes.hits += (uint32_t)woken;
	sim_point();
	return woken;
}

const struct poll_words sim_words = {
	.by_request = by_request,
	.by_thread = by_thread,
	.compare = compare,
	.wait = wait,
	.wake = wake,
};
#endif
