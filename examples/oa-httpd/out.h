/* SPDX-License-Identifier: MIT */
/* What is to be sent: gathered, so that several answers go in one call. */
#ifndef OUT_H
#define OUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <oa.h>

#define OUT_SIZE	16384

struct out {
	int fd;
	int err;		/* the first one; from then on nothing is sent */
	oa_time_t patience;	/* with a peer that takes nothing */
	uint64_t sent;
	size_t len;
	const char *tail;	/* somebody else's bytes, after those in buf */
	size_t tail_len;
	char buf[OUT_SIZE];
};

/* Sends everything gathered. 0 or a negative errno. */
int out_flush(struct out *o);

/* The same when more is about to follow: what has gone waits for it a while. */
int out_flush_more(struct out *o);

/*
 * The bytes stay where they are until they have been sent, which is before
 * anything else is put and by out_flush().
 */
void out_tail(struct out *o, const void *p, size_t n);

void out_number(struct out *o, uint64_t v);
void out_put_slow(struct out *o, const void *p, size_t n);

static inline void out_put(struct out *o, const void *p, size_t n)
{
	if (__builtin_expect(!o->tail_len && n <= OUT_SIZE - o->len, 1)) {
		memcpy(o->buf + o->len, p, n);
		o->len += n;
	} else {
		out_put_slow(o, p, n);
	}
}

static inline void out_text(struct out *o, const char *s)
{
	out_put(o, s, strlen(s));
}

#endif
