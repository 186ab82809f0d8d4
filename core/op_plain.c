// SPDX-License-Identifier: MIT
/*
 * An operation as the plain system call, for tasks on the blocking pool: their
 * thread has no ring, and may wait.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/io.h"

#define OFFSET_NONE	((uint64_t)-1)

static void *at(uint64_t v)
{
	return (void *)(uintptr_t)v;
}

static long rw(const struct op *op)
{
	bool there = op->off != OFFSET_NONE;

	switch (op->code) {
	case OP_READ:
		return there ? pread(op->fd, at(op->addr), op->len,
				     (off_t)op->off)
			     : read(op->fd, at(op->addr), op->len);
	case OP_WRITE:
		return there ? pwrite(op->fd, at(op->addr), op->len,
				      (off_t)op->off)
			     : write(op->fd, at(op->addr), op->len);
	case OP_READV:
		return readv(op->fd, at(op->addr), (int)op->len);
	default:
		return writev(op->fd, at(op->addr), (int)op->len);
	}
}

static long fs(const struct op *op)
{
	switch (op->code) {
	case OP_OPENAT:
		return io_syscall(SYS_openat, op->fd, at(op->addr), op->flags,
				  op->len);
	case OP_OPENAT2:
		return io_syscall(SYS_openat2, op->fd, at(op->addr),
				  at(op->off), (size_t)op->len);
	case OP_CLOSE:
		return io_syscall(SYS_close, op->fd);
	case OP_FSYNC:
		return io_syscall(SYS_fsync, op->fd);
	default:
		return io_syscall(SYS_statx, op->fd, at(op->addr), op->flags,
				  op->len, at(op->off));
	}
}

static long net(const struct op *op)
{
	switch (op->code) {
	case OP_ACCEPT:
		return accept4(op->fd, at(op->addr), at(op->off),
			       (int)op->flags);
	case OP_CONNECT:
		return connect(op->fd, at(op->addr), (socklen_t)op->off);
	case OP_SEND:
		return send(op->fd, at(op->addr), op->len, (int)op->flags);
	case OP_RECV:
		return recv(op->fd, at(op->addr), op->len, (int)op->flags);
	case OP_SENDMSG:
		return sendmsg(op->fd, at(op->addr), (int)op->flags);
	default:
		return recvmsg(op->fd, at(op->addr), (int)op->flags);
	}
}

static long splice_plain(const struct op *op)
{
	loff_t in = (loff_t)op->addr, out = (loff_t)op->off;

	return io_syscall(SYS_splice, op->second->fd,
			  op->addr == OFFSET_NONE ? NULL : &in, op->fd,
			  op->off == OFFSET_NONE ? NULL : &out,
			  (size_t)op->len, op->flags);
}

int op_plain(const struct op *op)
{
	long ret;

	switch (op->code) {
	case OP_READ:
	case OP_WRITE:
	case OP_READV:
	case OP_WRITEV:
		ret = rw(op);
		break;
	case OP_OPENAT:
	case OP_OPENAT2:
	case OP_CLOSE:
	case OP_FSYNC:
	case OP_STATX:
		ret = fs(op);
		break;
	case OP_ACCEPT:
	case OP_CONNECT:
	case OP_SEND:
	case OP_RECV:
	case OP_SENDMSG:
	case OP_RECVMSG:
		ret = net(op);
		break;
	case OP_SPLICE:
		ret = splice_plain(op);
		break;
	default:
		/* A request prepared by hand wants a ring. */
		return -EPERM;
	}
	return ret < 0 ? -errno : (int)ret;
}
