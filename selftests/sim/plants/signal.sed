# SPDX-License-Identifier: MIT
# A signal goes to who has given up.
# source: sync/cond.c
# test: mutexes
/^static int wake/,/^}/s/waiter_claim(n, &wk) && !all/(waiter_claim(n, \&wk), !all)/
