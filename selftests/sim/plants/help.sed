# SPDX-License-Identifier: MIT
# Before it parks, a worker does not look at the queues that others filled.
# source: core/idle.c
# test: threads
/^static bool look_again/,/^}/s/any_for(w) :/false :/
