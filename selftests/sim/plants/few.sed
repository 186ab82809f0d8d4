# SPDX-License-Identifier: MIT
# Who waits for several completions does not look whether it was kicked before
# that could be seen: it sleeps on.
# source: core/coalesce.c
# test: waits
s/if (is_kicked(w))/if (0)/
