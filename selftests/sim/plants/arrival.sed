# SPDX-License-Identifier: MIT
# Who gives up has arrived all the same.
# source: sync/barrier.c
# test: barriers
/^bool barrier_give_up/,/^}/s/w -= SYNC_ONE;//
