// SPDX-License-Identifier: MIT
/*
 * Tokens of eight bytes that tasks pass on through pipes and sockets: a read
 * that fails has taken none, a write that fails has left none.
 */
#include "torture.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FIRST_TOKENS 3u		/* in each channel */

void tokens_open(void)
{
	struct round *r = &round_now;
	uint64_t token;
	int fds[2];

	for (uint32_t i = 0; i < CHANNELS; i++) {
		if (i < PIPES)
			CHECK(!pipe2(fds, O_CLOEXEC));
		else
			CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET |
					  SOCK_CLOEXEC, 0, fds));
		r->chan[i] = (struct channel){ fds[0], fds[1] };
		for (uint32_t k = 0; k < FIRST_TOKENS; k++) {
			token = r->seed * (i * FIRST_TOKENS + k + 1);
			CHECK(write(fds[1], &token, sizeof(token)) ==
			      sizeof(token));
			r->tokens++;
			r->token_sum += token;
		}
	}
}

/* All there are must be there. */
void tokens_close(void)
{
	uint64_t n = round_now.kept, sum = round_now.kept_sum, token;
	ssize_t got;

	for (uint32_t i = 0; i < CHANNELS; i++) {
		struct channel *c = &round_now.chan[i];

		close(c->wr);
		while ((got = read(c->rd, &token, sizeof(token))) > 0) {
			CHECK_RESULT(got, got == sizeof(token));
			n++;
			sum += token;
		}
		close(c->rd);
	}
	CHECK_RESULT((long)(n - round_now.tokens), n == round_now.tokens);
	CHECK(sum == round_now.token_sum);
}

static bool allowed(ssize_t err)
{
	return err == -ECANCELED || err == -ETIMEDOUT ||
	       (round_now.faults && (err == -ENOMEM || err == -EAGAIN));
}

static uint32_t any_channel(struct actor *a, uint32_t of)
{
	return actor_random(a, of);
}

static ssize_t take(struct actor *a, uint32_t i, uint64_t *token)
{
	struct iovec iov = { token, sizeof(*token) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = round_now.chan[i].rd;

	switch (actor_random(a, 3)) {
	case 0:
		return oa_readv(fd, &iov, 1);
	case 1:
		if (i >= PIPES)
			return actor_random(a, 2) ?
				oa_recv(fd, token, sizeof(*token), 0) :
				oa_recvmsg(fd, &msg, 0);
		/* fallthrough */
	default:
		return oa_read(fd, token, sizeof(*token));
	}
}

static ssize_t give(struct actor *a, uint32_t i, uint64_t *token)
{
	struct iovec iov = { token, sizeof(*token) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd = round_now.chan[i].wr;

	switch (actor_random(a, 3)) {
	case 0:
		return oa_writev(fd, &iov, 1);
	case 1:
		if (i >= PIPES)
			return actor_random(a, 2) ?
				oa_send(fd, token, sizeof(*token), 0) :
				oa_sendmsg(fd, &msg, 0);
		/* fallthrough */
	default:
		return oa_write(fd, token, sizeof(*token));
	}
}

void act_pass_token(struct actor *a)
{
	struct oa_deadline d;
	uint64_t token = 0;
	ssize_t n = -ETIMEDOUT;

	OA_WITHIN(&d, actor_random(a, 500) * OA_USEC)
		n = take(a, any_channel(a, CHANNELS), &token);
	if (n != sizeof(token)) {
		CHECK_RESULT(n, allowed(n));
		return;
	}
	if (!actor_random(a, 3))
		oa_yield();
	n = give(a, any_channel(a, CHANNELS), &token);
	if (n == sizeof(token))
		return;
	CHECK_RESULT(n, allowed(n));
	ADD(round_now.kept, 1);
	ADD(round_now.kept_sum, token);
}

void act_splice_token(struct actor *a)
{
	uint32_t from = any_channel(a, PIPES);
	uint32_t to = (from + 1 + any_channel(a, PIPES - 1)) % PIPES;
	struct oa_deadline d;
	ssize_t n = -ETIMEDOUT;

	OA_WITHIN(&d, actor_random(a, 500) * OA_USEC)
		n = oa_splice(round_now.chan[from].rd, NULL,
			      round_now.chan[to].wr, NULL, 8, 0);
	CHECK_RESULT(n, n == 8 || allowed(n));
}

void act_poll(struct actor *a)
{
	struct pollfd p[3];
	int n;

	for (uint32_t i = 0; i < ARRAY_N(p); i++) {
		p[i].fd = round_now.chan[any_channel(a, CHANNELS)].rd;
		p[i].events = POLLIN;
	}
	n = oa_poll(p, 1 + actor_random(a, 3), (int)actor_random(a, 2));
	CHECK_RESULT(n, (n >= 0 && n <= 3) || allowed(n));
}
