# SPDX-License-Identifier: MIT
# The element of a sender who gave up stays in the channel.
# source: sync/chan.c
# test: chans
/^static inline void take_in/,/^}/s/ring_unput(ch);//
