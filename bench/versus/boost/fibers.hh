/* SPDX-License-Identifier: MIT */
/*
 * The Boost.Fiber peer. One worker is the round robin scheduler with pooled
 * stacks; two are work stealing, a thread each, for which that pool is not
 * made, so stacks come from malloc. 8 KiB, as Boost's own skynet has them,
 * where frames are small, and 64 KiB where they are not.
 */
#ifndef OA_BENCH_VERSUS_FIBERS_HH
#define OA_BENCH_VERSUS_FIBERS_HH

#include <boost/fiber/all.hpp>

#include "common/versus.hh"

namespace bf = boost::fibers;
using namespace versus;

inline long workers;
inline std::size_t stack_size = 8192;

template <class F> bf::fiber go(F &&f)
{
	static bf::pooled_fixedsize_stack pool(stack_size);

	if (workers == 1)
		return bf::fiber(bf::launch::post, std::allocator_arg, pool,
				 std::forward<F>(f));
	return bf::fiber(bf::launch::post, std::allocator_arg,
			 bf::fixedsize_stack(stack_size), std::forward<F>(f));
}

void yield_();
void spawn();
void spawn_join();
void fib_tasks();
void skynet_joins();
void skynet_channels();
void memory();
void pingpong();
void queue();
void mutex();
void mutex_contended();
void wake();
void sleepers();
void expiry();

#endif
