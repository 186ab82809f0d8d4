// SPDX-License-Identifier: MIT
/*
 * What a request prepared by hand may be: one that gives one completion, and
 * does not reach into the ring, where it would meet the library's own.
 */
#include "uring/ring.h"

static bool is_multishot(const struct io_uring_sqe *sqe)
{
	switch (sqe->opcode) {
	case IORING_OP_ACCEPT:
		return sqe->ioprio & IORING_ACCEPT_MULTISHOT;
	case IORING_OP_RECV:
	case IORING_OP_RECVMSG:
		return sqe->ioprio & IORING_RECV_MULTISHOT;
	case IORING_OP_POLL_ADD:
		return sqe->len & IORING_POLL_ADD_MULTI;
	case IORING_OP_TIMEOUT:
		return sqe->timeout_flags & OA_TIMEOUT_MULTISHOT;
	case OA_OP_READ_MULTISHOT:
	case OA_OP_RECV_ZC:
	case IORING_OP_SEND_ZC:
	case IORING_OP_SENDMSG_ZC:
		return true;
	default:
		return false;
	}
}

static bool is_of_the_ring(const struct io_uring_sqe *sqe)
{
	switch (sqe->opcode) {
	case IORING_OP_POLL_REMOVE:
	case IORING_OP_TIMEOUT_REMOVE:
	case IORING_OP_LINK_TIMEOUT:
	case IORING_OP_ASYNC_CANCEL:
	case IORING_OP_FILES_UPDATE:
	case IORING_OP_PROVIDE_BUFFERS:
	case IORING_OP_REMOVE_BUFFERS:
	case IORING_OP_MSG_RING:
	case OA_OP_FIXED_FD_INSTALL:
		return true;
	default:
		return false;
	}
}

bool raw_may(const struct io_uring_sqe *sqe)
{
	return !(sqe->flags & ~IOSQE_ASYNC) && !sqe->user_data &&
	       !is_multishot(sqe) && !is_of_the_ring(sqe);
}
