# SPDX-License-Identifier: MIT
# A start that is cancelled keeps its place in the queue.
# source: sync/conds.c
# test: starts
/^static int served/,/^}/s/sync_withdraw(on, &s->wait);//
