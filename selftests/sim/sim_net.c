// SPDX-License-Identifier: MIT
/*
 * Connections of the simulator. A connect puts a connection into the queue of
 * its listener, and ends then or somewhat later: given up in between, it is
 * accepted all the same. As in the kernel, a connection that comes wakes one
 * of the requests that accept, and no other if that one is cancelled.
 */
#if defined(OA_SIM) && OA_SIM == 1
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

#include "selftests/sim/sim_file.h"

#define LISTENERS	8
#define BACKLOG		8u

struct connection {
	struct sim_pipe *in, *out;	/* of the end to be accepted */
};

struct listener {
	bool used;
	uint32_t backlog, n;
	struct connection pending[BACKLOG];
};

static struct listener listeners[LISTENERS];

void sim_net_reset(void)
{
	memset(listeners, 0, sizeof(listeners));
}

/* Names are abstract: a zero, and which listener it is. */
static void name_of(uint32_t which, struct sockaddr_un *to)
{
	memset(to, 0, sizeof(*to));
	to->sun_family = AF_UNIX;
	to->sun_path[1] = (char)('A' + which);
}

static struct listener *named(const struct sockaddr_un *name)
{
	uint32_t which = (uint32_t)(name->sun_path[1] - 'A');

	if (which >= LISTENERS || !listeners[which].used)
		return NULL;
	return &listeners[which];
}

int sim_listen(struct sockaddr_un *name, unsigned int backlog)
{
	uint32_t which = 0;
	int fd;

	while (which < LISTENERS && listeners[which].used)
		which++;
	if (which == LISTENERS)
		return -ENFILE;
	fd = sim_file_make(SIM_LISTENER, NULL, NULL);
	if (fd < 0)
		return fd;
	sim_files[fd - SIM_FD_BASE].which = which;
	listeners[which].used = true;
	listeners[which].n = 0;
	listeners[which].backlog = min_of(max_of(backlog, 1u), BACKLOG);
	name_of(which, name);
	return fd;
}

int sim_socket(void)
{
	return sim_file_make(SIM_SOCKET, NULL, NULL);
}

bool sim_net_pending(const struct sim_file *f)
{
	return f->kind == SIM_LISTENER && listeners[f->which].n;
}

/* There is room, or nothing to connect to any more. */
static void poke_connects(void)
{
	for (int i = 0; i < SIM_FILES; i++)
		if (sim_files[i].kind == SIM_SOCKET)
			sim_rings_poke(SIM_FD_BASE + i);
}

static void tell_listener(const struct listener *l)
{
	for (int i = 0; i < SIM_FILES; i++) {
		const struct sim_file *f = &sim_files[i];

		if (f->kind == SIM_LISTENER && &listeners[f->which] == l)
			sim_rings_poke_accept(sim_fd_of(f));
	}
}

static int queue_up(struct sim_file *f, struct listener *l)
{
	struct sim_pipe *to = sim_pipe_make(SIM_ROOM);
	struct sim_pipe *from = to ? sim_pipe_make(SIM_ROOM) : NULL;

	if (!from) {
		if (to)
			to->used = false;
		return -ENOBUFS;
	}
	sim_pipe_hold(to, from);
	sim_pipe_hold(from, to);
	f->kind = SIM_STREAM;
	f->in = from;
	f->out = to;
	l->pending[l->n++] = (struct connection){ .in = to, .out = from };
	tell_listener(l);
	return 0;
}

int sim_net_connect(struct sim_file *f, const struct op *op)
{
	struct listener *l;
	int err;

	if (f->kind == SIM_STREAM) {
		err = f->connecting ? 0 : -EISCONN;
		f->connecting = false;
		return err;
	}
	if (f->kind != SIM_SOCKET)
		return -ENOTSOCK;
	l = named((const struct sockaddr_un *)(uintptr_t)op->addr);
	if (!l)
		return -ECONNREFUSED;
	if (l->n == l->backlog)
		return SIM_AGAIN;
	err = queue_up(f, l);
	if (err || sim_draw_one_in(SIM_WORLD, 2))
		return err;
	f->connecting = true;
	sim_rings_poke(op->fd);
	return SIM_AGAIN;
}

static void tell_peer(const struct op *op)
{
	struct sockaddr_un *addr = (void *)(uintptr_t)op->addr;
	socklen_t *len = (void *)(uintptr_t)op->off;

	if (!addr || !len)
		return;
	addr->sun_family = AF_UNIX;
	*len = offsetof(struct sockaddr_un, sun_path);
}

int sim_net_accept(struct sim_file *f, const struct op *op)
{
	struct listener *l = &listeners[f->which];
	struct connection c;
	int fd;

	if (f->kind != SIM_LISTENER)
		return -EINVAL;
	if (!l->n)
		return SIM_AGAIN;
	c = l->pending[0];
	fd = sim_file_make(SIM_STREAM, c.in, c.out);
	if (fd < 0)
		return fd;
	sim_pipe_drop(c.in, c.out);
	memmove(l->pending, l->pending + 1, --l->n * sizeof(c));
	tell_peer(op);
	poke_connects();
	return fd;
}

void sim_net_closed(const struct sim_file *was)
{
	struct listener *l = &listeners[was->which];

	if (was->kind != SIM_LISTENER)
		return;
	while (l->n) {
		l->n--;
		sim_pipe_drop(l->pending[l->n].in, l->pending[l->n].out);
	}
	l->used = false;
	poke_connects();
}
#endif
