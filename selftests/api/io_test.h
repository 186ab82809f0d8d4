/* SPDX-License-Identifier: MIT */
/* Shared by the tests of input and output. */
#ifndef OA_SELFTESTS_IO_TEST_H
#define OA_SELFTESTS_IO_TEST_H

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api_test.h"

/* [0] is read from, [1] written to. */
void make_pipe(int fds[2]);
/* A pipe of one page. */
void make_small_pipe(int fds[2]);
/* Two ends of a connection, of socketpair(2) and over loopback. */
void make_unix_pair(int fds[2], int type);
void make_tcp_pair(int fds[2]);
/* ... from [1] to [0] of which a few KiB fit. */
void make_tight_tcp_pair(int fds[2]);
/* Both directions take a few KiB. */
void make_tight(int fds[2]);
/* A socket that listens on a port of loopback, told in *at. */
int make_listener(struct sockaddr_in *at, int backlog);
/* ... bound to an abstract name; *len is that of the address. */
int make_unix_listener(struct sockaddr_un *at, socklen_t *len, int backlog);

/* Writes until no more goes in; how much did. */
size_t fill_up(int fd);
/* Reads what is there, as much as does not have to be waited for. */
size_t drain(int fd);
/* What can be read at once. */
size_t bytes_in(int fd);
void close_both(const int fds[2]);

/* Byte @i of a text that repeats late. */
static inline char text_at(size_t i)
{
	return (char)(i * 7 + i / 251 + i / 65521);
}

void text_make(char *buf, size_t n, size_t from);
/* How many bytes at the beginning are those of the text from @from on. */
size_t text_same(const char *buf, size_t n, size_t from);

static inline struct sockaddr *sa(void *addr)
{
	return addr;
}

/* The result of a body that returns oa_err(number) or a small count. */
long join_long(oa_task_t t);
#define as_result(n)	((void *)(intptr_t)(n))

void until_parked(oa_task_t t);

/*
 * For tests in which nobody else may take a descriptor's number: the watch
 * opens files where a worker gets no processor.
 */
#define UNWATCHED(n)	.workers = (n), .watch = OA_FOREVER

/*
 * A call that waits: what it waits on, the call itself, and how it is let go.
 * The list has each call that suspends, ended by an entry without a name.
 */
struct io_fds {
	int fd;			/* what it waits on */
	int second;		/* and this besides; or -1 */
	int fds[4];		/* to be closed, or -1 */
	char *path;		/* to be removed, or NULL */
	struct sockaddr_storage addr;
	socklen_t len;
};

enum {
	IO_NO_CLOSE = 1,	/* not known to oa_close() */
	IO_POLLS = 2,		/* a close is an answer: 1 */
};

struct io_call {
	const char *name;
	void (*make)(struct io_fds *f);
	long (*call)(struct io_fds *f);
	unsigned int flags;
};

extern const struct io_call io_calls[];

/* Tells in which call a check failed. */
#define EXPECT_CALL(c, want, got) ({ \
	bool _held = EXPECT_EQ((long)(want), (long)(got)); \
	if (!_held) \
		TEST_LOG("in %s", (c)->name); \
	_held; })

void io_make(const struct io_call *c, struct io_fds *f);
/* What is still open of it. */
void io_unmake(struct io_fds *f);

#endif
