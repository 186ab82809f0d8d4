// SPDX-License-Identifier: MIT
/*
 * What a request prepared by hand may be: one that gives one completion, and
 * does not reach into the ring, where it would meet the library's own.
 */
#include "uring/ring.h"

enum raw_kind {
	RAW_PLAIN,
	RAW_NEVER,		/* acts on the ring, or answers more than once */
	RAW_IOPRIO,		/* multishot by a bit of ->ioprio */
	RAW_POLL,
	RAW_TIMEOUT,
};

static const uint8_t kinds[256] = {
	[IORING_OP_ACCEPT] = RAW_IOPRIO,
	[IORING_OP_RECV] = RAW_IOPRIO,
	[IORING_OP_RECVMSG] = RAW_IOPRIO,
	[IORING_OP_POLL_ADD] = RAW_POLL,
	[IORING_OP_TIMEOUT] = RAW_TIMEOUT,
	[OA_OP_READ_MULTISHOT] = RAW_NEVER,
	[OA_OP_RECV_ZC] = RAW_NEVER,
	[IORING_OP_SEND_ZC] = RAW_NEVER,
	[IORING_OP_SENDMSG_ZC] = RAW_NEVER,
	[IORING_OP_POLL_REMOVE] = RAW_NEVER,
	[IORING_OP_TIMEOUT_REMOVE] = RAW_NEVER,
	[IORING_OP_LINK_TIMEOUT] = RAW_NEVER,
	[IORING_OP_ASYNC_CANCEL] = RAW_NEVER,
	[IORING_OP_FILES_UPDATE] = RAW_NEVER,
	[IORING_OP_PROVIDE_BUFFERS] = RAW_NEVER,
	[IORING_OP_REMOVE_BUFFERS] = RAW_NEVER,
	[IORING_OP_MSG_RING] = RAW_NEVER,
	[OA_OP_FIXED_FD_INSTALL] = RAW_NEVER,
};

static bool may(const struct io_uring_sqe *sqe)
{
	switch ((enum raw_kind)kinds[sqe->opcode]) {
	case RAW_PLAIN:
		return true;
	case RAW_NEVER:
		break;
	case RAW_IOPRIO:
		return !(sqe->ioprio & (sqe->opcode == IORING_OP_ACCEPT
						? IORING_ACCEPT_MULTISHOT
						: IORING_RECV_MULTISHOT));
	case RAW_POLL:
		return !(sqe->len & IORING_POLL_ADD_MULTI);
	case RAW_TIMEOUT:
		return !(sqe->timeout_flags & OA_TIMEOUT_MULTISHOT);
	}
	return false;
}

bool raw_may(const struct io_uring_sqe *sqe)
{
	return !(sqe->flags & ~IOSQE_ASYNC) && !sqe->user_data &&
	       (likely(kinds[sqe->opcode] == RAW_PLAIN) || may(sqe));
}
