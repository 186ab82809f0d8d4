# SPDX-License-Identifier: MIT
# What came of a look at the ring or the timers is offered to nobody.
# source: core/ready.c
# test: lanes
/^void sched_offer_rest/,/^}/s/offer(w)/(void)w/
