// SPDX-License-Identifier: MIT
/* Points: input and output. What ends a wait is that the descriptor goes. */
#include "points.h"
#include "io_test.h"

static struct {
	const struct io_call *c;
	struct io_fds f;
	int writer;
} at;

static void *make(const struct point *p, unsigned int n HARNESS_UNUSED)
{
	signal(SIGPIPE, SIG_IGN);
	at.c = p->of;
	at.writer = -1;
	io_make(at.c, &at.f);
	return &at;
}

static long call(void *o HARNESS_UNUSED)
{
	long ret = at.c->call(&at.f);

	if (ret >= 0 && at.f.path)
		ASSERT_EQ(0, close((int)ret));
	return ret;
}

/* With both ends in hand there need not be anybody. */
static void open_fifo(void)
{
	at.writer = open(at.f.path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	ASSERT_GE(at.writer, 0);
}

static void end(void *o HARNESS_UNUSED)
{
	if (at.f.path) {
		open_fifo();
		return;
	}
	ASSERT_OK(oa_close(at.f.fd));
	for (int i = 0; i < 4; i++)
		if (at.f.fds[i] == at.f.fd)
			at.f.fds[i] = -1;
}

static void unmake(void *o HARNESS_UNUSED, bool opened HARNESS_UNUSED)
{
	if (at.writer >= 0)
		ASSERT_EQ(0, close(at.writer));
	io_unmake(&at.f);
}

unsigned int points_of_io(struct point *to)
{
	unsigned int n = 0;

	for (const struct io_call *c = io_calls; c->name; c++)
		to[n++] = (struct point){
			.name = c->name, .of = c, .make = make, .call = call,
			.open = end, .unmake = unmake,
		};
	return n;
}
