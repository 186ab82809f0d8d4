/* SPDX-License-Identifier: MIT */
/*
 * Is what was seen of a channel what a queue could have done? Each call has a
 * stamp from before it and one from after it, all stamps differ, and calls
 * that overlap may have happened in either order. A queue of distinct elements
 * has behaved as one exactly if
 *
 *	each element was received after its send had begun, and once,
 *	no element that was sent before another one, and received after it,
 *	or not at all, was passed by it,
 *	nobody found it empty while it held an element all the time
 *
 * (Henzinger, Sezgin, Vafeiadis: Aspect-oriented linearizability proofs).
 * What capacity and close add is checked as far as the stamps tell for sure.
 */
#ifndef OA_SELFTESTS_HISTORY_H
#define OA_SELFTESTS_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define HISTORY_NEVER		UINT64_MAX
#define HISTORY_UNBOUNDED	SIZE_MAX

/* Stamps are 0 for what has not happened. */
struct history_elem {
	uint64_t send_from, send_to;
	uint64_t recv_from, recv_to;
	bool sent;			/* the send succeeded */
};

enum history_fail_kind {
	HISTORY_EMPTY,			/* there was nothing to receive */
	HISTORY_FULL,			/* there was no room */
	HISTORY_DRAINED,		/* closed, and nothing to receive */
	HISTORY_REFUSED,		/* closed to senders */
};

struct history_fail {
	enum history_fail_kind kind;
	uint64_t from, to;
};

struct history {
	struct history_elem *elems;
	size_t nr_elems;
	struct history_fail *fails;
	size_t nr_fails;
	uint64_t close_from, close_to;
	size_t capacity;
	bool lossy;			/* drops elements to make room */
};

/* Elements that were in the channel for certain, by the end of their sends. */
struct history_stay {
	uint64_t from;
	uint64_t until;			/* the latest of this one and before */
};

struct history_stays {
	struct history_stay *v;
	size_t n;
};

static inline int history_by_from(const void *a, const void *b)
{
	uint64_t x = ((const struct history_stay *)a)->from;
	uint64_t y = ((const struct history_stay *)b)->from;

	return (x > y) - (x < y);
}

static inline uint64_t history_left(const struct history *h,
				    const struct history_elem *e)
{
	if (e->recv_from)
		return e->recv_from;
	/* It may have been dropped at any time. */
	return h->lossy ? 0 : HISTORY_NEVER;
}

static inline bool history_stays_make(const struct history *h,
				      struct history_stays *s)
{
	s->n = 0;
	s->v = malloc((h->nr_elems + 1) * sizeof(*s->v));
	if (!s->v)
		return false;
	for (size_t i = 0; i < h->nr_elems; i++) {
		const struct history_elem *e = &h->elems[i];

		if (e->sent)
			s->v[s->n++] = (struct history_stay){
				e->send_to, history_left(h, e) };
	}
	qsort(s->v, s->n, sizeof(*s->v), history_by_from);
	for (size_t i = 1; i < s->n; i++)
		if (s->v[i].until < s->v[i - 1].until)
			s->v[i].until = s->v[i - 1].until;
	return true;
}

/* Of what was sent by @at: until when some of it was there for certain. */
static inline uint64_t history_held(const struct history_stays *s, uint64_t at)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->v[mid].from <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? s->v[lo - 1].until : 0;
}

/* Was there something in it at every moment? */
static inline bool history_never_empty(const struct history_stays *s,
				       uint64_t from, uint64_t to)
{
	while (from < to) {
		uint64_t held = history_held(s, from);

		if (held <= from)
			return false;
		from = held;
	}
	return true;
}

static inline const char *history_elem_check(const struct history *h,
					     const struct history_stays *s,
					     const struct history_elem *e)
{
	if (e->recv_from && !e->sent)
		return "an element was received that was not sent";
	if (!e->sent)
		return NULL;
	if (h->close_to && e->send_from > h->close_to)
		return "an element was sent after the close";
	if (!e->recv_from)
		return NULL;
	if (e->recv_to < e->send_from)
		return "an element was received before it was sent";
	if (history_held(s, e->send_from) > e->recv_to)
		return "an element was passed by one that was sent later";
	if (!h->capacity && e->send_to < e->recv_from)
		return "a send ended before anybody received";
	return NULL;
}

/* As many as may have been in it at one time of these. */
static inline size_t history_most(const struct history *h, uint64_t from,
				  uint64_t to)
{
	size_t n = 0;

	for (size_t i = 0; i < h->nr_elems; i++) {
		const struct history_elem *e = &h->elems[i];

		n += e->sent && e->send_from < to &&
		     (!e->recv_to || e->recv_to > from);
	}
	return n;
}

static inline const char *history_fail_check(const struct history *h,
					     const struct history_stays *s,
					     const struct history_fail *f)
{
	uint64_t from = f->from;

	switch (f->kind) {
	case HISTORY_EMPTY:
		if (history_never_empty(s, from, f->to))
			return "it was found empty, and never was";
		break;
	case HISTORY_FULL:
		if (!h->lossy && history_most(h, from, f->to) < h->capacity)
			return "it was found full, and never was";
		break;
	case HISTORY_DRAINED:
		if (!h->close_from || h->close_from > f->to)
			return "it was found closed before the close";
		if (from < h->close_from)
			from = h->close_from;
		if (history_never_empty(s, from, f->to))
			return "it was found closed and empty, and never was";
		break;
	default:
		if (!h->close_from || h->close_from > f->to)
			return "a send was refused before the close";
		break;
	}
	return NULL;
}

static inline int history_by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Never more in it than it has room for: those that came before those went. */
static inline const char *history_room_check(const struct history *h)
{
	size_t max = h->nr_elems + 1, in = 0, out = 0, k = 0;
	uint64_t *came = malloc(max * sizeof(*came));
	uint64_t *went = malloc(max * sizeof(*went));
	const char *why = came && went ? NULL : "no memory";

	for (size_t i = 0; !why && i < h->nr_elems; i++) {
		const struct history_elem *e = &h->elems[i];
		uint64_t left = history_left(h, e);

		if (!e->sent || e->send_to >= left)
			continue;
		came[in++] = e->send_to;
		went[out++] = left;
	}
	if (!why) {
		qsort(came, in, sizeof(*came), history_by_value);
		qsort(went, out, sizeof(*went), history_by_value);
	}
	for (size_t i = 0; !why && i < in; i++) {
		while (k < out && went[k] < came[i])
			k++;
		if (i + 1 - k > h->capacity)
			why = "there was more in it than it has room for";
	}
	free(came);
	free(went);
	return why;
}

/* What is wrong with it, or NULL. */
static inline const char *history_check(const struct history *h)
{
	struct history_stays s;
	const char *why = NULL;

	if (!history_stays_make(h, &s))
		return "no memory";
	for (size_t i = 0; !why && i < h->nr_elems; i++)
		why = history_elem_check(h, &s, &h->elems[i]);
	for (size_t i = 0; !why && i < h->nr_fails; i++)
		why = history_fail_check(h, &s, &h->fails[i]);
	free(s.v);
	if (!why && h->capacity != HISTORY_UNBOUNDED)
		why = history_room_check(h);
	return why;
}

#endif
