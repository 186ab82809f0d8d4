/* SPDX-License-Identifier: MIT */
/*
 * Input and output: the libc call's arguments, the system call's result or a
 * negative errno; only the calling task waits. See oa_read(3), oa_socket(3).
 */
#ifndef OA_IO_H
#define OA_IO_H

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <oa/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct io_uring_sqe;
struct open_how;
struct statx;

OA_API ssize_t oa_read(int fd, void *buf, size_t n);
OA_API ssize_t oa_write(int fd, const void *buf, size_t n);
OA_API ssize_t oa_readv(int fd, const struct iovec *iov, int iovcnt);
OA_API ssize_t oa_writev(int fd, const struct iovec *iov, int iovcnt);
OA_API ssize_t oa_pread(int fd, void *buf, size_t n, off_t offset);
OA_API ssize_t oa_pwrite(int fd, const void *buf, size_t n, off_t offset);

OA_API int oa_openat(int dirfd, const char *path, int flags, ... /* mode_t */);
OA_API int oa_openat2(int dirfd, const char *path, const struct open_how *how,
		      size_t size);
OA_API int oa_close(int fd);
OA_API int oa_fsync(int fd);
OA_API int oa_statx(int dirfd, const char *path, int flags, unsigned int mask,
		    struct statx *buf);

OA_API int oa_socket(int domain, int type, int protocol);
OA_API int oa_bind(int fd, const struct sockaddr *addr, socklen_t len);
OA_API int oa_listen(int fd, int backlog);
OA_API int oa_accept(int fd, struct sockaddr *addr, socklen_t *len);
OA_API int oa_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
OA_API int oa_connect(int fd, const struct sockaddr *addr, socklen_t len);
OA_API ssize_t oa_send(int fd, const void *buf, size_t n, int flags);
OA_API ssize_t oa_recv(int fd, void *buf, size_t n, int flags);
OA_API ssize_t oa_sendmsg(int fd, const struct msghdr *msg, int flags);
OA_API ssize_t oa_recvmsg(int fd, struct msghdr *msg, int flags);
OA_API int oa_sock_shutdown(int fd, int how);

OA_API int oa_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
OA_API ssize_t oa_splice(int fd_in, off_t *off_in, int fd_out, off_t *off_out,
			 size_t n, unsigned int flags);

/* All n bytes, or an error; *done (may be NULL) tells how many went. */
OA_API int oa_send_all(int fd, const void *buf, size_t n, size_t *done);
OA_API int oa_recv_all(int fd, void *buf, size_t n, size_t *done);

/* Any request that the kernel knows, prepared by hand. See oa_sqe(3). */
OA_API int oa_sqe(void (*prep)(struct io_uring_sqe *sqe, void *arg), void *arg);

#ifdef __cplusplus
}
#endif

#endif
