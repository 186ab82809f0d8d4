# SPDX-License-Identifier: MIT
# Who joins a job leaves without waiting for who looks at his waiter.
# source: core/job.c
# test: jobs
/^static bool hide_waiter/,/^}/s/word & JOB_WAKES/false/
