# SPDX-License-Identifier: MIT
# A receive that was put off and is asked to end is not handed on for that.
# source: core/op.c
# test: requests
/state == OP_HELD/,+1d
