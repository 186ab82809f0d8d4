// SPDX-License-Identifier: MIT
/* Descriptors that come and go, and are closed while others wait on them. */
#include "torture.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static struct sockaddr_in address;
static socklen_t address_len;

void files_open(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address = (struct sockaddr_in){ .sin_family = AF_INET };
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* The kernel chooses a port. */
	CHECK(fd >= 0 && !bind(fd, (struct sockaddr *)&address,
			       sizeof(address)));
	address_len = sizeof(address);
	CHECK(!getsockname(fd, (struct sockaddr *)&address, &address_len));
	CHECK(!listen(fd, 8));
	round_now.listener = fd;
	round_now.null = open("/dev/null", O_RDWR | O_CLOEXEC);
	CHECK(round_now.null >= 0);
}

void files_close(void)
{
	close(round_now.listener);
	close(round_now.null);
}

static void close_it(int fd)
{
	int err = oa_close(fd);

	CHECK_RESULT(err, !err);
}

/*
 * Reads what is about to be closed. One that comes late may meet another file
 * of the same number, of this function's callers, which is closed in turn.
 */
static void *reads(void *arg)
{
	struct record *rec = arg;
	ssize_t n;
	char c;

	record_step(rec, REC_NEW, REC_RUNNING);
	n = oa_read(rec->fd, &c, 1);
	CHECK_RESULT(n, n <= 1);
	record_step(rec, REC_RUNNING, REC_ENDED);
	return rec;
}

void act_close_race(struct actor *a)
{
	oa_task_t t[3];
	uint32_t n = 0, turns;
	int fds[2];

	CHECK(!pipe2(fds, O_CLOEXEC));
	while (n < 1 + actor_random(a, 3) && n < ARRAY_N(t)) {
		t[n] = start_task(a, reads, fds[0]);
		if (!t[n].id)
			break;
		n++;
	}
	for (turns = actor_random(a, 6); turns; turns--)
		oa_yield();
	close_it(fds[0]);
	close_it(fds[1]);
	while (n)
		task_join(a, t[--n]);
}

void act_connect(struct actor *a)
{
	int fd = oa_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* The port is free at once. */
	struct linger none = { .l_onoff = 1 };
	struct oa_deadline d;

	if (fd < 0)
		return;
	CHECK(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)));
	OA_WITHIN(&d, actor_random(a, 500) * OA_USEC)
		if (!oa_connect(fd, (struct sockaddr *)&address, address_len))
			oa_send(fd, "x", 1, MSG_NOSIGNAL);
	close_it(fd);
}

void act_accept(struct actor *a)
{
	struct oa_deadline d;
	int fd = -1;
	char c;

	OA_WITHIN(&d, actor_random(a, 500) * OA_USEC) {
		fd = oa_accept4(round_now.listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			oa_recv(fd, &c, 1, 0);
	}
	if (fd >= 0)
		close_it(fd);
}

void act_open(struct actor *a)
{
	int fd = oa_openat(AT_FDCWD, "/dev/zero", O_RDWR | O_CLOEXEC);
	char buf[64];
	ssize_t n;

	if (fd < 0)
		return;
	memset(buf, 1, sizeof(buf));
	n = actor_random(a, 2) ? oa_pread(fd, buf, sizeof(buf), 0)
			       : oa_write(fd, buf, sizeof(buf));
	CHECK_RESULT(n, n < 0 || n == (ssize_t)sizeof(buf));
	close_it(fd);
}
