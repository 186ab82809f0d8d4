// SPDX-License-Identifier: MIT
/*
 * Pipes and connections in memory, under numbers that no kernel gives. A
 * descriptor that is closed is given again at once, the lowest first; requests
 * that are under way keep what they were started on, as the kernel's do.
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
#include "selftests/sim/sim_priv.h"

#define FILES	64
#define PIPES	64
#define ROOM	512
#define NONEMPTY 4u

struct pipe {
	bool used;
	uint32_t readers, writers;
	size_t room, n, at;
	char buf[ROOM];
};

struct file {
	struct pipe *in, *out;	/* what reads take from, writes go to */
	uint32_t gen;		/* grows when it is closed */
};

static struct pipe pipes[PIPES];
static struct file files[FILES];

void sim_files_reset(void)
{
	memset(files, 0, sizeof(files));
	for (int i = 0; i < PIPES; i++)
		pipes[i].used = false;
}

bool sim_fd_is(int fd)
{
	return fd >= SIM_FD_BASE && fd < SIM_FD_BASE + FILES &&
	       (files[fd - SIM_FD_BASE].in || files[fd - SIM_FD_BASE].out);
}

uint32_t sim_fd_gen(int fd)
{
	return files[fd - SIM_FD_BASE].gen;
}

unsigned int sim_open_fds(void)
{
	unsigned int n = 0;

	for (int i = 0; i < FILES; i++)
		n += files[i].in || files[i].out;
	return n;
}

static struct pipe *pipe_make(size_t room)
{
	for (int i = 0; i < PIPES; i++) {
		struct pipe *p = &pipes[i];

		if (p->used)
			continue;
		*p = (struct pipe){ .used = true, .room = min_of(room, (size_t)ROOM) };
		return p;
	}
	return NULL;
}

static int file_make(struct pipe *in, struct pipe *out)
{
	for (int i = 0; i < FILES; i++) {
		if (files[i].in || files[i].out)
			continue;
		files[i].in = in;
		files[i].out = out;
		if (in)
			in->readers++;
		if (out)
			out->writers++;
		return SIM_FD_BASE + i;
	}
	return -EMFILE;
}

int sim_pipe(int fds[2], size_t room)
{
	struct pipe *p = pipe_make(room);

	if (!p)
		return -ENFILE;
	fds[0] = file_make(p, NULL);
	fds[1] = file_make(NULL, p);
	return fds[1] < 0 ? fds[1] : 0;
}

int sim_socketpair(int fds[2], size_t room)
{
	struct pipe *a = pipe_make(room), *b = pipe_make(room);

	if (!a || !b)
		return -ENFILE;
	fds[0] = file_make(a, b);
	fds[1] = file_make(b, a);
	return fds[1] < 0 ? fds[1] : 0;
}

/* Something happened to @p: whoever waits on it may try again. */
static void poke(const struct pipe *p)
{
	for (int i = 0; i < FILES; i++)
		if (files[i].in == p || files[i].out == p)
			sim_rings_poke(SIM_FD_BASE + i);
}

static void unref(struct pipe *p)
{
	if (!p->readers && !p->writers)
		p->used = false;
}

static int close_fd(int fd)
{
	struct file *f = &files[fd - SIM_FD_BASE], was = *f;

	f->in = f->out = NULL;
	f->gen++;
	if (was.in) {
		was.in->readers--;
		poke(was.in);
		unref(was.in);
	}
	if (was.out) {
		was.out->writers--;
		poke(was.out);
		unref(was.out);
	}
	return 0;
}

static size_t shorter(size_t n)
{
	if (n > 1 && sim_draw_one_in(SIM_WORLD, sim_env.shorter))
		return 1 + sim_draw_below(SIM_WORLD, (uint32_t)n - 1);
	return n;
}

static int do_read(struct pipe *p, char *to, size_t n, uint32_t *cflags)
{
	if (!p)
		return -EBADF;
	if (!n)
		return 0;
	if (!p->n)
		return p->writers ? SIM_AGAIN : 0;
	n = shorter(min_of(n, p->n));
	for (size_t i = 0; i < n; i++)
		to[i] = p->buf[(p->at + i) % p->room];
	p->at = (p->at + n) % p->room;
	p->n -= n;
	*cflags = p->n ? NONEMPTY : 0;
	poke(p);
	return (int)n;
}

static int do_write(struct pipe *p, const char *from, size_t n)
{
	if (!p)
		return -EBADF;
	if (!p->readers)
		return -EPIPE;
	if (!n)
		return 0;
	if (p->n == p->room)
		return SIM_AGAIN;
	n = shorter(min_of(n, p->room - p->n));
	for (size_t i = 0; i < n; i++)
		p->buf[(p->at + p->n + i) % p->room] = from[i];
	p->n += n;
	poke(p);
	return (int)n;
}

/* Vectors are taken by their first part that is not empty. */
static int do_vec(struct file *f, const struct iovec *v, size_t n, bool writes,
		  uint32_t *cflags)
{
	size_t i = 0;

	while (i + 1 < n && !v[i].iov_len)
		i++;
	if (!n)
		return 0;
	return writes ? do_write(f->out, v[i].iov_base, v[i].iov_len)
		      : do_read(f->in, v[i].iov_base, v[i].iov_len, cflags);
}

static int do_poll(const struct file *f, uint32_t events)
{
	uint32_t got = 0;

	if (f->in && (f->in->n || !f->in->writers))
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

int sim_file_op(const struct op *op, uint32_t *cflags)
{
	struct file *f = &files[op->fd - SIM_FD_BASE];
	void *addr = (void *)(uintptr_t)op->addr;
	const struct msghdr *msg = addr;

	switch (op->code) {
	case OP_READ:
	case OP_RECV:
		return do_read(f->in, addr, op->len, cflags);
	case OP_WRITE:
	case OP_SEND:
		return do_write(f->out, addr, op->len);
	case OP_READV:
	case OP_WRITEV:
		return do_vec(f, addr, op->len, op->code == OP_WRITEV, cflags);
	case OP_SENDMSG:
	case OP_RECVMSG:
		return do_vec(f, msg->msg_iov, msg->msg_iovlen,
			      op->code == OP_SENDMSG, cflags);
	case OP_POLL:
		return do_poll(f, op->flags);
	case OP_CLOSE:
		return close_fd(op->fd);
	default:
		return -EINVAL;
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
	struct op op = { 0 };
	va_list ap;

	va_start(ap, nr);
	op.fd = va_arg(ap, int);
	op.addr = (uintptr_t)va_arg(ap, void *);
	switch (nr) {
	case SYS_preadv2:
	case SYS_pwritev2:
		op.code = nr == SYS_preadv2 ? OP_READV : OP_WRITEV;
		op.len = (uint32_t)va_arg(ap, long);
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
