// SPDX-License-Identifier: MIT
/*
 * Sockets. What cannot wait is a plain system call. A send is tried first,
 * since a socket is writable nearly always; a receive goes to the ring unless
 * the kernel's last completion said that more is there, since a server that
 * has answered nearly always has to wait. An accept is not tried first if the
 * last one said that nobody else waits: the kernel makes the new socket and its
 * file before it finds that there is nobody, and throws them away.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <oa/io.h>

#include "core/fd.h"
#include "core/io.h"
#include "core/mem.h"
#include "core/runtime.h"

#define FEW	8u		/* parts of a vector */
/* In the flags of a completion: data, or connections, are left. */
#define CQE_SOCK_NONEMPTY	4u

/* A system call that does not wait, on a descriptor that may be closing. */
#define AT_ONCE(fd, call) ({ \
	struct worker *_w; \
	int _ret = io_plain_begin(fd, &_w); \
	if (!_ret) { \
		io_inlined(_w); \
		_ret = (call); \
		if (_ret < 0) \
			_ret = -errno; \
	} \
	_ret; })

int oa_socket(int domain, int type, int protocol)
{
	int fd = AT_ONCE(-1, socket(domain, type, protocol));

	if (fd >= 0)
		fd_opened(fd);
	return fd;
}

int oa_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return AT_ONCE(fd, bind(fd, addr, len));
}

int oa_listen(int fd, int backlog)
{
	return AT_ONCE(fd, listen(fd, backlog));
}

int oa_sock_shutdown(int fd, int how)
{
	return AT_ONCE(fd, shutdown(fd, how));
}

/*
 * The kernel wakes one request for each connection that comes. If that is then
 * cancelled, the connection stays where it is and nobody else hears of it
 * [tried on 6.18]. So it is looked for, and taken if it is there: what comes
 * by has come for us.
 */
static __cold_path int accept_after_all(int fd, uint32_t gen,
					struct sockaddr *addr, socklen_t *len,
					int flags, int err)
{
	struct task *t = task_self();
	struct oa_deadline *within;
	struct op op;
	int got = err;

	if (!t || !worker_self() || io_next_step(fd, gen, false) ||
	    !io_readable(fd) || oa_shield_enter())
		return err;
	within = t->within;
	t->within = NULL;
	do {
		op_init(&op, OP_ACCEPT, fd);
		op.addr = io_addr(addr);
		op.off = io_addr(len);
		op.flags = (uint32_t)flags;
		/* Tried once, and not waited for. */
		got = op_run(&op, 1);
	} while (got == -ETIMEDOUT && !io_next_step(fd, gen, false) &&
		 io_readable(fd));
	t->within = within;
	oa_shield_leave();
	return got >= 0 ? got : err;
}

int oa_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct op op;
	int got;

	op_init(&op, OP_ACCEPT, fd);
	op.addr = io_addr(addr);
	op.off = io_addr(len);
	op.flags = (uint32_t)flags;
	op.len = fd_hint(fd);
	got = io_run(&op);
	/* Who was refused on entry has woken nobody. */
	if (unlikely(got == -ECANCELED || got == -ETIMEDOUT) &&
	    op.state == OP_DONE)
		got = accept_after_all(fd, op.link.gen, addr, len, flags, got);
	if (got >= 0) {
		/* What does not listen has never come here: it is told at once. */
		fd_set_hint(fd, !(op.cflags & CQE_SOCK_NONEMPTY));
		fd_opened(got);
	}
	return got;
}

int oa_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return oa_accept4(fd, addr, len, 0);
}

int oa_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct op op;

	op_init(&op, OP_CONNECT, fd);
	op.addr = io_addr(addr);
	op.off = len;
	return io_run(&op);
}

/* The rest of a send whose beginning went at once. */
static ssize_t send_rest(int fd, const char *buf, size_t n, int flags,
			 size_t done)
{
	struct op op;
	int ret;

	op_init(&op, OP_SEND, fd);
	op.addr = io_addr(buf + done);
	op.len = (uint32_t)(n - done);
	op.flags = (uint32_t)(flags | MSG_NOSIGNAL | MSG_WAITALL);
	ret = io_run(&op);
	if (ret < 0)
		return done ? (ssize_t)done : ret;
	return (ssize_t)done + ret;
}

ssize_t oa_send(int fd, const void *buf, size_t n, int flags)
{
	struct worker *w;
	ssize_t ret;
	int err = io_try_begin(fd, &w);

	if (err)
		return err;
	n = min_of(n, (size_t)0x7ffff000);
	if (unlikely(!io_tries(w)) && !(flags & MSG_DONTWAIT))
		return send_rest(fd, buf, n, flags, 0);
	ret = io_syscall(SYS_sendto, fd, buf, n, flags | MSG_DONTWAIT |
			 MSG_NOSIGNAL, NULL, 0);
	if (ret < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	io_inlined(w);
	if (ret == (ssize_t)n || flags & MSG_DONTWAIT)
		return ret < 0 ? -EAGAIN : ret;
	return send_rest(fd, buf, n, flags, ret < 0 ? 0 : (size_t)ret);
}

static ssize_t recv_now(int fd, void *buf, size_t n, int flags)
{
	struct worker *w;
	ssize_t ret;
	int err = io_try_begin(fd, &w);

	if (err)
		return err;
	ret = io_syscall(SYS_recvfrom, fd, buf, n, flags | MSG_DONTWAIT,
			 NULL, NULL);
	if (ret < 0)
		ret = -errno;
	else
		io_inlined(w);
	if (ret < (ssize_t)n)
		fd_set_hint(fd, false);
	return ret;
}

ssize_t oa_recv(int fd, void *buf, size_t n, int flags)
{
	struct op op;
	ssize_t ret;

	n = min_of(n, (size_t)0x7ffff000);
	if (!(flags & MSG_WAITALL) && (flags & MSG_DONTWAIT || fd_hint(fd))) {
		ret = recv_now(fd, buf, n, flags);
		if ((ret != -EAGAIN && ret != -EINTR) || flags & MSG_DONTWAIT)
			return ret;
	}
	op_init(&op, OP_RECV, fd);
	op.pace = flags & MSG_DONTWAIT ? OP_USUAL : OP_PATIENT;
	op.addr = io_addr(buf);
	op.flags = (uint32_t)flags;
	op.len = (uint32_t)n;
	ret = io_run(&op);
	if (ret > 0 && op.cflags & CQE_SOCK_NONEMPTY &&
	    io_tries(worker_self()))
		fd_set_hint(fd, true);
	return ret;
}

/* What is left of a vector after @done bytes, which are not all; how many. */
static size_t iov_rest(struct iovec *to, const struct msghdr *msg, size_t done)
{
	const struct iovec *from = msg->msg_iov;
	size_t n = msg->msg_iovlen;

	for (; done >= from->iov_len; n--)
		done -= from++->iov_len;
	memcpy(to, from, n * sizeof(*to));
	to->iov_base = (char *)to->iov_base + done;
	to->iov_len -= done;
	return n;
}

/* The same for a message: what goes beside the bytes went with the first. */
static ssize_t sendmsg_rest(int fd, const struct msghdr *msg, int flags,
			    ssize_t done)
{
	const struct oa_allocator *a = rt_alloc(task_self()->rt);
	struct iovec few[FEW], *iov = few;
	size_t size = msg->msg_iovlen * sizeof(*iov);
	struct msghdr rest = *msg;
	struct op op;
	int ret;

	if (size > sizeof(few))
		iov = mem_alloc(a, size, 16);
	if (!iov)
		return done;
	rest.msg_iov = iov;
	rest.msg_iovlen = iov_rest(iov, msg, (size_t)done);
	rest.msg_control = NULL;
	rest.msg_controllen = 0;
	op_init(&op, OP_SENDMSG, fd);
	op.addr = io_addr(&rest);
	op.len = 1;
	op.flags = (uint32_t)(flags | MSG_NOSIGNAL | MSG_WAITALL);
	ret = io_run(&op);
	if (iov != few)
		mem_free(a, iov, size);
	return ret < 0 ? done : done + ret;
}

ssize_t oa_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct op op;
	struct worker *w;
	ssize_t ret, all = 0;
	int err = io_try_begin(fd, &w);

	if (err)
		return err;
	if (!msg)
		return -EFAULT;
	for (size_t i = 0; i < msg->msg_iovlen; i++)
		all += (ssize_t)msg->msg_iov[i].iov_len;
	/*
	 * Only what is likely to go whole is tried at once: what is left of a
	 * vector has to be cut out of the caller's.
	 */
	if ((all <= 16384 && io_tries(w)) || flags & MSG_DONTWAIT) {
		ret = io_syscall(SYS_sendmsg, fd, msg, flags | MSG_DONTWAIT |
				 MSG_NOSIGNAL);
		if (ret >= 0)
			io_inlined(w);
		/* Only of a stream does a part go. */
		if (ret > 0 && ret < all && !(flags & MSG_DONTWAIT))
			return sendmsg_rest(fd, msg, flags, ret);
		if (ret >= 0 || flags & MSG_DONTWAIT ||
		    (errno != EAGAIN && errno != EINTR))
			return ret < 0 ? -errno : ret;
	}
	op_init(&op, OP_SENDMSG, fd);
	op.addr = io_addr(msg);
	op.len = 1;
	op.flags = (uint32_t)(flags | MSG_NOSIGNAL | MSG_WAITALL);
	return io_run(&op);
}

ssize_t oa_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct op op;

	op_init(&op, OP_RECVMSG, fd);
	op.pace = flags & MSG_DONTWAIT ? OP_USUAL : OP_PATIENT;
	op.addr = io_addr(msg);
	op.len = 1;
	op.flags = (uint32_t)flags;
	return io_run(&op);
}

int oa_send_all(int fd, const void *buf, size_t n, size_t *done)
{
	size_t sent = 0;
	uint32_t gen;
	ssize_t ret = io_first_step(fd, &gen);

	while (!ret && sent < n) {
		ret = oa_send(fd, (const char *)buf + sent, n - sent, 0);
		if (ret < 0)
			break;
		sent += (size_t)ret;
		ret = sent < n ? io_next_step(fd, gen, true) : 0;
	}
	if (done)
		*done = sent;
	return sent == n ? 0 : (int)ret;
}

int oa_recv_all(int fd, void *buf, size_t n, size_t *done)
{
	size_t got = 0;
	uint32_t gen;
	ssize_t ret = io_first_step(fd, &gen);

	while (!ret && got < n) {
		ret = oa_recv(fd, (char *)buf + got, n - got, 0);
		if (ret <= 0)
			break;
		got += (size_t)ret;
		ret = got < n ? io_next_step(fd, gen, true) : 0;
	}
	if (done)
		*done = got;
	if (got == n)
		return 0;
	return ret < 0 ? (int)ret : -EPIPE;
}
