// SPDX-License-Identifier: MIT
/*
 * Files: reading, writing, opening. A read or write that can be done without
 * waiting is done at once (RWF_NOWAIT): through the ring it would cost twice
 * as much. The ring takes it when it would wait, and what goes past the cache:
 * the kernel waits for that whatever it is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <oa/io.h>

#include "core/fd.h"
#include "core/io.h"
#include "core/park.h"
#include "core/position.h"
#include "core/sched.h"

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif
#define OFFSET_NONE ((uint64_t)-1)

/* @point: a cancel or a deadline that has passed is told of. */
static inline int begin(int fd, struct worker **out, bool point)
{
	struct worker *w = worker_self();
	struct task *t = w ? w->current : NULL;
	int err;

	*out = NULL;
	if (unlikely(!t)) {
		t = task_self();
		if (!t)
			return -EPERM;
		return point ? park_check(t) : 0;
	}
	err = point ? park_check(t) : 0;
	if (unlikely(err))
		return err;
	while (unlikely(err = fd_use(w, fd))) {
		if (err != -EAGAIN)
			return err;
		sched_give_way(w, t);
		w = worker_self();
	}
	*out = w;
	return 0;
}

int io_try_begin(int fd, struct worker **out)
{
	return begin(fd, out, true);
}

int io_plain_begin(int fd, struct worker **out)
{
	return begin(fd, out, false);
}

int io_first_step(int fd, uint32_t *gen)
{
	struct worker *w;
	int err = io_try_begin(fd, &w);

	*gen = fd_gen(fd);
	return err;
}

int io_next_step(int fd, uint32_t gen, bool point)
{
	struct worker *w;
	int err = begin(fd, &w, point);

	if (err)
		return err;
	return fd_is(fd, gen) ? 0 : -EBADF;
}

/* Is this what a call says that would have to wait, or can't say? */
static bool would_wait(long err)
{
	return err == -EAGAIN || err == -EOPNOTSUPP || err == -ENOSYS ||
	       err == -EINTR || err == -EINVAL;
}

/* Is it to be tried without waiting? */
static inline bool rw_tries(const struct worker *w, int fd, uint64_t off)
{
	if (!w)
		return true;
	if (likely(io_tries(w)))
		return likely(!fd_direct(fd));
	/* It is for the call to say that there are no positions. */
	return off != OFFSET_NONE && unlikely(fd_stream(fd));
}

static long rw_nowait(struct worker *w, long nr, int fd,
		      const struct iovec *iov, int n, uint64_t off)
{
	/* The raw call: libc's wrapper is a cancellation point of threads. */
	long ret = io_syscall(nr, fd, iov, (long)n, (long)off,
			      (long)(sizeof(long) == 8 ? 0 : off >> 31 >> 1),
			      RWF_NOWAIT);

	if (ret < 0)
		return -errno;
	io_inlined(w);
	return ret;
}

/*
 * The kernel waits for a poll and tries again, Linux 6.1 once, later ones so
 * many times; then it gives the request to a thread of its own, which is told
 * by O_NONBLOCK not to wait. 0: there may be something now.
 */
static __cold_path int rw_poll(int fd, bool writes)
{
	struct pollfd p = { .fd = fd, .events = writes ? POLLOUT : POLLIN };
	long flags = io_syscall(SYS_fcntl, fd, F_GETFL);
	int ret;

	/* Any other file means what it says. */
	if (flags < 0 || !(flags & O_NONBLOCK))
		return -EAGAIN;
	ret = oa_poll(&p, 1, -1);
	if (ret < 0)
		return ret;
	return p.revents & POLLNVAL ? -EBADF : 0;
}

static uint8_t rw_pace(enum op_code code, int fd)
{
	bool stream = fd_stream(fd);

	if (stream && (code == OP_READ || code == OP_READV))
		return OP_PATIENT;
	return !stream && io_tries(worker_self()) ? OP_SOON : OP_USUAL;
}

/* By the ring, when it was to be done at once and would have had to wait. */
static ssize_t rw_wait(enum op_code code, int fd, const void *at, size_t len,
		       uint64_t off)
{
	uint32_t gen = fd_gen(fd);
	uint8_t pace = rw_pace(code, fd);
	struct op op;
	int ret;

	do {
		op_init(&op, code, fd);
		op.pace = pace;
		op.addr = io_addr(at);
		op.len = (uint32_t)len;
		op.off = off;
		ret = io_run(&op);
		if (likely(ret != -EAGAIN))
			return ret;
		if (!fd_is(fd, gen))
			return -EBADF;
		ret = rw_poll(fd, code == OP_WRITE || code == OP_WRITEV);
		if (!ret)
			ret = io_next_step(fd, gen, true);
	} while (!ret);
	return ret;
}

/* A read or write of a buffer, or a vector of them. */
struct rw {
	int fd;
	bool writes, vec;
	const void *at;
	size_t len;			/* or parts of the vector */
	uint64_t off;
};

/* Without waiting. False: it has to wait. */
static inline bool rw_at_once(struct worker *w, const struct rw *rw, long *ret)
{
	struct iovec one = { (void *)(uintptr_t)rw->at, rw->len };

	if (unlikely(!rw_tries(w, rw->fd, rw->off)))
		return false;
	*ret = rw_nowait(w, rw->writes ? SYS_pwritev2 : SYS_preadv2, rw->fd,
			 rw->vec ? rw->at : &one, rw->vec ? (int)rw->len : 1,
			 rw->off);
	return !would_wait(*ret);
}

static ssize_t rw_later(const struct rw *rw)
{
	enum op_code code;

	if (rw->vec)
		code = rw->writes ? OP_WRITEV : OP_READV;
	else
		code = rw->writes ? OP_WRITE : OP_READ;
	return rw_wait(code, rw->fd, rw->at, rw->len, rw->off);
}

#define RW_ANOTHER	(-4095L)	/* the number is of another file */
#define RW_LOOKS	3		/* at what file it is */

/* It has the position, and may do it. */
static ssize_t rw_alone(const struct rw *rw, uint64_t file, uint32_t gen)
{
	struct worker *w;
	long ret = io_try_begin(rw->fd, &w);

	if (ret)
		return ret;
	if (!fd_is(rw->fd, gen))
		return -EBADF;
	if (rw_at_once(w, rw, &ret))
		return ret;
	/* What waits for long is another file: closed by other means. */
	return fd_file_is(rw->fd, file) ? rw_later(rw) : RW_ANOTHER;
}

/* Where the position of @file is: see core/position.c. */
static __noinline ssize_t rw_at_position(const struct rw *rw, uint64_t file)
{
	uint32_t gen = fd_gen(rw->fd);
	struct position p;
	ssize_t ret;

	if (!position_tryenter(&p, file, rw->fd)) {
		if (!fd_file_is(rw->fd, file))
			return RW_ANOTHER;
		ret = position_enter(&p, file, rw->fd);
		if (ret)
			return ret;
	}
	ret = rw_alone(rw, file, gen);
	position_leave(&p);
	return ret;
}

/*
 * What waits may be a file by now, closed by other means when it was none: a
 * write there may be lost. It is not worth a look at each read.
 */
static inline bool rw_is_file(const struct rw *rw)
{
	return rw->writes && rw->off == OFFSET_NONE && !fd_file_is(rw->fd, 0);
}

__always_inline_oa ssize_t rw_run(const struct rw *rw)
{
	struct worker *w;
	uint64_t file;
	ssize_t ret;
	long now;

	/* There are files that never tell the same of themselves. */
	for (int i = 0; i < RW_LOOKS; i++) {
		ret = io_try_begin(rw->fd, &w);
		if (ret)
			return ret;
		if (rw->off != OFFSET_NONE || !(file = fd_file(rw->fd))) {
			if (rw_at_once(w, rw, &now))
				return now;
			if (rw_is_file(rw))
				continue;
			break;
		}
		ret = rw_at_position(rw, file);
		if (likely(ret != RW_ANOTHER))
			return ret;
	}
	return rw_later(rw);
}

static ssize_t rw_vec(int fd, const struct iovec *iov, int n, uint64_t off,
		      bool writes)
{
	struct rw rw = { fd, writes, true, iov, (size_t)n, off };
	struct worker *w;
	int err;

	if (unlikely(n < 0 || n > 1024)) {
		err = io_try_begin(fd, &w);
		return err ? err : -EINVAL;
	}
	return rw_run(&rw);
}

static ssize_t rw_buf(int fd, void *buf, size_t len, uint64_t off, bool writes)
{
	struct rw rw = {
		fd, writes, false, buf, min_of(len, (size_t)0x7ffff000), off,
	};

	return rw_run(&rw);
}

ssize_t oa_read(int fd, void *buf, size_t n)
{
	return rw_buf(fd, buf, n, OFFSET_NONE, false);
}

ssize_t oa_write(int fd, const void *buf, size_t n)
{
	return rw_buf(fd, (void *)(uintptr_t)buf, n, OFFSET_NONE, true);
}

ssize_t oa_readv(int fd, const struct iovec *iov, int iovcnt)
{
	return rw_vec(fd, iov, iovcnt, OFFSET_NONE, false);
}

ssize_t oa_writev(int fd, const struct iovec *iov, int iovcnt)
{
	return rw_vec(fd, iov, iovcnt, OFFSET_NONE, true);
}

ssize_t oa_pread(int fd, void *buf, size_t n, off_t offset)
{
	return offset < 0 ? -EINVAL
			  : rw_buf(fd, buf, n, (uint64_t)offset, false);
}

ssize_t oa_pwrite(int fd, const void *buf, size_t n, off_t offset)
{
	return offset < 0 ? -EINVAL
			  : rw_buf(fd, (void *)(uintptr_t)buf, n,
				   (uint64_t)offset, true);
}

static int opened(int fd)
{
	if (fd >= 0)
		fd_opened(fd);
	return fd;
}

int oa_openat(int dirfd, const char *path, int flags, ...)
{
	struct op op;
	va_list ap;

	op_init(&op, OP_OPENAT, dirfd);
	op.addr = io_addr(path);
	op.flags = (uint32_t)flags;
	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) {
		va_start(ap, flags);
		op.len = va_arg(ap, mode_t);
		va_end(ap);
	}
	return opened(io_run(&op));
}

int oa_openat2(int dirfd, const char *path, const struct open_how *how,
	       size_t size)
{
	struct op op;

	op_init(&op, OP_OPENAT2, dirfd);
	op.addr = io_addr(path);
	op.off = io_addr(how);
	op.len = (uint32_t)size;
	return opened(io_run(&op));
}

int oa_fsync(int fd)
{
	struct op op;

	op_init(&op, OP_FSYNC, fd);
	return io_run(&op);
}

int oa_statx(int dirfd, const char *path, int flags, unsigned int mask,
	     struct statx *buf)
{
	struct op op;
	struct worker *w;
	int err;

	/* By descriptor nothing has to be looked up: a request costs more. */
	if (!(flags & AT_EMPTY_PATH) || !path || *path) {
		op_init(&op, OP_STATX, dirfd);
		op.addr = io_addr(path);
		op.flags = (uint32_t)flags;
		op.len = mask;
		op.off = io_addr(buf);
		return io_run(&op);
	}
	err = io_try_begin(dirfd, &w);
	if (err)
		return err;
	io_inlined(w);
	return io_syscall(SYS_statx, dirfd, path, flags, mask, buf) ? -errno
								    : 0;
}

ssize_t oa_splice(int fd_in, off_t *off_in, int fd_out, off_t *off_out,
		  size_t n, unsigned int flags)
{
	struct fd_link in = { .fd = fd_in };
	struct op op;
	int ret;

	op_init(&op, OP_SPLICE, fd_out);
	op.second = &in;
	op.off = off_out ? (uint64_t)*off_out : OFFSET_NONE;
	op.addr = off_in ? (uint64_t)*off_in : OFFSET_NONE;
	op.len = (uint32_t)min_of(n, (size_t)0x7ffff000);
	op.flags = flags;
	ret = io_run(&op);
	if (ret > 0 && off_in)
		*off_in += ret;
	if (ret > 0 && off_out)
		*off_out += ret;
	return ret;
}

int oa_sqe(void (*prep)(struct io_uring_sqe *sqe, void *arg), void *arg)
{
	struct op op;

	op_init(&op, OP_RAW, -1);
	op.addr = (uintptr_t)prep;
	op.off = io_addr(arg);
	return likely(prep) ? io_run(&op) : -EINVAL;
}
