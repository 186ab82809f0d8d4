# SPDX-License-Identifier: MIT
# Nobody goes through what was left for a worker that has ended.
# source: core/op.c
# test: aborts
/^void op_aborts_left/,/^}/s/READ_ONCE(t->rt) != w->rt/false/
/^void op_aborts_left/,/^}/s/atomic_xchg(&t->abort_msg, 0)/(void)t/
