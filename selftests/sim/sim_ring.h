/* SPDX-License-Identifier: MIT */
/* A worker's simulated ring. See sim_ring.c. */
#ifndef OA_SELFTESTS_SIM_RING_H
#define OA_SELFTESTS_SIM_RING_H

#include "selftests/sim/sim_priv.h"

#define SIM_REQS	128u

enum sim_req_state {
	REQ_FREE,
	REQ_LATE,		/* found no room yet */
	REQ_QUEUED,		/* the kernel has not seen it */
	REQ_FLIES,		/* under way; to be tried again at ->due */
	REQ_DONE,		/* completion visible from ->due on */
};

struct sim_req {
	enum sim_req_state state;
	bool is_cancel;
	struct op *op;		/* not looked at once the request is done */
	int fd;			/* simulator's own, or -1 */
	uint32_t gen;		/* ... as it was when it was started on it */
	int fd2;		/* a second, or -1 */
	uint32_t gen2;
	oa_time_t due;
	int32_t res;
	uint32_t cflags;
	uint32_t order;		/* in which it was started */
};

struct sim_ring {
	uint32_t magic;
	struct worker *w;
	uint32_t inflight;	/* operations not completed */
	uint32_t extra;		/* cancels not completed */
	uint32_t queued;
	uint32_t late;
	uint32_t doorbells;
	bool armed;		/* the doorbell's poll */
	uint32_t order;
	struct sim_req req[SIM_REQS];
};

struct sim_ring *sim_ring_make(struct worker *w);
void sim_ring_end(struct worker *w);
void sim_ring_free(struct worker *w);
void sim_ring_kick(struct sim_ring *r);
void sim_rings_reset(void);

void sim_op_start(struct worker *w, struct op *op);
void sim_op_cancel(struct worker *w, struct op *op);
bool sim_ready(struct worker *w);
bool sim_unsent(struct worker *w);
bool sim_idle(struct worker *w);
int sim_reap(struct worker *w);
void sim_wait(struct worker *w, oa_time_t deadline, unsigned int few);

#endif
