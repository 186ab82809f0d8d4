// SPDX-License-Identifier: MIT
/* oa_sqe(): requests prepared by hand. */
#include "io_test.h"

#include <liburing.h>
#include <sys/mman.h>
#include <sys/stat.h>

FIXTURE(sqe) { int fds[2], file; unsigned int calls; };
VARIANTS_STAND_INS(sqe);

typedef struct sqe_fixture_data data;

FIXTURE_SETUP(sqe)
{
	make_pipe(self->fds);
	self->file = memfd_create("sqe", MFD_CLOEXEC);
	ASSERT_GE(self->file, 0);
}

FIXTURE_TEARDOWN(sqe)
{
	close_both(self->fds);
	ASSERT_EQ(0, close(self->file));
}

static void prep_nop(struct io_uring_sqe *sqe, void *arg)
{
	static const struct io_uring_sqe zero;

	EXPECT_MEMEQ(&zero, sqe, sizeof(zero));
	COUNT(((data *)arg)->calls);
	io_uring_prep_nop(sqe);
}

TASK_TEST_F(sqe, a_nop, .workers = variant->workers)
{
	for (unsigned int i = 1; i <= 600; i++) {
		ASSERT_OK(oa_sqe(prep_nop, self));
		ASSERT_EQ(i, SEEN(self->calls));
	}
}

static void *nops(void *arg)
{
	for (int i = 0; i < 50; i++)
		ASSERT_OK(oa_sqe(prep_nop, arg));
	return NULL;
}

TASK_TEST_F(sqe, nops_of_many, .workers = variant->workers)
{
	oa_task_t t[40];

	for (int i = 0; i < 40; i++)
		t[i] = oa_spawn(nops, self);
	for (int i = 0; i < 40; i++)
		ASSERT_OK(join_long(t[i]));
	EXPECT_EQ(2000u, SEEN(self->calls));
}

static void prep_fallocate(struct io_uring_sqe *sqe, void *arg)
{
	io_uring_prep_fallocate(sqe, ((data *)arg)->file, 0, 0, 12288);
}

static void prep_async_fallocate(struct io_uring_sqe *sqe, void *arg)
{
	prep_fallocate(sqe, arg);
	sqe->flags |= IOSQE_ASYNC;
}

TASK_TEST_F(sqe, one_that_the_library_has_no_call_for,
	    .workers = variant->workers)
{
	struct stat st;

	EXPECT_OK(oa_sqe(prep_fallocate, self));
	ASSERT_EQ(0, fstat(self->file, &st));
	EXPECT_EQ(12288, st.st_size);
	ASSERT_EQ(0, ftruncate(self->file, 0));
	EXPECT_OK(oa_sqe(prep_async_fallocate, self));
	ASSERT_EQ(0, fstat(self->file, &st));
	EXPECT_EQ(12288, st.st_size);
}

static char got[8];

static void prep_read(struct io_uring_sqe *sqe, void *arg)
{
	io_uring_prep_read(sqe, ((data *)arg)->fds[0], got, sizeof(got), 0);
	COUNT(((data *)arg)->calls);
}

static void *reads(void *arg)
{
	return as_result(oa_sqe(prep_read, arg));
}

TASK_TEST_F(sqe, one_that_waits, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(reads, self);

	until_parked(t);
	ASSERT_EQ(3, oa_write(self->fds[1], "abc", 3));
	EXPECT_EQ(3, join_long(t));
	EXPECT_MEMEQ("abc", got, 3);
}

TASK_TEST_F(sqe, one_that_is_cut, .workers = variant->workers)
{
	oa_task_t t = oa_spawn(reads, self);
	struct oa_deadline d;

	until_parked(t);
	ASSERT_OK(oa_cancel(t));
	EXPECT_ERR(join_long(t), -ECANCELED);
	OA_WITHIN(&d, OA_MSEC)
		EXPECT_ERR(oa_sqe(prep_read, self), -ETIMEDOUT);
	EXPECT_EQ(1, oa_deadline_fired(&d));
	/* What comes later is still there. */
	ASSERT_EQ(1, oa_write(self->fds[1], "z", 1));
	EXPECT_EQ(1, oa_sqe(prep_read, self));
	EXPECT_EQ('z', got[0]);
}

static void *reads_cancelled(void *arg)
{
	ASSERT_OK(oa_cancel(oa_self()));
	return reads(arg);
}

TASK_TEST_F(sqe, a_cancelled_task_does_not_prepare,
	    .workers = variant->workers)
{
	ASSERT_EQ(1, oa_write(self->fds[1], "z", 1));
	EXPECT_ERR(join_long(oa_spawn(reads_cancelled, self)), -ECANCELED);
	EXPECT_EQ(0u, SEEN(self->calls));
	EXPECT_EQ(1u, bytes_in(self->fds[0]));
}

static void prep_unknown(struct io_uring_sqe *sqe, void *arg)
{
	(void)arg;
	sqe->opcode = 255;
}

static void prep_timeout(struct io_uring_sqe *sqe, void *arg)
{
	io_uring_prep_timeout(sqe, arg, 0, 0);
}

TASK_TEST_F(sqe, errors_are_the_requests, .workers = variant->workers)
{
	struct __kernel_timespec ts = { .tv_nsec = 1000 };

	EXPECT_ERR(oa_sqe(prep_unknown, NULL), -EINVAL);
	EXPECT_ERR(oa_sqe(NULL, NULL), -EINVAL);
	EXPECT_ERR(oa_sqe(prep_timeout, &ts), -ETIME);
	EXPECT_ERR(oa_sqe(prep_timeout, NULL), -EFAULT);
}

/* What would complete more than once, or reach into the ring. */

static void prep_many_polls(struct io_uring_sqe *sqe, void *arg)
{
	io_uring_prep_poll_multishot(sqe, ((data *)arg)->fds[1], POLLOUT);
}

static void prep_many_accepts(struct io_uring_sqe *sqe, void *arg)
{
	io_uring_prep_multishot_accept(sqe, ((data *)arg)->fds[0], NULL, NULL,
				       0);
}

static void prep_many_recvs(struct io_uring_sqe *sqe, void *arg)
{
	io_uring_prep_recv_multishot(sqe, ((data *)arg)->fds[0], NULL, 0, 0);
}

static void prep_send_zc(struct io_uring_sqe *sqe, void *arg)
{
	io_uring_prep_send_zc(sqe, ((data *)arg)->fds[1], got, 1, 0, 0);
}

static void prep_linked(struct io_uring_sqe *sqe, void *arg)
{
	prep_nop(sqe, arg);
	sqe->flags = IOSQE_IO_LINK;
}

static void prep_fixed(struct io_uring_sqe *sqe, void *arg)
{
	prep_read(sqe, arg);
	sqe->flags = IOSQE_FIXED_FILE;
}

static void prep_owned(struct io_uring_sqe *sqe, void *arg)
{
	prep_nop(sqe, arg);
	sqe->user_data = 1;
}

static void prep_cancel(struct io_uring_sqe *sqe, void *arg)
{
	(void)arg;
	io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY);
}

static void prep_msg_ring(struct io_uring_sqe *sqe, void *arg)
{
	(void)arg;
	io_uring_prep_msg_ring(sqe, 0, 0, 0, 0);
}

TASK_TEST_F(sqe, what_it_must_not_be_is_refused, .workers = variant->workers)
{
	static void (*const preps[])(struct io_uring_sqe *, void *) = {
		prep_many_polls, prep_many_accepts, prep_many_recvs,
		prep_send_zc, prep_linked, prep_fixed, prep_owned, prep_cancel,
		prep_msg_ring,
	};
	oa_task_t t = oa_spawn(reads, self);

	until_parked(t);
	for (unsigned int i = 0; i < ARRAY_N(preps); i++)
		if (!EXPECT_ERR(oa_sqe(preps[i], self), -EINVAL))
			TEST_LOG("the one at %u", i);
	/* Others did not notice. */
	EXPECT_EQ(OA_TASK_PARKED, task_state(NULL, t));
	ASSERT_EQ(1, oa_write(self->fds[1], "x", 1));
	EXPECT_EQ(1, join_long(t));
}

TEST(none_but_tasks_may)
{
	EXPECT_ERR(oa_sqe(prep_unknown, NULL), -EPERM);
}

HARNESS_MAIN
