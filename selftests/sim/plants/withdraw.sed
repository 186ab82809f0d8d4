# SPDX-License-Identifier: MIT
# Who leaves the queue says that nobody waits any more.
# source: sync/sync.c
# test: sems
/^void sync_withdraw/,/^}/s/sync_mark(s, w)/w \& ~SYNC_WAITERS/
