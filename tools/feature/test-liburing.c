/* SPDX-License-Identifier: MIT */
/* flags: -luring */
#include <liburing.h>

/* 2.3 brought io_uring_prep_send_zc() and DEFER_TASKRUN. */
int main(void)
{
	struct io_uring ring;
	struct io_uring_sqe *sqe;

	if (io_uring_queue_init(4, &ring, IORING_SETUP_DEFER_TASKRUN))
		return 0;
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_send_zc(sqe, 0, "", 0, 0, 0);
	io_uring_queue_exit(&ring);
	return 0;
}
