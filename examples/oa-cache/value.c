/* SPDX-License-Identifier: MIT */
/* The memory that counts against the limit, and the values made of it. */
#include "cache.h"

#include <malloc.h>
#include <stdlib.h>

#define LARGE		256	/* elements: freed beside the workers */

/* relaxed: a figure alone. With one worker it is seldom another thread's. */
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

void value_new(struct entry *e, enum type type)
{
	size_t size = type == T_LIST ? sizeof(struct list)
				     : sizeof(struct zset);

	e->type = (uint8_t)type;
	if (type != T_STRING)
		e->obj = memset(mem_resize(NULL, size), 0, size);
}

static size_t len_of(enum type type, const void *obj)
{
	return type == T_LIST ? ((const struct list *)obj)->len
			      : ((const struct table *)obj)->count;
}

size_t value_len(const struct entry *e)
{
	return e->type == T_STRING ? e->vlen : len_of(e->type, e->obj);
}

struct corpse {
	enum type type;
	void *obj;
};

static void bury(void *corpse)
{
	struct corpse *c = corpse;
	struct list *l = c->obj;

	if (c->type != T_LIST) {
		table_free(c->obj);
		mem_free(c->type == T_ZSET ? ((struct zset *)c->obj)->heap : 0);
	} else {
		while (l->len)
			mem_free(list_pop(l, true));
		mem_free(l->ring);
	}
	mem_free(c->obj);
	db.dying--;
}

static void *bury_task(void *corpse)
{
	bury(corpse);
	return NULL;
}

/* What is large does not keep the worker. */
void value_free(enum type type, void *obj)
{
	struct corpse c = { type, obj };

	db.dying++;
	if (len_of(type, obj) < LARGE ||
	    oa_go(bury_task, &c, .block = true, .copy = sizeof(c),
		  .on_drop = bury))
		bury(&c);
}

void entry_free(struct entry *e)
{
	if (e->obj)
		value_free(e->type, e->obj);
	mem_free(e);
}

struct item **list_at(const struct list *l, size_t i)
{
	return &l->ring[(l->head + i) & (l->cap - 1)];
}

struct item *item_new(const struct arg *a)
{
	struct item *item = mem_resize(NULL, sizeof(*item) + a->len);

	item->len = (uint32_t)a->len;
	memcpy(item->at, a->at, a->len);
	return item;
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

struct item *list_pop(struct list *l, bool left)
{
	struct item *item = *list_at(l, left ? 0 : l->len - 1);

	l->head += left;
	l->len--;
	return item;
}
