/* SPDX-License-Identifier: MIT */
/* flags: -lurcu-bp -lurcu-common */
#include <urcu/urcu-bp.h>

int main(void)
{
	urcu_bp_read_lock();
	urcu_bp_read_unlock();
	urcu_bp_synchronize_rcu();
	return 0;
}
