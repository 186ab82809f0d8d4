// SPDX-License-Identifier: MIT
/*
 * Descriptors, pipes and connections in memory, under numbers that no kernel
 * gives. A descriptor that is closed is given again at once, the lowest first;
 * requests that are under way keep what they were started on, as the kernel's
 * do.
 */
#if defined(OA_SIM) && OA_SIM == 1
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/io.h"
#include "selftests/sim/sim_file.h"

#define NONEMPTY 4u

static struct sim_pipe pipes[SIM_PIPES];
struct sim_file sim_files[SIM_FILES];

void sim_files_reset(void)
{
	memset(sim_files, 0, sizeof(sim_files));
	for (int i = 0; i < SIM_PIPES; i++)
		pipes[i].used = false;
	sim_net_reset();
	sim_tree_reset();
}

bool sim_fd_is(int fd)
{
	return fd >= SIM_FD_BASE && fd < SIM_FD_BASE + SIM_FILES &&
	       sim_files[fd - SIM_FD_BASE].kind != SIM_NOTHING;
}

uint32_t sim_fd_gen(int fd)
{
	return sim_files[fd - SIM_FD_BASE].gen;
}

unsigned int sim_open_fds(void)
{
	unsigned int n = 0;

	for (int i = 0; i < SIM_FILES; i++)
		n += sim_files[i].kind != SIM_NOTHING;
	return n;
}

struct sim_pipe *sim_pipe_make(size_t room)
{
	for (int i = 0; i < SIM_PIPES; i++) {
		struct sim_pipe *p = &pipes[i];

		if (p->used)
			continue;
		p->used = true;
		p->readers = p->writers = 0;
		p->room = min_of(room, (size_t)SIM_ROOM);
		p->n = p->at = 0;
		return p;
	}
	return NULL;
}

/* Something happened to @p: whoever waits on it may try again. */
static void poke(const struct sim_pipe *p)
{
	for (int i = 0; i < SIM_FILES; i++)
		if (sim_files[i].in == p || sim_files[i].out == p)
			sim_rings_poke(SIM_FD_BASE + i);
}

static void unref(struct sim_pipe *p)
{
	poke(p);
	if (!p->readers && !p->writers)
		p->used = false;
}

void sim_pipe_hold(struct sim_pipe *in, struct sim_pipe *out)
{
	if (in)
		in->readers++;
	if (out)
		out->writers++;
}

void sim_pipe_drop(struct sim_pipe *in, struct sim_pipe *out)
{
	if (in) {
		in->readers--;
		unref(in);
	}
	if (out) {
		out->writers--;
		unref(out);
	}
}

int sim_file_make(enum sim_kind kind, struct sim_pipe *in,
		  struct sim_pipe *out)
{
	for (int i = 0; i < SIM_FILES; i++) {
		struct sim_file *f = &sim_files[i];

		if (f->kind != SIM_NOTHING)
			continue;
		*f = (struct sim_file){
			.kind = kind, .in = in, .out = out, .gen = f->gen,
		};
		sim_pipe_hold(in, out);
		return SIM_FD_BASE + i;
	}
	return -EMFILE;
}

int sim_pipe(int fds[2], size_t room)
{
	struct sim_pipe *p = sim_pipe_make(room);

	if (!p)
		return -ENFILE;
	fds[0] = sim_file_make(SIM_STREAM, p, NULL);
	fds[1] = sim_file_make(SIM_STREAM, NULL, p);
	return fds[1] < 0 ? fds[1] : 0;
}

int sim_socketpair(int fds[2], size_t room)
{
	struct sim_pipe *a = sim_pipe_make(room), *b = sim_pipe_make(room);

	if (!a || !b)
		return -ENFILE;
	fds[0] = sim_file_make(SIM_STREAM, a, b);
	fds[1] = sim_file_make(SIM_STREAM, b, a);
	return fds[1] < 0 ? fds[1] : 0;
}

static int close_fd(int fd)
{
	struct sim_file *f = &sim_files[fd - SIM_FD_BASE], was = *f;

	*f = (struct sim_file){ .gen = was.gen + 1 };
	sim_pipe_drop(was.in, was.out);
	sim_net_closed(&was);
	return 0;
}

size_t sim_shorter(size_t n)
{
	if (n > 1 && sim_draw_one_in(SIM_WORLD, sim_env.shorter))
		return 1 + sim_draw_below(SIM_WORLD, (uint32_t)n - 1);
	return n;
}

static int do_read(struct sim_pipe *p, char *to, size_t n, uint32_t *cflags)
{
	if (!p)
		return -EBADF;
	if (!n)
		return 0;
	if (!p->n)
		return p->writers ? SIM_AGAIN : 0;
	n = sim_shorter(min_of(n, p->n));
	for (size_t i = 0; i < n; i++)
		to[i] = p->buf[(p->at + i) % p->room];
	p->at = (p->at + n) % p->room;
	p->n -= n;
	*cflags = p->n ? NONEMPTY : 0;
	poke(p);
	return (int)n;
}

/* There is room for all of it. */
static int put_in(struct sim_pipe *p, const char *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p->buf[(p->at + p->n + i) % p->room] = from[i];
	p->n += n;
	poke(p);
	return (int)n;
}

static int do_write(struct sim_pipe *p, const char *from, size_t n)
{
	if (!p)
		return -EBADF;
	if (!p->readers)
		return -EPIPE;
	if (!n)
		return 0;
	if (p->n == p->room)
		return SIM_AGAIN;
	return put_in(p, from, sim_shorter(min_of(n, p->room - p->n)));
}

static int do_splice(struct sim_file *in, struct sim_file *out, size_t n)
{
	char buf[SIM_ROOM];
	uint32_t cflags;
	int got;

	if (!in->in || !out->out)
		return -EBADF;
	if (in->in == out->out)
		return -EINVAL;
	if (!out->out->readers)
		return -EPIPE;
	if (n && out->out->n == out->out->room)
		return SIM_AGAIN;
	n = min_of(n, out->out->room - out->out->n);
	got = do_read(in->in, buf, n, &cflags);
	return got > 0 ? put_in(out->out, buf, (size_t)got) : got;
}

static int do_rw(struct sim_file *f, const struct op *op, void *at, size_t n,
		 bool writes, uint32_t *cflags)
{
	if (f->kind == SIM_REGULAR)
		return sim_tree_rw(f, at, n, op->off, writes);
	return writes ? do_write(f->out, at, n) : do_read(f->in, at, n, cflags);
}

/* Vectors are taken by their first part that is not empty. */
static int do_vec(struct sim_file *f, const struct op *op,
		  const struct iovec *v, size_t n, bool writes,
		  uint32_t *cflags)
{
	size_t i = 0;

	while (i + 1 < n && !v[i].iov_len)
		i++;
	if (!n)
		return 0;
	return do_rw(f, op, v[i].iov_base, v[i].iov_len, writes, cflags);
}

static int do_poll(const struct sim_file *f, uint32_t events)
{
	uint32_t got = 0;

	if (f->kind == SIM_REGULAR)
		got |= POLLIN | POLLOUT;
	if (sim_net_pending(f) || (f->in && (f->in->n || !f->in->writers)))
		got |= POLLIN;
	if (f->in && !f->in->writers)
		got |= POLLHUP;
	if (f->out && (f->out->n < f->out->room || !f->out->readers))
		got |= POLLOUT;
	if (f->out && !f->out->readers)
		got |= POLLERR;
	got &= events | POLLHUP | POLLERR;
	return got ? (int)got : SIM_AGAIN;
}

bool sim_readable(int fd)
{
	sim_point();
	return sim_fd_is(fd) &&
	       do_poll(&sim_files[fd - SIM_FD_BASE], POLLIN) != SIM_AGAIN;
}

static int transfer(struct sim_file *f, const struct op *op, uint32_t *cflags)
{
	void *addr = (void *)(uintptr_t)op->addr;
	const struct msghdr *msg = addr;

	switch (op->code) {
	case OP_READ:
	case OP_RECV:
	case OP_WRITE:
	case OP_SEND:
		return do_rw(f, op, addr, op->len,
			     op->code == OP_WRITE || op->code == OP_SEND,
			     cflags);
	case OP_READV:
	case OP_WRITEV:
		return do_vec(f, op, addr, op->len, op->code == OP_WRITEV,
			      cflags);
	default:
		return do_vec(f, op, msg->msg_iov, msg->msg_iovlen,
			      op->code == OP_SENDMSG, cflags);
	}
}

int sim_file_op(const struct op *op, uint32_t *cflags)
{
	/* Paths may begin elsewhere. */
	struct sim_file *f = op->fd < SIM_FD_BASE ? NULL
				: &sim_files[op->fd - SIM_FD_BASE];

	switch (op->code) {
	case OP_POLL:
		return do_poll(f, op->flags);
	case OP_CLOSE:
		return close_fd(op->fd);
	case OP_FSYNC:
		return f->kind == SIM_REGULAR ? 0 : -EINVAL;
	case OP_ACCEPT:
		return sim_net_accept(f, op);
	case OP_CONNECT:
		return sim_net_connect(f, op);
	case OP_SPLICE:
		return do_splice(&sim_files[op->second->fd - SIM_FD_BASE], f,
				  op->len);
	case OP_OPENAT:
	case OP_OPENAT2:
		return sim_tree_open(op);
	case OP_STATX:
		return sim_tree_statx(op);
	default:
		return transfer(f, op, cflags);
	}
}

/* As the system calls that do not wait: -1 and errno. */
static long at_once(const struct op *op)
{
	uint32_t cflags;
	int res = sim_fd_is(op->fd) ? sim_file_op(op, &cflags) : -EBADF;

	sim_point();
	if (res >= 0)
		return res;
	errno = -res;
	return -1;
}

long sim_syscall(long nr, ...)
{
	struct op op = { .off = UINT64_MAX };
	va_list ap;

	va_start(ap, nr);
	op.fd = va_arg(ap, int);
	op.addr = (uintptr_t)va_arg(ap, void *);
	switch (nr) {
	case SYS_preadv2:
	case SYS_pwritev2:
		op.code = nr == SYS_preadv2 ? OP_READV : OP_WRITEV;
		op.len = (uint32_t)va_arg(ap, long);
		op.off = (uint64_t)va_arg(ap, long);
		break;
	case SYS_sendto:
	case SYS_recvfrom:
		op.code = nr == SYS_sendto ? OP_SEND : OP_RECV;
		op.len = (uint32_t)va_arg(ap, size_t);
		break;
	case SYS_sendmsg:
		op.code = OP_SENDMSG;
		break;
	default:
		va_end(ap);
		errno = ENOSYS;
		return -1;
	}
	va_end(ap);
	sim_point();
	return at_once(&op);
}
#endif
