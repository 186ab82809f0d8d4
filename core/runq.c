// SPDX-License-Identifier: MIT
/*
 * The bounded ring, after Go and Tokio, and plain lists.
 *
 * Roles: the owner appends at the tail; everybody, the owner too, takes at the
 * head by compare-and-swap, several at once. Indices are 32 bits and only grow
 * (modulo 2^32), the slot is the index modulo RING_SIZE.
 *
 * A taker reads the slots before its swap of the head: if the swap succeeds,
 * nobody took them in between, and the owner cannot have written over them,
 * since it appends only while tail - head < RING_SIZE [ring-head].
 *
 * Progress: push wait-free, take lock-free.
 */
#include "core/runq.h"

#include "core/task.h"

uint32_t ring_len(const struct ring *r)
{
	/* relaxed: a guess; who takes looks again */
	uint32_t n = READ_ONCE(r->tail) - READ_ONCE(r->head);

	return n > RING_SIZE ? 0 : n;
}

void list_push(struct task_list *l, struct task *t)
{
	t->next = NULL;
	*l->last = t;
	l->last = &t->next;
	l->n++;
}

struct task *list_pop(struct task_list *l)
{
	struct task *t = l->first;

	if (t) {
		l->first = t->next;
		l->n--;
		if (!l->first)
			l->last = &l->first;
	}
	return t;
}

void list_splice(struct task_list *to, struct task_list *from)
{
	if (!from->first)
		return;
	*to->last = from->first;
	to->last = from->last;
	to->n += from->n;
	list_init(from);
}
