/* SPDX-License-Identifier: MIT */
#include "out.h"

#include <errno.h>

#include "text.h"

static ssize_t send_some(struct out *o, size_t done, int flags)
{
	struct iovec iov[2];
	struct msghdr msg = { .msg_iov = iov };
	size_t off;

	if (!o->tail_len)
		return oa_send(o->fd, o->buf + done, o->len - done,
			       MSG_NOSIGNAL | flags);
	if (done < o->len) {
		iov[msg.msg_iovlen].iov_base = o->buf + done;
		iov[msg.msg_iovlen++].iov_len = o->len - done;
	}
	off = done > o->len ? done - o->len : 0;
	iov[msg.msg_iovlen].iov_base = (void *)(uintptr_t)(o->tail + off);
	iov[msg.msg_iovlen++].iov_len = o->tail_len - off;
	return oa_sendmsg(o->fd, &msg, MSG_NOSIGNAL | flags);
}

static ssize_t send_patiently(struct out *o, size_t done, int flags)
{
	struct oa_deadline d;
	ssize_t n;

	oa_deadline_enter(&d, oa_after(o->patience));
	n = send_some(o, done, flags);
	oa_deadline_leave(&d);
	return n;
}

/*
 * Mostly there is room, and no reason to look at a clock. The deadline starts
 * anew as long as the peer takes something.
 */
static int send_all(struct out *o, int flags)
{
	size_t total = o->len + o->tail_len;
	size_t done = 0;

	while (done < total) {
		ssize_t n = send_some(o, done, flags | MSG_DONTWAIT);

		if (n == -EAGAIN)
			n = send_patiently(o, done, flags);
		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		done += (size_t)n;
		o->sent += (uint64_t)n;
	}
	return 0;
}

static int flush(struct out *o, int flags)
{
	if (!o->err && o->len + o->tail_len)
		o->err = send_all(o, flags);
	o->len = 0;
	o->tail_len = 0;
	return o->err;
}

int out_flush(struct out *o)
{
	return flush(o, 0);
}

int out_flush_more(struct out *o)
{
	return flush(o, MSG_MORE);
}

void out_put_slow(struct out *o, const void *p, size_t n)
{
	const char *from = p;

	while (n) {
		size_t room;

		if (o->tail_len || o->len == OUT_SIZE)
			out_flush(o);
		room = OUT_SIZE - o->len;
		if (room > n)
			room = n;
		memcpy(o->buf + o->len, from, room);
		o->len += room;
		from += room;
		n -= room;
	}
}

void out_tail(struct out *o, const void *p, size_t n)
{
	if (o->tail_len)
		out_flush(o);
	o->tail = p;
	o->tail_len = n;
}

void out_number(struct out *o, uint64_t v)
{
	char digits[U64_DIGITS];

	out_put(o, digits, put_number(digits, v));
}
