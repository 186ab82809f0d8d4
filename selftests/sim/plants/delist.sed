# SPDX-License-Identifier: MIT
# A select leaves as soon as it has found what ended it.
# source: sync/select.c
# test: selects
/^static int delist_all/,/^}/s/fired = (int)i;/return (int)i;/
