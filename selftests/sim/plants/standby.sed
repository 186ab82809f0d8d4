# SPDX-License-Identifier: MIT
# Who was called for help, and is on standby by then, calls nobody instead.
# source: core/idle.c
# test: standbys
/^static __cold_path void stand_by/,/^}/s/if (any_for(w))/if (0)/
