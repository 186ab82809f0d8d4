// SPDX-License-Identifier: MIT
/*
 * Locks for readers and writers: a writer is alone, nobody waits for ever,
 * who comes first goes first.
 */
#include "selftests/sim/crowd.h"

static struct oa_rwlock lock;
static uint32_t readers, writers, writes, value, copy;

static void reads(const struct actor *a)
{
	uint32_t seen;

	readers++;
	CHECK_EQ(writers, 0);
	seen = value;
	CHECK_EQ(seen, copy);
	actor_pause(a);
	CHECK_EQ(writers, 0);
	CHECK_EQ(seen, value);
	CHECK_EQ(seen, copy);
	readers--;
}

static void lock_again(void)
{
	switch (sim_below(4)) {
	case 0:
		CHECK_EQ(oa_rwlock_wrlock(&lock), -EDEADLK);
		break;
	case 1:
		CHECK_EQ(oa_rwlock_rdlock(&lock), -EDEADLK);
		break;
	case 2:
		/* There is nothing to wait for: which error is left open. */
		CHECK(oa_rwlock_trywrlock(&lock) < 0);
		break;
	default:
		CHECK(oa_rwlock_tryrdlock(&lock) < 0);
		break;
	}
}

static void writes_both(const struct actor *a)
{
	writers++;
	CHECK_EQ(writers, 1);
	CHECK_EQ(readers, 0);
	CHECK_EQ(value, copy);
	value++;
	if (sim_one_in(6))
		lock_again();
	actor_pause(a);
	CHECK_EQ(writers, 1);
	CHECK_EQ(readers, 0);
	copy++;
	writes++;
	writers--;
}

static int rdlock(struct actor *a)
{
	return ACTOR_LOCK(a, oa_rwlock_rdlock(&lock),
			  oa_rwlock_tryrdlock(&lock),
			  oa_rwlock_rdlock_until(&lock, deadline));
}

static int wrlock(struct actor *a)
{
	return ACTOR_LOCK(a, oa_rwlock_wrlock(&lock),
			  oa_rwlock_trywrlock(&lock),
			  oa_rwlock_wrlock_until(&lock, deadline));
}

static void reads_and_writes(struct actor *a)
{
	for (uint32_t n = 1 + sim_below(8); n; n--) {
		bool writer = sim_one_in(3);

		if (writer ? wrlock(a) : rdlock(a)) {
			actor_pause(a);
			continue;
		}
		if (writer)
			writes_both(a);
		else
			reads(a);
		CHECK_EQ(oa_rwlock_unlock(&lock), 0);
		if (sim_one_in(2))
			actor_pause(a);
	}
}

static void begin(void)
{
	lock = (struct oa_rwlock)OA_RWLOCK_INIT;
	readers = writers = writes = value = copy = 0;
}

static void end(void)
{
	CHECK_EQ(value, writes);
	CHECK_EQ(readers + writers, 0);
	CHECK_UNUSED(oa_rwlock_info, &lock, 0);
	CHECK_EQ(oa_rwlock_unlock(&lock), -EPERM);
	CHECK_EQ(oa_rwlock_destroy(&lock), 0);
}

SCENARIO(a_writer_is_alone, 2000)
{
	begin();
	CROWD_RUN(.n = 2 + sim_below(6), .fn = reads_and_writes,
		  .cancels = sim_one_in(2));
	end();
}

/* Some of one kind come back all the time until the others have been in. */

static uint32_t hogs, modest;
static bool hogs_write;

static int lock_as(bool writer)
{
	return writer ? oa_rwlock_wrlock(&lock) : oa_rwlock_rdlock(&lock);
}

static void in_and_out(const struct actor *a, bool writer)
{
	CHECK_EQ(lock_as(writer), 0);
	if (writer)
		writes_both(a);
	else
		reads(a);
	CHECK_EQ(oa_rwlock_unlock(&lock), 0);
}

static void hogs_or_waits(struct actor *a)
{
	if (a->id < hogs) {
		while (modest) {
			in_and_out(a, hogs_write);
			/* Others of this worker come in no other way. */
			if (a->kind == ACTOR_TASK && sim_one_in(2))
				oa_yield();
		}
		return;
	}
	for (uint32_t n = 1 + sim_below(3); n; n--) {
		actor_pause(a);
		in_and_out(a, !hogs_write);
	}
	modest--;
}

SCENARIO(neither_kind_keeps_the_other_out, 700)
{
	begin();
	hogs = 2 + sim_below(3);
	modest = 1 + sim_below(3);
	hogs_write = sim_one_in(2);
	CROWD_RUN(.n = hogs + modest, .fn = hogs_or_waits);
	end();
}

/*
 * A line: each comes once the one before him is seen to wait. When the lock
 * is given up, readers at the head go in together, a writer alone, nobody
 * before who came before him.
 */

#define LINE	6

static bool line_writes[LINE], line_in[LINE], line_over[LINE];
static uint32_t line;

static uint32_t nr_waiting(void)
{
	struct oa_sync_info info = OA_SYNC_INFO_INIT;

	CHECK_EQ(oa_rwlock_info(&lock, &info), 0);
	return info.waiters;
}

static void check_line(uint32_t id)
{
	for (uint32_t i = 0; i < id; i++) {
		/* A reader before a reader need not have run yet. */
		if (!line_writes[i] && !line_writes[id])
			continue;
		CHECK(line_in[i]);
		CHECK(line_over[i]);
	}
}

/* Those beside a reader come in while he is in. */
static void wait_for_group(uint32_t id)
{
	for (uint32_t i = id; i > 0 && !line_writes[i - 1]; i--)
		while (!line_in[i - 1])
			oa_sleep(300);
	for (uint32_t i = id + 1; i < line && !line_writes[i]; i++)
		while (!line_in[i])
			oa_sleep(300);
}

static void *stands_in_line(void *arg)
{
	uint32_t id = (uint32_t)(uintptr_t)arg;

	CHECK_EQ(lock_as(line_writes[id]), 0);
	line_in[id] = true;
	check_line(id);
	if (!line_writes[id])
		wait_for_group(id);
	if (sim_one_in(2))
		oa_sleep(sim_below(3000));
	line_over[id] = true;
	CHECK_EQ(oa_rwlock_unlock(&lock), 0);
	return NULL;
}

static void *holds_the_line(void *arg)
{
	oa_task_t t[LINE];
	bool write = sim_one_in(2);

	CHECK_EQ(lock_as(write), 0);
	for (uint32_t i = 0; i < line; i++) {
		/* A reader would come in beside this one. */
		line_writes[i] = (!write && i == 0) || sim_one_in(2);
		line_in[i] = line_over[i] = false;
		t[i] = oa_spawn(stands_in_line, (void *)(uintptr_t)i);
		while (nr_waiting() <= i)
			oa_sleep(200);
	}
	for (uint32_t i = 0; i < line; i++)
		CHECK(!line_in[i]);
	CHECK_EQ(oa_rwlock_destroy(&lock), -EBUSY);
	CHECK_EQ(oa_rwlock_unlock(&lock), 0);
	for (uint32_t i = 0; i < line; i++)
		CHECK_EQ(oa_join(t[i], NULL), 0);
	return arg;
}

SCENARIO(who_comes_first_goes_first, 800)
{
	begin();
	line = 2 + sim_below(LINE - 1);
	SCENARIO_RUN(holds_the_line, NULL, .workers = scenario_workers());
	end();
}

/* A writer gives up: the readers behind him go in beside the one who is in. */

static bool reader_in, cancelled;

static void *gives_up_writing(void *arg)
{
	oa_time_t until = cancelled ? OA_FOREVER : oa_after(sim_below(20000));

	CHECK_EQ(oa_rwlock_wrlock_until(&lock, until),
		 cancelled ? -ECANCELED : -ETIMEDOUT);
	return arg;
}

static void *reads_behind(void *arg)
{
	CHECK_EQ(oa_rwlock_rdlock(&lock), 0);
	reader_in = true;
	CHECK_EQ(oa_rwlock_unlock(&lock), 0);
	return arg;
}

static void *reads_on(void *arg)
{
	oa_task_t w, r;

	CHECK_EQ(oa_rwlock_rdlock(&lock), 0);
	w = oa_spawn(gives_up_writing, NULL);
	while (cancelled && !nr_waiting())
		oa_sleep(200);
	r = oa_spawn(reads_behind, NULL);
	if (sim_one_in(2))
		oa_sleep(sim_below(3000));
	if (cancelled)
		CHECK_EQ(oa_cancel(w), 0);
	CHECK_EQ(oa_join(w, NULL), 0);
	CHECK_EQ(oa_join(r, NULL), 0);
	CHECK(reader_in);
	CHECK_EQ(oa_rwlock_unlock(&lock), 0);
	return arg;
}

SCENARIO(who_gives_up_is_in_nobodys_way, 800)
{
	begin();
	reader_in = false;
	cancelled = sim_one_in(2);
	sim_env.longest = OA_SEC;
	SCENARIO_RUN(reads_on, NULL, .workers = scenario_workers());
	end();
}

/* The last to write frees it. */

struct shared {
	struct oa_rwlock lock;
	uint32_t refs;
};

static struct shared *shared;
static uint32_t frees;

static void uses_and_gives_up(struct actor *a)
{
	struct shared *s = shared;
	bool last;

	for (uint32_t n = sim_below(3); n; n--) {
		CHECK_EQ(oa_rwlock_rdlock(&s->lock), 0);
		actor_pause(a);
		CHECK_EQ(oa_rwlock_unlock(&s->lock), 0);
	}
	CHECK_EQ(oa_rwlock_wrlock(&s->lock), 0);
	last = --s->refs == 0;
	CHECK_EQ(oa_rwlock_unlock(&s->lock), 0);
	if (last) {
		CHECK_EQ(oa_rwlock_destroy(&s->lock), 0);
		crowd_free(s, sizeof(*s));
		frees++;
	}
}

SCENARIO(an_rwlock_goes_with_who_writes_last, 1000)
{
	uint32_t n = 2 + sim_below(4);

	frees = 0;
	shared = crowd_alloc(sizeof(*shared));
	shared->refs = n;
	CROWD_RUN(.n = n, .fn = uses_and_gives_up);
	CHECK_EQ(frees, 1);
}

HARNESS_MAIN
