// SPDX-License-Identifier: MIT
/* The raw side of the chan collection: a queue by mutex and conditions. */
#include <stdlib.h>

#include "raw-queue.h"

int raw_queue_init(struct run *r, struct raw_queue *q, struct raw_lock *l,
		   unsigned int cap)
{
	*q = (struct raw_queue){ .l = l, .cap = cap, .room = cap ? cap : 1 };
	pthread_cond_init(&q->space, NULL);
	q->ring = calloc(q->room, sizeof(*q->ring));
	return q->ring ? 0 : bench_fail(r, "out of memory");
}

void raw_queue_put(struct raw_queue *q, uint64_t v)
{
	uint64_t mine;

	pthread_mutex_lock(&q->l->lock);
	while (q->len == q->room)
		pthread_cond_wait(&q->space, &q->l->lock);
	q->ring[q->in] = v;
	if (++q->in == q->room)
		q->in = 0;
	q->len++;
	mine = ++q->put;
	pthread_cond_signal(&q->l->items);
	while (!q->cap && q->got < mine)
		pthread_cond_wait(&q->space, &q->l->lock);
	pthread_mutex_unlock(&q->l->lock);
}

static void take(struct raw_queue *q, uint64_t *v)
{
	*v = q->ring[q->out];
	if (++q->out == q->room)
		q->out = 0;
	q->len--;
	q->got++;
	if (q->cap)
		pthread_cond_signal(&q->space);
	else	/* for one of two reasons, which its waiters look for */
		pthread_cond_broadcast(&q->space);
}

int raw_queue_get(struct raw_queue *q, unsigned int n, uint64_t *v)
{
	struct raw_lock *l = q->l;
	unsigned int closed;

	pthread_mutex_lock(&l->lock);
	for (;;) {
		closed = 0;
		for (unsigned int i = 0; i < n; i++) {
			if (q[i].len) {
				take(&q[i], v);
				pthread_mutex_unlock(&l->lock);
				return (int)i;
			}
			closed += q[i].closed;
		}
		if (closed == n)
			break;
		pthread_cond_wait(&l->items, &l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	return -1;
}

void raw_queue_close(struct raw_queue *q)
{
	pthread_mutex_lock(&q->l->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->l->items);
	pthread_mutex_unlock(&q->l->lock);
}
