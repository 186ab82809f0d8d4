# SPDX-License-Identifier: MIT
# Whoever finds the run over does not shut the door on threads.
# source: core/idle.c
# test: threads
/^static bool quiescent/,/^}/s/return atomic_cas(&rt->foreign_spawned.*/return true;/
