# SPDX-License-Identifier: MIT
# Who begins a job does not look whether it is to be cancelled.
# source: core/job.c
# test: jobs
/^void \*job_run/,/^}/{
/JOB_ASKED/d
/oa_cancel(me)/d
}
