/* SPDX-License-Identifier: MIT */
/* Channels: elements are copied. See oa_chan_create(3). */
#ifndef OA_CHAN_H
#define OA_CHAN_H

#include <oa/sync.h>
#include <oa/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct oa_chan;

enum oa_chan_kind {
	OA_CHAN_BOUNDED = 0,	/* full: a send waits; capacity 0: rendezvous */
	OA_CHAN_UNBOUNDED,	/* a send never waits; capacity is ignored */
	OA_CHAN_SLIDING,	/* full: the oldest element goes */
	OA_CHAN_DROPPING,	/* full: the newest element goes */
	OA_CHAN_BROADCAST,	/* every subscriber gets every element */
};

/* A subscriber of a broadcast channel; the caller's, used by one at a time. */
struct oa_chan_sub {
	struct oa_chan *oa__chan;
	struct oa_chan_sub *oa__next;
	uint64_t oa__at;
	uint64_t oa__lost;
	uint64_t oa__reserved[2];
};

struct oa_chan_info {
	uint32_t size;		/* in: sizeof(struct oa_chan_info) */
	enum oa_chan_kind kind;
	size_t elem_size;
	size_t capacity;
	size_t len;		/* elements in it */
	uint32_t senders;	/* waiting in a send */
	uint32_t receivers;	/* waiting in a receive */
	uint32_t subscribers;
	uint32_t closed;
	uint64_t sent;		/* elements that a send has succeeded with */
	uint64_t received;
	uint64_t dropped;	/* to make room, or left by a stop */
};

#ifdef __cplusplus
#define OA_CHAN_INFO_INIT { sizeof(struct oa_chan_info), OA_CHAN_BOUNDED, \
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#else
#define OA_CHAN_INFO_INIT { .size = sizeof(struct oa_chan_info) }
#endif

OA_API OA_MUST_CHECK int oa_chan_create(struct oa_chan **ch, size_t elem_size,
					size_t capacity,
					enum oa_chan_kind kind);
OA_API int oa_chan_destroy(struct oa_chan *ch);

/* How many elements were dropped for it (0 or 1), or a negative errno. */
OA_API int oa_chan_send(struct oa_chan *ch, const void *elem);
OA_API OA_MUST_CHECK int oa_chan_trysend(struct oa_chan *ch, const void *elem);
OA_API int oa_chan_send_until(struct oa_chan *ch, const void *elem,
			      oa_time_t deadline);

OA_API int oa_chan_recv(struct oa_chan *ch, void *elem);
OA_API OA_MUST_CHECK int oa_chan_tryrecv(struct oa_chan *ch, void *elem);
OA_API int oa_chan_recv_until(struct oa_chan *ch, void *elem,
			      oa_time_t deadline);

OA_API int oa_chan_close(struct oa_chan *ch);
OA_API size_t oa_chan_len(const struct oa_chan *ch);
OA_API size_t oa_chan_cap(const struct oa_chan *ch);
OA_API int oa_chan_info(struct oa_chan *ch, struct oa_chan_info *info);

/* From here on the subscriber gets what is sent. */
OA_API int oa_chan_subscribe(struct oa_chan *ch, struct oa_chan_sub *sub);
OA_API int oa_chan_unsubscribe(struct oa_chan_sub *sub);
OA_API int oa_chan_recv_from(struct oa_chan_sub *sub, void *elem);
OA_API OA_MUST_CHECK int oa_chan_tryrecv_from(struct oa_chan_sub *sub,
					      void *elem);
OA_API int oa_chan_recv_from_until(struct oa_chan_sub *sub, void *elem,
				   oa_time_t deadline);
/* How many it missed, as told by the last -EOVERFLOW. */
OA_API uint64_t oa_chan_lost(const struct oa_chan_sub *sub);

/* A task that calls fn with one element at a time, until close or stop. */
OA_API int oa_chan_consume(struct oa_chan *ch, void (*fn)(void *elem, void *arg),
			   void *arg);
/* Closes it and throws away what is in it. */
OA_API int oa_chan_stop(struct oa_chan *ch);

#ifdef __cplusplus
}
#endif

#endif
