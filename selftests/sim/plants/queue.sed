# SPDX-License-Identifier: MIT
# When a writer gives up, the readers behind him stay where they are.
# source: sync/rwlock.c
# test: rwlocks
/^static void give_up/,/^}/s/w = let_in(l, w, &wk);//
