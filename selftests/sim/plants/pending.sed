# SPDX-License-Identifier: MIT
# Who gives up an accept does not look for what has woken him.
# source: core/io_net.c
# test: calls
/^int oa_accept4/,/^}/s/op.state == OP_DONE/false/
