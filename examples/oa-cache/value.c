/* SPDX-License-Identifier: MIT */
/* The memory that counts against the limit, and the values made of it. */
#include "cache.h"

#include <malloc.h>

#define LARGE		256	/* elements: freed beside the workers */

/* relaxed: a figure alone. */
static void count(size_t n)
{
	atomic_fetch_add_explicit(&db.used, n, memory_order_relaxed);
}

void *mem_resize(void *p, size_t n)
{
	size_t had = malloc_usable_size(p);

	p = realloc(p, n);
	if (!p) {
		fputs("oa-cache: no memory\n", stderr);
		abort();
	}
	count(malloc_usable_size(p) - had);
	return p;
}

void mem_free(void *p)
{
	count(-malloc_usable_size(p));
	free(p);
}

/* Makes the string n long, what fits of it kept. */
struct entry *string_room(struct entry **link, size_t n)
{
	struct entry *e = *link;
	size_t size = offsetof(struct entry, data) + e->klen + n;
	size_t has = malloc_usable_size(e);

	if (size > has || (has > 128 && size < has / 2))
		*link = e = mem_resize(e, size);
	e->vlen = (uint32_t)n;
	return e;
}

size_t value_len(const struct entry *e)
{
	return e->type == T_STRING ? e->vlen
	     : e->type == T_LIST   ? ((struct list *)e->obj)->len
				   : ((struct table *)e->obj)->count;
}

static void *bury(void *entry)
{
	struct entry *e = entry;
	struct list *l = e->obj;

	if (e->type != T_LIST)
		table_free(e->obj);
	while (e->type == T_LIST && l->len)
		mem_free(list_pop(l, true).at);
	if (e->type == T_LIST)
		mem_free(l->ring);
	mem_free(e->obj);
	mem_free(e);
	db.dying--;
	return NULL;
}

/* What is large does not keep the worker. */
void entry_free(struct entry *e)
{
	db.dying += e->obj != NULL;
	if (!e->obj)
		mem_free(e);
	else if (value_len(e) < LARGE || oa_go(bury, e, .block = true))
		bury(e);
}

struct arg item_new(const struct arg *a)
{
	return (struct arg){ memcpy(mem_resize(NULL, a->len + !a->len), a->at,
				    a->len), a->len };
}

struct arg *list_at(const struct list *l, size_t i)
{
	return &l->ring[(l->head + i) & (l->cap - 1)];
}

void list_push(struct list *l, bool left, const struct arg *a)
{
	size_t head = l->head & (l->cap - 1), tail = head ? l->cap - head : 0;

	if (l->len == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 4;
		l->ring = mem_resize(l->ring, l->cap * sizeof(*l->ring));
		/* What stood before its end stands there again. */
		l->head = l->cap - tail;
		memmove(l->ring + l->head, l->ring + head,
			tail * sizeof(*l->ring));
	}
	l->head -= left;
	l->len++;
	*list_at(l, left ? 0 : l->len - 1) = item_new(a);
}

struct arg list_pop(struct list *l, bool left)
{
	struct arg item = *list_at(l, left ? 0 : l->len - 1);

	l->head += left;
	l->len--;
	return item;
}
