// SPDX-License-Identifier: MIT
/* When timers are taken in groups: the decision, expiry by expiry. */
#include "core_test.h"

#include "core/slack.h"
#include "core/timer.h"

#define NS	(50 * OA_USEC)
#define GRAIN	(1 << WHEEL_GRAIN_BITS)	/* what a wheel lets be of its time */

static struct slack s;
static oa_time_t now;

static void begin(oa_time_t ns)
{
	now = OA_SEC;
	slack_init(&s, ns);
	slack_fired(&s, now, 1, false);
}

/* @times times, @n timers each @gap. */
static void fire(unsigned int times, unsigned int n, oa_time_t gap)
{
	while (times--) {
		now += gap;
		slack_fired(&s, now, n, false);
	}
}

TEST(a_timer_alone_has_its_own_time)
{
	begin(NS);
	EXPECT_EQ(0, s.at);
	fire(100, 1, OA_MSEC);
	EXPECT_EQ(0, s.at);
	fire(1000, 1, NS + 1);
	EXPECT_EQ(0, s.at);
}

TEST(few_at_a_time_do_too)
{
	begin(NS);
	fire(1000, 1, NS / 2 + OA_USEC);
	EXPECT_EQ(0, s.at);
	fire(1000, 100, 100 * NS);
	EXPECT_EQ(0, s.at);
}

TEST(many_go_in_groups_after_a_while)
{
	begin(NS);
	fire(10, 1, OA_USEC);
	EXPECT_EQ(0, s.at);
	fire(1000, 1, OA_USEC);
	EXPECT_EQ(now + NS - GRAIN, s.at);
	/* Two in each of them are enough to go on so. */
	fire(1000, 2, NS);
	EXPECT_EQ(now + NS - GRAIN, s.at);
	fire(1000, 1, NS);
	EXPECT_EQ(0, s.at);
}

TEST(none_is_put_off_when_not_all_were_taken)
{
	begin(NS);
	fire(1000, 1, OA_USEC);
	EXPECT_EQ(now + NS - GRAIN, s.at);
	slack_fired(&s, now, 128, true);
	EXPECT_EQ(0, s.at);
	fire(1, 1, OA_USEC);
	EXPECT_EQ(now + NS - GRAIN, s.at);
}

/* It sleeps for 10 us, and is woken then or with a group of its own. */
TEST(one_that_never_rests_is_not_put_off_for_long)
{
	oa_time_t late = 0, until;

	begin(NS);
	until = now + 10 * OA_SEC;
	while (now < until) {
		oa_time_t due = now + 10 * OA_USEC;

		now = s.at > due ? s.at : due;
		late += now - due;
		slack_fired(&s, now, 1, false);
	}
	EXPECT_GT(late, 0);
	EXPECT_LT(late, 10 * OA_SEC / 200);
	/* A crowd is noticed all the same, when that is over. */
	fire(2000000, 1, OA_USEC);
	EXPECT_EQ(now + NS - GRAIN, s.at);
}

TEST(after_a_pause_each_has_its_own_time)
{
	begin(NS);
	fire(1000, 1, OA_USEC);
	EXPECT_EQ(now + NS - GRAIN, s.at);
	now += OA_SEC;
	EXPECT_LT(s.at, now);
	slack_fired(&s, now, 1, false);
	EXPECT_EQ(0, s.at);
}

TEST(a_nanosecond_is_none)
{
	begin(1);
	fire(100000, 1, 64);
	EXPECT_EQ(0, s.at);
}

TEST(a_second_is_the_most_and_nothing_overflows)
{
	begin(OA_SEC);
	fire(100, 1000000, OA_SEC);
	EXPECT_EQ(now + OA_SEC - GRAIN, s.at);
	now += 100000000 * OA_SEC;
	slack_fired(&s, now, 1000000, false);
	EXPECT_EQ(0, s.at);
}

HARNESS_MAIN
