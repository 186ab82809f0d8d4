# SPDX-License-Identifier: MIT
# A spinlock is taken by whoever saw that it is free.
# source: sync/spinlock.c
# test: spinlocks
/^int oa_spinlock_trylock/,/^}/s/if (atomic_cas(&l->oa__word, &w, .*/if (!(w = atomic_load(\&l->oa__word)) \&\& (WRITE_ONCE(l->oa__word, (uint64_t)(uintptr_t)t), true))/
