# SPDX-License-Identifier: MIT
# Nobody outside is told that a task was left where it stood.
# source: core/join.c
# test: neighbours
/^void task_bury/,/^}/s/READ_ONCE(joiner->rt) != rt/false/
