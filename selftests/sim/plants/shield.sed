# SPDX-License-Identifier: MIT
# A canceller ends whatever wait he found, though a shield is up by now.
# source: core/park.c
# test: lives
/^void park_cancel/,/^}/s/life_is(life, h) && life & LIFE_CANCEL/life_is(life, h)/
