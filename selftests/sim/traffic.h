/* SPDX-License-Identifier: MIT */
/* Channels in use, with a record of all that is done to them. */
#ifndef OA_SELFTESTS_SIM_TRAFFIC_H
#define OA_SELFTESTS_SIM_TRAFFIC_H

#include "selftests/history.h"
#include "selftests/sim/crowd.h"

#define TRAFFIC_MAX	250

/* An element: says which one it is, and that it came whole. */
struct parcel {
	uint32_t id;
	uint32_t check;
	uint64_t again;
};

struct traffic {
	struct oa_chan *ch;
	enum oa_chan_kind kind;
	struct history history;
	struct history_elem elems[TRAFFIC_MAX];
	struct history_fail fails[TRAFFIC_MAX];
	uint32_t nr_sent, nr_received;
	uint32_t nr_dropped;		/* as sends told */
};

/* Another number at each call. */
uint64_t traffic_stamp(void);

/* By a task; its memory is checked. @capacity: not of unbounded ones. */
void traffic_open(struct traffic *t, enum oa_chan_kind kind, size_t capacity);
/* By a task, when nobody uses it: empties, checks and destroys it. */
void traffic_end(struct traffic *t);
void traffic_close(struct traffic *t);

/* By any actor, in any form: 0, or an error that was right. */
int traffic_send(struct traffic *t, struct actor *a);
int traffic_recv(struct traffic *t, struct actor *a);

/*
 * For other ways to send and receive: a new parcel, false when there have been
 * enough; and what came of it. @looked: an error tells of the channel.
 */
bool traffic_parcel(struct traffic *t, struct parcel *p);
void traffic_sent(struct traffic *t, struct parcel *p, int res, bool looked);
void traffic_received(struct traffic *t, const struct parcel *p, uint64_t from,
		      int res, bool looked);

#endif
