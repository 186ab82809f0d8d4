/* SPDX-License-Identifier: MIT */
/*
 * RCU: the bp flavour of liburcu, in which threads register by themselves.
 * Read under it: the slab chunks, the set of workers and of runtimes. A read
 * section is inside the library and contains no suspension; a grace period
 * (it interrupts every CPU) starts only where a runtime is freed.
 *
 * In the simulator all threads are one, so it counts sections by itself.
 */
#ifndef OA_CORE_RCU_H
#define OA_CORE_RCU_H

#include "core/compiler.h"

#if defined(OA_SIM) && OA_SIM == 1
void sim_rcu_read_lock(void);
void sim_rcu_read_unlock(void);
void sim_synchronize_rcu(void);
#define rcu_read_lock()		sim_rcu_read_lock()
#define rcu_read_unlock()	sim_rcu_read_unlock()
#define synchronize_rcu()	sim_synchronize_rcu()
#define rcu_dereference(p)	__atomic_load_n(&(p), __ATOMIC_CONSUME)
#define rcu_assign_pointer(p, v) __atomic_store_n(&(p), (v), __ATOMIC_RELEASE)
#include <urcu/list.h>
#define cds_list_add_rcu(n, h)	cds_list_add(n, h)
#define cds_list_add_tail_rcu(n, h) cds_list_add_tail(n, h)
#define cds_list_del_rcu(n)	__cds_list_del((n)->prev, (n)->next)
#define cds_list_for_each_rcu(p, h) cds_list_for_each(p, h)
#define cds_list_for_each_entry_rcu(p, h, m) cds_list_for_each_entry(p, h, m)
#define rcu_tsan_acquire(i)	((void)0)
#define rcu_tsan_release(i)	((void)0)
#else
#include <urcu/urcu-bp.h>
#include <urcu/rculist.h>
#undef rcu_read_lock
#undef rcu_read_unlock
#undef synchronize_rcu
#define synchronize_rcu()	rcu_grace()

#if defined(OA_TSAN)
/* The thread sanitizer does not see what liburcu orders: tell it. */
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
extern char rcu_tsan[2];
#define rcu_tsan_acquire(i)	__tsan_acquire(&rcu_tsan[i])
#define rcu_tsan_release(i)	__tsan_release(&rcu_tsan[i])
#else
#define rcu_tsan_acquire(i)	((void)0)
#define rcu_tsan_release(i)	((void)0)
#endif

static inline void rcu_read_lock(void)
{
	urcu_bp_read_lock();
	rcu_tsan_acquire(0);
}

static inline void rcu_read_unlock(void)
{
	rcu_tsan_release(1);
	urcu_bp_read_unlock();
}

static inline void rcu_grace(void)
{
	rcu_tsan_release(0);
	urcu_bp_synchronize_rcu();
	rcu_tsan_acquire(1);
}
#endif

#endif
