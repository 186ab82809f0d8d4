/* SPDX-License-Identifier: MIT */
/*
 * What the peers in C share: the command line that all peers have, the lines
 * they print, clocks and percentiles. Nothing that is measured lies here.
 */
#ifndef OA_BENCH_VERSUS_H
#define OA_BENCH_VERSUS_H

#include <stdint.h>

#define NSEC 1000000000ull

/* A row of a table ended by .name = NULL; run() returns after report(). */
struct workload {
	const char *name;
	void (*run)(void);
};

int versus_main(int argc, char **argv, const struct workload *table);

/* --name=value of the command line, or def. */
long opt_number(const char *name, long def);
const char *opt_string(const char *name, const char *def);

void report(const char *name, double value, const char *unit);
/* A result is wrong, or the work cannot be done: ends the process. */
void wrong(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

uint64_t now_ns(void);
uint64_t cpu_ns(void);
uint64_t resident_bytes(void);
void spin_ns(uint64_t ns);
void pin_to(unsigned int cpu);
uint64_t next_random(uint64_t *state);
/* Sorts them; p between 0 and 1. */
double percentile(uint64_t *v, uint64_t n, double p);
/* NAME_p50 and NAME_p99 in microseconds. */
void report_latency(const char *name, uint64_t *v, uint64_t n);

/* On the loopback, any port unless --port: which one is reported. */
int versus_listen(void);
int versus_listen_on(int *port);
/* One more for that port, for those that accept by several. */
int versus_listen_beside(int *port);
/* The file of --path, its 4 KiB blocks, and whether one is the k-th. */
int versus_file(uint64_t *blocks);
void check_block(const void *b, long got, uint64_t k);
#define BLOCK 4096

#endif
