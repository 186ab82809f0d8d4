# SPDX-License-Identifier: MIT
# The owner of jobs takes the last one without a swap.
# source: core/jobs.c
# test: jobs
s/return top == at && atomic_cas(&j->top, &top, at + 1);/WRITE_ONCE(j->top, at + 1); return top == at;/
