# SPDX-License-Identifier: MIT
# Of the receives that were put off, those that are handed on stay in the list.
# source: core/hold.c
# test: requests
s/^	w->held = op;/	(void)op;/
