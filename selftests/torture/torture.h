/* SPDX-License-Identifier: MIT */
/* Shared by the parts of the torture: one round at a time, in `round`. */
#ifndef OA_SELFTESTS_TORTURE_H
#define OA_SELFTESTS_TORTURE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <oa.h>

#define ARRAY_N(a)	(sizeof(a) / sizeof((a)[0]))
#define SEEN(x)		__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define TELL(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELEASE)
#define ADD(x, n)	__atomic_add_fetch(&(x), (n), __ATOMIC_ACQ_REL)

/* Ends the process with a dump of the tasks and the seed. */
void torture_fail(const char *file, int line, const char *what, long value)
	__attribute__((noreturn, cold));
#define CHECK(cond) \
	((cond) ? (void)0 : torture_fail(__FILE__, __LINE__, #cond, 0))
/* An error that cannot come: says which. */
#define CHECK_RESULT(r, cond) \
	((cond) ? (void)0 : torture_fail(__FILE__, __LINE__, #cond, (long)(r)))

/* What becomes of each start. */
enum record_state {
	REC_NEW,		/* queued, or dropped without a word */
	REC_RUNNING,
	REC_ENDED,
	REC_DROPPED,
	REC_REFUSED,		/* the start failed */
};

struct record {
	uint32_t state;
	int fd;			/* for those that only read */
	void *with;		/* of its starter */
	bool doomed;		/* to be cancelled, ... */
	uint32_t asked;		/* ... and has been */
	uint64_t self;		/* once it runs, or that it is to ask itself */
};

#define RECORDS		300000u
#define HANDLES		64u
#define CHANNELS	6u
#define PIPES		3u	/* the first of them; the rest are sockets */

struct channel {
	int rd, wr;
};

struct round {
	uint64_t seed;
	unsigned int workers;
	uint32_t max_blocking;
	oa_time_t slack;
	struct oa_runtime *rt;
	uint32_t stop;			/* nothing new, end soon */
	uint32_t faults;		/* calls may fail for want of memory */
	uint32_t cancels;		/* a third of what is started */
	uint32_t max_live;
	struct record *records;
	uint32_t nr_records;
	uint32_t refused, over;		/* of those: not started; at their end */
	uint32_t calls, calls_failed;	/* of oa_block(): run; not run */
	uint32_t unasked;		/* lazy ones, perhaps never a task */
	bool has_jobs;
	uint32_t jobs;			/* no more of them became tasks */
	uint64_t handles[HANDLES];	/* owned by whoever swaps them out */
	struct channel chan[CHANNELS];
	uint64_t tokens, token_sum;	/* given out, ... */
	uint64_t kept, kept_sum;	/* not passed on by who had it */
	int listener;
	int null;
};
extern struct round round_now;

/* A task, or a thread, that does something. */
struct actor {
	struct record *rec;
	uint64_t rnd;
};

uint32_t actor_random(struct actor *a, uint32_t below);
int actor_prio(struct actor *a);

/* tasks.c: starting, and what tasks do to one another. */
struct record *record_new(struct actor *a);
void record_refused(struct record *r, int err);
/* Has been started; cancelled now if it is to be. */
void record_started(struct actor *a, struct record *r, oa_task_t t);
/* The same, started by a call that gives no handle. */
void record_went(struct actor *a, struct record *r);
void record_step(struct record *rec, uint32_t from, uint32_t to);
void task_dropped(void *rec);
void *task_body(void *rec);
void *task_posted(void *rec_pointer);
/* All-zero: it was refused. */
oa_task_t start_record(struct actor *a, oa_fn fn, struct record *rec);
oa_task_t start_task(struct actor *a, oa_fn fn, int fd);
void handle_cancel_any(struct actor *a);
void task_join(struct actor *a, oa_task_t t);
/* Some actions that wait for no task, and not for long. */
void task_light(struct record *rec, uint32_t n);

/* What a task does at one time. */
typedef void (*action_fn)(struct actor *a);

/* tokens.c */
void tokens_open(void);
void tokens_close(void);
void act_pass_token(struct actor *a);
void act_splice_token(struct actor *a);
void act_poll(struct actor *a);

/* files.c */
void files_open(void);
void files_close(void);
void act_close_race(struct actor *a);
void act_connect(struct actor *a);
void act_accept(struct actor *a);
void act_open(struct actor *a);

/* channels.c */
uint64_t stamp(void);
void lines_open(void);
void lines_close(void);
void act_chan_send(struct actor *a);
void act_chan_recv(struct actor *a);
void act_chan_close(struct actor *a);
void act_select(struct actor *a);

/* mutexes.c */
void locks_open(void);
void locks_close(void);
void act_lock(struct actor *a);
void act_sem(struct actor *a);
void act_barrier(struct actor *a);
void act_credit(struct actor *a);

/* starts.c */
void starts_open(void);
void starts_close(void);
void act_start_under(struct actor *a);
void act_block(struct actor *a);

/* lives.c */
void lives_close(void);
void act_shield(struct actor *a);
void act_scope(struct actor *a);
void act_token(struct actor *a);
void act_timeout(struct actor *a);

/* values.c */
void values_open(void);
void values_end(void);
void values_close(void);
void act_future(struct actor *a);
void act_async(struct actor *a);

/* joins.c */
void act_join_many(struct actor *a);
void act_job(struct actor *a);
void act_parallel(struct actor *a);

/* parties.c */
void act_party(struct actor *a);

/* signs.c */
void signs_open(void);
void signs_close(void);
void act_event(struct actor *a);
void act_once(struct actor *a);
void act_futex(struct actor *a);
void act_tell(struct actor *a);
void act_hear(struct actor *a);

/* outside.c: the threads. */
void outside_begin(unsigned int n);
void outside_end(void);

/* One round of about @length. */
void round_run(uint64_t seed, unsigned int workers, oa_time_t length);

#endif
