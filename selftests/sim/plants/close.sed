# SPDX-License-Identifier: MIT
# A start does not look whether its descriptor is being closed.
# source: core/fd.c
# test: requests
/start_slow(/,/^}/s/if (v & FD_CLOSING)/if (false)/
