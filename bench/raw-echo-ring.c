// SPDX-License-Identifier: MIT
/*
 * The raw io_uring server of io/echo: one thread; multishot accept into direct
 * descriptors, multishot receive into shared buffers, sends that complete
 * silently, one enter for each batch.
 *
 * A buffer goes back one batch after its send was submitted: the send of a
 * small answer on a writable socket is done within the enter. A send that had
 * to wait would still read the buffer; one request of 64 bytes under way on
 * each connection never gets there.
 */
#include <errno.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "echo.h"
#include "versus/common/work.h"

/* As many as were wanted at once: more of them would not stay in the cache. */
#define BUFFERS_MIN	512u
#define BUFFERS_MAX	16384u
#define BUFFER_SIZE	1024
#define FILES		16384

enum { ACCEPT = 1, RECEIVE, SEND, CLOSE };

struct server {
	struct io_uring ring;
	struct io_uring_buf_ring *br;
	char *buf;
	int listener;
	unsigned int buffers, held;
	unsigned short hold[BUFFERS_MAX];
};

static struct io_uring_sqe *next_sqe(struct server *s)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&s->ring);

	if (!sqe) {
		io_uring_submit(&s->ring);
		sqe = io_uring_get_sqe(&s->ring);
	}
	return sqe;
}

static void tag(struct io_uring_sqe *sqe, uint64_t kind, unsigned int file)
{
	io_uring_sqe_set_data64(sqe, kind << 32 | file);
}

static void arm_accept(struct server *s)
{
	struct io_uring_sqe *sqe = next_sqe(s);

	io_uring_prep_multishot_accept_direct(sqe, s->listener, NULL, NULL, 0);
	tag(sqe, ACCEPT, 0);
}

static void arm_receive(struct server *s, unsigned int file)
{
	struct io_uring_sqe *sqe = next_sqe(s);

	io_uring_prep_recv_multishot(sqe, (int)file, NULL, 0, 0);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
	tag(sqe, RECEIVE, file);
}

static void answer(struct server *s, unsigned int file, unsigned int id,
		   unsigned int n)
{
	struct io_uring_sqe *sqe = next_sqe(s);
	char *b = s->buf + (size_t)id * BUFFER_SIZE;

	work_for(b, n);
	io_uring_prep_send(sqe, (int)file, b, n, MSG_WAITALL);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
	tag(sqe, SEND, file);
	s->hold[s->held++] = (unsigned short)id;
}

static void drop(struct server *s, unsigned int file)
{
	struct io_uring_sqe *sqe = next_sqe(s);

	io_uring_prep_close_direct(sqe, file);
	tag(sqe, CLOSE, file);
}

static void give(struct server *s, unsigned int id, unsigned int at)
{
	io_uring_buf_ring_add(s->br, s->buf + (size_t)id * BUFFER_SIZE,
			      BUFFER_SIZE, (unsigned short)id, BUFFERS_MAX - 1,
			      (int)at);
}

static void give_back(struct server *s)
{
	for (unsigned int i = 0; i < s->held; i++)
		give(s, s->hold[i], i);
	io_uring_buf_ring_advance(s->br, (int)s->held);
	s->held = 0;
}

static void more_buffers(struct server *s)
{
	unsigned int n = s->buffers ? s->buffers : BUFFERS_MIN;

	if (s->buffers == BUFFERS_MAX)
		return;
	for (unsigned int i = 0; i < n; i++)
		give(s, s->buffers + i, i);
	io_uring_buf_ring_advance(s->br, (int)n);
	s->buffers += n;
}

static void received(struct server *s, const struct io_uring_cqe *cqe)
{
	unsigned int file = (uint32_t)cqe->user_data;

	if (cqe->res <= 0 && cqe->res != -ENOBUFS) {
		drop(s, file);
		return;
	}
	if (cqe->res > 0)
		answer(s, file, cqe->flags >> IORING_CQE_BUFFER_SHIFT,
		       (unsigned int)cqe->res);
	else
		more_buffers(s);
	if (!(cqe->flags & IORING_CQE_F_MORE))
		arm_receive(s, file);
}

static void completion(struct server *s, const struct io_uring_cqe *cqe)
{
	switch (cqe->user_data >> 32) {
	case ACCEPT:
		if (cqe->res >= 0)
			arm_receive(s, (unsigned int)cqe->res);
		if (!(cqe->flags & IORING_CQE_F_MORE))
			arm_accept(s);
		break;
	case RECEIVE:
		received(s, cqe);
		break;
	}
}

static int set_up(struct server *s)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
		.cq_entries = 65536,
	};
	struct io_uring_buf_reg reg = { .ring_entries = BUFFERS_MAX };

	if (io_uring_queue_init_params(8192, &s->ring, &p) ||
	    io_uring_register_files_sparse(&s->ring, FILES))
		return -1;
	io_uring_register_ring_fd(&s->ring);
	s->br = mmap(NULL, BUFFERS_MAX * sizeof(struct io_uring_buf),
		     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	s->buf = malloc((size_t)BUFFERS_MAX * BUFFER_SIZE);
	if (s->br == MAP_FAILED || !s->buf)
		return -1;
	reg.ring_addr = (uintptr_t)s->br;
	if (io_uring_register_buf_ring(&s->ring, &reg, 0))
		return -1;
	io_uring_buf_ring_init(s->br);
	more_buffers(s);
	return 0;
}

int echo_serve_ring(int listener)
{
	struct server *s = calloc(1, sizeof(*s));
	int one = 1;

	if (!s || set_up(s))
		return -1;
	s->listener = listener;
	setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	arm_accept(s);
	for (;;) {
		int ret = io_uring_submit_and_wait(&s->ring, 1);
		unsigned int head, seen = 0;
		struct io_uring_cqe *cqe;

		if (ret < 0 && ret != -EINTR)
			return -1;
		give_back(s);
		io_uring_for_each_cqe(&s->ring, head, cqe) {
			completion(s, cqe);
			seen++;
		}
		io_uring_cq_advance(&s->ring, seen);
	}
}
