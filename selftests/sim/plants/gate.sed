# SPDX-License-Identifier: MIT
# A permit goes to a waiter whose wait somebody else has ended.
# source: sync/gate.c
# test: sems
/^int gate_change_slow/,/^}/s/if (waiter_claim(n, &wk))/waiter_claim(n, \&wk);/
