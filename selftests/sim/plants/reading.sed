# SPDX-License-Identifier: MIT
# Who makes tasks of another runtime ready is in no read section, and slow.
# source: core/waiter.c
# test: wakers
s/^static void ready_in_order/void sim_spin(unsigned int n);\n&/
/^void wakes_run_all/,/^}/s/struct task \*t = wk->first, \*next;/&\n\tif (wk->threads \& WAKES_READING) { rcu_read_unlock(); wk->threads \&= ~WAKES_READING; sim_spin(20000); }/
