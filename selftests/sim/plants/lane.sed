# SPDX-License-Identifier: MIT
# The rescuer of a private queue does not lock it.
# source: core/lane.c
# test: lanes
/^uint32_t lane_rescue/,/^}/{
s/ || !atomic_cas(&l->lock, &unlocked, 1)/ || unlocked/
}
