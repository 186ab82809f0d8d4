# SPDX-License-Identifier: MIT
# What a request came to is not looked at once it was asked to end.
# source: core/op.c
# test: calls
/^int op_run/,/^}/s/if (likely(op->res >= 0))/if (op->reason == OP_REASON_CANCEL) return -ECANCELED;\n\t&/
