/* SPDX-License-Identifier: MIT */
/* flags: -static -luring -lurcu-bp -lurcu-common -pthread */
#include <liburing.h>
#include <urcu/urcu-bp.h>

/* Statically linked programs, as `make vm-check` puts into its initramfs. */
int main(void)
{
	struct io_uring ring;

	urcu_bp_read_lock();
	urcu_bp_read_unlock();
	return io_uring_queue_init(4, &ring, 0) == 1;
}
