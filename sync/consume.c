// SPDX-License-Identifier: MIT
/*
 * A consumer: a task that hands one element after the other to a function. It
 * has a reference of its own to the channel, which may so be destroyed as soon
 * as it has been stopped.
 */
#include <oa/task.h>

#include "core/mem.h"
#include "sync/chan.h"

struct consumer {
	struct oa_chan *ch;
	void (*fn)(void *elem, void *arg);
	void *arg;
	size_t size;
	_Alignas(16) char elem[];
};

static void gone(void *arg)
{
	struct consumer *c = arg;
	struct oa_allocator a = c->ch->alloc;
	struct oa_chan *ch = c->ch;
	struct spin *held;

	held = chan_lock(ch);
	ch->consumed = false;
	spin_unlock(held);
	mem_free(&a, c, c->size);
	chan_put_ref(ch);
}

static void *consume(void *arg)
{
	struct consumer *c = arg;

	while (!oa_chan_recv(c->ch, c->elem))
		c->fn(c->elem, c->arg);
	gone(c);
	return NULL;
}

static int take_place(struct oa_chan *ch)
{
	struct spin *held;
	int err = 0;

	held = chan_lock(ch);
	if (ch->consumed)
		err = -EBUSY;
	else if (ch->closed)
		err = -EPIPE;
	else
		ch->consumed = true;
	spin_unlock(held);
	if (!err)
		atomic_add(&ch->refs, 1); /* [chan-ref] the owner has one */
	return err;
}

int oa_chan_consume(struct oa_chan *ch, void (*fn)(void *elem, void *arg),
		    void *arg)
{
	struct oa_task_opts opts = {
		.size = sizeof(opts), .on_drop = gone, .name = "consumer",
	};
	struct consumer *c;
	struct spin *held;
	int err;

	if (!ch || !fn || ch->kind == OA_CHAN_BROADCAST)
		return -EINVAL;
	if (!task_self())
		return -EPERM;
	err = take_place(ch);
	if (err)
		return err;
	c = mem_alloc(&ch->alloc, sizeof(*c) + ch->elem_size, 16);
	if (c) {
		c->ch = ch;
		c->fn = fn;
		c->arg = arg;
		c->size = sizeof(*c) + ch->elem_size;
		err = oa_go_with(consume, c, &opts);
		if (err)
			gone(c);
		return err;
	}
	held = chan_lock(ch);
	ch->consumed = false;
	spin_unlock(held);
	chan_put_ref(ch);
	return -ENOMEM;
}
