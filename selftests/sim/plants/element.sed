# SPDX-License-Identifier: MIT
# An element is handed to a receiver who has given up.
# source: sync/chan.c
# test: chans
/^bool chan_serve/,/^}/s/if (!waiter_claim(n, wk))/if (!waiter_claim(n, wk) \&\& select)/
