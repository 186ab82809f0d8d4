/* SPDX-License-Identifier: MIT */
/*
 * A crowd: actors that all run one function, as tasks, as tasks on the
 * blocking pool or as threads of the program, in a mixture that the seed
 * chooses; and a canceller, who does not know what they are doing.
 */
#ifndef OA_SELFTESTS_SIM_CROWD_H
#define OA_SELFTESTS_SIM_CROWD_H

#include <errno.h>

#include "selftests/sim/scenario.h"

#define CROWD_MAX	8

enum actor_kind {
	ACTOR_TASK,
	ACTOR_POOL,
	ACTOR_THREAD,
};

struct actor {
	uint32_t id;		/* from 0 */
	enum actor_kind kind;
	oa_task_t task;		/* of a thread: all-zero */
	struct sim_ctx *thread;
	bool over;
};

struct crowd {
	uint32_t n;
	void (*fn)(struct actor *a);
	bool cancels;		/* some may be cancelled at any moment */
	uint32_t spared;	/* ... but not the first so many */
	/* In the first task: before the first of them, and after the last. */
	void (*begin)(void);
	void (*end)(void);
};

void crowd_run(const struct crowd *c);
#define CROWD_RUN(...)	crowd_run(&(const struct crowd){ __VA_ARGS__ })
/* How many are not over yet. */
extern uint32_t crowd_left;
struct actor *crowd_actor(uint32_t id);

/* Lets others go on, or not, or for some time. */
void actor_pause(const struct actor *a);
bool actor_cancelled(const struct actor *a);

/* How a call is made that may wait. */
enum form {
	FORM_PLAIN,
	FORM_TRY,
	FORM_UNTIL,
	FORM_WITHIN,		/* the plain one, inside a deadline */
};

enum form actor_form(const struct actor *a);
/* Past, soon, later or never. */
oa_time_t actor_deadline(enum form f);
/* Such an error may come of such a call. */
void actor_check(const struct actor *a, enum form f, oa_time_t deadline,
		 int err);

/*
 * Any form of a wait; the expression for FORM_UNTIL finds its `deadline`.
 * What it gives is a success, or an error that is right.
 */
#define ACTOR_WAIT(a, plain, try, until) \
	ACTOR_WAIT_AS(a, actor_form(a), plain, try, until)
#define ACTOR_WAIT_AS(a, how, plain, try, until) ({ \
	const enum form _form = (how); \
	const oa_time_t deadline = actor_deadline(_form); \
	struct oa_deadline _within; \
	int _err = -ETIMEDOUT; \
	switch (_form) { \
	case FORM_TRY: \
		_err = (try); \
		break; \
	case FORM_UNTIL: \
		_err = (until); \
		break; \
	case FORM_WITHIN: \
		CHECK_EQ(oa_deadline_enter(&_within, deadline), 0); \
		_err = (plain); \
		CHECK(oa_deadline_leave(&_within) >= 0); \
		break; \
	default: \
		_err = (plain); \
		break; \
	} \
	actor_check(a, _form, deadline, _err); \
	_err; \
})

/* For plain forms that nothing ends but success: what mutexes have. */
#define ACTOR_LOCK(a, plain, try, until) ({ \
	const enum form _how = actor_form(a); \
	int _got = ACTOR_WAIT_AS(a, _how, plain, try, until); \
	if (_how == FORM_PLAIN || _how == FORM_WITHIN) \
		CHECK_EQ(_got, 0); \
	_got; \
})

/* Memory that is checked: nobody may write to it once it is freed. */
void *crowd_alloc(size_t size);
void crowd_free(void *p, size_t size);

/* A look that is right because nobody uses it: has no waiters, this value. */
#define CHECK_UNUSED(info, object, v) do { \
	struct oa_sync_info _i = OA_SYNC_INFO_INIT; \
	CHECK_EQ(info(object, &_i), 0); \
	CHECK_EQ(_i.waiters, 0); \
	CHECK_EQ(_i.value, v); \
} while (0)

#endif
