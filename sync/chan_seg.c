// SPDX-License-Identifier: MIT
/*
 * The queue of an unbounded channel: pieces of a page or one element, in a
 * list. Memory is taken and given back outside of the lock, when the channel may
 * be gone already, so each piece knows where it came from. One empty piece is
 * kept, so that a queue that hovers about the end of a piece needs none.
 */
#include "sync/chan.h"

#include "core/mem.h"

struct chan_seg *chan_seg_new(const struct oa_chan *ch)
{
	size_t size = sizeof(struct chan_seg) + ch->cap * ch->elem_size;
	struct chan_seg *seg = mem_alloc(&ch->alloc, size, OA_CACHELINE);

	if (seg) {
		seg->alloc = ch->alloc;
		seg->size = size;
	}
	return seg;
}

void chan_seg_free(struct chan_seg *list)
{
	struct oa_allocator a;
	struct chan_seg *next;

	for (; list; list = next) {
		next = list->next;
		a = list->alloc;
		mem_free(&a, list, list->size);
	}
}

bool chan_seg_room(const struct oa_chan *ch)
{
	return ch->spare || (ch->last && ch->tail < ch->cap);
}

void chan_seg_add(struct oa_chan *ch, struct chan_seg *seg)
{
	seg->next = NULL;
	if (ch->last)
		ch->last->next = seg;
	else
		ch->first = seg;
	ch->last = seg;
	ch->tail = 0;
}

void chan_seg_put(struct oa_chan *ch, const void *elem)
{
	if (!ch->last || ch->tail == ch->cap) {
		chan_seg_add(ch, ch->spare);
		ch->spare = NULL;
	}
	chan_copy(ch->last->elem + ch->tail++ * ch->elem_size, elem,
		  ch->elem_size);
	WRITE_ONCE(ch->len, ch->len + 1);
}

struct chan_seg *chan_seg_get(struct oa_chan *ch, void *elem)
{
	struct chan_seg *seg = ch->first;

	chan_copy(elem, seg->elem + ch->head * ch->elem_size, ch->elem_size);
	WRITE_ONCE(ch->len, ch->len - 1);
	if (++ch->head < ch->cap)
		return NULL;
	ch->head = 0;
	ch->first = seg->next;
	if (!ch->first)
		ch->last = NULL;
	seg->next = NULL;
	if (ch->spare)
		return seg;
	ch->spare = seg;
	return NULL;
}

struct chan_seg *chan_seg_all(struct oa_chan *ch)
{
	struct chan_seg *list = ch->first;

	ch->first = ch->last = NULL;
	ch->head = ch->tail = 0;
	return list;
}
