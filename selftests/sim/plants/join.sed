# SPDX-License-Identifier: MIT
# Joins that were given up are not counted in the life word.
# source: core/join.c
# test: joins
/^static int withdraw/,/^}/s/life + LIFE_TRY/life/
