# SPDX-License-Identifier: MIT
# Two that want a lazy future at once both start its producer.
# source: sync/future.c
# test: futures
/^static __cold_path uint64_t want/,/^}/s/while (!atomic_cas(&f->oa__word, &w, w & ~FUTURE_LAZY))/while (atomic_and(\&f->oa__word, ~FUTURE_LAZY) == 0)/
