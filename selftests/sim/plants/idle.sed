# SPDX-License-Identifier: MIT
# A thread of the pool that has waited long enough ends, come what may.
# source: core/pool.c
# test: pools
/^static bool wait_for_task/,/^}/s/return p->first;/return err != -ETIMEDOUT \&\& p->first;/
