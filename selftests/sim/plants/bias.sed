# SPDX-License-Identifier: MIT
# Who ends a bias does not wait for the one who is inside.
# source: core/bias.c
# test: mutexes
/^void bias_end/,/^}/s/while ((in = .*/while (0) {/
