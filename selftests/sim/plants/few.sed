# SPDX-License-Identifier: MIT
# Who waits for several completions does not look whether it was kicked before
# that could be seen: it sleeps on.
# source: core/idle.c
# test: aborts
/\[few\] before the state/,+2d
