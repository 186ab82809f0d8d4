/* SPDX-License-Identifier: MIT */
#include <liburing.h>

int main(void)
{
	struct io_uring_sqe sqe;

	io_uring_prep_msg_ring(&sqe, 0, 0, 0, 0);
	return IORING_OP_MSG_RING == 0;
}
