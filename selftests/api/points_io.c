// SPDX-License-Identifier: MIT
/* Points: input and output. What ends a wait is that the descriptor goes. */
#include "points.h"
#include "io_test.h"

#include <stdio.h>
#include <sys/stat.h>

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

/* What goes through the ring and does not wait for anybody. */

static void *make_file(const struct point *p HARNESS_UNUSED,
		       unsigned int n HARNESS_UNUSED)
{
	at.writer = -1;
	at.f = (struct io_fds){ -1, -1, { -1, -1, -1, -1 }, .path = NULL };
	ASSERT_GT(asprintf(&at.f.path, "%s/file", harness_tmpdir()), 0);
	at.f.fd = open(at.f.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ASSERT_GE(at.f.fd, 0);
	at.f.fds[0] = at.f.fd;
	return &at;
}

static long call_statx(void *o HARNESS_UNUSED)
{
	struct statx st;

	return oa_statx(AT_FDCWD, at.f.path, 0, STATX_SIZE, &st);
}

static long call_fsync(void *o HARNESS_UNUSED)
{
	return oa_fsync(at.f.fd);
}

#define BRIEF	POINT_BRIEF, .make = make_file, .unmake = unmake

static const struct point brief[] = {
	{ "statx", BRIEF, .call = call_statx },
	{ "fsync", BRIEF, .call = call_fsync },
};

unsigned int points_of_io(struct point *to)
{
	unsigned int n = 0;

	for (const struct io_call *c = io_calls; c->name; c++)
		to[n++] = (struct point){
			.name = c->name, .of = c, .make = make, .call = call,
			.open = end, .unmake = unmake,
		};
	memcpy(&to[n], brief, sizeof(brief));
	return n + ARRAY_N(brief);
}
