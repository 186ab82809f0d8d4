/* SPDX-License-Identifier: MIT */
/*
 * Shared memory, in one vocabulary. Every access through these wrappers is a
 * step at which the simulator (OA_SIM=1) may let another worker go on; in the
 * library itself sim_point() is empty. READ_ONCE and WRITE_ONCE are for words
 * with one writer that others may read torn-free.
 *
 * Orderings: rlx none, acq/rel as in C11, no suffix sequentially consistent.
 * Callers name what a fence or an acquire/release pairs with: [tag].
 */
#ifndef OA_CORE_ATOMIC_H
#define OA_CORE_ATOMIC_H

#include <stdbool.h>

#include "core/compiler.h"

#if defined(OA_SIM) && OA_SIM == 1
void sim_point(void);

/* State of the process, put back to zero between two simulated runs. */
struct sim_state {
	void *at;
	size_t size;
};
#define SIM_STATE(x) \
	static const struct sim_state sim_state_##x \
	__attribute__((used, section("sim_state"))) = { &(x), sizeof(x) }
#else
static inline void sim_point(void)
{
}
#define SIM_STATE(x)	_Static_assert(1, "")
#endif

#define READ_ONCE(x) \
	({ sim_point(); __atomic_load_n(&(x), __ATOMIC_RELAXED); })
#define WRITE_ONCE(x, v) \
	({ sim_point(); __atomic_store_n(&(x), (v), __ATOMIC_RELAXED); })

/* A counter of one writer: one instruction, where that is no race to tools. */
#if defined(OA_TSAN) || (defined(OA_SIM) && OA_SIM == 1)
#define COUNT_ONE(x)	WRITE_ONCE(x, READ_ONCE(x) + 1)
#else
#define COUNT_ONE(x)	((void)(x)++)
#endif

/* Headers of liburing include it, and it would take two of our names. */
#include <stdatomic.h>
#undef atomic_load
#undef atomic_store

#define atomic_load_rlx(p) \
	({ sim_point(); __atomic_load_n((p), __ATOMIC_RELAXED); })
#define atomic_load_acq(p) \
	({ sim_point(); __atomic_load_n((p), __ATOMIC_ACQUIRE); })
#define atomic_load(p) \
	({ sim_point(); __atomic_load_n((p), __ATOMIC_SEQ_CST); })

#define atomic_store_rlx(p, v) \
	({ sim_point(); __atomic_store_n((p), (v), __ATOMIC_RELAXED); })
#define atomic_store_rel(p, v) \
	({ sim_point(); __atomic_store_n((p), (v), __ATOMIC_RELEASE); })
#define atomic_store(p, v) \
	({ sim_point(); __atomic_store_n((p), (v), __ATOMIC_SEQ_CST); })

#define atomic_xchg(p, v) \
	({ sim_point(); __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST); })
#define atomic_xchg_acq(p, v) \
	({ sim_point(); __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE); })

/* True when *p was *old and is now v; else *old is what was found. */
#define atomic_cas(p, old, v) \
	({ sim_point(); \
	   __atomic_compare_exchange_n((p), (old), (v), false, \
				       __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE); })

#define atomic_add(p, v) \
	({ sim_point(); __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST); })
#define atomic_sub(p, v) \
	({ sim_point(); __atomic_fetch_sub((p), (v), __ATOMIC_SEQ_CST); })
#define atomic_or(p, v) \
	({ sim_point(); __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST); })
#define atomic_and(p, v) \
	({ sim_point(); __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST); })

#if defined(OA_TSAN)
/* gcc's thread sanitizer does not model a bare fence: use a real operation. */
static inline void smp_mb(void)
{
	static unsigned int oa_tsan_fence;

	sim_point();
	__atomic_fetch_add(&oa_tsan_fence, 0, __ATOMIC_SEQ_CST);
}
#else
static inline void smp_mb(void)
{
	sim_point();
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
#endif

#endif
