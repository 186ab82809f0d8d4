# SPDX-License-Identifier: MIT
# Of all together, those that have ended are joined before the last has.
# source: sync/join_many.c
# test: joins_of_many
/^bool join_all_take/,/^}/s/if (set->oa__at < set->n)/if (set->oa__at + 1 < set->n)/
