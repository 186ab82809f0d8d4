# SPDX-License-Identifier: MIT
# Before it parks, a worker does not look at what others sent to it.
# source: core/idle.c
# test: pinned
/^static bool look_again/,/^}/s/READ_ONCE(w->inbox) ||//
