/* SPDX-License-Identifier: MIT */
/*
 * Bodies. A long one goes from the page cache to the socket by sendfile(2),
 * which needs no memory of ours however long it is. For that the socket is
 * non-blocking for a while: when it is full, the task waits until it can be
 * written to; and before each piece the task waits for the disk, so that
 * sendfile() finds the piece in memory and blocks no worker.
 */
#include "body.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#define COPY_MAX	4096		/* up to this, bytes wait for company */
#define PIECE		(1 << 20)

static void set_blocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, on ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
}

/*
 * errno is the thread's, and a task may go on in another one after it has
 * waited: it is read here, in a function that nothing is moved into or out of.
 */
static __attribute__((noinline)) ssize_t send_piece(int to, int from,
						    struct range r)
{
	off_t off = (off_t)r.from;
	ssize_t n = sendfile(to, from, &off, (size_t)r.len);

	return n < 0 ? -errno : n;
}

static bool in_memory(int fd, off_t at)
{
	char byte;
	struct iovec iov = { &byte, 1 };

	return preadv2(fd, &iov, 1, at, RWF_NOWAIT) == 1;
}

/* All of a piece is asked for, and its last byte waited for. */
static int wait_for_disk(int fd, struct range r)
{
	off_t last = (off_t)(r.from + r.len - 1);
	char byte;
	ssize_t n;

	if (in_memory(fd, last))
		return 0;
	posix_fadvise(fd, (off_t)r.from, (off_t)r.len, POSIX_FADV_WILLNEED);
	n = oa_pread(fd, &byte, 1, last);
	return n < 0 && n != -EINTR ? (int)n : 0;
}

static int wait_for_room(struct conn *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLOUT };
	struct oa_deadline d;
	int n;

	oa_deadline_enter(&d, oa_after(c->out.patience));
	n = oa_poll(&p, 1, -1);
	oa_deadline_leave(&d);
	return n < 0 && n != -EINTR ? n : 0;
}

/* The next piece, or a part of it. 0, or a negative errno. */
static int send_some(struct conn *c, const struct doc *d, struct range *r)
{
	struct range piece = *r;
	ssize_t n;
	int err;

	if (piece.len > PIECE)
		piece.len = PIECE;
	err = wait_for_disk(d->fd, piece);
	if (err)
		return err;
	n = send_piece(c->fd, d->fd, piece);
	if (n == -EAGAIN)
		return wait_for_room(c);
	if (n == -EINTR)
		return 0;
	/* It got shorter: the answer cannot be what has been promised. */
	if (n <= 0)
		return n ? (int)n : -EIO;
	r->from += (uint64_t)n;
	r->len -= (uint64_t)n;
	c->out.sent += (uint64_t)n;
	return 0;
}

static void send_long(struct conn *c, const struct doc *d, struct range r)
{
	int err = out_flush_more(&c->out);

	if (err)
		return;
	set_blocking(c->fd, false);
	while (r.len && !err) {
		err = send_some(c, d, &r);
		/* A peer that takes all at once must not keep others waiting. */
		oa_yield_point();
	}
	set_blocking(c->fd, true);
	c->out.err = err;
}

void body_send(struct conn *c, const struct doc *d, struct range r)
{
	if (c->rq.head_only)
		return;
	if (!d->data) {
		send_long(c, d, r);
	} else if (r.len <= COPY_MAX) {
		out_put(&c->out, d->data + r.from, (size_t)r.len);
	} else {
		out_tail(&c->out, d->data + r.from, (size_t)r.len);
		out_flush(&c->out);
	}
}
