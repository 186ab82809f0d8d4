// SPDX-License-Identifier: MIT
/*
 * Bias: an atomic exchange costs 5 ns, and a lock that nobody else wants is
 * nothing but that. An object that one worker alone has used for long becomes
 * his: he works on it by plain loads and stores, and who comes next from
 * anywhere else ends that, once and for ever, by a membarrier(2).
 *
 *   owner                               who ends it
 *   who == me?                          who = NEVER       (store)
 *   inside = me           (store)       membarrier(2): every running thread
 *   compiler barrier                      passes a full fence
 *   who == me? no -> inside = 0,        inside == 0? no -> wait
 *     and as all others do
 *   ... work ...
 *   inside = 0            (release)
 *
 * Broken without the membarrier: the owner's second look at who passes its
 * store of inside (store buffer), it finds itself the owner; the other sees
 * nobody inside; both work on the object. With it, either that store is visible
 * to the other, who waits, or the second look comes after who was changed.
 * Broken without the second look: the owner may have been interrupted between
 * the first one and the store.
 *
 * Several may end it at once: each has the barrier and waits. The owner may end
 * it himself (bias_give_up()), outside, and earn it again; then somebody may
 * still be about to end the one before, which ends the new one, as NEVER
 * is never replaced and the owner looks at each entry.
 *
 *   who          inside                 who may write them
 *   NOBODY       the looks so far       who has the object otherwise, all
 *                                       threads in turn
 *   a number     0, or that number      inside: the owner; who: anybody NEVER,
 *                                       the owner NOBODY
 *   NEVER        0                      the owner, back to 0
 *
 * That a bias exists has to be seen by everybody who takes the object
 * otherwise: of a channel it is looked for under its lock, under which it was
 * given; of a mutex it is a bit in the word that all others swap.
 *
 * A worker's number is never used again, as the thread of one that was left
 * behind by an aborted runtime may still run.
 *
 * Model: selftests/models/bias.pml.
 */
#include "core/bias.h"

#include "core/park.h"
#include "core/poll.h"
#include "core/spin.h"

static uint32_t numbers;
static uint32_t dead;		/* so many: of workers before a fork() */
SIM_STATE(numbers);
SIM_STATE(dead);

uint32_t bias_number(void)
{
	uint32_t n = READ_ONCE(numbers); /* relaxed: swapped below */

	do {
		if (n == BIAS_NUMBERLESS - 1)
			return BIAS_NUMBERLESS;
	} while (!atomic_cas(&numbers, &n, n + 1)); /* [bias] each once */
	return n + 1;
}

bool bias_earned(uint32_t *who, uint32_t *inside)
{
	uint32_t looks, nobody = BIAS_NOBODY;
	struct worker *w = worker_self();

	bias_seen(who, inside, w);
	if (!w || w->bias == BIAS_NUMBERLESS || !park_is_asymmetric() ||
	    READ_ONCE(*who) != BIAS_NOBODY)
		return false;
	looks = READ_ONCE(*inside);
	looks = (looks ? looks : bias_looks_of(w->bias)) + 1;
	if ((looks & BIAS_LOOKS_MASK) < BIAS_LOOKS) {
		WRITE_ONCE(*inside, looks);
		return false;
	}
	WRITE_ONCE(*inside, 0);
	/* [bias] he who was about to end the one before may have come first */
	return atomic_cas(who, &nobody, w->bias);
}

/* Without a barrier of the kernel: a store is on its way no longer than that. */
static __cold_path void wait_for_stores(void)
{
	for (unsigned int i = 0; i < 256; i++)
		poll_thread_yield();
}

/*
 * A worker that lost the processor inside gets it back by the waiter's sleep,
 * even where that one's is a priority which does not give way.
 */
static void nap(uint32_t *inside, uint32_t in)
{
	const struct poll_ops *p = poll_default;

	p->thread_wait(inside, in, p->now() + 50 * OA_USEC);
}

void bias_end(uint32_t *who, uint32_t *inside, bool one_store)
{
	unsigned int rounds = 0;
	uint32_t in;

	atomic_store(who, BIAS_NEVER); /* [bias] before the barrier */
	if (!poll_default->membarrier())
		wait_for_stores();
	/* [bias] what the owner did is seen */
	while ((in = atomic_load_acq(inside)) && !(in & BIAS_LOOKED)) {
		if (one_store && in <= READ_ONCE(dead))
			return;
		spin_pause(&rounds);
		if (rounds % 4096 == 0)
			nap(inside, in);
	}
}

void bias_forked(void)
{
	WRITE_ONCE(dead, READ_ONCE(numbers));
}

bool bias_give_up(uint32_t *who)
{
	struct worker *w = worker_self();
	uint32_t me = w ? w->bias : BIAS_NUMBERLESS;

	return atomic_cas(who, &me, BIAS_NOBODY); /* [bias] or NEVER came first */
}
