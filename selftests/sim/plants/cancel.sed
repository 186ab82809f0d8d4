# SPDX-License-Identifier: MIT
# Once a task is parked, nobody looks whether it was cancelled meanwhile.
# source: core/park.c
# test: cancels
/^void park_commit/,/^}/s/atomic_load(&t->life) & LIFE_CANCEL/false/
