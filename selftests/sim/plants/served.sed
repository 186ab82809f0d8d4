# SPDX-License-Identifier: MIT
# Who has been woken goes on while the one who woke him has the lock.
# source: sync/sync.c
# test: events
/^int sync_sleep/,/^}/s/waiter_let_go(n);//
