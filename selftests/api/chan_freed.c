// SPDX-License-Identifier: MIT
/*
 * Who has received the last element may destroy the channel at once, though
 * the calls that sent it may not have returned; so may who was told that it is
 * closed. Sanitizers see what is touched afterwards; so does the allocator,
 * which spoils what is freed, and counts.
 */
#include "actors.h"

#include <stdlib.h>

#define ROUNDS	200
#define SENDERS	3
#define WIDE	1000		/* four to a piece of an unbounded channel */

FIXTURE(chan_freed) {
	struct oa_chan *ch[ROUNDS];	/* as they come */
	enum oa_chan_kind kind;
	size_t capacity;
	unsigned int senders, each, rounds;
	bool closes, selects;
};
VARIANTS_WORKERS(chan_freed);

typedef struct chan_freed_fixture_data data;

FIXTURE_SETUP(chan_freed)
{
	harness_seed();
}

FIXTURE_TEARDOWN(chan_freed)
{
}

struct sender {
	data *d;
	unsigned int me;
};

static void *sends(void *arg)
{
	struct sender *s = arg;
	struct random r = random_of(s->me);
	data *d = s->d;
	char elem[WIDE];

	memset(elem, 'a' + (int)s->me, sizeof(elem));
	for (unsigned int i = 0; i < d->rounds; i++) {
		actor_wait_until(SEEN(d->ch[i]));
		for (unsigned int n = draw(&r, 3); n; n--)
			give_way();
		for (unsigned int n = 0; n < d->each; n++)
			ASSERT_OK(oa_chan_send(d->ch[i], elem));
		if (d->closes)
			ASSERT_OK(oa_chan_close(d->ch[i]));
	}
	return NULL;
}

static int recv_one(const data *d, struct oa_chan *ch, char *elem)
{
	struct oa_case c = OA_CASE_RECV(ch, elem);

	if (!d->selects)
		return oa_chan_recv(ch, elem);
	ASSERT_EQ(0, oa_select(&c, 1));
	return c.res;
}

static void receives_and_destroys(data *d, struct oa_chan *ch)
{
	char elem[WIDE];

	for (unsigned int n = 0; n < d->senders * d->each; n++) {
		ASSERT_OK(recv_one(d, ch, elem));
		ASSERT_TRUE(elem[0] >= 'a' && elem[0] < 'a' + SENDERS);
		ASSERT_EQ(elem[0], elem[WIDE - 1]);
	}
	if (d->closes)
		ASSERT_ERR(recv_one(d, ch, elem), -EPIPE);
	ASSERT_OK(oa_chan_destroy(ch));
}

static void pass(data *d, enum who who)
{
	struct actor a[SENDERS];
	struct sender s[SENDERS];

	memset(d->ch, 0, sizeof(d->ch));
	for (unsigned int i = 0; i < d->senders; i++) {
		s[i] = (struct sender){ d, i };
		actor_start(&a[i], who, i, sends, &s[i]);
	}
	for (unsigned int i = 0; i < d->rounds; i++) {
		struct oa_chan *ch;

		ASSERT_OK(oa_chan_create(&ch, WIDE, d->capacity, d->kind));
		TELL(d->ch[i], ch);
		receives_and_destroys(d, ch);
	}
	for (unsigned int i = 0; i < d->senders; i++)
		actor_end(&a[i]);
}

static void pass_all(data *d, enum who who)
{
	static const struct {
		enum oa_chan_kind kind;
		size_t capacity;
	} kinds[] = {
		{ OA_CHAN_BOUNDED, 0 },
		{ OA_CHAN_BOUNDED, 1 },
		{ OA_CHAN_BOUNDED, 16 },
		{ OA_CHAN_UNBOUNDED, 0 },
	};

	d->rounds = (unsigned int)SCALED(ROUNDS, 40);
	for (unsigned int i = 0; i < 4 * ARRAY_N(kinds); i++) {
		d->kind = kinds[i / 4].kind;
		d->capacity = kinds[i / 4].capacity;
		d->selects = i & 1;
		d->closes = i & 2;
		/* Only the last may close: there is but one then. */
		d->senders = d->closes ? 1 : SENDERS;
		d->each = d->closes ? 2 : 3;
		pass(d, who);
	}
}

TASK_TEST_F(chan_freed, tasks, .workers = variant->workers)
{
	pass_all(self, WHO_TASK);
}

TASK_TEST_F(chan_freed, foreign_threads, .workers = variant->workers)
{
	pass_all(self, WHO_THREAD);
}

TASK_TEST_F(chan_freed, mixed, .workers = variant->workers,
	    .max_blocking = ACTORS_ON_POOL)
{
	pass_all(self, WHO_MIXED);
}

/* All of it is given back to where it came from. */
static struct counted_memory memory;

TASK_TEST_F(chan_freed, own_memory, .workers = variant->workers,
	    .allocator = COUNTED_MEMORY(&memory))
{
	int before = SEEN(memory.out);

	self->kind = OA_CHAN_UNBOUNDED;
	self->senders = SENDERS;
	self->each = 5;
	self->rounds = (unsigned int)SCALED(ROUNDS, 40);
	pass(self, WHO_TASK);
	/* Slabs and stacks of those that sent may have been added. */
	EXPECT_LE(SEEN(memory.out), before + 8);
}

HARNESS_MAIN
