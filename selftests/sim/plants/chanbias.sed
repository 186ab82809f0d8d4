# SPDX-License-Identifier: MIT
# Who ends a bias does not wait for the one who is inside: a channel.
# source: core/bias.c
# test: chans
/^void bias_end/,/^}/s/while ((in = .*/while (0) {/
