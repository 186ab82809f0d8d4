# SPDX-License-Identifier: MIT
# A child that starts while its group is being cancelled is not cancelled.
# source: sync/scope.c
# test: lives
/^static bool join_group/,/^}/s/return w & GROUP_CANCELLED/return false/
