# SPDX-License-Identifier: MIT
# The last put of a future does not mind that its producer still runs.
# source: sync/future.c
# test: futures
/^void oa_future_put/,/^}/s/if (refs == 1)/if ((uint32_t)refs == 1)/
