// SPDX-License-Identifier: MIT
/*
 * The ring of the raw loops: deferred completions and one issuer where the
 * kernel has them, and a registered descriptor, which is what makes an enter
 * cheap. A baseline that left these out would flatter us.
 */
#include <liburing.h>
#include <string.h>

#include "bench.h"

int raw_ring(struct run *r, struct io_uring *ring, unsigned int entries)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER |
			 IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
		.cq_entries = entries * 4,
	};
	int ret = io_uring_queue_init_params(entries, ring, &p);

	if (ret == -EINVAL) {
		memset(&p, 0, sizeof(p));
		ret = io_uring_queue_init_params(entries, ring, &p);
	}
	if (ret < 0)
		return bench_skip(r, "no io_uring: %s", strerror(-ret));
	io_uring_register_ring_fd(ring);
	return 0;
}
