# SPDX-License-Identifier: MIT
# Who goes to sleep does not look whether all is to end at once.
# source: core/idle.c
# test: lives
s/READ_ONCE(w->rt->stopping) == RT_NOW || w->rt->poll/w->rt->poll/
