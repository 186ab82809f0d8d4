// SPDX-License-Identifier: MIT
/* What the process knows of its descriptors: the words and a worker's lists. */
#include "core_test.h"

#include <errno.h>

#include "core/fd.h"

#define NOBODY	(1 << 30)	/* past what is kept */

static struct fd_bucket buckets[FD_BUCKETS];
static struct worker worker = { .id = 3, .fds = buckets };

TEST(hints_are_for_each_descriptor)
{
	EXPECT_FALSE(fd_hint(5));
	fd_set_hint(5, false);
	EXPECT_FALSE(fd_hint(5));
	fd_set_hint(5, true);
	fd_set_hint(5, true);
	EXPECT_TRUE(fd_hint(5));
	EXPECT_FALSE(fd_hint(4));
	EXPECT_FALSE(fd_hint(5 + 1024));
	fd_set_hint(5 + 1024, true);
	fd_set_hint(5, false);
	EXPECT_FALSE(fd_hint(5));
	EXPECT_TRUE(fd_hint(5 + 1024));
}

TEST(a_new_descriptor_has_no_past)
{
	fd_set_hint(7, true);
	EXPECT_OK(fd_use(&worker, 7));
	fd_opened(7);
	EXPECT_FALSE(fd_hint(7));
	EXPECT_OK(fd_use(&worker, 7));
}

TEST(numbers_that_are_none)
{
	EXPECT_FALSE(fd_hint(-1));
	EXPECT_FALSE(fd_hint(NOBODY));
	fd_set_hint(-1, true);
	fd_set_hint(NOBODY, true);
	EXPECT_FALSE(fd_hint(-1));
	EXPECT_FALSE(fd_hint(NOBODY));
	fd_opened(-EMFILE);
	fd_opened(NOBODY);
	EXPECT_OK(fd_use(&worker, -1));
	EXPECT_OK(fd_use(&worker, NOBODY));
}

/* Requests on one number and on one that shares its bucket. */
TEST(requests_are_linked_until_they_are_done)
{
	struct op op[6] = { { .fd = 9 } };
	struct fd_link second = { .op = NULL };
	int other = 9 + (int)FD_BUCKETS;
	unsigned int n = 0;

	for (int i = 0; i < 6; i++)
		ASSERT_OK(fd_start(&worker, &op[i], &op[i].link,
				   i % 2 ? other : 9));
	op[0].second = &second;
	ASSERT_OK(fd_start(&worker, &op[0], &second, other));
	for (struct fd_link *l = buckets[9].first; l; l = l->next)
		n++;
	EXPECT_EQ(7u, n);
	fd_done(&op[3]);
	fd_done(&op[0]);
	fd_done(&op[5]);
	fd_done(&op[1]);
	EXPECT_EQ(&op[4].link, buckets[9].first);
	EXPECT_EQ(&op[2].link, op[4].link.next);
	EXPECT_NULL(op[2].link.next);
	/* One that failed to start is on no list. */
	fd_done(&op[0]);
	fd_done(&op[4]);
	fd_done(&op[2]);
	EXPECT_NULL(buckets[9].first);
}

TEST(a_later_file_of_a_number_has_another_generation)
{
	struct op a = { .fd = 11 }, b = { .fd = 11 };

	ASSERT_OK(fd_start(&worker, &a, &a.link, 11));
	fd_opened(11);
	ASSERT_OK(fd_start(&worker, &b, &b.link, 11));
	EXPECT_NE(a.link.gen, b.link.gen);
	fd_done(&a);
	fd_done(&b);
}

static void *looks_everywhere(void *arg)
{
	for (int fd = 0; fd < 50000; fd += 100)
		ASSERT_OK(fd_use(arg, fd));
	return NULL;
}

/* Pages of words come as they are used, by several threads at once. */
TEST(pages_are_made_once)
{
	static struct worker w[4];
	pthread_t th[4];

	for (uint32_t i = 0; i < 4; i++) {
		w[i].id = i;
		thread_start(&th[i], looks_everywhere, &w[i]);
	}
	for (uint32_t i = 0; i < 4; i++)
		thread_end(th[i]);
	for (int fd = 0; fd < 50000; fd += 100) {
		fd_set_hint(fd, true);
		ASSERT_TRUE(fd_hint(fd));
	}
}

HARNESS_MAIN
