# SPDX-License-Identifier: MIT
# A select does not look whether a channel has become ready.
# source: sync/chan.c
# test: selects
/^int chan_enlist_recv(/,/^}/s/ready = .*/ready = false;/
