/* SPDX-License-Identifier: MIT */
/*
 * What a bench is, and what it may call.
 *
 * A bench is a row of a table: its metrics, its options, and the same work
 * done by several implementations, ours first. Every sample is one call of an
 * implementation in a child process of its own: what it leaves behind (memory,
 * threads, sockets) cannot disturb the next one, the first round of a process
 * can be measured again and again, and a hang ends as an error. Ours and the
 * raw ones take turns, so that a slow minute of the machine hits all of them.
 */
#ifndef OA_BENCH_BENCH_H
#define OA_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <oa.h>

#define METRIC_MAX	8
#define OPT_MAX		6
#define IMPL_MAX	5
#define CPU_MAX		256

#define NSEC		1000000000ull
#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))

#define M_MORE		1	/* more is better */
#define M_RATE		2	/* ns a piece: print pieces a second too */
#define M_HIST		4	/* the histogram belongs to this metric */
#define M_INFO		8	/* tells how, not how fast: no ratio */

struct metric {
	const char *name;
	const char *unit;
	unsigned int flags;
};

/*
 * A list of values (-c 64,512) runs the bench once for each of them. They are
 * numbers from min to max unless both are 0.
 */
struct bench_opt {
	char letter;
	const char *name;
	const char *def;
	const char *help;
	unsigned long min, max;
};

/* 64 sub-buckets per power of two: values are kept to 1.6 %. */
#define HIST_BUCKETS	(64 * 58)

struct hist {
	uint64_t count;
	uint64_t max;
	uint64_t bucket[HIST_BUCKETS];
};

/* Written by the child, read by the parent: shared memory. */
struct sample {
	double value[METRIC_MAX];	/* NaN: not measured */
	uint64_t elapsed;		/* ns of the timed part */
	char error[256];
	struct hist hist;
};

/* The settings that hold for every bench of one oa-bench. */
struct settings {
	unsigned int cpu[CPU_MAX];
	unsigned int ncpu;
	unsigned int workers;		/* 0: the bench's own choice */
	unsigned int repeats;		/* 0: the bench's own choice */
	uint64_t sample_ns;		/* a sample lasts this long at least */
	uint64_t iterations;		/* exactly so many: no clock is read */
	unsigned int limit_s;		/* a sample that takes longer hangs */
	bool whole;			/* the mean of a sample, not its laps */
	bool unpinned;			/* threads go where the kernel wants */
};

struct run {
	const struct bench *bench;
	const struct settings *set;
	uint64_t iters;			/* what calibration found */
	const char *opt[OPT_MAX];
	struct sample *out;
	uint64_t begun;
	double *lap;			/* ns an operation, lap by lap */
	unsigned int laps;
	uint64_t lap_begun;
	uint64_t step, steps;		/* operations in this lap, in each */
};

#define BENCH_SKIP	77

/* 0; BENCH_SKIP or -1 after bench_skip() or bench_fail() told why. */
typedef int (*bench_fn)(struct run *r);

struct impl {
	const char *name;
	bench_fn fn;
};

struct bench {
	const char *collection;
	const char *name;
	const char *summary;
	const struct metric *metrics;		/* ended by .name = NULL */
	const struct bench_opt *opts;		/* likewise, may be NULL */
	struct impl impl[IMPL_MAX];		/* [0] is ours */
	unsigned int workers;			/* 0: one per CPU */
	unsigned int repeats;			/* 0: 7 */
	uint64_t min_iters;			/* calibration starts there */
	bool fixed;				/* the options say how much */
	bool no_warmup;
	int (*setup)(struct run *r);		/* in the parent, once */
	void (*teardown)(void);
};

/* table.c, ended by NULL */
extern const struct bench *const bench_table[];

/* options.c */
extern struct settings settings;
extern const char *option_impls;	/* oa, raw, both, or the name of one */
extern bool option_versus;

int option_bad(const char *what, const char *value);
int option_number(const char *s, unsigned long min, unsigned long max,
		  unsigned long *v);
int option_split(char **argv, int i, char *name, size_t size,
		 const char **value);
int option_settings(int argc, char **argv, int *at);
void option_own_cpus(void);

/* util.c: for the implementations */
uint64_t bench_now(void);
uint64_t bench_cpu_ns(void);
void bench_begin(struct run *r);
uint64_t bench_end(struct run *r);
void bench_add_time(struct run *r, uint64_t ns);
uint64_t bench_lap_size(const struct run *r, uint64_t n);
void bench_lap(struct run *r, uint64_t ops);
void bench_per_op_laps(struct run *r, unsigned int metric);
void bench_steps(struct run *r, unsigned int workers);
void bench_step_lap(struct run *r);
void bench_steps_end(struct run *r, unsigned int metric, uint64_t ops);
int bench_loop(struct run *r, unsigned int metric, uint64_t ops,
	       int (*fn)(void *arg, uint64_t n), void *arg);
void bench_set(struct run *r, unsigned int metric, double value);
void bench_per_op(struct run *r, unsigned int metric, uint64_t ops);
int bench_fail(struct run *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int bench_skip(struct run *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
long bench_opt(const struct run *r, unsigned int i);
uint64_t bench_count(const struct run *r, unsigned int i);
uint64_t bench_warmup(const struct run *r);
unsigned int bench_workers(const struct run *r);
void bench_pin(const struct run *r, unsigned int first, unsigned int n);
uint64_t bench_memory(void);
uint64_t bench_random(uint64_t *state);

/* One operation of those that the tasks of one worker do in some order. */
static inline void bench_step(struct run *r)
{
	if (r->steps && ++r->step == r->steps)
		bench_step_lap(r);
}

/* oa.c: ours */
int bench_oa_run(struct run *r, unsigned int workers, oa_fn fn, void *arg);
/* With a watch of its own for tasks that hold their worker; 0: the default. */
int bench_oa_run_watched(struct run *r, unsigned int workers, oa_fn fn,
			 void *arg, oa_time_t watch);
int bench_oa_run_ended(struct run *r, unsigned int workers, oa_fn fn,
		       void *arg, struct oa_ended *ended);

/* ring.c: a ring set up as well as this kernel can */
struct io_uring;
int raw_ring(struct run *r, struct io_uring *ring, unsigned int entries);

/* raw-switch.c */
void raw_switch(void **save, void *to);
void *raw_stack_new(size_t size);
void *raw_prepare(void *stack, size_t size, void (*fn)(void *), void *arg);
bool raw_switch_here(void);

/* stats.c */
struct summary {
	double median, min, max, mean, stddev;
	unsigned int n;
};

struct summary summarize(const double *v, unsigned int n);
void hist_add(struct hist *h, uint64_t v);
void hist_merge(struct hist *to, const struct hist *from);
uint64_t hist_percentile(const struct hist *h, double p);

/* run.c */
#define REPEAT_MAX 1000

struct result {
	const struct impl *impl;
	uint64_t iters;
	unsigned int n;
	bool skipped;
	char why[256];
	double (*value)[METRIC_MAX];	/* n samples */
	struct hist hist;
};

struct report {
	const struct bench *bench;
	const struct settings *set;
	const char *const *opt;
	unsigned int workers;
	struct result *res;
	unsigned int nres;
	bool versus;
};

int run_bench(const struct bench *b, const struct settings *set,
	      const char *const *opt, const char *impls, bool versus);

/* env.c */
#define ENV_FEATURES 4096

struct environment {
	char version[128], kernel[256], cpu[128], cpus[128], governor[64];
	char compiler[64], features[ENV_FEATURES];
	long online;
};

void env_read(struct environment *e, const struct settings *set, bool ours);

/* out.c */
enum format { FORMAT_DEFAULT, FORMAT_SIMPLE, FORMAT_JSON };

void out_format(enum format f);
enum format out_format_now(void);
void out_running(const struct report *rep);
void out_report(const struct report *rep);

/* out-json.c: v holds n samples; h, which may be NULL, single latencies */
void out_json(const struct report *rep, const struct environment *env,
	      const char *impl, const struct metric *mt, const char *unit,
	      const double *v, unsigned int n, const struct hist *h);

#endif
