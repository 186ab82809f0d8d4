# SPDX-License-Identifier: MIT
# A connection that a task got although it was cancelled is not told.
# source: core/io_net.c
# test: calls
/^int oa_accept4/,/^}/s/if (got >= 0)/if (got >= 0 \&\& oa_cancelled() == 1) got = -ECANCELED; else &/
