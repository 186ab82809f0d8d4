// SPDX-License-Identifier: MIT
/* Every bench, in the order in which "all" runs them. Names are for ever. */
#include "bench.h"

extern const struct bench bench_sched_yield, bench_sched_spawn,
	bench_sched_spawn_join, bench_sched_skynet, bench_sched_fib,
	bench_sched_wake, bench_sched_steal, bench_sched_cancel,
	bench_sched_shutdown;
extern const struct bench bench_job_pair;
extern const struct bench bench_job_fib, bench_job_skynet, bench_job_for;
extern const struct bench bench_sync_mutex, bench_sync_mutex_contended,
	bench_sync_rwlock, bench_sync_sem, bench_sync_cond, bench_sync_barrier,
	bench_sync_latch, bench_sync_future;
extern const struct bench bench_chan_pingpong, bench_chan_spsc,
	bench_chan_mpmc, bench_chan_select;
extern const struct bench bench_timer_arm_cancel, bench_timer_sleep,
	bench_timer_million, bench_timer_deadline;
extern const struct bench bench_io_nop, bench_io_pipe, bench_io_echo,
	bench_io_file_read, bench_io_accept;
extern const struct bench bench_mem_parked, bench_mem_started;

const struct bench *const bench_table[] = {
	&bench_sched_yield,
	&bench_sched_spawn,
	&bench_sched_spawn_join,
	&bench_sched_skynet,
	&bench_sched_fib,
	&bench_sched_wake,
	&bench_sched_steal,
	&bench_sched_cancel,
	&bench_sched_shutdown,
	&bench_job_pair,
	&bench_job_fib,
	&bench_job_skynet,
	&bench_job_for,
	&bench_sync_mutex,
	&bench_sync_mutex_contended,
	&bench_sync_rwlock,
	&bench_sync_sem,
	&bench_sync_cond,
	&bench_sync_barrier,
	&bench_sync_latch,
	&bench_sync_future,
	&bench_chan_pingpong,
	&bench_chan_spsc,
	&bench_chan_mpmc,
	&bench_chan_select,
	&bench_timer_arm_cancel,
	&bench_timer_sleep,
	&bench_timer_million,
	&bench_timer_deadline,
	&bench_io_nop,
	&bench_io_pipe,
	&bench_io_echo,
	&bench_io_file_read,
	&bench_io_accept,
	&bench_mem_parked,
	&bench_mem_started,
	NULL,
};
